/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/value.h"

#include <stdlib.h>

#include "core/json/scan.h"
#include "base/utf8.h"

struct value value_of_token(const struct jx_index *ix, uint32_t t)
{
	static const uint8_t kinds[] = {
		[JX_NULL] = VALUE_NULL,
		[JX_FALSE] = VALUE_LITERAL,
		[JX_TRUE] = VALUE_LITERAL,
		[JX_NUMBER] = VALUE_LITERAL,
		[JX_STRING] = VALUE_STRING,
		[JX_ARRAY] = VALUE_COMPOSITE,
		[JX_OBJECT] = VALUE_COMPOSITE,
	};

	if (t == JX_NONE)
		return (struct value){.kind = VALUE_MISSING};
	return (struct value){
		.kind = (enum value_kind)kinds[jx_type(ix, t)],
		.escaped = ix->tokens[t].escaped,
		.text = jx_inner(ix, t),
	};
}

void value_add_json(struct buf *out, const struct value *v)
{
	char *room;

	switch (v->kind) {
	case VALUE_MISSING:
		buf_add(out, "\"\"", 2);
		return;
	case VALUE_NULL:
		buf_add(out, "null", 4);
		return;
	case VALUE_STRING:
		/* In one go: this is what most templates do most of the time. */
		room = buf_reserve(out, v->text.len + 2);
		if (room == NULL)
			return;
		room[0] = '"';
		memcpy(room + 1, v->text.data, v->text.len);
		room[v->text.len + 1] = '"';
		out->len += v->text.len + 2;
		out->data[out->len] = '\0';
		return;
	case VALUE_BYTES:
		buf_add_char(out, '"');
		value_add_utf8(out, v->text, true);
		buf_add_char(out, '"');
		return;
	case VALUE_LITERAL:
	case VALUE_COMPOSITE:
		buf_add_slice(out, v->text);
		return;
	}
}

void value_add_characters(struct buf *out, const struct value *v)
{
	switch (v->kind) {
	case VALUE_MISSING:
	case VALUE_NULL:
		return;
	case VALUE_STRING:
		if (v->escaped)
			jx_decode_slice(v->text, out);
		else
			buf_add_slice(out, v->text);
		return;
	case VALUE_COMPOSITE:
		if (v->compact)
			buf_add_slice(out, v->text);
		else
			value_add_compact(out, v->text, VALUE_QUOTES_KEPT);
		return;
	case VALUE_LITERAL:
	case VALUE_BYTES:
		buf_add_slice(out, v->text);
		return;
	}
}

struct slice value_characters(const struct value *v, struct buf *room)
{
	bool as_it_is = v->kind == VALUE_LITERAL || v->kind == VALUE_BYTES ||
			(v->kind == VALUE_STRING && !v->escaped) ||
			(v->kind == VALUE_COMPOSITE && v->compact);

	if (as_it_is)
		return v->text;
	buf_reset(room);
	value_add_characters(room, v);
	return slice_of(buf_str(room), room->len);
}

/* The byte @c of a JSON text as characters of a JSON string. */
static void add_escaped_byte(struct buf *out, char c)
{
	if (c == '"' || c == '\\')
		buf_add_char(out, '\\');
	buf_add_char(out, c);
}

/* A run of bytes within a JSON string that has neither quote nor backslash. */
static const char *add_run(struct buf *out, const char *p, const char *end)
{
	const char *stop = p;

	while (stop < end && *stop != '"' && *stop != '\\')
		stop++;
	buf_add(out, p, (size_t)(stop - p));
	return stop;
}

/* The string whose opening quote is at @p; returns what stands behind it. */
static const char *add_compact_string(
	struct buf *out, const char *p, const char *end, enum value_quotes quotes)
{
	bool keep = quotes == VALUE_QUOTES_KEPT || quotes == VALUE_QUOTES_ESCAPED;
	bool escape = quotes == VALUE_QUOTES_ESCAPED;

	if (keep)
		buf_add_str(out, escape ? "\\\"" : "\"");
	p = add_run(out, p + 1, end);
	while (p + 1 < end && *p == '\\') {
		if (escape) {
			buf_add(out, "\\\\", 2);
			add_escaped_byte(out, p[1]);
		} else if (keep || p[1] != '"') {
			buf_add(out, p, 2);
		} else if (quotes == VALUE_QUOTES_REMOVED) {
			buf_add_char(out, '\\');
		}
		p = add_run(out, p + 2, end);
	}
	if (keep)
		buf_add_str(out, escape ? "\\\"" : "\"");
	return p < end ? p + 1 : end;
}

void value_add_compact(struct buf *out, struct slice json, enum value_quotes quotes)
{
	const char *p = json.data, *end = json.data + json.len;

	while (p < end) {
		const char *stop = p;

		while (stop < end && *stop != '"' && (unsigned char)*stop > ' ')
			stop++;
		buf_add(out, p, (size_t)(stop - p));
		p = stop;
		if (p < end && *p == '"')
			p = add_compact_string(out, p, end, quotes);
		else if (p < end)
			p++;
	}
}

static void add_control(struct buf *out, char c)
{
	static const char from[] = "\b\t\n\f\r", to[] = "btnfr", hex[] = "0123456789abcdef";
	const char *known = memchr(from, c, sizeof from - 1);

	if (known != NULL)
		buf_add(out, (char[]){'\\', to[known - from]}, 2);
	else
		buf_add(out, (char[]){'\\', 'u', '0', '0', hex[(c >> 4) & 1], hex[c & 15]}, 6);
}

void value_add_utf8(struct buf *out, struct slice bytes, bool escape)
{
	const char *p = bytes.data, *end = bytes.data + bytes.len;

	while (p < end) {
		const char *stop = jx_skip_plain(p, end);
		uint32_t code;
		unsigned len;

		buf_add(out, p, (size_t)(stop - p));
		p = stop;
		if (p == end)
			return;
		len = utf8_decode(p, end, &code);
		if (len == 0)
			buf_add(out, "\xef\xbf\xbd", 3);
		else if (!escape || len > 1)
			buf_add(out, p, len);
		else if ((unsigned char)*p < ' ')
			add_control(out, *p);
		else
			add_escaped_byte(out, *p);
		p += len > 0 ? len : 1;
	}
}
