/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

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

/* How many bytes at the beginning of @s are ASCII that needs no escape anywhere. */
static size_t plain_length(struct slice s)
{
	size_t i = 0;

	while (i < s.len && s.data[i] >= 0x20 && s.data[i] < 0x7f && s.data[i] != '"' &&
		s.data[i] != '\\')
		i++;
	return i;
}

static void add_json_character(struct buf *b, uint32_t code, struct slice bytes)
{
	static const char short_forms[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
	const char *found = code > 0 && code < 0x80 ? strchr(short_forms, (int)code) : NULL;

	if (found != NULL)
		buf_add(b, (char[]){'\\', letters[found - short_forms]}, 2);
	else if (utf8_is_control(code))
		buf_addf(b, "\\u%04x", code);
	else
		buf_add_slice(b, bytes);
}

static void add_printable_character(struct buf *b, uint32_t code, struct slice bytes)
{
	if (utf8_is_control(code))
		buf_add_char(b, ' ');
	else
		buf_add_slice(b, bytes);
}

/* Runs of plain ASCII whole, everything else by @add, and what is no UTF-8 as U+FFFD. */
static void add_characters(struct buf *b, struct slice s,
	void (*add)(struct buf *b, uint32_t code, struct slice bytes))
{
	for (size_t i = 0; i < s.len;) {
		size_t len = plain_length(slice_of(s.data + i, s.len - i));
		uint32_t code;

		buf_add(b, s.data + i, len);
		i += len;
		if (i == s.len)
			break;
		len = utf8_decode(s.data + i, s.data + s.len, &code);
		if (len == 0)
			buf_add_str(b, "\xef\xbf\xbd");
		else
			add(b, code, slice_of(s.data + i, len));
		i += len ? len : 1;
	}
}

void buf_add_json_string(struct buf *b, struct slice s)
{
	buf_add_char(b, '"');
	add_characters(b, s, add_json_character);
	buf_add_char(b, '"');
}

void buf_add_printable(struct buf *b, struct slice s)
{
	add_characters(b, s, add_printable_character);
}
