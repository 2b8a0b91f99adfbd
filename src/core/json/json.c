/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - a text is given to the parser, and the parser's complaint to whoever asked.
 */
#include "core/json/json.h"

#include <stdio.h>
#include <stdlib.h>

#include "parser.h"

const struct jx_limits jx_default_limits = {
	.max_bytes = (size_t)16 << 20,
	.max_depth = 1000,
	.max_tokens = 1 << 20,
};

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static int report(const struct jx_fault *f, const struct jx_limits *limits, struct slice text,
	struct err *err)
{
	const char *end = text.data + text.len;
	unsigned line, column;
	char found[40];

	if (f->at == NULL) {
		unsigned long limit =
			f->over[0] == 'l' ? limits->max_depth : limits->max_tokens;

		return err_set(err, ERR_LIMIT, "over the limit of %lu %s", limit, f->over);
	}
	jx_locate(text, (size_t)(f->at - text.data), &line, &column);
	if (f->at >= end)
		snprintf(found, sizeof found, "the end of the text");
	else if (*f->at > ' ' && *f->at < 0x7f)
		snprintf(found, sizeof found, "'%c'", *f->at);
	else
		snprintf(found, sizeof found, "byte 0x%02x", (unsigned char)*f->at);
	return err_set(err, ERR_INVALID, "line %u, column %u: expected %s, found %s", line,
		column, f->expected, found);
}

/* Parse all of @text; see jx_parse_value() for what must stand at its end. */
static int parse_all(
	struct jx_index *ix, struct slice text, const struct jx_limits *limits, struct err *err)
{
	const char *end = text.data + text.len;
	struct jx_fault f;
	const char *p = jx_parse_value(ix, text.data, end, limits, &f);

	while (p != NULL && p < end && is_space(*p))
		p++;
	if (p == end)
		return 0;
	ix->count = 0;
	if (p != NULL)
		f = (struct jx_fault){
			.at = p, .expected = "the end of the text behind its one value"};
	return report(&f, limits, text, err);
}

int jx_parse(
	struct jx_index *ix, struct slice text, const struct jx_limits *limits, struct err *err)
{
	size_t len = text.len;
	char *copy;
	int r;

	ix->text = text.data;
	ix->text_len = text.len;
	ix->count = 0;
	ix->folded = 0;
	if (text.len > limits->max_bytes || text.len >= UINT32_MAX)
		return err_set(err, ERR_LIMIT, "%zu bytes are over the limit of %zu", text.len,
			limits->max_bytes);
	if (len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
		return err_set(err, ERR_INVALID,
			"line 1, column 1: the text begins with a byte order mark; remove it");
	while (len > 0 && is_space(text.data[len - 1]))
		len--;
	if (len > 0 && (text.data[len - 1] == '}' || text.data[len - 1] == ']'))
		return parse_all(ix, slice_of(text.data, len), limits, err);
	copy = xmemdup(text.len > 0 ? text.data : "", text.len);
	r = parse_all(ix, slice_of(copy, text.len), limits, err);
	free(copy);
	return r;
}
