/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group that is being read or checked: which keys it gave, and faults that name it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf_private.h"

/* "destination 'slack': retry_policy.retry_cap: " and what @fmt says; the caller frees it. */
static char *message(const struct conf_subject *s, const char *key, const char *fmt, va_list ap)
{
	const char *group = s->base_key != NULL ? s->base_key : "";
	char *text, *line;

	if (vasprintf(&text, fmt, ap) < 0)
		out_of_memory();
	line = xasprintf("%s%s%s%s%s%s", s->what, s->what[0] != '\0' ? ": " : "",
		key != NULL ? group : "", key != NULL ? key : "", key != NULL ? ": " : "",
		text);
	free(text);
	return line;
}

void conf_refuse(struct conf_reader *r, const struct conf_subject *s, const char *key,
	struct conf_place place, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = message(s, key, fmt, ap);
	va_end(ap);
	conf_fault(&r->faults, place, "%s", text);
	free(text);
}

void conf_warn(struct conf_reader *r, const struct conf_subject *s, const char *key,
	struct conf_place place, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = message(s, key, fmt, ap);
	va_end(ap);
	conf_warning(&r->faults, place, "%s", text);
	free(text);
}

void conf_suggest(
	const char *name, const char *const *candidates, size_t count, char *out, size_t size)
{
	const char *nearest = conf_nearest(name, candidates, count);

	out[0] = '\0';
	if (nearest != NULL)
		snprintf(out, size, "; did you mean '%s'?", nearest);
}

const struct conf_node *conf_given_node(const struct conf_subject *s, const char *key)
{
	for (size_t i = 0; i < s->given_count; i++)
		if (strcmp(s->given[i].key->name, key) == 0)
			return s->given[i].node;
	return NULL;
}
