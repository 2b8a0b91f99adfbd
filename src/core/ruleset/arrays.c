/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays: do the conditions of an alternative agree on the elements of the arrays that
 * they share? core/ruleset/ruleset.h says why one pass over the trail is enough, and when it is
 * not and a search must do.
 */
#include "ruleset_private.h"

#include <stdlib.h>

static uint32_t add_node(struct ruleset_scratch *s, struct trail_node node)
{
	if (s->trail_count == s->trail_cap) {
		s->trail_cap = s->trail_cap ? s->trail_cap * 2 : 64;
		s->trail = xreallocarray(s->trail, s->trail_cap, sizeof *s->trail);
	}
	s->trail[s->trail_count] = node;
	return s->trail_count++;
}

/* Whether two children of object @node spell one path, or one the beginning of another's.
 * That takes a key with a dot in it. */
static bool is_ambiguous(struct ruleset_scratch *s, uint32_t node)
{
	const struct names_node *names = s->rs->names.nodes;
	const struct trail_node *object = &s->trail[node];
	uint32_t serial = ++s->serial;
	bool dotted = false;

	if (serial == 0) {
		memset(s->name_seen, 0, s->rs->names.count * sizeof *s->name_seen);
		serial = ++s->serial;
	}

	for (uint32_t n = node + 1; n < object->end; n = s->trail[n].end) {
		uint32_t name = s->trail[n].name;

		if (s->name_seen[name] == serial)
			return true;
		s->name_seen[name] = serial;
		dotted |= names[name].parent != object->name;
	}
	for (uint32_t n = node + 1; dotted && n < object->end; n = s->trail[n].end) {
		uint32_t name = names[s->trail[n].name].parent;

		for (; name != object->name; name = names[name].parent) {
			if (s->name_seen[name] == serial)
				return true;
		}
	}
	return false;
}

/* Takes the same steps as the walk of the event, so leaves come in the same order: @leaf
 * counts them. */
static void write_down(
	struct ruleset_scratch *s, uint32_t name, uint32_t t, uint32_t parent, uint32_t *leaf)
{
	const struct names_node *node = &s->rs->names.nodes[name];
	const struct jx_index *ix = s->ix;
	enum jx_type type = jx_type(ix, t);
	uint32_t n;

	if (type < JX_ARRAY ? node->field == NAMES_NONE
			    : type == JX_OBJECT && !node->has_children)
		return;
	n = add_node(s, (struct trail_node){name, 0, parent, JX_NONE, type == JX_ARRAY});
	if (type < JX_ARRAY) {
		s->leaves[*leaf].node = n;
		s->trail[n].leaf = (*leaf)++;
	}
	for (uint32_t m = t + 1; m < jx_next(ix, t); m = jx_next(ix, m)) {
		uint32_t child = name;

		if (ix->tokens[m].shadowed)
			continue;
		if (type == JX_OBJECT)
			child = ruleset_name_of_member(s->rs, ix, name, m);
		if (child != NAMES_NONE)
			write_down(s, child, m, n, leaf);
	}
	s->trail[n].end = s->trail_count;
	if (type == JX_OBJECT && !s->ambiguous)
		s->ambiguous = is_ambiguous(s, n);
}

static void obtain_trail(struct ruleset_scratch *s)
{
	uint32_t leaves = 0;

	if (s->has_trail)
		return;
	s->has_trail = true;
	s->ambiguous = false;
	s->trail_count = 0;
	write_down(s, 0, 0, JX_NONE, &leaves);
}

