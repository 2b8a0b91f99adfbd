/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <stdlib.h>

void names_init(struct names *n)
{
	*n = (struct names){0};
	n->cap = 16;
	n->nodes = xcalloc(n->cap, sizeof *n->nodes);
	n->nodes[0] = (struct names_node){.field = NAMES_NONE};
	n->count = 1;
	n->mask = 2 * n->cap - 1;
	n->slots = xcalloc(n->mask + 1, sizeof *n->slots);
}

void names_release(struct names *n)
{
	free(n->nodes);
	free(n->slots);
	free(n->field_names);
	*n = (struct names){0};
}

static void insert(struct names *n, uint32_t parent, uint32_t hash, uint32_t child)
{
	uint32_t i = names_slot_of(parent, hash);

	while (n->slots[i & n->mask].child != 0)
		i++;
	n->slots[i & n->mask] = (struct names_slot){parent, hash, child};
}

static void grow(struct names *n)
{
	struct names_slot *old = n->slots;
	uint32_t old_mask = n->mask;

	n->cap *= 2;
	n->nodes = xreallocarray(n->nodes, n->cap, sizeof *n->nodes);
	n->mask = 2 * n->cap - 1;
	n->slots = xcalloc((size_t)n->mask + 1, sizeof *n->slots);
	for (uint32_t i = 0; i <= old_mask; i++) {
		if (old[i].child != 0)
			insert(n, old[i].parent, old[i].hash, old[i].child);
	}
	free(old);
}

uint32_t names_obtain(struct names *n, uint32_t parent, struct slice text)
{
	uint32_t hash = jx_key_hash(text);
	uint32_t child = names_find(n, parent, hash, text);

	if (child != NAMES_NONE)
		return child;
	if (n->count == n->cap)
		grow(n);
	child = n->count++;
	n->nodes[child] =
		(struct names_node){.parent = parent, .field = NAMES_NONE, .text = text};
	n->nodes[parent].filter |= 1U << (hash >> 27);
	n->nodes[parent].has_children = true;
	n->nodes[n->nodes[parent].parent].has_deep |= parent != 0;
	insert(n, parent, hash, child);
	return child;
}

void names_mark_field(struct names *n, uint32_t name)
{
	if (n->nodes[name].field == NAMES_NONE) {
		n->nodes[name].field = 0;
		n->field_count++;
	}
}

/* An item in the order of siblings: the field of a child itself, or everything below that
 * child. */
struct item {
	uint32_t name;
	bool below;
	struct slice text;
};

/* The path of a child ends with its name; the paths below it continue with a dot. */
static int compare_items(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;
	size_t len = a->text.len < b->text.len ? a->text.len : b->text.len;
	int order = len > 0 ? memcmp(a->text.data, b->text.data, len) : 0;
	int next_a, next_b;

	if (order != 0)
		return order;
	next_a = a->text.len > len ? (unsigned char)a->text.data[len] : a->below ? '.' : -1;
	next_b = b->text.len > len ? (unsigned char)b->text.data[len] : b->below ? '.' : -1;
	return next_a - next_b;
}

/* All items, grouped by parent: those of name v begin at first[v]. */
static struct item *group_items(const struct names *n, uint32_t *first)
{
	struct item *items;
	uint32_t *at = xcalloc(n->count + 1, sizeof *at);

	for (uint32_t v = 1; v < n->count; v++)
		first[n->nodes[v].parent + 1] +=
			(n->nodes[v].field != NAMES_NONE) + n->nodes[v].has_children;
	for (uint32_t v = 0; v < n->count; v++)
		first[v + 1] += first[v];
	memcpy(at, first, (n->count + 1) * sizeof *at);
	items = xreallocarray(NULL, first[n->count] + 1, sizeof *items);
	for (uint32_t v = 1; v < n->count; v++) {
		const struct names_node *node = &n->nodes[v];

		if (node->field != NAMES_NONE)
			items[at[node->parent]++] = (struct item){v, false, node->text};
		if (node->has_children)
			items[at[node->parent]++] = (struct item){v, true, node->text};
	}
	free(at);
	return items;
}

/* Number the fields: go through the items in order, and down into a child where its
 * descendants are due. There is no recursion, because a name can be as deep as a pattern is
 * long: at[v] is the next item of name v. */
static void number_fields(
	struct names *n, const struct item *items, uint32_t *at, const uint32_t *ends)
{
	uint32_t v = 0, field = 0;

	n->nodes[0].below = 0;
	for (;;) {
		const struct item *item;

		if (at[v] == ends[v]) {
			n->nodes[v].below_end = field;
			if (v == 0)
				return;
			v = n->nodes[v].parent;
			continue;
		}
		item = &items[at[v]++];
		if (item->below) {
			v = item->name;
			n->nodes[v].below = field;
		} else {
			n->field_names[field] = item->name;
			n->nodes[item->name].field = field++;
		}
	}
}

void names_seal(struct names *n)
{
	uint32_t *first = xcalloc((size_t)n->count + 1, sizeof *first);
	uint32_t *at = xcalloc((size_t)n->count + 1, sizeof *at);
	struct item *items = group_items(n, first);

	for (uint32_t v = 0; v < n->count; v++) {
		if (first[v + 1] - first[v] > 1)
			qsort(items + first[v], first[v + 1] - first[v], sizeof *items,
				compare_items);
	}
	n->field_names = xcalloc((size_t)n->field_count + 1, sizeof *n->field_names);
	memcpy(at, first, n->count * sizeof *at);
	number_fields(n, items, at, first + 1);
	free(items);
	free(first);
	free(at);
}

uint32_t names_find_dotted(const struct names *n, uint32_t parent, struct slice key)
{
	for (;;) {
		const char *dot = key.len > 0 ? memchr(key.data, '.', key.len) : NULL;
		struct slice part =
			slice_of(key.data, dot != NULL ? (size_t)(dot - key.data) : key.len);

		parent = names_find(n, parent, jx_key_hash(part), part);
		if (dot == NULL || parent == NAMES_NONE)
			return parent;
		key = slice_of(dot + 1, key.len - part.len - 1);
	}
}
