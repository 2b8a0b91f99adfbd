/* SPDX-License-Identifier: Apache-2.0 */
/*
 * radix.h - which of many texts is a prefix (or a suffix) of this one? All of them, found
 * in one pass over it.
 *
 * A tree whose edges carry as many bytes as the texts have in common; suffixes are put in
 * and looked up from the end. Each text has a number, its *post*; equal texts are
 * chained by their owner. Built once from all texts; memory is linear in them, and a
 * look-up in the length of the prefix that exists. Pure.
 */
#ifndef CORE_RULESET_RADIX_H
#define CORE_RULESET_RADIX_H

#include "base/util.h"

#define RADIX_NONE UINT32_MAX

struct radix_text {
	struct slice text;
	uint32_t post;
};

struct radix_node {
	uint32_t label, label_len;   /* the bytes on the edge to it, in the pool */
	uint32_t firsts;             /* the first bytes of its children's labels, in the pool */
	uint32_t child, child_count; /* its children are neighbours */
	uint32_t post; /* the first of those whose text ends here; RADIX_NONE: none */
};

struct radix {
	bool reversed; /* suffixes */
	struct radix_node *nodes;
	uint32_t node_count, node_cap;
	char *pool;
	size_t pool_len, pool_cap;
};

void radix_init(struct radix *r, bool reversed);
void radix_release(struct radix *r);
/*
 * Add the tree of @texts, which are sorted here; returns its root, RADIX_NONE for none. One
 * struct may hold many trees. Posts with equal texts are given to @chain(data, post, next),
 * to be linked.
 */
uint32_t radix_build(struct radix *r, struct radix_text *texts, size_t count,
	void (*chain)(void *data, uint32_t post, uint32_t next), void *data);

/* A walk down the tree of @root; zero but for its node. */
struct radix_cursor {
	uint32_t node; /* RADIX_NONE: at the end */
	size_t depth;
};

/* The next prefix (suffix) of @text, shortest first: its post, or RADIX_NONE. */
uint32_t radix_next(const struct radix *r, struct radix_cursor *c, struct slice text);

#endif
