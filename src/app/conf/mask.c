/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replacing secrets in text with "***".
 */
#include "app/conf/mask.h"

#include <stdlib.h>

#include "base/base64.h"

void conf_mask_release(struct conf_mask *m)
{
	for (size_t i = 0; i < m->count; i++) {
		explicit_bzero((char *)m->values[i].data, m->values[i].len);
		free((char *)m->values[i].data);
	}
	free(m->values);
	*m = (struct conf_mask){0};
}

static void add_form(struct conf_mask *m, struct slice value)
{
	size_t at = 0;

	if (value.len < CONF_MASK_LEAST_BYTES)
		return;
	for (size_t i = 0; i < m->count; i++)
		if (slice_eq(m->values[i], value))
			return;
	/* Longest first: if one secret is a prefix of another, the longer one must be found. */
	while (at < m->count && m->values[at].len >= value.len)
		at++;
	m->values = xreallocarray(m->values, m->count + 1, sizeof *m->values);
	memmove(m->values + at + 1, m->values + at, (m->count - at) * sizeof *m->values);
	m->values[at] = slice_of(xmemdup(value.data, value.len), value.len);
	m->count++;
}

/* What of @value's base64 is the same wherever it stands in a text that is encoded as a whole, such
 * as "user:password". */
static void add_base64(struct conf_mask *m, struct slice value)
{
	static const size_t foreign[] = {0, 2, 3}; /* characters that others have a part in */
	struct buf plain, encoded;

	for (size_t before = 0; before < COUNT_OF(foreign); before++) {
		size_t end = (before + value.len) * 8 / 6;

		buf_init(&plain, BUF_UNLIMITED);
		buf_init(&encoded, BUF_UNLIMITED);
		buf_add(&plain, "\0\0", before);
		buf_add_slice(&plain, value);
		base64_encode(&encoded, buf_slice(&plain));
		add_form(m, slice_of(encoded.data + foreign[before], end - foreign[before]));
		explicit_bzero(plain.data, plain.len);
		explicit_bzero(encoded.data, encoded.len);
		buf_release(&plain);
		buf_release(&encoded);
	}
}

void conf_mask_add(struct conf_mask *m, struct slice value)
{
	add_form(m, value);
	if (value.len >= CONF_MASK_BEGINNING_BYTES)
		add_base64(m, value);
}

size_t conf_mask_cut(const struct conf_mask *m, struct slice text)
{
	size_t longest = 0;

	for (size_t i = 0; i < m->count; i++) {
		struct slice v = m->values[i];
		size_t len = v.len - 1 < text.len ? v.len - 1 : text.len;

		while (len > longest && memcmp(text.data + text.len - len, v.data, len) != 0)
			len--;
		if (len > longest)
			longest = len;
	}
	return longest < CONF_MASK_LEAST_BYTES ? 0 : longest;
}

/* --- spellings ---------------------------------------------------------------------------- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number of @digits hexadecimal digits at the beginning of @s; -1: there are not so many. */
static int hex_number(struct slice s, size_t digits)
{
	int number = 0;

	if (s.len < digits)
		return -1;
	for (size_t i = 0; i < digits; i++) {
		int value = hex_value(s.data[i]);

		if (value < 0)
			return -1;
		number = number * 16 + value;
	}
	return number;
}

/* "\/", "\u003d" and the like. Returns the length, 0: it is none. */
static size_t json_escape(struct slice s, int *ret)
{
	static const char short_forms[] = "\b\t\n\f\r\"\\/", letters[] = "btnfr\"\\/";
	const char *found;

	if (s.len < 2 || s.data[0] != '\\')
		return 0;
	if (s.data[1] == 'u') {
		*ret = hex_number(slice_of(s.data + 2, s.len - 2), 4);
		return *ret >= 0 && *ret < 0x80 ? 6 : 0;
	}
	found = memchr(letters, s.data[1], sizeof letters - 1);
	if (found != NULL)
		*ret = short_forms[found - letters];
	return found != NULL ? 2 : 0;
}

/* "&amp;", "&#61;", "&#x3D;". */
static size_t entity(struct slice s, int *ret)
{
	static const struct {
		const char *name;
		char means;
	} names[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'},
		{"&apos;", '\''}};
	size_t i = 2, digits;
	bool hex = s.len > 2 && (s.data[2] | 0x20) == 'x';

	if (s.data[0] != '&')
		return 0;
	for (size_t n = 0; n < COUNT_OF(names); n++)
		if (slice_istarts(s, names[n].name)) {
			*ret = names[n].means;
			return strlen(names[n].name);
		}
	if (s.len < 4 || s.data[1] != '#')
		return 0;
	i += hex;
	digits = i;
	for (*ret = 0; i < s.len && i < digits + 7 && hex_value(s.data[i]) >= 0; i++)
		*ret = *ret * (hex ? 16 : 10) + hex_value(s.data[i]);
	return i > digits && i < s.len && s.data[i] == ';' ? i + 1 : 0;
}

