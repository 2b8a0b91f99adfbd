/* SPDX-License-Identifier: Apache-2.0 */
/* Matches an event in three steps: walk it, look up which conditions trigger alternatives,
 * test those alternatives in full. */
#include "core/ruleset/ruleset.h"
#include "ruleset_private.h"

#include <stdlib.h>

struct ruleset_scratch *ruleset_scratch_new(const struct ruleset *rs)
{
	struct ruleset_scratch *s = xcalloc(1, sizeof *s);

	s->rs = rs;
	s->lists = xcalloc((size_t)rs->names.field_count + 1, sizeof *s->lists);
	buf_init(&s->decoded, BUF_UNLIMITED);
	s->arrays = xcalloc(rs->names.count, sizeof *s->arrays);
	s->array_seen = xcalloc(rs->names.count, sizeof *s->array_seen);
	s->verdicts = xcalloc((size_t)rs->condition_count + 1, sizeof *s->verdicts);
	s->fired = xcalloc((size_t)rs->condition_count + 1, sizeof *s->fired);
	s->rule_hits = xcalloc((size_t)rs->rule_count + 1, sizeof *s->rule_hits);
	s->hits = xcalloc((size_t)rs->rule_count + 1, sizeof *s->hits);
	triggers_scratch_init(&s->triggers, &rs->triggers);
	s->name_seen = xcalloc(rs->names.count, sizeof *s->name_seen);
	return s;
}

void ruleset_scratch_free(struct ruleset_scratch *s)
{
	if (s == NULL)
		return;
	free(s->leaves);
	free(s->lists);
	buf_release(&s->decoded);
	free(s->arrays);
	free(s->array_seen);
	free(s->verdicts);
	free(s->fired);
	free(s->rule_hits);
	free(s->hits);
	triggers_scratch_release(&s->triggers);
	free(s->trail);
	free(s->name_seen);
	free(s->must);
	free(s->chosen);
	free(s);
}

/* A new generation: what was noted for earlier events is no longer valid. */
static void begin_event(struct ruleset_scratch *s, const struct jx_index *ix)
{
	const struct ruleset *rs = s->rs;

	s->ix = ix;
	s->leaf_count = 0;
	s->array_count = 0;
	s->hit_count = 0;
	s->has_trail = false;
	buf_reset(&s->decoded);
	if (++s->generation < UINT32_MAX / 2)
		return;
	s->generation = 1;
	memset(s->lists, 0, rs->names.field_count * sizeof *s->lists);
	memset(s->array_seen, 0, rs->names.count * sizeof *s->array_seen);
	memset(s->verdicts, 0, rs->condition_count * sizeof *s->verdicts);
	memset(s->fired, 0, rs->condition_count * sizeof *s->fired);
	memset(s->rule_hits, 0, rs->rule_count * sizeof *s->rule_hits);
}

/* The characters of string token @t. The room for all strings of the event is reserved at
 * once, so that slices of decoded text stay valid. */
static struct slice decode(struct ruleset_scratch *s, uint32_t t)
{
	size_t at;

	if (s->decoded.len == 0)
		buf_reserve(&s->decoded, s->ix->text_len);
	at = s->decoded.len;
	jx_decode(s->ix, t, &s->decoded);
	return slice_of(s->decoded.data + at, s->decoded.len - at);
}

static void add_leaf(struct ruleset_scratch *s, uint32_t field, uint32_t t)
{
	const struct jx_token *token = &s->ix->tokens[t];
	struct leaf_list *list = &s->lists[field];
	struct leaf *leaf;

	if (s->leaf_count == s->leaf_cap) {
		s->leaf_cap = s->leaf_cap ? s->leaf_cap * 2 : 64;
		s->leaves = xreallocarray(s->leaves, s->leaf_cap, sizeof *s->leaves);
	}
	leaf = &s->leaves[s->leaf_count];
	leaf->value.type = (enum jx_type)token->type;
	leaf->value.key_known = false;
	leaf->value.text = token->escaped ? decode(s, t) : jx_inner(s->ix, t);
	leaf->field = field;
	leaf->next = JX_NONE;
	if (list->generation != s->generation) {
		list->generation = s->generation;
		list->first = s->leaf_count;
	} else {
		s->leaves[list->last].next = s->leaf_count;
	}
	list->last = s->leaf_count++;
}

static void walk(struct ruleset_scratch *s, uint32_t name, uint32_t t);

uint32_t ruleset_name_of_member(
	const struct ruleset *rs, const struct jx_index *ix, uint32_t name, uint32_t m)
{
	const struct jx_token *token = &ix->tokens[m];
	struct slice key = jx_key(ix, m);
	struct buf decoded;
	uint32_t child;

	if (token->key_escaped) {
		buf_init(&decoded, BUF_UNLIMITED);
		jx_decode_slice(key, &decoded);
		child = names_find_dotted(&rs->names, name, buf_slice(&decoded));
		buf_release(&decoded);
		return child;
	}
	child = names_find(&rs->names, name, token->key_hash, key);
	if (child == NAMES_NONE && rs->names.nodes[name].has_deep && key.len > 0 &&
		memchr(key.data, '.', key.len) != NULL)
		child = names_find_dotted(&rs->names, name, key);
	return child;
}

static void walk_object(struct ruleset_scratch *s, uint32_t name, uint32_t t)
{
	const struct jx_index *ix = s->ix;
	uint32_t end = jx_next(ix, t);

	for (uint32_t m = t + 1; m < end; m = jx_next(ix, m)) {
		uint32_t child;

		if (ix->tokens[m].shadowed)
			continue;
		child = ruleset_name_of_member(s->rs, ix, name, m);
		if (child != NAMES_NONE)
			walk(s, child, m);
	}
}

