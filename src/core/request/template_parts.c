/* SPDX-License-Identifier: Apache-2.0 */
#include "template_parts.h"

#include <stdlib.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

/* The length of the <name> at @p, angles included, or 0. */
static size_t hole_length(const char *p, const char *end)
{
	const char *at = p;

	if (at == end || *at++ != '<')
		return 0;
	while (at < end && is_name(*at))
		at++;
	if (at == end || *at != '>' || at == p + 1)
		return 0;
	return (size_t)(at + 1 - p);
}

static bool colon_follows(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p < end && *p == ':';
}

static void hole_add(
	struct template_parts *p, size_t *cap, const char *literal, const char *at, size_t len)
{
	if (p->count == *cap) {
		*cap = *cap ? *cap * 2 : 8;
		p->holes = xreallocarray(p->holes, *cap, sizeof *p->holes);
	}
	p->holes[p->count++] = (struct template_hole){
		.before = slice_of(literal, (size_t)(at - literal)),
		.name = slice_of(at + 1, len - 2),
	};
}

/* The string that begins at hole @first has been closed, and @behind is what follows. */
static void close_quote(
	struct template_parts *p, size_t first, const char *behind, const char *end)
{
	bool key = colon_follows(behind, end);

	for (size_t i = first; i < p->count; i++)
		p->holes[i].in_key = key;
}

void template_parts_scan(struct template_parts *p, struct slice text)
{
	const char *at = text.data, *end = text.data + text.len, *literal = at;
	size_t cap = 0, first_in_quotes = 0, len;
	bool quoted = false;

	*p = (struct template_parts){0};
	while (at < end) {
		len = hole_length(at, end);
		if (len > 0) {
			hole_add(p, &cap, literal, at, len);
			at = literal = at + len;
			p->holes[p->count - 1].in_quotes = quoted;
			p->holes[p->count - 1].in_key = !quoted && colon_follows(at, end);
			continue;
		}
		if (*at == '"') {
			if (quoted)
				close_quote(p, first_in_quotes, at + 1, end);
			quoted = !quoted;
			first_in_quotes = p->count;
		} else if (!quoted && !is_space(*at)) {
			p->bare_text = true;
		} else if (quoted && *at == '\\' && at + 1 < end &&
			   hole_length(at + 1, end) == 0) {
			at++;
		}
		at++;
	}
	p->after = slice_of(literal, (size_t)(end - literal));
	p->open_quote = quoted;
}

void template_parts_release(struct template_parts *p)
{
	free(p->holes);
	*p = (struct template_parts){0};
}

enum template_kind template_parts_kind(struct slice text)
{
	size_t at = 0;

	while (at < text.len && is_space(text.data[at]))
		at++;
	return at < text.len && text.data[at] == '"' ? TEMPLATE_TEXT : TEMPLATE_JSON;
}

/*
 * Stand-ins have the length of their holes, so that places in the message are places in
 * the template. A string is right for every value outside quotes: whatever may stand beside a
 * string may stand beside any other value, while a number could grow together with a
 * digit beside it. Inside, an x is the character that no escape could swallow.
 */
int template_parts_check_json(
	const struct template_parts *p, struct slice text, struct err *err)
{
	static const struct jx_limits limits = {
		.max_bytes = UINT32_MAX - 1,
		.max_depth = 1000,
		.max_tokens = UINT32_MAX / 64,
	};
	char *sample = xmemdup(text.data, text.len);
	struct jx_index ix;
	int r;

	for (size_t i = 0; i < p->count; i++) {
		const struct template_hole *h = &p->holes[i];
		char *at = sample + (h->name.data - 1 - text.data);
		size_t len = h->name.len + 2;

		memset(at, 'x', len);
		if (!h->in_quotes)
			at[0] = at[len - 1] = '"';
	}
	jx_init(&ix);
	r = jx_parse(&ix, slice_of(sample, text.len), &limits, err);
	jx_release(&ix);
	free(sample);
	return r;
}
