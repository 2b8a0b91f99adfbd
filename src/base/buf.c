/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){.max_bytes = max_bytes};
}

void buf_release(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max_bytes);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

char *buf_reserve(struct buf *b, size_t len)
{
	size_t need;

	if (b->failed || len > b->max_bytes - b->len) {
		b->failed = true;
		return NULL;
	}
	need = b->len + len + 1;
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;

		b->cap = cap > need ? cap : need;
		b->data = xrealloc(b->data, b->cap);
	}
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *room = buf_reserve(b, len);

	if (room == NULL)
		return;
	if (len > 0)
		memcpy(room, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_add_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.data, s.len);
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_add_int(struct buf *b, int64_t value)
{
	char digits[24], *end = digits + sizeof digits, *p = end;
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	/* Backwards and by hand: offsets are written with every request. */
	do {
		*--p = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (value < 0)
		*--p = '-';
	buf_add(b, p, (size_t)(end - p));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len >= 0 && buf_reserve(b, (size_t)len) != NULL) {
		vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
		b->len += (size_t)len;
	}
	va_end(again);
}

void buf_truncate(struct buf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

/* The length of the valid UTF-8 sequence at @p, or 0. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char mask, lead;
		size_t len;
	} forms[] = {{0x80, 0x00, 1}, {0xe0, 0xc0, 2}, {0xf0, 0xe0, 3}, {0xf8, 0xf0, 4}};

	for (size_t f = 0; f < COUNT_OF(forms); f++) {
		if ((p[0] & forms[f].mask) != forms[f].lead)
			continue;
		if (forms[f].len > left || (forms[f].len == 2 && p[0] < 0xc2))
			return 0;
		for (size_t i = 1; i < forms[f].len; i++)
			if ((p[i] & 0xc0) != 0x80)
				return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
			(p[0] == 0xf0 && p[1] < 0x90) || p[0] > 0xf4 ||
			(p[0] == 0xf4 && p[1] > 0x8f))
			return 0;
		return forms[f].len;
	}
	return 0;
}

static void add_escaped(struct buf *b, unsigned char c)
{
	static const char short_forms[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
	const char *found = c ? strchr(short_forms, c) : NULL;

	if (found != NULL)
		buf_add(b, (char[]){'\\', letters[found - short_forms]}, 2);
	else
		buf_addf(b, "\\u%04x", c);
}

void buf_add_json_string(struct buf *b, struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.data;
	size_t i = 0;

	buf_add_char(b, '"');
	while (i < s.len) {
		size_t len = utf8_length(p + i, s.len - i);

		if (len == 0)
			buf_add_str(b, "\xef\xbf\xbd");
		else if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\')
			add_escaped(b, p[i]);
		else
			buf_add(b, p + i, len);
		i += len ? len : 1;
	}
	buf_add_char(b, '"');
}

void buf_add_printable(struct buf *b, struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.data;

	for (size_t i = 0; i < s.len;) {
		size_t len = utf8_length(p + i, s.len - i);

		if (len == 0)
			buf_add_str(b, "\xef\xbf\xbd");
		else if (p[i] < 0x20 || p[i] == 0x7f)
			buf_add_char(b, ' ');
		else
			buf_add(b, p + i, len);
		i += len ? len : 1;
	}
}
