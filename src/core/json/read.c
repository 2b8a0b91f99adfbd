/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of a finished index: members and elements by name, strings unescaped. */
#include "core/json/json.h"
#include "core/json/scan.h"
#include "base/utf8.h"

#include <stdlib.h>

void jx_init(struct jx_index *ix)
{
	*ix = (struct jx_index){0};
}

void jx_release(struct jx_index *ix)
{
	free(ix->tokens);
	free(ix->scratch);
	jx_init(ix);
}

uint32_t jx_key_hash(struct slice key)
{
	return (uint32_t)jx_hash(key.data, key.len);
}

struct slice jx_text(const struct jx_index *ix, uint32_t t)
{
	struct slice s = jx_inner(ix, t);

	return jx_type(ix, t) == JX_STRING ? slice_of(s.data - 1, s.len + 2) : s;
}

/* The code unit of an escape's four hexadecimal digits, which the parser has checked. */
static uint32_t hex4(const char *p)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)p[i];

		unit = unit << 4 | (c <= '9' ? c - '0' + 0U : (c | 0x20) - 'a' + 10U);
	}
	return unit;
}

/* Decode the escape whose backslash is at @p; returns what stands behind it. */
static const char *decode_escape(
	const char *p, const char *end, char out[UTF8_MAX_BYTES], unsigned *ret_len)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *known;
	uint32_t code;

	if (p[1] != 'u') {
		known = strchr(from, p[1]);
		out[0] = known != NULL ? to[known - from] : p[1];
		*ret_len = 1;
		return p + 2;
	}
	code = hex4(p + 2);
	p += 6;
	if (code >= 0xd800 && code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
		uint32_t low = hex4(p + 2);

		if (low >= 0xdc00 && low < 0xe000) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			p += 6;
		}
	}
	*ret_len = utf8_encode(code, out);
	return p;
}

void jx_decode_slice(struct slice raw, struct buf *out)
{
	const char *p = raw.data, *end = raw.data + raw.len;

	while (p < end) {
		const char *backslash = memchr(p, '\\', (size_t)(end - p));
		char bytes[UTF8_MAX_BYTES];
		unsigned len;

		if (backslash == NULL)
			backslash = end;
		buf_add(out, p, (size_t)(backslash - p));
		if (backslash == end)
			break;
		p = decode_escape(backslash, end, bytes, &len);
		buf_add(out, bytes, len);
	}
}

void jx_decode(const struct jx_index *ix, uint32_t t, struct buf *out)
{
	if (ix->tokens[t].escaped)
		jx_decode_slice(jx_inner(ix, t), out);
	else
		buf_add_slice(out, jx_inner(ix, t));
}

/* Whether @raw, escapes decoded, is @s. */
static bool equals_decoded(struct slice raw, struct slice s)
{
	const char *p = raw.data, *end = raw.data + raw.len;
	size_t at = 0;

	while (p < end) {
		char bytes[UTF8_MAX_BYTES] = {*p};
		unsigned len = 1;

		p = *p == '\\' ? decode_escape(p, end, bytes, &len) : p + 1;
		if (len > s.len - at || memcmp(s.data + at, bytes, len) != 0)
			return false;
		at += len;
	}
	return at == s.len;
}

bool jx_equals(const struct jx_index *ix, uint32_t t, struct slice s)
{
	if (jx_type(ix, t) != JX_STRING)
		return false;
	if (ix->tokens[t].escaped)
		return equals_decoded(jx_inner(ix, t), s);
	return slice_eq(jx_inner(ix, t), s);
}

uint32_t jx_member(const struct jx_index *ix, uint32_t t, struct slice key)
{
	uint32_t hash;

	if (jx_type(ix, t) != JX_OBJECT)
		return JX_NONE;
	hash = jx_key_hash(key);
	for (uint32_t m = t + 1; m < jx_next(ix, t); m = jx_next(ix, m)) {
		const struct jx_token *token = &ix->tokens[m];

		if (token->key_hash != hash || token->shadowed)
			continue;
		if (token->key_escaped ? equals_decoded(jx_key(ix, m), key)
				       : slice_eq(jx_key(ix, m), key))
			return m;
	}
	return JX_NONE;
}

uint32_t jx_element(const struct jx_index *ix, uint32_t t, size_t n)
{
	if (jx_type(ix, t) != JX_ARRAY)
		return JX_NONE;
	for (uint32_t e = t + 1; e < jx_next(ix, t); e = jx_next(ix, e)) {
		if (n-- == 0)
			return e;
	}
	return JX_NONE;
}

void jx_locate(struct slice text, size_t at, unsigned *ret_line, unsigned *ret_column)
{
	unsigned line = 1, column = 1;

	for (size_t i = 0; i < at && i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == '\n') {
			line++;
			column = 1;
		} else if ((c & 0xc0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}
