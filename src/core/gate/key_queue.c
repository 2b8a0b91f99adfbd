/* SPDX-License-Identifier: Apache-2.0 */
#include "key_queue.h"

#include <stdlib.h>

#define BUCKETS_AT_FIRST 64
#define SPARE_MAX        1024

void line_table_init(struct line_table *t)
{
	*t = (struct line_table){.bucket_count = BUCKETS_AT_FIRST};
	t->buckets = xcalloc(t->bucket_count, sizeof(t->buckets[0]));
}

void line_table_release(struct line_table *t)
{
	while (t->spare != NULL) {
		struct line *l = t->spare;

		t->spare = l->next;
		free(l);
	}
	free(t->buckets);
	*t = (struct line_table){0};
}

static struct line **bucket_of(const struct line_table *t, uint64_t number)
{
	/* Mix in the high bits: the low ones of a caller's number may vary little. */
	return &t->buckets[(number ^ number >> 32) & (t->bucket_count - 1)];
}

static void grow(struct line_table *t)
{
	struct line **old = t->buckets;
	size_t old_count = t->bucket_count;

	t->bucket_count *= 2;
	t->buckets = xcalloc(t->bucket_count, sizeof(t->buckets[0]));
	for (size_t i = 0; i < old_count; i++)
		while (old[i] != NULL) {
			struct line *l = old[i], **to = bucket_of(t, l->number);

			old[i] = l->next;
			l->next = *to;
			*to = l;
		}
	free(old);
}

static struct line *obtain(struct line_table *t)
{
	struct line *l = t->spare;

	if (l == NULL)
		return xmalloc(sizeof *l);
	t->spare = l->next;
	t->spare_count--;
	return l;
}

static void put_back(struct line_table *t, struct line *l)
{
	if (t->spare_count >= SPARE_MAX) {
		free(l);
		return;
	}
	l->next = t->spare;
	t->spare = l;
	t->spare_count++;
}

struct line *line_join(struct line_table *t, uint64_t number, struct list *node, bool *ret_held)
{
	struct line *l;

	for (l = *bucket_of(t, number); l != NULL; l = l->next) {
		if (l->number != number)
			continue;
		list_append(&l->queue, node);
		*ret_held = false;
		return l;
	}
	if (t->count++ >= t->bucket_count)
		grow(t);
	l = obtain(t);
	l->number = number;
	list_init(&l->queue);
	l->next = *bucket_of(t, number);
	*bucket_of(t, number) = l;
	*ret_held = true;
	return l;
}

struct list *line_pass(struct line_table *t, struct line *l)
{
	struct list *next = list_shift(&l->queue);
	struct line **link;

	if (next != NULL)
		return next;
	for (link = bucket_of(t, l->number); *link != l; link = &(*link)->next)
		;
	*link = l->next;
	t->count--;
	put_back(t, l);
	return NULL;
}
