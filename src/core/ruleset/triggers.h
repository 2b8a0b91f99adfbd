/* SPDX-License-Identifier: Apache-2.0 */
/*
 * triggers.h - which conditions does this leaf of the event meet?
 *
 * The registers of a ruleset. A condition is registered with each of its tests, in the
 * structure that finds that kind of test: exact values in a table by field and value, the
 * others in a tree or automaton of the field. What is found is a candidate, as hashes
 * collide and a wildcard is found by one of its literals; the test itself decides.
 *
 * Borrows the tests. Immutable once sealed. Pure.
 */
#ifndef CORE_RULESET_TRIGGERS_H
#define CORE_RULESET_TRIGGERS_H

#include "base/arena.h"
#include "core/pattern/condition.h"
#include "intervals.h"
#include "radix.h"
#include "substring.h"

#define TRIGGERS_NONE UINT32_MAX

/* A test that waits for a value; posts with the same key are chained. */
struct triggers_post {
	const struct test *test;
	uint32_t condition;
	uint32_t next;
};

enum triggers_tree {
	TREE_PREFIX,
	TREE_SUFFIX,
	TREE_FOLDED_PREFIX, /* these two hold canonical forms, and are asked for those */
	TREE_FOLDED_SUFFIX,
	TREE_NR_VALUES
};

struct triggers_field {
	bool used;       /* something is registered */
	bool has_values; /* in the table */
	bool has_folded; /* in the table, by canonical form */
	uint32_t any;    /* posts for whatever leaf there is */
	uint32_t roots[TREE_NR_VALUES];
	uint32_t substrings; /* 0: none */
	uint32_t ranges, range_count;
};

struct triggers_slot {
	uint32_t tag, post;
};

struct triggers_entry;

struct triggers {
	struct triggers_field *fields;
	struct triggers_post *posts;
	uint32_t post_count, post_cap;
	struct triggers_slot *table;
	uint32_t table_mask;
	struct radix trees[TREE_NR_VALUES];
	struct substring substring;
	struct interval *ranges;
	struct triggers_entry *entries; /* until sealed: what goes into the structures */
	size_t entry_count, entry_cap;
	struct arena arena;
};

void triggers_init(struct triggers *t, uint32_t field_count);
void triggers_release(struct triggers *t);
/* Register @test of @condition at @field. */
void triggers_add(
	struct triggers *t, uint32_t field, const struct test *test, uint32_t condition);
/* Build. Nothing may be added afterwards. */
void triggers_seal(struct triggers *t);

/* How much work a registered test causes: 1 for a value that only it waits for. */
unsigned triggers_cost(const struct test *test);
/* A hash of an exact value that a test waits for, with its field; false for other tests. */
bool triggers_value_hash(uint32_t field, const struct test *test, uint64_t *ret_hash);

/* The place in the table of a value of @field; @kind is that of the tests for it. */
uint64_t triggers_hash_text(uint32_t field, enum test_kind kind, struct slice text);
uint64_t triggers_hash_key(uint32_t field, int64_t key);

/* What a look-up needs to write to; one for each thread. */
struct triggers_scratch {
	struct buf canonical;
	uint32_t *tried; /* by post: the look-up that last came to it by a substring */
	uint32_t serial; /* of this look-up */
};

void triggers_scratch_init(struct triggers_scratch *s, const struct triggers *t);
void triggers_scratch_release(struct triggers_scratch *s);

/* Call @met(data, condition) for each registered condition that @v meets; for some more
 * than once. */
void triggers_fire(const struct triggers *t, uint32_t field, struct leaf_value *v,
	struct triggers_scratch *scratch, void (*met)(void *data, uint32_t condition),
	void *data);

#endif
