/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wildcard.h - texts with * in them, which stands for any run of characters.
 *
 * \* and \\ are literal; any other escape, and **, is refused. A wildcard is cut at its
 * stars into literals; matching looks for each behind the one before, and the last at
 * the end. The leftmost place is always a right one, so nothing is tried twice: time
 * is linear in the text. Immutable; lives in its arena. Pure.
 */
#ifndef CORE_PATTERN_WILDCARD_H
#define CORE_PATTERN_WILDCARD_H

#include "base/err.h"
#include "base/arena.h"

struct wildcard {
	bool has_star;
	struct slice head;    /* before the first star; all of it when there is none */
	struct slice tail;    /* behind the last star */
	struct slice *middle; /* the literals between stars, none empty */
	size_t middle_count;
	size_t min_len;
};

/* The score, on the original's scale, up to which EventBridge is known to accept wildcards
 * (7), and beyond which it is known or advised to refuse them. */
#define WILDCARD_PORTABLE_COMPLEXITY 10

/* The error is the original's reason text alone: "Consecutive wildcard characters at pos N". */
int wildcard_compile(struct arena *arena, struct slice text, struct wildcard **ret_wildcard,
	struct err *err) ATTR_MUST_CHECK;
bool wildcard_matches(const struct wildcard *w, struct slice text);

/*
 * The original's measure of a (valid) wildcard: how many of its beginnings, cut at any
 * character, can match one text at a time. Counting stops above @limit, and when it takes
 * unreasonably long; both give @limit + 1.
 */
unsigned wildcard_complexity(struct slice text, unsigned limit);

#endif
