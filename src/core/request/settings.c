/* SPDX-License-Identifier: Apache-2.0 */
#include "core/request/settings.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

static void report_complaint(struct request_complaints *c, bool is_warning, const char *field,
	const char *fmt, va_list ap)
{
	char text[ERR_TEXT_BYTES];

	vsnprintf(text, sizeof text, fmt, ap);
	if (c->complain != NULL)
		c->complain(c->ctx, is_warning, field, text);
}

void request_fault(struct request_complaints *c, const char *field, const char *fmt, ...)
{
	va_list ap;

	c->faults++;
	va_start(ap, fmt);
	report_complaint(c, false, field, fmt, ap);
	va_end(ap);
}

void request_warn(struct request_complaints *c, const char *field, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_complaint(c, true, field, fmt, ap);
	va_end(ap);
}

void request_warn_length(
	struct request_complaints *c, const char *field, const char *text, size_t max)
{
	size_t length = 0;

	for (const char *p = text; *p != '\0'; p++)
		length += ((unsigned char)*p & 0xc0) != 0x80;
	if (length > max)
		request_warn(c, field,
			"%zu characters are more than the %zu that EventBridge allows; it works "
			"here, but cannot be moved there",
			length, max);
}

bool request_parameters_equal(const struct request_parameter *a, size_t a_count,
	const struct request_parameter *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!str_eq(a[i].name, b[i].name) || !str_eq(a[i].value, b[i].value))
			return false;
	return true;
}
