/* SPDX-License-Identifier: Apache-2.0 */
/* The operand of anything-but: a value, a list of values, or one of four operators. */
#include "core/pattern/number.h"
#include "compile.h"

#define SINGLE_VALUE "Value of anything-but must be an array or single string/number value."

static bool is_type(struct compiler *c, uint32_t t, enum jx_type type)
{
	return jx_type(&c->ix, t) == type;
}

static size_t count_elements(struct compiler *c, uint32_t t)
{
	size_t n = 0;

	for (uint32_t e = t + 1; e < jx_next(&c->ix, t); e = jx_next(&c->ix, e))
		n++;
	return n;
}

/* A string or a comparable number that is excluded. */
static int read_excluded(struct compiler *c, uint32_t t, struct test *test)
{
	struct slice text;

	if (is_type(c, t, JX_STRING)) {
		test->kind = TEST_STRING;
		test->text = compiler_string(c, t, true);
		return 0;
	}
	text = jx_inner(&c->ix, t);
	if (!number_key(text, &test->low))
		return compiler_refuse(c, t,
			"numbers with more than 15 to 17 significant digits cannot be compared",
			"Cannot compare number : %.*s", (int)(text.len < 60 ? text.len : 60),
			text.data);
	test->kind = TEST_NUMBER;
	test->text = arena_copy(&c->pattern->arena, text);
	test->high = test->low;
	return 0;
}

static int read_value_list(struct compiler *c, uint32_t t, struct test *others)
{
	enum jx_type type = JX_NULL;
	size_t n = 0;
	int r = 0;

	for (uint32_t e = t + 1; e < jx_next(&c->ix, t); e = jx_next(&c->ix, e)) {
		if (!is_type(c, e, JX_STRING) && !is_type(c, e, JX_NUMBER))
			return compiler_refuse(c, e, NULL,
				"Inside anything but list, start|null|boolean is not supported.");
	}
	for (uint32_t e = t + 1; r == 0 && e < jx_next(&c->ix, t); e = jx_next(&c->ix, e)) {
		if (n == 0)
			type = jx_type(&c->ix, e);
		if (!is_type(c, e, type))
			type = JX_NULL;
		else
			r = read_excluded(c, e, &others[n++]);
	}
	if (r == 0 && type == JX_NULL)
		return compiler_refuse(c, t, "list at least one value, all of one type",
			"Inside anything but list, either all values are number or string, mixed "
			"type is not supported");
	return r;
}

struct inner {
	const char *name;
	enum test_kind kind;
};

static const struct inner inners[] = {
	{"prefix", TEST_PREFIX},
	{"suffix", TEST_SUFFIX},
	{"equals-ignore-case", TEST_EQUALS_FOLDED},
	{"wildcard", TEST_WILDCARD},
};

static int refuse_inner_type(struct compiler *c, uint32_t t, const struct inner *inner)
{
	if (inner->kind == TEST_PREFIX || inner->kind == TEST_SUFFIX)
		return compiler_refuse(
			c, t, NULL, "prefix/suffix match pattern must be a string");
	return compiler_refuse(c, t, NULL,
		"Inside anything-but/%s list, number|start|null|boolean is not supported.",
		inner->name);
}

/* One string that an inner operator excludes. */
static int read_inner_string(
	struct compiler *c, uint32_t t, const struct inner *inner, struct test *test)
{
	if (!is_type(c, t, JX_STRING))
		return refuse_inner_type(c, t, inner);
	if (inner->kind == TEST_WILDCARD)
		return compiler_read_wildcard(c, t, test);
	test->kind = inner->kind;
	test->text = compiler_string(c, t, true);
	if (test->text.len == 0 && inner->kind != TEST_EQUALS_FOLDED)
		return compiler_refuse(c, t, "the empty text begins and ends every string",
			"Null prefix/suffix not allowed");
	return 0;
}

static int read_inner(struct compiler *c, uint32_t t, struct test *test)
{
	const struct inner *inner = NULL;
	struct slice key;
	struct test *others;
	size_t n = 1;
	int r = 0;

	if (jx_next(&c->ix, t) == t + 1)
		return compiler_refuse(c, t, NULL, "Anything-But expression name not found");
	key = compiler_key(c, t + 1);
	for (size_t i = 0; i < COUNT_OF(inners); i++) {
		if (slice_eq(key, slice_str(inners[i].name)))
			inner = &inners[i];
	}
	if (inner == NULL)
		return compiler_refuse(c, t + 1,
			"there are prefix, suffix, equals-ignore-case and wildcard",
			"Unsupported anything-but pattern: %.*s",
			(int)(key.len < 100 ? key.len : 100), key.data);
	if (jx_next(&c->ix, t + 1) != jx_next(&c->ix, t))
		return compiler_refuse(c, t, NULL, "Only one key allowed in match expression");
	t++;
	if (is_type(c, t, JX_OBJECT) &&
		(inner->kind == TEST_PREFIX || inner->kind == TEST_SUFFIX))
		return compiler_refuse(c, t, NULL, SINGLE_VALUE);
	if (is_type(c, t, JX_ARRAY))
		n = count_elements(c, t);
	if (n == 0)
		return compiler_refuse(c, t, "list at least one string",
			"Inside anything-but/%s list, an empty list is not supported.",
			inner->name);
	others = arena_alloc(&c->pattern->arena, n, sizeof *others);
	test->others = others;
	test->others_count = (uint32_t)n;
	if (!is_type(c, t, JX_ARRAY))
		return read_inner_string(c, t, inner, others);
	for (uint32_t e = t + 1; r == 0 && e < jx_next(&c->ix, t); e = jx_next(&c->ix, e))
		r = read_inner_string(c, e, inner, others++);
	return r;
}

int compiler_read_anything_but(struct compiler *c, uint32_t t, struct test *test)
{
	struct test *others;
	size_t n = 1;

	test->kind = TEST_NOT;
	switch (jx_type(&c->ix, t)) {
	case JX_OBJECT:
		return read_inner(c, t, test);
	case JX_ARRAY:
		n = count_elements(c, t);
		break;
	case JX_STRING:
	case JX_NUMBER:
		break;
	default:
		return compiler_refuse(c, t,
			"for a field that is not null, list what it may be", SINGLE_VALUE);
	}
	others = arena_alloc(&c->pattern->arena, n, sizeof *others);
	test->others = others;
	test->others_count = (uint32_t)n;
	if (is_type(c, t, JX_ARRAY))
		return read_value_list(c, t, others);
	return read_excluded(c, t, others);
}
