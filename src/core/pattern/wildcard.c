/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pattern/wildcard.h"

/* The token at *at: a star, or a literal byte without its escape. */
struct token {
	bool star;
	char byte;
};

static struct token next_token(struct slice s, size_t *at)
{
	char c = s.data[(*at)++];

	if (c == '\\')
		return (struct token){false, s.data[(*at)++]};
	return (struct token){c == '*', c};
}

/* Count the stars. Positions in messages count the quote in front, as EventBridge's do. */
static int check(struct slice s, size_t *ret_stars, struct err *err)
{
	size_t stars = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '\\') {
			if (i + 1 == s.len || (s.data[i + 1] != '*' && s.data[i + 1] != '\\'))
				return err_set(err, ERR_INVALID,
					"Invalid escape character at pos %zu", i + 1);
			i++;
		} else if (s.data[i] == '*') {
			stars++;
			if (i + 1 < s.len && s.data[i + 1] == '*')
				return err_set(err, ERR_INVALID,
					"Consecutive wildcard characters at pos %zu", i + 1);
		}
	}
	*ret_stars = stars;
	return 0;
}

/* The literal from *at up to a star or the end, escapes taken off into @out. */
static struct slice take_literal(struct slice s, size_t *at, char **out)
{
	char *start = *out;

	while (*at < s.len && s.data[*at] != '*')
		*(*out)++ = next_token(s, at).byte;
	return slice_of(start, (size_t)(*out - start));
}

int wildcard_compile(
	struct arena *arena, struct slice text, struct wildcard **ret_wildcard, struct err *err)
{
	struct wildcard *w;
	size_t stars = 0, at = 0;
	char *out;
	int r = check(text, &stars, err);

	if (r != 0)
		return r;
	w = arena_alloc(arena, 1, sizeof *w);
	w->has_star = stars > 0;
	if (stars > 1)
		w->middle = arena_alloc(arena, stars - 1, sizeof *w->middle);
	out = arena_alloc(arena, text.len, 1);
	w->head = take_literal(text, &at, &out);
	for (; stars > 1; stars--) {
		at++;
		w->middle[w->middle_count] = take_literal(text, &at, &out);
		w->min_len += w->middle[w->middle_count++].len;
	}
	at += w->has_star;
	w->tail = take_literal(text, &at, &out);
	w->min_len += w->head.len + w->tail.len;
	*ret_wildcard = w;
	return 0;
}

bool wildcard_matches(const struct wildcard *w, struct slice text)
{
	const char *p = text.data, *end;

	if (!w->has_star)
		return slice_eq(w->head, text);
	if (text.len < w->min_len)
		return false;
	if (text.len == 0)
		return true;
	end = text.data + text.len - w->tail.len;
	if (memcmp(p, w->head.data, w->head.len) != 0 ||
		memcmp(end, w->tail.data, w->tail.len) != 0)
		return false;
	p += w->head.len;
	for (size_t i = 0; i < w->middle_count; i++) {
		p = memmem(p, (size_t)(end - p), w->middle[i].data, w->middle[i].len);
		if (p == NULL)
			return false;
		p += w->middle[i].len;
	}
	return true;
}
