/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <stdlib.h>

void heap_init(struct heap *h)
{
	*h = (struct heap){0};
}

void heap_release(struct heap *h)
{
	free(h->slots);
	heap_init(h);
}

static bool before(const struct heap_slot *a, const struct heap_slot *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

/* Places are 1-based, as node->slot is: the parent of i is i / 2. */
static struct heap_slot *slot_at(struct heap *h, size_t i)
{
	return &h->slots[i - 1];
}

static void place(struct heap *h, struct heap_slot s, size_t i)
{
	*slot_at(h, i) = s;
	s.node->slot = i;
}

/* Put @s in at the free place @i, or above it. Returns where it is. */
static size_t sift_up(struct heap *h, struct heap_slot s, size_t i)
{
	while (i > 1 && before(&s, slot_at(h, i / 2))) {
		place(h, *slot_at(h, i / 2), i);
		i /= 2;
	}
	place(h, s, i);
	return i;
}

/* Put @s in at the free place @i, or below it. */
static void sift_down(struct heap *h, struct heap_slot s, size_t i)
{
	for (size_t child = 2 * i; child <= h->count; child = 2 * i) {
		if (child < h->count && before(slot_at(h, child + 1), slot_at(h, child)))
			child++;
		if (!before(slot_at(h, child), &s))
			break;
		place(h, *slot_at(h, child), i);
		i = child;
	}
	place(h, s, i);
}

void heap_set(struct heap *h, struct heap_node *n, int64_t at_ms)
{
	struct heap_slot s = {.at_ms = at_ms, .seq = h->next_seq++, .node = n};

	if (n->slot == 0) {
		if (h->count == h->cap) {
			h->cap = h->cap ? h->cap * 2 : 16;
			h->slots = xreallocarray(h->slots, h->cap, sizeof(h->slots[0]));
		}
		n->slot = ++h->count;
	}
	n->at_ms = at_ms;
	sift_down(h, s, sift_up(h, s, n->slot));
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	size_t i = n->slot;
	struct heap_slot last;

	if (i == 0)
		return;
	last = *slot_at(h, h->count--);
	if (last.node != n)
		sift_down(h, last, sift_up(h, last, i));
	n->slot = 0;
}

struct heap_node *heap_first(const struct heap *h)
{
	return h->count > 0 ? h->slots[0].node : NULL;
}
