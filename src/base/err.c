/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return code;
	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[ERR_TEXT_BYTES];
	va_list ap;
	int len;

	if (e == NULL)
		return ERR_INVALID;
	memcpy(inner, e->text, sizeof inner);
	va_start(ap, fmt);
	len = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len < sizeof e->text)
		snprintf(e->text + len, sizeof e->text - (size_t)len, ": %s", inner);
	return e->code;
}
