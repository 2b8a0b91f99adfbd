/* SPDX-License-Identifier: Apache-2.0 */
/* Builds a ruleset: collects names and conditions of all patterns and chooses a trigger for
 * each alternative. */
#include "core/ruleset/ruleset.h"
#include "core/json/scan.h"
#include "ruleset_private.h"

#include <stdlib.h>

/* What is needed only while building. */
struct builder {
	struct ruleset *rs;
	const struct pattern *const *patterns;
	size_t count;
	uint32_t *map; /* a pattern's names to the ruleset's */
	uint32_t map_cap;
	uint32_t *slots; /* 1 + number of a condition, by content */
	uint32_t mask;
	uint32_t *uses;     /* by condition: alternatives that have it */
	uint32_t *triggers; /* by alternative: its trigger, or JX_NONE */
};

static const uint32_t *map_names(struct builder *b, const struct pattern *p)
{
	if (p->name_count > b->map_cap) {
		b->map_cap = p->name_count * 2;
		b->map = xreallocarray(b->map, b->map_cap, sizeof *b->map);
	}
	b->map[0] = 0;
	for (uint32_t n = 1; n < p->name_count; n++)
		b->map[n] = names_obtain(
			&b->rs->names, b->map[p->names[n].parent], p->names[n].text);
	return b->map;
}

static void collect_names(struct builder *b)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct pattern *p = b->patterns[i];
		const uint32_t *map = map_names(b, p);

		for (uint32_t a = 0; a < p->alternative_count; a++) {
			for (uint32_t f = 0; f < p->alternatives[a].field_count; f++)
				names_mark_field(
					&b->rs->names, map[p->alternatives[a].fields[f].name]);
		}
	}
	names_seal(&b->rs->names);
	for (uint32_t n = 1; n < b->rs->names.count; n++)
		jx_key_set_add(&b->rs->keys, jx_key_hash(b->rs->names.nodes[n].text));
}

/* The number of this condition on this field; it gets a new one if it is not known yet. */
static uint32_t obtain_condition(
	struct builder *b, uint32_t field, const struct condition *condition)
{
	uint64_t i = jx_fold(condition_hash(condition) ^ field, 0x8ebc6af09c88c6e3ULL);
	struct rule_condition *c;

	for (;; i++) {
		uint32_t slot = b->slots[i & b->mask];

		if (slot == 0)
			break;
		c = &b->rs->conditions[slot - 1];
		if (c->field == field && (c->condition == condition ||
						 condition_equals(c->condition, condition)))
			return slot - 1;
	}
	c = &b->rs->conditions[b->rs->condition_count];
	*c = (struct rule_condition){field, condition->may_be_absent, condition, 0, 0};
	b->slots[i & b->mask] = ++b->rs->condition_count;
	return b->rs->condition_count - 1;
}

static int compare_fields(const void *a, const void *b, void *data)
{
	const struct ruleset *rs = data;
	uint32_t fa = rs->conditions[*(const uint32_t *)a].field;
	uint32_t fb = rs->conditions[*(const uint32_t *)b].field;

	return (fa > fb) - (fa < fb);
}

static void sort_members(struct ruleset *rs, uint32_t *members, uint32_t count)
{
	if (count > 16) {
		qsort_r(members, count, sizeof *members, compare_fields, rs);
		return;
	}
	for (uint32_t i = 1; i < count; i++) {
		uint32_t m = members[i], at = i;

		for (; at > 0 &&
			rs->conditions[members[at - 1]].field > rs->conditions[m].field;
			at--)
			members[at] = members[at - 1];
		members[at] = m;
	}
}

static void collect_alternatives(struct builder *b)
{
	struct ruleset *rs = b->rs;
	uint32_t member = 0;

	for (size_t i = 0; i < b->count; i++) {
		const struct pattern *p = b->patterns[i];
		const uint32_t *map = map_names(b, p);

		for (uint32_t n = 0; n < p->alternative_count; n++) {
			struct rule_alternative *a = &rs->alternatives[rs->alternative_count++];

			*a = (struct rule_alternative){(uint32_t)i, member, 0};
			for (uint32_t f = 0; f < p->alternatives[n].field_count; f++) {
				const struct pattern_field *pf = &p->alternatives[n].fields[f];
				uint32_t field = rs->names.nodes[map[pf->name]].field;
				uint32_t c = obtain_condition(b, field, pf->condition);

				b->uses[c]++;
				rs->members[member++] = c;
			}
			a->end = member;
			sort_members(rs, rs->members + a->first, a->end - a->first);
		}
	}
}

/* How many alternatives wait for a value, by the value's hash. An open-addressing table that
 * is never full. */
struct tally {
	struct {
		uint64_t hash, count;
	} * slots;
	uint64_t mask;
};

static uint64_t *tally_of(struct tally *t, uint64_t hash)
{
	uint64_t i = hash | 1;

	for (;; i++) {
		if (t->slots[i & t->mask].hash == 0)
			t->slots[i & t->mask].hash = hash | 1;
		if (t->slots[i & t->mask].hash == (hash | 1))
			return &t->slots[i & t->mask].count;
	}
}

