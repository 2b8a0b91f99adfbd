/* SPDX-License-Identifier: Apache-2.0 */
#include "substring.h"

#include <stdlib.h>

void substring_init(struct substring *s)
{
	*s = (struct substring){0};
}

void substring_release(struct substring *s)
{
	free(s->states);
	free(s->edges);
	substring_init(s);
}

static uint32_t edge_place(uint32_t from, unsigned char byte)
{
	return (from * 0x9e3779b1U ^ byte * 0x85ebca6bU) * 0xc2b2ae35U >> 6;
}

/* The state an edge leads to, or 0. */
static uint32_t follow(const struct substring *s, uint32_t from, unsigned char byte)
{
	for (uint32_t i = edge_place(from, byte);; i++) {
		const struct substring_edge *e = &s->edges[i & s->mask];

		if (e->to == 0 || (e->from == from && e->byte == byte))
			return e->to;
	}
}

static void add_edge(struct substring *s, uint32_t from, unsigned char byte, uint32_t to)
{
	uint32_t i = edge_place(from, byte);

	while (s->edges[i & s->mask].to != 0)
		i++;
	s->edges[i & s->mask] = (struct substring_edge){from, to, byte};
}

static void grow(struct substring *s)
{
	s->cap = s->cap ? s->cap * 2 : 64;
	s->states = xreallocarray(s->states, s->cap, sizeof *s->states);
	s->mask = s->cap * 2 - 1;
	free(s->edges);
	s->edges = xcalloc((size_t)s->mask + 1, sizeof *s->edges);
	for (uint32_t t = 1; t < s->count; t++) {
		if (s->states[t].parent != 0)
			add_edge(s, s->states[t].parent, s->states[t].byte, t);
	}
}

static uint32_t add_state(struct substring *s, uint32_t parent, unsigned char byte)
{
	uint32_t t;

	if (s->count == 0)
		s->count = 1;
	if (s->count >= s->cap)
		grow(s);
	t = s->count++;
	s->states[t] = (struct substring_state){
		.parent = parent,
		.post = RADIX_NONE,
		.depth = parent != 0 ? s->states[parent].depth + 1 : 0,
		.byte = byte,
	};
	if (parent != 0)
		add_edge(s, parent, byte, t);
	return t;
}

uint32_t substring_step(
	const struct substring *s, uint32_t root, uint32_t state, unsigned char byte)
{
	for (;;) {
		uint32_t to = follow(s, state, byte);

		if (to != 0)
			return to;
		if (state == root)
			return root;
		state = s->states[state].fail;
	}
}

static int compare_depth(const void *pa, const void *pb, void *data)
{
	const struct substring *s = data;
	uint32_t a = s->states[*(const uint32_t *)pa].depth;
	uint32_t b = s->states[*(const uint32_t *)pb].depth;

	return (a > b) - (a < b);
}

/* A state's fail link follows from its parent's, so states are visited from short to long. */
static void link_states(struct substring *s, uint32_t root)
{
	uint32_t count = s->count - root - 1;
	uint32_t *order = xreallocarray(NULL, (size_t)count + 1, sizeof *order);

	s->states[root].fail = root;
	for (uint32_t i = 0; i < count; i++)
		order[i] = root + 1 + i;
	qsort_r(order, count, sizeof *order, compare_depth, s);
	for (uint32_t i = 0; i < count; i++) {
		struct substring_state *t = &s->states[order[i]];

		t->fail = t->parent == root
				  ? root
				  : substring_step(s, root, s->states[t->parent].fail, t->byte);
		t->shorter = s->states[t->fail].post != RADIX_NONE ? t->fail
								   : s->states[t->fail].shorter;
	}
	free(order);
}

uint32_t substring_build(struct substring *s, const struct radix_text *texts, size_t count,
	void (*chain)(void *data, uint32_t post, uint32_t next), void *data)
{
	uint32_t root = add_state(s, 0, 0);

	for (size_t i = 0; i < count; i++) {
		uint32_t state = root;

		for (size_t n = 0; n < texts[i].text.len; n++) {
			unsigned char byte = (unsigned char)texts[i].text.data[n];
			uint32_t to = follow(s, state, byte);

			state = to != 0 ? to : add_state(s, state, byte);
		}
		chain(data, texts[i].post, s->states[state].post);
		s->states[state].post = texts[i].post;
	}
	link_states(s, root);
	return root;
}