/* How many conditions of the alternative are on fields before @field. */
static uint32_t rank_of(const struct ruleset_scratch *s, uint32_t field)
{
	const uint32_t *members = s->rs->members + s->alternative->first;
	uint32_t low = 0, high = s->alternative->end - s->alternative->first;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (s->rs->conditions[members[middle]].field < field)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The alternative's condition at @name, JX_NONE if there is none. *ret_rank is its place. */
static uint32_t condition_at(const struct ruleset_scratch *s, uint32_t name, uint32_t *ret_rank)
{
	uint32_t field = s->rs->names.nodes[name].field, rank, c;

	if (field == NAMES_NONE)
		return JX_NONE;
	rank = rank_of(s, field);
	if (rank == s->alternative->end - s->alternative->first)
		return JX_NONE;
	c = s->rs->members[s->alternative->first + rank];
	if (s->rs->conditions[c].field != field)
		return JX_NONE;
	*ret_rank = rank;
	return c;
}

/* How many conditions the alternative has at and below a name. */
struct share {
	uint32_t count; /* conditions */
	uint32_t must;  /* those that must have a leaf */
};

static struct share share_of(const struct ruleset_scratch *s, uint32_t name)
{
	const struct names_node *node = &s->rs->names.nodes[name];
	uint32_t from = rank_of(s, node->below), to = rank_of(s, node->below_end), rank;
	struct share share = {to - from, s->must[to] - s->must[from]};

	if (condition_at(s, name, &rank) != JX_NONE) {
		share.count++;
		share.must += s->must[rank + 1] - s->must[rank];
	}
	return share;
}

/* The answer for one node of the trail: can the conditions at and below its name be met in
 * it, and which is the first of them that has a leaf in it (JX_NONE: none has)? */
struct finding {
	bool met;
	uint32_t first;
};

static struct finding inspect(struct ruleset_scratch *s, uint32_t n, struct share share);

static struct finding inspect_leaf(struct ruleset_scratch *s, uint32_t n, struct share share)
{
	uint32_t rank = 0, c = condition_at(s, s->trail[n].name, &rank);
	struct leaf_value *v = &s->leaves[s->trail[n].leaf].value;

	if (c == JX_NONE)
		return (struct finding){share.must == 0, JX_NONE};
	share.must -= s->must[rank + 1] - s->must[rank];
	return (struct finding){
		share.must == 0 && condition_holds(s->rs->conditions[c].condition, v), rank};
}

/* One element must meet all of the conditions, and it must be one that the first condition
 * with a leaf in the array can choose. */
static struct finding inspect_array(struct ruleset_scratch *s, uint32_t n, struct share share)
{
	struct finding all = {share.must == 0, JX_NONE};

	for (uint32_t e = n + 1; e < s->trail[n].end; e = s->trail[e].end) {
		struct finding one = inspect(s, e, share);

		if (one.first == JX_NONE || one.first > all.first)
			continue;
		all.met = one.met || (one.first == all.first && all.met);
		all.first = one.first;
	}
	return all;
}

/* All members must meet their conditions, and none that must be there may be missing. */
static struct finding inspect_object(struct ruleset_scratch *s, uint32_t n, struct share share)
{
	struct finding all = {true, JX_NONE};
	uint32_t must = 0;

	for (uint32_t m = n + 1; m < s->trail[n].end; m = s->trail[m].end) {
		struct share part = share_of(s, s->trail[m].name);
		struct finding one;

		if (part.count == 0)
			continue;
		one = inspect(s, m, part);
		all.met &= one.met;
		if (one.first < all.first)
			all.first = one.first;
		must += part.must;
	}
	all.met &= must == share.must;
	return all;
}

static struct finding inspect(struct ruleset_scratch *s, uint32_t n, struct share share)
{
	if (s->trail[n].leaf != JX_NONE)
		return inspect_leaf(s, n, share);
	return s->trail[n].is_array ? inspect_array(s, n, share) : inspect_object(s, n, share);
}

/* Two leaves agree unless their paths lead into different elements of one array. */
static bool leaves_agree(const struct ruleset_scratch *s, uint32_t a, uint32_t b)
{
	uint32_t na = s->leaves[a].node, nb = s->leaves[b].node;

	while (nb < na || nb >= s->trail[na].end)
		na = s->trail[na].parent;
	return !s->trail[na].is_array;
}

static bool agrees_with_chosen(
	struct ruleset_scratch *s, uint32_t l, const uint32_t *chosen, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (chosen[i] == JX_NONE)
			continue;
		s->steps++;
		if (!leaves_agree(s, l, chosen[i]))
			return false;
	}
	return true;
}

/*
 * The next leaf for the condition of this rank, behind chosen[rank] (JX_NONE: from the
 * first), that holds and agrees with those chosen before. *ret_present: some leaf agrees.
 */
static uint32_t next_choice(
	struct ruleset_scratch *s, uint32_t rank, uint32_t l, bool *ret_present)
{
	uint32_t c = s->rs->members[s->alternative->first + rank];

	for (; l != JX_NONE && s->steps < RULESET_MAX_STEPS; l = s->leaves[l].next) {
		s->steps++;
		if (!agrees_with_chosen(s, l, s->chosen, rank))
			continue;
		*ret_present = true;
		if (condition_holds(s->rs->conditions[c].condition, &s->leaves[l].value))
			return l;
	}
	return JX_NONE;
}

static uint32_t first_leaf(const struct ruleset_scratch *s, uint32_t rank)
{
	uint32_t field = s->rs->conditions[s->rs->members[s->alternative->first + rank]].field;
	const struct leaf_list *list = &s->lists[field];

	return list->generation == s->generation ? list->first : JX_NONE;
}

/*
 * Choose a leaf for one condition after the other, and go back when there is none. A
 * condition met by absence chooses none; there was no leaf to choose then, so going
 * back goes past it.
 */
static bool search(struct ruleset_scratch *s, uint32_t count)
{
	uint32_t rank = 0, from = first_leaf(s, 0);
	bool present = false;

	s->steps = 0;
	for (;;) {
		uint32_t c = s->rs->members[s->alternative->first + rank];
		uint32_t l = next_choice(s, rank, from, &present);

		if (++s->steps >= RULESET_MAX_STEPS)
			break;
		s->chosen[rank] = l;
		if (l != JX_NONE || (!present && s->rs->conditions[c].may_be_absent)) {
			if (++rank == count)
				return true;
			from = first_leaf(s, rank);
			present = false;
			continue;
		}
		do {
			if (rank-- == 0)
				return false;
		} while (s->chosen[rank] == JX_NONE);
		from = s->leaves[s->chosen[rank]].next;
		present = true;
	}
	return false;
}

bool arrays_agree(struct ruleset_scratch *s, const struct rule_alternative *a)
{
	uint32_t count = a->end - a->first;

	obtain_trail(s);
	s->alternative = a;
	if (count + 1 > s->must_cap) {
		s->must_cap = count * 2 + 1;
		s->must = xreallocarray(s->must, s->must_cap, sizeof *s->must);
		s->chosen = xreallocarray(s->chosen, s->must_cap, sizeof *s->chosen);
	}
	s->must[0] = 0;
	for (uint32_t i = 0; i < count; i++)
		s->must[i + 1] = s->must[i] +
				 !s->rs->conditions[s->rs->members[a->first + i]].may_be_absent;
	if (s->ambiguous)
		return search(s, count);
	return inspect_object(s, 0, (struct share){count, s->must[count]}).met;
}
