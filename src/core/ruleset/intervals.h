/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intervals.h - which of many intervals holds this number?
 *
 * Sorted by their lower ends, with the highest upper end of each half of each half noted:
 * a search looks only where there is one. O(log n) for each that is found. Pure.
 */
#ifndef CORE_RULESET_INTERVALS_H
#define CORE_RULESET_INTERVALS_H

#include "base/util.h"

struct interval {
	int64_t low, high; /* both in it */
	int64_t highest;   /* of the part of which it is the middle */
	uint32_t post;
};

/* Sort and note. @list[0 … count-1] is then a tree for intervals_find(). */
void intervals_build(struct interval *list, size_t count);
/* Call @found(data, post) for each that holds @key. */
void intervals_find(const struct interval *list, size_t count, int64_t key,
	void (*found)(void *data, uint32_t post), void *data);

#endif
