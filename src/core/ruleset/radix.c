/* SPDX-License-Identifier: Apache-2.0 */
#include "radix.h"

#include <stdlib.h>

void radix_init(struct radix *r, bool reversed)
{
	*r = (struct radix){.reversed = reversed};
}

void radix_release(struct radix *r)
{
	free(r->nodes);
	free(r->pool);
	radix_init(r, r->reversed);
}

/* Byte @i, counted from the end for trees of suffixes. */
static unsigned char byte_at(bool reversed, struct slice s, size_t i)
{
	return (unsigned char)s.data[reversed ? s.len - 1 - i : i];
}

static int compare(bool reversed, struct slice a, struct slice b)
{
	size_t len = a.len < b.len ? a.len : b.len;

	for (size_t i = 0; i < len; i++) {
		int order = byte_at(reversed, a, i) - byte_at(reversed, b, i);

		if (order != 0)
			return order;
	}
	return (a.len > b.len) - (a.len < b.len);
}

static int compare_forward(const void *a, const void *b)
{
	return compare(false, ((const struct radix_text *)a)->text,
		((const struct radix_text *)b)->text);
}

static int compare_reversed(const void *a, const void *b)
{
	return compare(true, ((const struct radix_text *)a)->text,
		((const struct radix_text *)b)->text);
}

static uint32_t add_nodes(struct radix *r, uint32_t count)
{
	uint32_t first = r->node_count;

	if (r->node_count + count > r->node_cap) {
		r->node_cap = r->node_cap * 2 + count;
		r->nodes = xreallocarray(r->nodes, r->node_cap, sizeof *r->nodes);
	}
	memset(r->nodes + first, 0, count * sizeof *r->nodes);
	r->node_count += count;
	return first;
}

static void pool_add(struct radix *r, unsigned char c)
{
	if (r->pool_len == r->pool_cap) {
		r->pool_cap = r->pool_cap ? r->pool_cap * 2 : 64;
		r->pool = xrealloc(r->pool, r->pool_cap);
	}
	r->pool[r->pool_len++] = (char)c;
}

struct build {
	struct radix *r;
	const struct radix_text *texts;
	void (*chain)(void *data, uint32_t post, uint32_t next);
	void *data;
};

/* The end of the run of texts, from @from on, that have the same byte at @depth. */
static size_t run_end(const struct build *b, size_t from, size_t to, size_t depth)
{
	unsigned char c = byte_at(b->r->reversed, b->texts[from].text, depth);

	while (from < to && byte_at(b->r->reversed, b->texts[from].text, depth) == c)
		from++;
	return from;
}

static void fill(const struct build *b, uint32_t node, size_t from, size_t to, size_t depth);

/* Make the children of @node for the texts from @from on, all of which are longer than
 * @depth. */
static void add_children(
	const struct build *b, uint32_t node, size_t from, size_t to, size_t depth)
{
	uint32_t count = 0, firsts = (uint32_t)b->r->pool_len, child;

	for (size_t i = from; i < to; i = run_end(b, i, to, depth), count++)
		pool_add(b->r, byte_at(b->r->reversed, b->texts[i].text, depth));
	child = add_nodes(b->r, count);
	b->r->nodes[node].firsts = firsts;
	b->r->nodes[node].child = child;
	b->r->nodes[node].child_count = count;
	for (size_t i = from; i < to; child++) {
		size_t end = run_end(b, i, to, depth);

		fill(b, child, i, end, depth);
		i = end;
	}
}

/* Make @node stand for the texts @from … @to - 1. They agree up to @depth and, unless the
 * node is a root, in the byte there. */
static void fill(const struct build *b, uint32_t node, size_t from, size_t to, size_t depth)
{
	struct slice first = b->texts[from].text, last = b->texts[to - 1].text;
	bool reversed = b->r->reversed;
	size_t common = depth;
	uint32_t label = (uint32_t)b->r->pool_len, post = RADIX_NONE;

	/* The texts are sorted: what the first and the last have in common, all have in
	 * common. */
	while (common < first.len && common < last.len &&
		byte_at(reversed, first, common) == byte_at(reversed, last, common)) {
		pool_add(b->r, byte_at(reversed, first, common));
		common++;
	}
	b->r->nodes[node].label = label;
	b->r->nodes[node].label_len = (uint32_t)(common - depth);
	for (; from < to && b->texts[from].text.len == common; from++) {
		b->chain(b->data, b->texts[from].post, post);
		post = b->texts[from].post;
	}
	b->r->nodes[node].post = post;
	if (from < to)
		add_children(b, node, from, to, common);
}

uint32_t radix_build(struct radix *r, struct radix_text *texts, size_t count,
	void (*chain)(void *data, uint32_t post, uint32_t next), void *data)
{
	struct build b = {r, texts, chain, data};
	uint32_t root;

	if (count == 0)
		return RADIX_NONE;
	qsort(texts, count, sizeof *texts, r->reversed ? compare_reversed : compare_forward);
	root = add_nodes(r, 1);
	fill(&b, root, 0, count, 0);
	return root;
}

/* Whether the label of the edge to @n is what @text has from @depth on. */
static bool edge_fits(
	const struct radix *r, const struct radix_node *n, struct slice text, size_t depth)
{
	const char *label = r->pool + n->label;

	if (text.len - depth < n->label_len)
		return false;
	if (!r->reversed)
		return memcmp(text.data + depth, label, n->label_len) == 0;
	for (uint32_t i = 0; i < n->label_len; i++) {
		if (text.data[text.len - 1 - depth - i] != label[i])
			return false;
	}
	return true;
}

uint32_t radix_next(const struct radix *r, struct radix_cursor *c, struct slice text)
{
	while (c->node != RADIX_NONE) {
		const struct radix_node *n = &r->nodes[c->node];
		const char *firsts, *at;

		c->node = RADIX_NONE;
		if (!edge_fits(r, n, text, c->depth))
			break;
		c->depth += n->label_len;
		if (n->child_count > 0 && c->depth < text.len) {
			firsts = r->pool + n->firsts;
			at = memchr(
				firsts, byte_at(r->reversed, text, c->depth), n->child_count);
			if (at != NULL)
				c->node = n->child + (uint32_t)(at - firsts);
		}
		if (n->post != RADIX_NONE)
			return n->post;
	}
	return RADIX_NONE;
}
