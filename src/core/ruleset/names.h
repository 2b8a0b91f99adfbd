/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - the paths of many patterns as one tree of names, and their order.
 *
 * Paths are cut at their dots. A name at which some pattern has a condition is a *field*.
 * Fields are numbered in bytewise order of their whole paths, which is the order in which
 * conditions are decided (core/ruleset/ruleset.h, "Arrays"). All fields strictly below a name are
 * neighbours in that order; the name's own field need not be ("a", "a-b", "a.b").
 *
 * Texts are borrowed. Immutable once sealed. Pure.
 */
#ifndef CORE_RULESET_NAMES_H
#define CORE_RULESET_NAMES_H

#include "core/json/json.h"
#include "core/json/scan.h"

#define NAMES_NONE UINT32_MAX

struct names_node {
	uint32_t parent;
	uint32_t field;              /* NAMES_NONE: none here */
	uint32_t below, below_end;   /* fields strictly below */
	uint32_t filter;             /* a bit for each child's hash */
	bool has_children, has_deep; /* has_deep: some child has children */
	struct slice text;
};

struct names_slot {
	uint32_t parent, hash, child; /* child 0: empty */
};

struct names {
	struct names_node *nodes;
	uint32_t count, cap;
	struct names_slot *slots;
	uint32_t mask; /* slots - 1 */
	uint32_t field_count;
	uint32_t *field_names; /* by field */
};

void names_init(struct names *n);
void names_release(struct names *n);

/* The child @text, without dots, of @parent; 0 is the root. */
uint32_t names_obtain(struct names *n, uint32_t parent, struct slice text);
/* Some pattern has a condition at @name. */
void names_mark_field(struct names *n, uint32_t name);
/* Number the fields. Nothing may be added afterwards. */
void names_seal(struct names *n);

static inline uint32_t names_slot_of(uint32_t parent, uint32_t hash)
{
	return (hash ^ parent * 0x9e3779b1U) * 0x85ebca6bU >> 7;
}

/* The child of @parent with this text and its jx_key_hash(), or NAMES_NONE. */
static inline uint32_t names_find(
	const struct names *n, uint32_t parent, uint32_t hash, struct slice text)
{
	const struct names_slot *slot;

	if ((n->nodes[parent].filter & 1U << (hash >> 27)) == 0)
		return NAMES_NONE;
	for (uint32_t i = names_slot_of(parent, hash);; i++) {
		slot = &n->slots[i & n->mask];
		if (slot->child == 0)
			return NAMES_NONE;
		if (slot->hash == hash && slot->parent == parent &&
			n->nodes[slot->child].text.len == text.len &&
			jx_same(n->nodes[slot->child].text.data, text.data, text.len))
			return slot->child;
	}
}

/* The name that @key, cut at its dots, leads to from @parent, or NAMES_NONE. */
uint32_t names_find_dotted(const struct names *n, uint32_t parent, struct slice key);

#endif
