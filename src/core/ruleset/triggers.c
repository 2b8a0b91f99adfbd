/* SPDX-License-Identifier: Apache-2.0 */
#include "triggers.h"
#include "core/pattern/casefold.h"

#include <stdlib.h>

/* The state of one look-up. */
struct firing {
	const struct triggers *t;
	struct leaf_value *v;
	struct triggers_scratch *scratch;
	void (*met)(void *data, uint32_t condition);
	void *data;
};

/* Apply the tests of chain @post to the leaf. */
static void try_chain(const struct firing *f, uint32_t post)
{
	while (post != TRIGGERS_NONE) {
		const struct triggers_post *p = &f->t->posts[post];

		post = p->next;
		if (test_holds(p->test, f->v))
			f->met(f->data, p->condition);
	}
}

static void try_one(void *data, uint32_t post)
{
	const struct firing *f = data;

	if (test_holds(f->t->posts[post].test, f->v))
		f->met(f->data, f->t->posts[post].condition);
}

static void look_up(const struct firing *f, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);

	for (uint32_t i = (uint32_t)hash;; i++) {
		const struct triggers_slot *slot = &f->t->table[i & f->t->table_mask];

		if (slot->post == TRIGGERS_NONE)
			return;
		if (slot->tag == tag) {
			try_chain(f, slot->post);
			return;
		}
	}
}

static void walk_tree(
	const struct firing *f, enum triggers_tree tree, uint32_t root, struct slice text)
{
	struct radix_cursor c = {root, 0};
	uint32_t post;

	if (root == RADIX_NONE)
		return;
	while ((post = radix_next(&f->t->trees[tree], &c, text)) != RADIX_NONE)
		try_chain(f, post);
}

/* Each text found is tested once for each value, and so are all texts that end with it. So
 * the work is linear in the length of the value and the size of the automaton. */
static void walk_substrings(const struct firing *f, uint32_t root)
{
	const struct substring *s = &f->t->substring;
	uint32_t *tried = f->scratch->tried, serial = f->scratch->serial;
	uint32_t state = root;

	for (size_t i = 0; i < f->v->text.len; i++) {
		state = substring_step(s, root, state, (unsigned char)f->v->text.data[i]);
		for (uint32_t t = state; t != 0; t = s->states[t].shorter) {
			uint32_t post = s->states[t].post;

			if (post == RADIX_NONE)
				continue;
			if (tried[post] == serial)
				break;
			tried[post] = serial;
			try_chain(f, post);
		}
	}
}

static void fire_string(
	const struct firing *f, const struct triggers_field *field, uint32_t number)
{
	struct buf *canonical = &f->scratch->canonical;
	struct slice text = f->v->text;

	if (field->has_values)
		look_up(f, triggers_hash_text(number, TEST_STRING, text));
	walk_tree(f, TREE_PREFIX, field->roots[TREE_PREFIX], text);
	walk_tree(f, TREE_SUFFIX, field->roots[TREE_SUFFIX], text);
	if (field->substrings != 0)
		walk_substrings(f, field->substrings);
	if (!field->has_folded && field->roots[TREE_FOLDED_PREFIX] == RADIX_NONE &&
		field->roots[TREE_FOLDED_SUFFIX] == RADIX_NONE)
		return;
	buf_reset(canonical);
	casemap_canonical(text, canonical);
	text = slice_of(buf_str(canonical), canonical->len);
	if (field->has_folded)
		look_up(f, triggers_hash_text(number, TEST_EQUALS_FOLDED, text));
	walk_tree(f, TREE_FOLDED_PREFIX, field->roots[TREE_FOLDED_PREFIX], text);
	walk_tree(f, TREE_FOLDED_SUFFIX, field->roots[TREE_FOLDED_SUFFIX], text);
}

static void fire_number(
	const struct firing *f, const struct triggers_field *field, uint32_t number)
{
	if (leaf_value_has_key(f->v)) {
		if (field->has_values)
			look_up(f, triggers_hash_key(number, f->v->key));
		intervals_find(f->t->ranges + field->ranges, field->range_count, f->v->key,
			try_one, (void *)f);
	} else if (field->has_values) {
		look_up(f, triggers_hash_text(number, TEST_NUMBER_TEXT, f->v->text));
	}
}

void triggers_scratch_init(struct triggers_scratch *s, const struct triggers *t)
{
	*s = (struct triggers_scratch){0};
	buf_init(&s->canonical, BUF_UNLIMITED);
	s->tried = xcalloc((size_t)t->post_count + 1, sizeof *s->tried);
}

void triggers_scratch_release(struct triggers_scratch *s)
{
	buf_release(&s->canonical);
	free(s->tried);
}

void triggers_fire(const struct triggers *t, uint32_t field, struct leaf_value *v,
	struct triggers_scratch *scratch, void (*met)(void *data, uint32_t condition),
	void *data)
{
	static const enum test_kind literals[] = {
		[JX_NULL] = TEST_NULL,
		[JX_TRUE] = TEST_TRUE,
		[JX_FALSE] = TEST_FALSE,
	};
	const struct triggers_field *tf = &t->fields[field];
	struct firing f = {t, v, scratch, met, data};

	if (++scratch->serial == 0) {
		memset(scratch->tried, 0, t->post_count * sizeof *scratch->tried);
		scratch->serial = 1;
	}
	if (v->type == JX_STRING)
		fire_string(&f, tf, field);
	else if (v->type == JX_NUMBER)
		fire_number(&f, tf, field);
	else if (tf->has_values)
		look_up(&f, triggers_hash_text(field, literals[v->type], slice_of(NULL, 0)));
	try_chain(&f, tf->any);
}
