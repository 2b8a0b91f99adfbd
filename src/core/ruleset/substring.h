/* SPDX-License-Identifier: Apache-2.0 */
/*
 * substring.h - which of many texts occurs in this one? The automaton of Aho and Corasick:
 * one step for each byte of the text, however many are looked for.
 *
 * Each text has a number, its *post*; posts of equal texts are chained by their owner.
 * Built once; memory is linear in the texts. Pure.
 */
#ifndef CORE_RULESET_SUBSTRING_H
#define CORE_RULESET_SUBSTRING_H

#include "radix.h"

struct substring_state {
	uint32_t parent;
	uint32_t fail;    /* the state of the longest proper suffix of this one's text */
	uint32_t post;    /* of the texts that end here; RADIX_NONE: none */
	uint32_t shorter; /* the next state by fail links that has a post; 0: none */
	uint32_t depth;
	unsigned char byte;
};

/* A step of the automaton; state 0 is no state. */
struct substring_edge {
	uint32_t from, to;
	unsigned char byte;
};

struct substring {
	struct substring_state *states; /* 0 is not used, so that 0 can mean none */
	uint32_t count, cap;
	struct substring_edge *edges; /* an open table */
	uint32_t mask;
};

void substring_init(struct substring *s);
void substring_release(struct substring *s);
/* Add the automaton of @texts, none empty; returns its first state. */
uint32_t substring_build(struct substring *s, const struct radix_text *texts, size_t count,
	void (*chain)(void *data, uint32_t post, uint32_t next), void *data);

/* The state behind @state and one byte more of the text; @root is the automaton's first. */
uint32_t substring_step(
	const struct substring *s, uint32_t root, uint32_t state, unsigned char byte);

#endif
