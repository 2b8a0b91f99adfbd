/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pattern/condition.h"
#include "core/pattern/casefold.h"
#include "core/pattern/number.h"

bool leaf_value_has_key(struct leaf_value *v)
{
	if (!v->key_known) {
		v->has_key = v->type == JX_NUMBER && number_key(v->text, &v->key);
		v->key_known = true;
	}
	return v->has_key;
}

static bool has_prefix(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_eq(slice_of(s.data, prefix.len), prefix);
}

static bool has_suffix(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len &&
	       slice_eq(slice_of(s.data + s.len - suffix.len, suffix.len), suffix);
}

static bool string_test_holds(const struct test *t, struct slice text)
{
	switch (t->kind) {
	case TEST_STRING:
		return slice_eq(t->text, text);
	case TEST_PREFIX:
		return has_prefix(text, t->text);
	case TEST_SUFFIX:
		return has_suffix(text, t->text);
	case TEST_EQUALS_FOLDED:
		return casemap_equals(t->text, text);
	case TEST_PREFIX_FOLDED:
		return casemap_begins(t->text, text);
	case TEST_SUFFIX_FOLDED:
		return casemap_ends(t->text, text);
	case TEST_WILDCARD:
		return wildcard_matches(t->wildcard, text);
	case TEST_CIDR:
		return cidr_contains(t->cidr, text);
	default:
		return false;
	}
}

bool test_holds(const struct test *t, struct leaf_value *v)
{
	switch (t->kind) {
	case TEST_TRUE:
		return v->type == JX_TRUE;
	case TEST_FALSE:
		return v->type == JX_FALSE;
	case TEST_NULL:
		return v->type == JX_NULL;
	case TEST_NUMBER_TEXT:
		return v->type == JX_NUMBER && slice_eq(t->text, v->text);
	case TEST_NUMBER:
	case TEST_RANGE:
		return leaf_value_has_key(v) && v->key >= t->low && v->key <= t->high;
	case TEST_EXISTS:
		return true;
	case TEST_NOT:
		for (uint32_t i = 0; i < t->others_count; i++) {
			if (test_holds(&t->others[i], v))
				return false;
		}
		return true;
	default:
		return v->type == JX_STRING && string_test_holds(t, v->text);
	}
}

bool condition_holds(const struct condition *c, struct leaf_value *v)
{
	for (uint32_t i = 0; i < c->test_count; i++) {
		if (test_holds(&c->tests[i], v))
			return true;
	}
	return false;
}

/* An operand's text identifies it, except for numbers and for anything-but. */
static bool test_equals(const struct test *a, const struct test *b)
{
	if (a->kind != b->kind || a->others_count != b->others_count)
		return false;
	if (a->kind == TEST_NUMBER || a->kind == TEST_RANGE)
		return a->low == b->low && a->high == b->high;
	if (!slice_eq(a->text, b->text))
		return false;
	for (uint32_t i = 0; i < a->others_count; i++) {
		if (!test_equals(&a->others[i], &b->others[i]))
			return false;
	}
	return true;
}

bool condition_equals(const struct condition *a, const struct condition *b)
{
	if (a->test_count != b->test_count || a->may_be_absent != b->may_be_absent)
		return false;
	for (uint32_t i = 0; i < a->test_count; i++) {
		if (!test_equals(&a->tests[i], &b->tests[i]))
			return false;
	}
	return true;
}

static uint64_t mix(uint64_t h, uint64_t more)
{
	return (h ^ more) * 0x9e3779b97f4a7c15ULL + (h >> 29);
}

static uint64_t test_hash(const struct test *t)
{
	uint64_t h = t->kind;

	if (t->kind == TEST_NUMBER || t->kind == TEST_RANGE)
		return mix(mix(h, (uint64_t)t->low), (uint64_t)t->high);
	h = mix(h, util_hash(t->text.data, t->text.len));
	for (uint32_t i = 0; i < t->others_count; i++)
		h = mix(h, test_hash(&t->others[i]));
	return h;
}

uint64_t condition_hash(const struct condition *c)
{
	uint64_t h = mix(c->may_be_absent, c->test_count);

	for (uint32_t i = 0; i < c->test_count; i++)
		h = mix(h, test_hash(&c->tests[i]));
	return h;
}
