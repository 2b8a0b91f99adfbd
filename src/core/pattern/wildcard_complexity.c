/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many beginnings of a wildcard can match one text? A search over the sets of
 * beginnings that some text makes live, from the empty text on, byte by byte. Sets over the
 * limit end the search, so all that are kept are small.
 */
#include "core/pattern/wildcard.h"

#include <stdlib.h>

#define MOST_SETS  20000
#define MOST_STEPS 2000000
#define MOST_LIVE  15

/* Beginnings, by length in tokens, ascending; length 0 counts for nothing. */
struct set {
	uint32_t len[MOST_LIVE + 2];
	unsigned count;
};

struct search {
	int *tokens; /* a byte, or -1 for a star */
	size_t count;
	bool used[256];
	struct set *sets;
	size_t set_count;
	uint32_t *table; /* 1 + the number of a set, by hash */
	unsigned limit, most;
};

#define TABLE_SIZE 65536

/* Add beginning @len; a star behind it may stand for nothing. False over the limit. */
static bool live(const struct search *s, struct set *set, uint32_t len)
{
	for (;;) {
		if (set->count == 0 || set->len[set->count - 1] < len) {
			if (set->count == s->limit + 1)
				return false;
			set->len[set->count++] = len;
		}
		if (len == s->count || s->tokens[len] != -1)
			return true;
		len++;
	}
}

/* The beginnings that are live one @byte (-1: one not in the wildcard) later. */
static bool step(const struct search *s, const struct set *from, int byte, struct set *to)
{
	to->count = 0;
	for (unsigned i = 0; i < from->count; i++) {
		uint32_t len = from->len[i];

		if (len > 0 && s->tokens[len - 1] == -1 && !live(s, to, len))
			return false;
		if (len < s->count && byte >= 0 && s->tokens[len] == byte &&
			!live(s, to, len + 1))
			return false;
	}
	return true;
}

static bool same_set(const struct set *a, const struct set *b)
{
	return a->count == b->count && memcmp(a->len, b->len, a->count * sizeof a->len[0]) == 0;
}

/* Remember @set unless it is known. False when there are too many. */
static bool remember(struct search *s, const struct set *set)
{
	uint64_t hash = util_hash(set->len, set->count * sizeof set->len[0]);
	unsigned live_count = set->count - (set->count > 0 && set->len[0] == 0);

	for (;; hash++) {
		uint32_t *slot = &s->table[hash % TABLE_SIZE];

		if (*slot == 0) {
			if (s->set_count == MOST_SETS)
				return false;
			s->sets[s->set_count++] = *set;
			*slot = (uint32_t)s->set_count;
			break;
		}
		if (same_set(&s->sets[*slot - 1], set))
			break;
	}
	if (live_count > s->most)
		s->most = live_count;
	return true;
}

/* False when it cannot be told, or is over the limit. */
static bool explore(struct search *s)
{
	struct set set = {0};
	size_t steps = 0;

	if (!live(s, &set, 0) || !remember(s, &set))
		return false;
	for (size_t i = 0; i < s->set_count; i++) {
		for (int byte = -1; byte < 256; byte++) {
			if (byte >= 0 && !s->used[byte])
				continue;
			if (++steps > MOST_STEPS || !step(s, &s->sets[i], byte, &set) ||
				!remember(s, &set) || s->most > s->limit)
				return false;
		}
	}
	return true;
}

static void read_tokens(struct search *s, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '*') {
			s->tokens[s->count++] = -1;
			continue;
		}
		i += text.data[i] == '\\';
		s->tokens[s->count++] = (unsigned char)text.data[i];
		s->used[(unsigned char)text.data[i]] = true;
	}
}

unsigned wildcard_complexity(struct slice text, unsigned limit)
{
	struct search s = {.limit = limit < MOST_LIVE ? limit : MOST_LIVE, .most = 1};
	unsigned result;

	s.tokens = xreallocarray(NULL, text.len + 1, sizeof *s.tokens);
	read_tokens(&s, text);
	s.sets = xreallocarray(NULL, MOST_SETS, sizeof *s.sets);
	s.table = xcalloc(TABLE_SIZE, sizeof *s.table);
	result = explore(&s) ? s.most : limit + 1;
	free(s.tokens);
	free(s.sets);
	free(s.table);
	return result;
}
