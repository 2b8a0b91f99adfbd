/* SPDX-License-Identifier: Apache-2.0 */
#include "intervals.h"

#include <stdlib.h>

static int compare(const void *pa, const void *pb)
{
	const struct interval *a = pa, *b = pb;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return (a->high > b->high) - (a->high < b->high);
}

static int64_t note_highest(struct interval *list, size_t count)
{
	size_t middle = count / 2;
	int64_t highest;

	if (count == 0)
		return INT64_MIN;
	highest = list[middle].high;
	highest = max_i64(highest, note_highest(list, middle));
	highest = max_i64(highest, note_highest(list + middle + 1, count - middle - 1));
	list[middle].highest = highest;
	return highest;
}

void intervals_build(struct interval *list, size_t count)
{
	if (count > 1)
		qsort(list, count, sizeof *list, compare);
	note_highest(list, count);
}

void intervals_find(const struct interval *list, size_t count, int64_t key,
	void (*found)(void *data, uint32_t post), void *data)
{
	while (count > 0) {
		size_t middle = count / 2;

		if (list[middle].highest < key)
			return;
		intervals_find(list, middle, key, found, data);
		if (list[middle].low > key)
			return;
		if (list[middle].high >= key)
			found(data, list[middle].post);
		list += middle + 1;
		count -= middle + 1;
	}
}
