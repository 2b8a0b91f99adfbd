/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pattern/casefold.h"
#include "base/utf8.h"

#define FORM_BYTES 16

/* Codes from here on are bytes of broken UTF-8. */
#define NO_CHARACTER 0x200000

/* The forms of one character, in UTF-8. */
struct forms {
	char self[FORM_BYTES], upper[FORM_BYTES], lower[FORM_BYTES];
	unsigned self_len, upper_len, lower_len;
};

/* A character; or a byte that is not part of one, which has no other form. */
static unsigned next_character(const char *p, const char *end, uint32_t *ret_code)
{
	unsigned len = utf8_decode(p, end, ret_code);

	if (len > 0)
		return len;
	*ret_code = NO_CHARACTER + (unsigned char)*p;
	return 1;
}

static const struct casemap_run *find_run(uint32_t code)
{
	size_t low = 0, high = casemap_run_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (casemap_runs[middle].first <= code)
			low = middle + 1;
		else
			high = middle;
	}
	/* Runs of every second character interleave with the one before. */
	for (size_t back = 0; back < 2 && back < low; back++) {
		const struct casemap_run *r = &casemap_runs[low - 1 - back];

		if (code <= r->last && (code - r->first) % r->step == 0)
			return r;
	}
	return NULL;
}

static const struct casemap_special *find_special(uint32_t code)
{
	size_t low = 0, high = casemap_special_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (casemap_specials[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < casemap_special_count && casemap_specials[low].code == code)
		return &casemap_specials[low];
	return NULL;
}

static void forms_of_ascii(char c, struct forms *f)
{
	f->self[0] = f->upper[0] = f->lower[0] = c;
	if (c >= 'a' && c <= 'z')
		f->upper[0] = (char)(c - 0x20);
	if (c >= 'A' && c <= 'Z')
		f->lower[0] = (char)(c + 0x20);
	f->self_len = f->upper_len = f->lower_len = 1;
}

static void forms_of(uint32_t code, struct forms *f)
{
	const struct casemap_special *special;
	const struct casemap_run *run;

	if (code < 0x80 || code >= NO_CHARACTER) {
		forms_of_ascii((char)code, f);
		return;
	}
	f->self_len = utf8_encode(code, f->self);
	special = find_special(code);
	if (special != NULL) {
		f->upper_len = (unsigned)strlen(special->upper);
		f->lower_len = (unsigned)strlen(special->lower);
		memcpy(f->upper, special->upper, f->upper_len);
		memcpy(f->lower, special->lower, f->lower_len);
		return;
	}
	run = find_run(code);
	f->upper_len = utf8_encode(run ? code + (uint32_t)run->to_upper : code, f->upper);
	f->lower_len = utf8_encode(run ? code + (uint32_t)run->to_lower : code, f->lower);
}

static bool begins_with(struct slice text, const char *form, unsigned len)
{
	return text.len >= len && memcmp(text.data, form, len) == 0;
}

static bool ends_with(struct slice text, const char *form, unsigned len)
{
	return text.len >= len && memcmp(text.data + text.len - len, form, len) == 0;
}

/* The bytes at the beginning (or the end) of @text that are a form of the character; 0:
 * none. No form of a character is the beginning of another, so there is no choice. */
static unsigned match_form(const struct forms *f, struct slice text,
	bool (*at)(struct slice text, const char *form, unsigned len))
{
	if (at(text, f->self, f->self_len))
		return f->self_len;
	if (at(text, f->upper, f->upper_len))
		return f->upper_len;
	if (at(text, f->lower, f->lower_len))
		return f->lower_len;
	return 0;
}

/* Does @text begin with @operand? If so, *ret_len is how many bytes of it. */
static bool match_beginning(struct slice operand, struct slice text, size_t *ret_len)
{
	const char *p = operand.data, *end = operand.data + operand.len;
	struct slice rest = text;
	struct forms f;
	uint32_t code = 0;

	while (p < end) {
		unsigned taken;

		p += next_character(p, end, &code);
		forms_of(code, &f);
		taken = match_form(&f, rest, begins_with);
		if (taken == 0)
			return false;
		rest = slice_of(rest.data + taken, rest.len - taken);
	}
	*ret_len = (size_t)(rest.data - text.data);
	return true;
}

bool casemap_equals(struct slice operand, struct slice text)
{
	size_t len;

	return match_beginning(operand, text, &len) && len == text.len;
}

bool casemap_begins(struct slice operand, struct slice text)
{
	size_t len;

	return match_beginning(operand, text, &len);
}

bool casemap_ends(struct slice operand, struct slice text)
{
	const char *begin = operand.data, *p = begin + operand.len;
	struct forms f;
	uint32_t code = 0;

	while (p > begin) {
		const char *end = p;
		unsigned taken;

		do
			p--;
		while (((unsigned char)*p & 0xc0) == 0x80);
		next_character(p, end, &code);
		forms_of(code, &f);
		taken = match_form(&f, text, ends_with);
		if (taken == 0)
			return false;
		text.len -= taken;
	}
	return true;
}

static void add_lower(struct buf *out, const char *text, unsigned len)
{
	const char *p = text, *end = text + len;
	struct forms f;
	uint32_t code = 0;

	while (p < end) {
		p += next_character(p, end, &code);
		forms_of(code, &f);
		buf_add(out, f.lower, f.lower_len);
	}
}

/* Lower, upper and lower case again: so both sharp s, SS and ss become the same. */
static void add_canonical(struct buf *out, uint32_t code)
{
	struct forms f, low;
	const char *p, *end;

	forms_of(code, &f);
	end = f.lower + f.lower_len;
	for (p = f.lower; p < end;) {
		p += next_character(p, end, &code);
		forms_of(code, &low);
		add_lower(out, low.upper, low.upper_len);
	}
}

void casemap_canonical(struct slice text, struct buf *out)
{
	const char *p = text.data, *end = text.data + text.len;
	char *room = buf_reserve(out, text.len);
	uint32_t code = 0;
	size_t n = 0;

	if (room == NULL)
		return;
	for (; n < text.len && (unsigned char)p[n] < 0x80; n++)
		room[n] = (char)(p[n] >= 'A' && p[n] <= 'Z' ? p[n] + 0x20 : p[n]);
	out->len += n;
	out->data[out->len] = '\0';
	for (p += n; p < end;) {
		p += next_character(p, end, &code);
		if (code < 0x80)
			buf_add_char(
				out, (char)(code >= 'A' && code <= 'Z' ? code + 0x20 : code));
		else
			add_canonical(out, code);
	}
}
