/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles the list of a field and the operators in it. The larger operators have files of
 * their own. */
#include "core/pattern/number.h"
#include "compile.h"

#include <stdlib.h>

typedef int (*read_fn)(struct compiler *c, uint32_t t, struct test *test);

static int read_scalar(struct compiler *c, uint32_t t, struct test *test)
{
	static const enum test_kind literals[] = {
		[JX_NULL] = TEST_NULL,
		[JX_TRUE] = TEST_TRUE,
		[JX_FALSE] = TEST_FALSE,
	};
	enum jx_type type = jx_type(&c->ix, t);

	if (type == JX_STRING) {
		test->kind = TEST_STRING;
		test->text = compiler_string(c, t, true);
	} else if (type == JX_NUMBER) {
		test->text = arena_copy(&c->pattern->arena, jx_inner(&c->ix, t));
		test->kind =
			number_key(test->text, &test->low) ? TEST_NUMBER : TEST_NUMBER_TEXT;
		test->high = test->low;
	} else {
		test->kind = literals[type];
	}
	return 0;
}

static int read_string(struct compiler *c, uint32_t t, enum test_kind kind, const char *reason,
	struct test *test)
{
	if (jx_type(&c->ix, t) != JX_STRING)
		return compiler_refuse(c, t, NULL, "%s", reason);
	test->kind = kind;
	test->text = compiler_string(c, t, true);
	return 0;
}

/* A string, or {"equals-ignore-case": string}. */
static int read_affix(struct compiler *c, uint32_t t, bool prefix, struct test *test)
{
	uint32_t inner = t + 1;
	struct slice key;

	if (jx_type(&c->ix, t) != JX_OBJECT)
		return read_string(c, t, prefix ? TEST_PREFIX : TEST_SUFFIX,
			prefix ? "prefix match pattern must be a string"
			       : "suffix match pattern must be a string",
			test);
	if (jx_next(&c->ix, t) == inner)
		return compiler_refuse(c, t, NULL, "%s expression name not found",
			prefix ? "Prefix" : "Suffix");
	key = compiler_key(c, inner);
	if (!slice_eq(key, SLICE("equals-ignore-case")))
		return compiler_refuse(c, inner, "there is only equals-ignore-case",
			"Unsupported %s pattern: %.*s", prefix ? "prefix" : "suffix",
			(int)(key.len < 100 ? key.len : 100), key.data);
	if (jx_next(&c->ix, inner) != jx_next(&c->ix, t))
		return compiler_refuse(c, t, NULL, "Only one key allowed in match expression");
	return read_string(c, inner, prefix ? TEST_PREFIX_FOLDED : TEST_SUFFIX_FOLDED,
		"equals-ignore-case match pattern must be a string", test);
}

static int read_prefix(struct compiler *c, uint32_t t, struct test *test)
{
	return read_affix(c, t, true, test);
}

static int read_suffix(struct compiler *c, uint32_t t, struct test *test)
{
	return read_affix(c, t, false, test);
}

static int read_exactly(struct compiler *c, uint32_t t, struct test *test)
{
	return read_string(c, t, TEST_STRING, "exact match pattern must be a string", test);
}

static int read_folded(struct compiler *c, uint32_t t, struct test *test)
{
	return read_string(c, t, TEST_EQUALS_FOLDED,
		"equals-ignore-case match pattern must be a string", test);
}

int compiler_read_wildcard(struct compiler *c, uint32_t t, struct test *test)
{
	struct wildcard *w = NULL;
	struct slice text;
	struct err why;
	int r = read_string(
		c, t, TEST_WILDCARD, "wildcard match pattern must be a string", test);

	if (r != 0)
		return r;
	text = test->text;
	if (wildcard_compile(&c->pattern->arena, text, &w, &why) != 0)
		return compiler_refuse(c, t,
			why.text[0] == 'C'
				? "one '*' already stands for any run of characters"
				: "only \\* and \\\\ are escapes (in JSON: \\\\* and \\\\\\\\)",
			"%s", why.text);
	test->wildcard = w;
	if ((c->options->strict || c->options->warn != NULL) &&
		wildcard_complexity(text, WILDCARD_PORTABLE_COMPLEXITY) >
			WILDCARD_PORTABLE_COMPLEXITY)
		return compiler_refuse_unportable(c, t,
			"Rule is too complex - try using fewer wildcard characters or fewer "
			"repeating character sequences after a wildcard character");
	return 0;
}

static int read_cidr(struct compiler *c, uint32_t t, struct test *test)
{
	struct cidr *cidr;
	struct err why;
	/* EventBridge's message; it names the wrong operator. */
	int r = read_string(c, t, TEST_CIDR, "prefix match pattern must be a string", test);

	if (r != 0)
		return r;
	cidr = arena_alloc(&c->pattern->arena, 1, sizeof *cidr);
	if (cidr_parse(test->text, cidr, &why) != 0)
		return compiler_refuse(
			c, t, "write 10.0.0.0/8 or 2001:db8::/32", "%s", why.text);
	test->cidr = cidr;
	return 0;
}

