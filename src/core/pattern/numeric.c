/* SPDX-License-Identifier: Apache-2.0 */
/* The operand of numeric: one comparison, or a lower bound and then an upper one. */
#include "core/pattern/number.h"
#include "compile.h"

#define MEND "write [\"<\", 5], or a lower bound and then an upper one: [\">=\", 0, \"<\", 5]"

/* How much of a wrong member a message shows. */
#define SHOWN_BYTES 60

struct numeric {
	struct compiler *c;
	uint32_t list, at, end; /* the operand, its next member, its end */
	bool more;              /* members of the object behind the operand */
};

/* The next member as text; "]" at the end. */
static struct slice shown(const struct numeric *n)
{
	struct slice s;

	if (n->at == n->end)
		return SLICE("]");
	s = jx_inner(&n->c->ix, n->at);
	return slice_of(s.data, s.len < SHOWN_BYTES ? s.len : SHOWN_BYTES);
}

/* The token that a message points to. */
static uint32_t place(const struct numeric *n)
{
	return n->at == n->end ? n->list : n->at;
}

static bool take_operator(struct numeric *n, struct slice *ret_operator)
{
	if (n->at == n->end || jx_type(&n->c->ix, n->at) != JX_STRING)
		return false;
	*ret_operator = compiler_string(n->c, n->at, false);
	return true;
}

static int take_number(struct numeric *n, const char *operator, int64_t * ret_key)
{
	struct slice text;

	if (n->at == n->end || jx_type(&n->c->ix, n->at) != JX_NUMBER)
		return compiler_refuse(
			n->c, place(n), MEND, "Value of %s must be numeric", operator);
	text = jx_inner(&n->c->ix, n->at);
	if (!number_key(text, ret_key))
		return compiler_refuse(n->c, n->at,
			"numbers with more than 15 to 17 significant digits have no exact order",
			"Cannot compare number : %.*s", (int)shown(n).len, text.data);
	n->at = jx_next(&n->c->ix, n->at);
	return 0;
}

/* The comparison must be the end of the list, and the list the end of the object. */
static int finish(const struct numeric *n, const char *reason)
{
	if (n->at == n->end && !n->more)
		return 0;
	return compiler_refuse(n->c, place(n), MEND, "%s", reason);
}

/* "<" or "<=", whose bound is next. */
static int take_upper(struct numeric *n, struct slice operator, struct test * test)
{
	bool open = operator.len == 1;
	int64_t key;
	int r;

	n->at = jx_next(&n->c->ix, n->at);
	r = take_number(n, open ? "<" : "<=", &key);
	if (r == 0)
		test->high = open ? key - 1 : key;
	return r;
}

static int read_range(struct numeric *n, struct slice operator, struct test * test)
{
	bool open = operator.len == 1;
	int64_t bottom, top;
	int r;

	n->at = jx_next(&n->c->ix, n->at);
	r = take_number(n, open ? ">" : ">=", &bottom);
	if (r != 0)
		return r;
	test->low = open ? bottom + 1 : bottom;
	if (n->at == n->end)
		return finish(n, "Too many elements in numeric expression");
	if (!take_operator(n, &operator) ||
		!(slice_eq(operator, SLICE("<")) || slice_eq(operator, SLICE("<="))))
		return compiler_refuse(n->c, n->at, MEND, "Bad numeric range operator: %.*s",
			(int)shown(n).len, shown(n).data);
	open = operator.len == 1;
	r = take_upper(n, operator, test);
	if (r != 0)
		return r;
	r = finish(n, "Too many terms in numeric range expression");
	top = open ? test->high + 1 : test->high;
	if (r == 0 && bottom >= top)
		r = compiler_refuse(n->c, n->list, "for one value, write [\"=\", 5]",
			"Bottom must be less than top");
	return r;
}

int compiler_read_numeric(struct compiler *c, uint32_t t, bool more, struct test *test)
{
	struct numeric n = {c, t, t + 1, jx_next(&c->ix, t), more};
	struct slice operator;
	int r;

	if (jx_type(&c->ix, t) != JX_ARRAY)
		return compiler_refuse(c, t, MEND, "Value of numeric must be an array.");
	if (!take_operator(&n, &operator))
		return compiler_refuse(c, place(&n), MEND,
			"Invalid member in numeric match: %.*s", (int)shown(&n).len,
			shown(&n).data);
	test->kind = TEST_RANGE;
	test->text = arena_copy(&c->pattern->arena, jx_text(&c->ix, t));
	test->low = NUMBER_KEY_MIN;
	test->high = NUMBER_KEY_MAX;
	if (slice_eq(operator, SLICE(">")) || slice_eq(operator, SLICE(">=")))
		return read_range(&n, operator, test);
	if (slice_eq(operator, SLICE("="))) {
		n.at = jx_next(&c->ix, n.at);
		r = take_number(&n, "equals", &test->low);
		test->high = test->low;
	} else if (slice_eq(operator, SLICE("<")) || slice_eq(operator, SLICE("<="))) {
		r = take_upper(&n, operator, test);
	} else {
		return compiler_refuse(c, n.at, "the comparisons are =, <, <=, > and >=",
			"Unrecognized numeric range operator: %.*s", (int)shown(&n).len,
			shown(&n).data);
	}
	return r == 0 ? finish(&n, "Too many elements in numeric expression") : r;
}
