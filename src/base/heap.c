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

static bool before(const struct heap_node *a, const struct heap_node *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

/* slots[] is 0-based, node->slot 1-based: the parent of i is i / 2. */
static void place(struct heap *h, struct heap_node *n, size_t i)
{
	h->slots[i - 1] = n;
	n->slot = i;
}

static void sift_up(struct heap *h, struct heap_node *n)
{
	size_t i = n->slot;

	while (i > 1 && before(n, h->slots[i / 2 - 1])) {
		place(h, h->slots[i / 2 - 1], i);
		i /= 2;
	}
	place(h, n, i);
}

static void sift_down(struct heap *h, struct heap_node *n)
{
	size_t i = n->slot;

	for (size_t child = 2 * i; child <= h->count; child = 2 * i) {
		if (child < h->count && before(h->slots[child], h->slots[child - 1]))
			child++;
		if (!before(h->slots[child - 1], n))
			break;
		place(h, h->slots[child - 1], i);
		i = child;
	}
	place(h, n, i);
}

void heap_set(struct heap *h, struct heap_node *n, int64_t at_ms)
{
	if (n->slot == 0) {
		if (h->count == h->cap) {
			h->cap = h->cap ? h->cap * 2 : 16;
			h->slots = xreallocarray(h->slots, h->cap, sizeof(h->slots[0]));
		}
		place(h, n, ++h->count);
	}
	n->at_ms = at_ms;
	n->seq = h->next_seq++;
	sift_up(h, n);
	sift_down(h, n);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	struct heap_node *last;

	if (n->slot == 0)
		return;
	last = h->slots[--h->count];
	if (last != n) {
		place(h, last, n->slot);
		sift_up(h, last);
		sift_down(h, last);
	}
	n->slot = 0;
}

struct heap_node *heap_first(const struct heap *h)
{
	return h->count > 0 ? h->slots[0] : NULL;
}