static const struct operator
{
	const char *name;
	read_fn read;
}
operators[] = {
	{"prefix", read_prefix},
	{"suffix", read_suffix},
	{"anything-but", compiler_read_anything_but},
	{"equals-ignore-case", read_folded},
	{"wildcard", compiler_read_wildcard},
	{"exactly", read_exactly},
	{"cidr", read_cidr},
};

/* Which operator may have been misspelt as @key? */
static const char *mend_operator(struct slice key)
{
	static const char *const meant[][2] = {
		{"not", "did you mean anything-but?"},
		{"regex", "regular expressions are not part of the language; see wildcard"},
		{"equals", "a bare value means equality"},
		{"exists", "operators are in lower case: exists"},
		{"numeric", "operators are in lower case: numeric"},
		{"contains", "did you mean {\"wildcard\": \"*text*\"}?"},
		{"startsWith", "did you mean prefix?"},
		{"endsWith", "did you mean suffix?"},
	};

	for (size_t i = 0; i < COUNT_OF(meant); i++) {
		if (slice_ieq(key, slice_str(meant[i][0])))
			return meant[i][1];
	}
	for (size_t i = 0; i < COUNT_OF(operators); i++) {
		if (slice_ieq(key, slice_str(operators[i].name)))
			return "operators are in lower case";
	}
	return "the operators are prefix, suffix, equals-ignore-case, wildcard, anything-but, "
	       "numeric, exists, cidr and exactly; fields of an object are named without a list";
}

static read_fn find_operator(struct slice key)
{
	for (size_t i = 0; i < COUNT_OF(operators); i++) {
		if (slice_eq(key, slice_str(operators[i].name)))
			return operators[i].read;
	}
	return NULL;
}

static int read_exists(struct compiler *c, uint32_t t, struct test *test, bool *ret_absent)
{
	if (jx_type(&c->ix, t) != JX_TRUE && jx_type(&c->ix, t) != JX_FALSE)
		return compiler_refuse(
			c, t, NULL, "exists match pattern must be either true or false.");
	*ret_absent = jx_type(&c->ix, t) == JX_FALSE;
	test->kind = TEST_EXISTS;
	return 0;
}

/* The operator in object @t of a list: fills in @test, or sets *ret_absent. */
static int read_operator(struct compiler *c, uint32_t t, struct test *test, bool *ret_absent)
{
	uint32_t operand = t + 1, end = jx_next(&c->ix, t);
	struct slice key;
	bool more;
	read_fn read;
	int r;

	if (operand == end)
		return compiler_refuse(c, t, NULL, "Match expression name not found");
	more = jx_next(&c->ix, operand) != end;
	key = compiler_key(c, operand);
	read = find_operator(key);
	if (read != NULL)
		r = read(c, operand, test);
	else if (slice_eq(key, SLICE("exists")))
		r = read_exists(c, operand, test, ret_absent);
	else if (slice_eq(key, SLICE("numeric")))
		r = compiler_read_numeric(c, operand, more, test);
	else
		r = compiler_refuse(c, operand, mend_operator(key),
			"Unrecognized match type %.*s", (int)(key.len < 100 ? key.len : 100),
			key.data);
	if (r == 0 && more)
		r = compiler_refuse(c, t, "put each operator into an object of its own",
			"Only one key allowed in match expression");
	return r;
}

/* Element @t of the list: fills in @test, or says that it is the one for absence. */
static int read_element(struct compiler *c, uint32_t t, struct test *test, bool *ret_absent)
{
	*ret_absent = false;
	switch (jx_type(&c->ix, t)) {
	case JX_ARRAY:
		return compiler_refuse(c, t, "lists stand only inside anything-but",
			"Match value must be String, number, true, false, or null");
	case JX_OBJECT:
		return read_operator(c, t, test, ret_absent);
	default:
		return read_scalar(c, t, test);
	}
}

int compiler_read_condition(
	struct compiler *c, uint32_t t, const struct condition **ret_condition)
{
	struct arena *arena = &c->pattern->arena;
	struct condition *condition;
	struct test *tests;
	size_t count = 0;

	for (uint32_t e = t + 1; e < jx_next(&c->ix, t); e = jx_next(&c->ix, e))
		count++;
	if (count == 0)
		return compiler_refuse(c, t,
			"to match an empty or missing list, write [{\"exists\": false}]",
			"Empty arrays are not allowed");
	condition = arena_alloc(arena, 1, sizeof *condition);
	tests = arena_alloc(arena, count, sizeof *tests);
	condition->tests = tests;
	condition->source = arena_copy(arena, jx_text(&c->ix, t));
	for (uint32_t e = t + 1; e < jx_next(&c->ix, t); e = jx_next(&c->ix, e)) {
		bool absent = false;
		int r = read_element(c, e, &tests[condition->test_count], &absent);

		if (r != 0)
			return r;
		condition->may_be_absent |= absent;
		condition->test_count += !absent;
	}
	*ret_condition = condition;
	return 0;
}