static void tally_all(struct tally *t, const struct builder *b)
{
	const struct ruleset *rs = b->rs;
	uint64_t tests = 0, hash, size = 16;

	for (uint32_t c = 0; c < rs->condition_count; c++)
		tests += rs->conditions[c].condition->test_count;
	while (size < tests * 2)
		size *= 2;
	t->slots = xcalloc(size, sizeof *t->slots);
	t->mask = size - 1;
	for (uint32_t c = 0; c < rs->condition_count; c++) {
		const struct rule_condition *rc = &rs->conditions[c];

		for (uint32_t i = 0; i < rc->condition->test_count; i++) {
			if (triggers_value_hash(rc->field, &rc->condition->tests[i], &hash))
				*tally_of(t, hash) += b->uses[c];
		}
	}
}

/* The expected cost of a condition as a trigger; less is better. It is how many alternatives
 * wait for its values, weighed by how likely such a value is to be the right one for them. */
static uint64_t cost_of(struct tally *t, const struct builder *b, uint32_t c)
{
	const struct rule_condition *rc = &b->rs->conditions[c];
	uint64_t cost = 0, hash;

	if (rc->may_be_absent)
		return UINT64_MAX;
	for (uint32_t i = 0; i < rc->condition->test_count; i++) {
		const struct test *test = &rc->condition->tests[i];

		if (triggers_value_hash(rc->field, test, &hash))
			cost += *tally_of(t, hash);
		else
			cost += (uint64_t)triggers_cost(test) * b->uses[c];
	}
	return cost;
}

static void choose_triggers(struct builder *b)
{
	struct ruleset *rs = b->rs;
	uint64_t *costs = xcalloc((size_t)rs->condition_count + 1, sizeof *costs);
	struct tally tally;

	tally_all(&tally, b);
	for (uint32_t c = 0; c < rs->condition_count; c++)
		costs[c] = cost_of(&tally, b, c);
	for (uint32_t n = 0; n < rs->alternative_count; n++) {
		const struct rule_alternative *a = &rs->alternatives[n];
		uint32_t best = JX_NONE;

		for (uint32_t m = a->first; m < a->end; m++) {
			uint32_t c = rs->members[m];

			if (costs[c] != UINT64_MAX &&
				(best == JX_NONE || costs[c] < costs[best]))
				best = c;
		}
		b->triggers[n] = best;
		if (best != JX_NONE)
			rs->conditions[best].triggers_end++; /* a count, for now */
		else
			rs->always[rs->always_count++] = n;
	}
	free(costs);
	free(tally.slots);
}

static void register_triggers(struct builder *b)
{
	struct ruleset *rs = b->rs;
	uint32_t at = 0;

	for (uint32_t c = 0; c < rs->condition_count; c++) {
		struct rule_condition *rc = &rs->conditions[c];
		uint32_t count = rc->triggers_end;

		rc->triggers = rc->triggers_end = at;
		at += count;
		for (uint32_t i = 0; count > 0 && i < rc->condition->test_count; i++)
			triggers_add(&rs->triggers, rc->field, &rc->condition->tests[i], c);
	}
	for (uint32_t n = 0; n < rs->alternative_count; n++) {
		if (b->triggers[n] != JX_NONE)
			rs->triggered[rs->conditions[b->triggers[n]].triggers_end++] = n;
	}
	triggers_seal(&rs->triggers);
}

/* Room for everything that is known to come. */
static void make_room(struct builder *b)
{
	struct ruleset *rs = b->rs;
	size_t alternatives = 0, fields = 0, slots = 16;

	for (size_t i = 0; i < b->count; i++) {
		const struct pattern *p = b->patterns[i];

		alternatives += p->alternative_count;
		for (uint32_t a = 0; a < p->alternative_count; a++)
			fields += p->alternatives[a].field_count;
	}
	while (slots < fields * 2)
		slots *= 2;
	b->slots = xcalloc(slots, sizeof *b->slots);
	b->mask = (uint32_t)slots - 1;
	b->uses = xcalloc(fields + 1, sizeof *b->uses);
	b->triggers = xcalloc(alternatives + 1, sizeof *b->triggers);
	rs->conditions = xcalloc(fields + 1, sizeof *rs->conditions);
	rs->members = xcalloc(fields + 1, sizeof *rs->members);
	rs->alternatives = xcalloc(alternatives + 1, sizeof *rs->alternatives);
	rs->triggered = xcalloc(alternatives + 1, sizeof *rs->triggered);
	rs->always = xcalloc(alternatives + 1, sizeof *rs->always);
}

struct ruleset *ruleset_new(const struct pattern *const *patterns, size_t count)
{
	struct ruleset *rs = xcalloc(1, sizeof *rs);
	struct builder b = {.rs = rs, .patterns = patterns, .count = count};

	rs->rule_count = (uint32_t)count;
	names_init(&rs->names);
	make_room(&b);
	collect_names(&b);
	triggers_init(&rs->triggers, rs->names.field_count);
	collect_alternatives(&b);
	choose_triggers(&b);
	register_triggers(&b);
	rs->conditions = xreallocarray(
		rs->conditions, (size_t)rs->condition_count + 1, sizeof *rs->conditions);
	rs->always =
		xreallocarray(rs->always, (size_t)rs->always_count + 1, sizeof *rs->always);
	free(b.map);
	free(b.slots);
	free(b.uses);
	free(b.triggers);
	return rs;
}

const struct jx_key_set *ruleset_keys(const struct ruleset *rs)
{
	return &rs->keys;
}

void ruleset_free(struct ruleset *rs)
{
	if (rs == NULL)
		return;
	names_release(&rs->names);
	triggers_release(&rs->triggers);
	free(rs->conditions);
	free(rs->members);
	free(rs->alternatives);
	free(rs->triggered);
	free(rs->always);
	free(rs);
}
