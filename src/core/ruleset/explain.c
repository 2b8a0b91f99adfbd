/* SPDX-License-Identifier: Apache-2.0 */
/* Explains why a pattern does not match: matches a ruleset of this one pattern, and puts
 * into words what the match has noted about the event. */
#include "ruleset_private.h"

/* How much of a value and how many of several are shown. */
#define SHOWN_BYTES  100
#define SHOWN_VALUES 4
#define SHOWN_KEYS   12

struct explanation {
	const struct ruleset *rs;
	struct ruleset_scratch *s;
	const struct jx_index *ix;
	struct buf *out;
	bool matches;
};

/* The path of @name, as text. */
static void add_path(const struct explanation *x, uint32_t name)
{
	const struct names_node *node = &x->rs->names.nodes[name];

	if (node->parent != 0) {
		add_path(x, node->parent);
		buf_add_char(x->out, '.');
	}
	buf_add_slice(x->out, node->text);
}

static void add_cut(struct buf *out, struct slice s)
{
	buf_add_slice(out, slice_of(s.data, s.len < SHOWN_BYTES ? s.len : SHOWN_BYTES));
	if (s.len > SHOWN_BYTES)
		buf_add_str(out, "...");
}

static void add_value(struct buf *out, const struct leaf_value *v)
{
	struct buf quoted;

	if (v->type != JX_STRING) {
		add_cut(out, v->text);
		return;
	}
	buf_init(&quoted, BUF_UNLIMITED);
	buf_add_json_string(&quoted, v->text);
	add_cut(out, buf_slice(&quoted));
	buf_release(&quoted);
}

/* The leaves of a field, the first few of them. */
static void add_leaves(const struct explanation *x, uint32_t first)
{
	unsigned count = 0;

	buf_add_str(x->out, "is ");
	for (uint32_t l = first; l != JX_NONE; l = x->s->leaves[l].next, count++) {
		if (count >= SHOWN_VALUES)
			continue;
		if (count > 0)
			buf_add_str(x->out, ", ");
		add_value(x->out, &x->s->leaves[l].value);
	}
	if (count > SHOWN_VALUES)
		buf_addf(x->out, " and %u more", count - SHOWN_VALUES);
}

/* Add the keys of object @t: a key of the pattern may be misspelt. */
static void add_keys(const struct explanation *x, uint32_t t)
{
	unsigned count = 0;

	for (uint32_t m = t + 1; m < jx_next(x->ix, t); m = jx_next(x->ix, m), count++) {
		if (count < SHOWN_KEYS) {
			buf_add_str(x->out, count > 0 ? ", " : " (there are: ");
			add_cut(x->out, jx_key(x->ix, m));
		}
	}
	if (count > SHOWN_KEYS)
		buf_addf(x->out, " and %u more", count - SHOWN_KEYS);
	if (count > 0)
		buf_add_char(x->out, ')');
}

/* The value of @name, taking the first element of arrays that has it; or JX_NONE, and then
 * *ret_stop is the last value on the way and *ret_name its name. */
static uint32_t descend(
	const struct explanation *x, uint32_t name, uint32_t *ret_stop, uint32_t *ret_name)
{
	const struct names_node *node = &x->rs->names.nodes[name];
	uint32_t t, found = JX_NONE;

	if (name == 0) {
		*ret_stop = 0;
		*ret_name = 0;
		return 0;
	}
	t = descend(x, node->parent, ret_stop, ret_name);
	if (t == JX_NONE)
		return JX_NONE;
	if (jx_type(x->ix, t) == JX_ARRAY) {
		for (uint32_t e = t + 1; e < jx_next(x->ix, t) && found == JX_NONE;
			e = jx_next(x->ix, e))
			found = jx_member(x->ix, e, node->text);
	} else {
		found = jx_member(x->ix, t, node->text);
	}
	if (found != JX_NONE) {
		*ret_stop = found;
		*ret_name = name;
	}
	return found;
}

/* Why there is no leaf at @name. */
static void add_absence(const struct explanation *x, uint32_t name)
{
	static const char *const types[] = {"null", "false", "true", "a number", "a string",
		"a list without such an object in it", "an object"};
	uint32_t stop, at, t = descend(x, name, &stop, &at);
	enum jx_type type = jx_type(x->ix, stop);

	if (t != JX_NONE) {
		buf_add_str(x->out,
			type == JX_OBJECT
				? "is an object, which has no value itself; name a field of it"
				: "is a list without values");
		return;
	}
	buf_add_str(x->out, "is missing");
	if (type == JX_OBJECT) {
		add_keys(x, stop);
		return;
	}
	buf_add_str(x->out, ": ");
	add_path(x, at);
	buf_addf(x->out, " is %s", types[type]);
	if (type == JX_STRING && jx_inner(x->ix, stop).len > 0 &&
		jx_inner(x->ix, stop).data[0] == '{')
		buf_add_str(x->out, "; JSON inside a string is not looked into");
}

