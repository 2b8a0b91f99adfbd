/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap.h - things that happen at a time: a binary heap of embedded nodes.
 *
 * Equal times come out in the order in which they were set. Setting, moving and
 * cancelling are O(log n). The heap owns only its array; a node belongs to the
 * object that embeds it, and must leave the heap before that object is freed.
 *
 * What is compared stands in the array: with thousands of nodes a look at one of them is a miss
 * of the cache.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "base/util.h"

struct heap_node {
	int64_t at_ms;
	size_t slot; /* 1-based place in the array; 0: in no heap */
};

struct heap_slot {
	int64_t at_ms; /* the node's */
	uint64_t seq;  /* breaks ties */
	struct heap_node *node;
};

struct heap {
	struct heap_slot *slots;
	size_t count, cap;
	uint64_t next_seq;
};

void heap_init(struct heap *h);
/* Frees the array; the nodes are forgotten, not touched. */
void heap_release(struct heap *h);

static inline bool heap_contains(const struct heap_node *n)
{
	return n->slot != 0;
}

/* Put @n in at @at_ms, or move it there when it is in already. A node must be zeroed
 * before its first use. */
void heap_set(struct heap *h, struct heap_node *n, int64_t at_ms);
/* Does nothing when @n is in no heap. */
void heap_remove(struct heap *h, struct heap_node *n);
/* The earliest node, or NULL. */
struct heap_node *heap_first(const struct heap *h);

#endif