/* The character at the beginning of @s, however it is spelled; letters are small. */
static size_t spelled(struct slice s, int *ret)
{
	size_t len = json_escape(s, ret);

	if (len == 0)
		len = entity(s, ret);
	if (len == 0 && s.data[0] == '%') {
		*ret = hex_number(slice_of(s.data + 1, s.len - 1), 2);
		len = *ret >= 0 ? 3 : 0;
	}
	if (len == 0) {
		*ret = (unsigned char)s.data[0];
		len = 1;
	}
	if (*ret >= 'A' && *ret <= 'Z')
		*ret |= 0x20;
	return len;
}

static bool is_line_end(int c)
{
	return c == '\r' || c == '\n';
}

/* From how many characters on the beginning of @value tells it: those of "Bearer" do not count. */
static size_t telling_length(struct slice value)
{
	const char *blank = memchr(value.data, ' ', value.len);

	return CONF_MASK_BEGINNING_BYTES + (blank ? (size_t)(blank - value.data) + 1 : 0);
}

/* How much of @text is @value in some spelling, also broken into lines; 0: it is not. With
 * @beginnings its beginning is enough. */
static size_t value_at(struct slice value, bool beginnings, struct slice text)
{
	size_t at = 0, i = 0, shown = 0;

	while (i < value.len && at < text.len) {
		int want, have;
		size_t wanted = spelled(slice_of(value.data + i, value.len - i), &want);
		size_t len = spelled(slice_of(text.data + at, text.len - at), &have);

		if (at > 0 && is_line_end(have) && have != want) {
			at += len;
			continue;
		}
		if (have != want)
			break;
		at += len;
		i += wanted;
		shown++;
	}
	return i == value.len || (beginnings && shown >= telling_length(value)) ? at : 0;
}

static size_t secret_at(const struct conf_mask *m, bool beginnings, struct slice text)
{
	int first, own;

	spelled(text, &first);
	for (size_t i = 0; i < m->count; i++) {
		size_t len;

		spelled(m->values[i], &own);
		if (own != first)
			continue;
		len = value_at(m->values[i], beginnings, text);

		if (len > 0)
			return len;
	}
	return 0;
}

static void apply(
	const struct conf_mask *m, bool beginnings, struct slice text, struct buf *out)
{
	size_t plain = 0, i = 0;

	while (i < text.len) {
		size_t len = secret_at(m, beginnings, slice_of(text.data + i, text.len - i));

		if (len == 0) {
			i++;
			continue;
		}
		buf_add(out, text.data + plain, i - plain);
		buf_add_str(out, CONF_MASK_TEXT);
		i += len;
		plain = i;
	}
	buf_add(out, text.data + plain, text.len - plain);
}

void conf_mask_apply(const struct conf_mask *m, struct slice text, struct buf *out)
{
	apply(m, false, text, out);
}

void conf_mask_reply(const struct conf_mask *m, struct slice text, struct buf *out)
{
	apply(m, true, text, out);
}

size_t conf_mask_reference(struct slice text)
{
	unsigned open = 0;

	if (text.len < 2 || text.data[0] != '$' || text.data[1] != '{')
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '{')
			open++;
		else if (text.data[i] == '}' && --open == 0)
			return i + 1;
	}
	return 0;
}

void conf_mask_references(struct slice text, struct buf *out)
{
	bool masked = false;

	for (size_t i = 0; i < text.len;) {
		struct slice rest = slice_of(text.data + i, text.len - i);
		size_t len = conf_mask_reference(rest);

		if (len > 0)
			buf_add(out, rest.data, len);
		else if (!masked)
			buf_add_str(out, CONF_MASK_TEXT);
		masked = len == 0;
		/* "$${" is not a reference. */
		if (len == 0)
			len = rest.len > 1 && rest.data[0] == '$' && rest.data[1] == '$' ? 2
											 : 1;
		i += len;
	}
}

bool conf_is_secret_property(struct slice name)
{
	static const char *const words[] = {
		"password", "secret", ".pem", "oauthbearer.config", "token", "jaas"};

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (memmem(name.data, name.len, words[i], strlen(words[i])) != NULL)
			return true;
	return false;
}