static bool is_present(const struct explanation *x, uint32_t c)
{
	return x->s->lists[x->rs->conditions[c].field].generation == x->s->generation;
}

/* "  no   detail.amount is 50; wanted [{"numeric":[">",100]}]". Returns whether it is met. */
static bool add_condition(const struct explanation *x, uint32_t c)
{
	const struct rule_condition *rc = &x->rs->conditions[c];
	const struct leaf_list *list = &x->s->lists[rc->field];
	bool holds = ruleset_leaf_holds(x->s, c), present = is_present(x, c);
	/* A field that other elements of the list have is absent from the element that
	 * matched. */
	bool elsewhere = x->matches && !holds && present;
	bool met = holds || elsewhere || (!present && rc->may_be_absent);

	buf_add_str(x->out, met ? "  yes  " : "  no   ");
	add_path(x, x->rs->names.field_names[rc->field]);
	buf_add_char(x->out, ' ');
	if (present)
		add_leaves(x, list->first);
	else
		add_absence(x, x->rs->names.field_names[rc->field]);
	if (elsewhere)
		buf_add_str(x->out, " in other elements of the list");
	buf_add_str(x->out, "; wanted ");
	add_cut(x->out, rc->condition->source);
	buf_add_char(x->out, '\n');
	return met;
}

/* The conditions of an alternative that are not met, each by itself; or 1 if they are not met
 * together. */
static unsigned count_unmet(const struct explanation *x, const struct rule_alternative *a)
{
	bool shared = ruleset_shares_array(x->s, a);
	unsigned unmet = 0;

	for (uint32_t m = a->first; m < a->end; m++) {
		uint32_t c = x->rs->members[m];
		bool may_be_absent = x->rs->conditions[c].may_be_absent;

		if (!ruleset_leaf_holds(x->s, c))
			unmet += !may_be_absent || (is_present(x, c) && !shared);
	}
	return unmet == 0 && shared && !arrays_agree(x->s, a) ? 1 : unmet;
}

/* Find the alternative with the fewest unmet conditions; it has none if the pattern matches. */
static uint32_t closest(const struct explanation *x, unsigned *ret_unmet)
{
	uint32_t best = 0;

	*ret_unmet = UINT32_MAX;
	for (uint32_t n = 0; n < x->rs->alternative_count; n++) {
		unsigned unmet = count_unmet(x, &x->rs->alternatives[n]);

		if (unmet < *ret_unmet) {
			*ret_unmet = unmet;
			best = n;
		}
	}
	return best;
}

/* Say that each condition holds by itself, but not all in one element of these arrays. */
static void add_disagreement(const struct explanation *x)
{
	buf_add_str(x->out,
		"  no   each field matches by itself, but no single element of the list ");
	for (uint32_t i = 0; i < x->s->array_count; i++) {
		if (i > 0)
			buf_add_str(x->out, " or ");
		add_path(x, x->s->arrays[i]);
	}
	buf_add_str(x->out, " meets all that is wanted of it\n");
}

static void explain(const struct explanation *x)
{
	unsigned unmet, shown_unmet = 0;
	uint32_t n = closest(x, &unmet);
	const struct rule_alternative *a = &x->rs->alternatives[n];

	buf_add_str(
		x->out, x->matches ? "The event matches.\n" : "The event does not match.\n");
	if (x->rs->alternative_count > 1)
		buf_addf(x->out, "Of the %u combinations of $or, number %u %s:\n",
			x->rs->alternative_count, n + 1, x->matches ? "does" : "comes closest");
	for (uint32_t m = a->first; m < a->end; m++)
		shown_unmet += !add_condition(x, x->rs->members[m]);
	if (!x->matches && shown_unmet == 0)
		add_disagreement(x);
}

int pattern_explain(const struct pattern *p, const struct jx_index *ix, struct buf *out)
{
	struct ruleset *rs = ruleset_new(&p, 1);
	struct ruleset_scratch *s = ruleset_scratch_new(rs);
	struct explanation x = {.rs = rs, .s = s, .ix = ix, .out = out};
	const uint32_t *hits;

	x.matches = ruleset_match(rs, s, ix, &hits) > 0;
	if (ix->count == 0 || jx_type(ix, 0) != JX_OBJECT)
		buf_add_str(out, "The event does not match: it is not an object.\n");
	else
		explain(&x);
	ruleset_scratch_free(s);
	ruleset_free(rs);
	return x.matches;
}