static void walk_array(struct ruleset_scratch *s, uint32_t name, uint32_t t)
{
	const struct names_node *node = &s->rs->names.nodes[name];
	uint32_t end = jx_next(s->ix, t), count = 0;
	bool nested = false;

	for (uint32_t e = t + 1; e < end; e = jx_next(s->ix, e)) {
		nested |= jx_type(s->ix, e) >= JX_ARRAY;
		count++;
		walk(s, name, e);
	}
	if (count > 1 && nested && s->array_seen[name] != s->generation &&
		node->below_end - node->below + (node->field != NAMES_NONE) > 1) {
		s->array_seen[name] = s->generation;
		s->arrays[s->array_count++] = name;
	}
}

/* Note the leaves at and below @t, a value at @name. */
static void walk(struct ruleset_scratch *s, uint32_t name, uint32_t t)
{
	const struct names_node *node = &s->rs->names.nodes[name];

	switch (jx_type(s->ix, t)) {
	case JX_OBJECT:
		if (node->has_children)
			walk_object(s, name, t);
		break;
	case JX_ARRAY:
		walk_array(s, name, t);
		break;
	default:
		if (node->field != NAMES_NONE)
			add_leaf(s, node->field, t);
	}
}

bool ruleset_leaf_holds(struct ruleset_scratch *s, uint32_t c)
{
	uint32_t field = s->rs->conditions[c].field;
	uint32_t l = JX_NONE;
	bool holds = false;

	if (s->verdicts[c] >> 1 == s->generation)
		return s->verdicts[c] & 1;
	if (s->lists[field].generation == s->generation)
		l = s->lists[field].first;
	for (; l != JX_NONE && !holds; l = s->leaves[l].next)
		holds = condition_holds(s->rs->conditions[c].condition, &s->leaves[l].value);
	s->verdicts[c] = s->generation << 1 | holds;
	return holds;
}

bool ruleset_shares_array(const struct ruleset_scratch *s, const struct rule_alternative *a)
{
	const struct ruleset *rs = s->rs;

	for (uint32_t i = 0; i < s->array_count; i++) {
		const struct names_node *node = &rs->names.nodes[s->arrays[i]];
		unsigned count = 0;

		for (uint32_t m = a->first; m < a->end && count < 2; m++) {
			uint32_t field = rs->conditions[rs->members[m]].field;

			count += field == node->field ||
				 (field >= node->below && field < node->below_end);
		}
		if (count == 2)
			return true;
	}
	return false;
}

/* Test all conditions of an alternative. */
static void try_alternative(struct ruleset_scratch *s, uint32_t n)
{
	const struct ruleset *rs = s->rs;
	const struct rule_alternative *a = &rs->alternatives[n];
	bool shared;

	if (s->rule_hits[a->rule] == s->generation)
		return;
	shared = s->array_count > 0 && a->end - a->first > 1 && ruleset_shares_array(s, a);
	for (uint32_t m = a->first; m < a->end; m++) {
		uint32_t c = rs->members[m];
		const struct rule_condition *rc = &rs->conditions[c];

		if (ruleset_leaf_holds(s, c))
			continue;
		if (!rc->may_be_absent)
			return;
		if (!shared && s->lists[rc->field].generation == s->generation)
			return;
	}
	if (shared && !arrays_agree(s, a))
		return;
	s->rule_hits[a->rule] = s->generation;
	s->hits[s->hit_count++] = a->rule;
}

/* Condition @c holds for some leaf: test the alternatives that it triggers. */
static void trigger(void *data, uint32_t c)
{
	struct ruleset_scratch *s = data;
	const struct rule_condition *rc = &s->rs->conditions[c];

	if (s->fired[c] == s->generation)
		return;
	s->fired[c] = s->generation;
	s->verdicts[c] = s->generation << 1 | 1;
	for (uint32_t i = rc->triggers; i < rc->triggers_end; i++)
		try_alternative(s, s->rs->triggered[i]);
}

static int compare_numbers(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return (a > b) - (a < b);
}

/* Few rules are sorted. Many are read off the marks of all rules, which are in order. */
static void sort_hits(struct ruleset_scratch *s)
{
	uint32_t n = 0;

	if (s->hit_count < 2)
		return;
	if (s->hit_count < s->rs->rule_count / 16) {
		qsort(s->hits, s->hit_count, sizeof *s->hits, compare_numbers);
		return;
	}
	for (uint32_t rule = 0; rule < s->rs->rule_count; rule++) {
		s->hits[n] = rule;
		n += s->rule_hits[rule] == s->generation;
	}
}

size_t ruleset_match(const struct ruleset *rs, struct ruleset_scratch *s,
	const struct jx_index *ix, const uint32_t **ret_rules)
{
	begin_event(s, ix);
	*ret_rules = s->hits;
	if (ix->count == 0 || jx_type(ix, 0) != JX_OBJECT)
		return 0;
	walk_object(s, 0, 0);
	for (uint32_t l = 0; l < s->leaf_count; l++) {
		struct leaf *leaf = &s->leaves[l];

		if (rs->triggers.fields[leaf->field].used)
			triggers_fire(&rs->triggers, leaf->field, &leaf->value, &s->triggers,
				trigger, s);
	}
	for (uint32_t i = 0; i < rs->always_count; i++)
		try_alternative(s, rs->always[i]);
	sort_hits(s);
	return s->hit_count;
}
