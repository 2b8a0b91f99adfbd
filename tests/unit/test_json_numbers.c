/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of numbers that are folded. The module is compiled into this program, so that each
 * instruction set's variant of it can be asked. */
#include "unit.h"
#include "../../src/core/json/numbers.c"

#include "base/rng.h"
#include "core/json/json.h"

#include <stdio.h>
#include <stdlib.h>

static struct jx_index plain, folding;
static struct err err;
static struct jx_key_set nothing;

#ifdef JX_HAVE_SSE2

static struct jx_limits folding_limits(const struct jx_key_set *except)
{
	struct jx_limits limits = jx_default_limits;

	limits.fold_except = except;
	return limits;
}

static int fold(const char *text, const struct jx_key_set *except)
{
	struct jx_limits limits = folding_limits(except);

	return jx_parse(&folding, slice_str(text), &limits, &err);
}

static void numbers__are_folded_where_nobody_asks_for_them(void **state)
{
	struct jx_key_set named = {{0}};

	(void)state;
	assert_int_equal(
		fold("{\"a\":[[1,-2.50],[0, 3]],\"b\":[],\"c\":[1,\"x\"],\"d\":1}", &nothing),
		0);
	assert_int_equal(folding.folded, 6);
	assert_int_equal(folding.count, 7);
	assert_true(slice_eq(jx_text(&folding, 1), SLICE("[[1,-2.50],[0, 3]]")));
	assert_int_equal(jx_type(&folding, jx_member(&folding, 0, SLICE("d"))), JX_NUMBER);

	jx_key_set_add(&named, jx_key_hash(SLICE("a")));
	assert_int_equal(fold("{\"a\":[1,2],\"b\":{\"a\":[3]},\"c\":[4]}", &named), 0);
	assert_int_equal(folding.folded, 1);
}

static void numbers__of_a_dotted_or_escaped_key_are_not_folded(void **state)
{
	(void)state;
	assert_int_equal(fold("{\"a.b\":[1,2],\"\\u0061\":[3]}", &nothing), 0);
	assert_int_equal(folding.folded, 0);
	assert_int_equal(fold("[1,[2,3]]", &nothing), 0);
	assert_int_equal(folding.folded, 0);
}

static void numbers__that_are_folded_count_for_the_limits(void **state)
{
	struct jx_limits limits = {
		.max_bytes = 100, .max_depth = 3, .max_tokens = 5, .fold_except = &nothing};

	(void)state;
	assert_int_equal(jx_parse(&folding, SLICE("{\"a\":[1,2,3]}"), &limits, &err), 0);
	assert_int_equal(folding.folded, 3);
	assert_int_equal(
		jx_parse(&folding, SLICE("{\"a\":[1,2,3,4]}"), &limits, &err), ERR_LIMIT);
	assert_non_null(strstr(err.text, "5 values"));
	assert_int_equal(folding.count, 0);
	assert_int_equal(jx_parse(&folding, SLICE("{\"a\":[[1]]}"), &limits, &err), 0);
	assert_int_equal(
		jx_parse(&folding, SLICE("{\"a\":[[[1]]]}"), &limits, &err), ERR_LIMIT);
	assert_non_null(strstr(err.text, "3 levels"));
}

/* Arrays of numbers in each other, as compact as producers write them or with blanks. */
static size_t make_array(struct rng *r, char *out, unsigned depth)
{
	const char *comma = rng_upto(r, 1) ? "," : ", ";
	size_t len = 0, count = rng_upto(r, 4);

	out[len++] = '[';
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			len += (size_t)sprintf(out + len, "%s", comma);
		if (depth > 0 && rng_upto(r, 1))
			len += make_array(r, out + len, depth - 1);
		else if (rng_upto(r, 1))
			len += (size_t)sprintf(out + len, "%s%u", rng_upto(r, 3) ? "" : "-",
				(unsigned)rng_upto(r, rng_upto(r, 1) ? 9 : 4000000000U));
		else
			len += (size_t)sprintf(out + len, "-122.%014llu",
				(unsigned long long)rng_upto(r, 99999999999999ULL));
	}
	out[len++] = ']';
	return len;
}

static size_t spoil(struct rng *r, char *text, size_t len)
{
	static const char bytes[] = "[]-.,0019 eE\"x\n{}";
	size_t at = rng_upto(r, len - 1);

	switch (rng_upto(r, 2)) {
	case 0:
		text[at] = bytes[rng_upto(r, sizeof bytes - 2)];
		return len;
	case 1:
		memmove(text + at, text + at + 1, len - at - 1);
		return len - 1;
	default:
		memmove(text + at + 1, text + at, len - at);
		text[at] = bytes[rng_upto(r, sizeof bytes - 2)];
		return len + 1;
	}
}

/* What each instruction set says of the array at @p. */
static void assert_all_agree(const char *p, const char *end)
{
	uint32_t values = 0, other = 0;
	const char *stop = end_sse2(p, end, 1000, &values);

	if (__builtin_cpu_supports("avx2")) {
		assert_ptr_equal(end_avx2(p, end, 1000, &other), stop);
		if (stop != NULL)
			assert_int_equal(other, values);
	}
	if (__builtin_cpu_supports("avx512bw")) {
		assert_ptr_equal(end_avx512(p, end, 1000, &other), stop);
		if (stop != NULL)
			assert_int_equal(other, values);
	}
}

static void numbers__are_as_valid_folded_as_one_by_one(void **state)
{
	struct jx_limits limits = folding_limits(&nothing);
	char text[8192];
	struct rng r;
	unsigned accepted = 0, folded = 0;

	(void)state;
	rng_seed(&r, 20261127);
	for (int i = 0; i < 200000; i++) {
		size_t len = (size_t)sprintf(text, "{\"a\":"), changes = rng_upto(&r, 2);
		int wanted, got;
		char *exact;

		len += make_array(&r, text + len, 4);
		len += (size_t)sprintf(text + len, ",\"b\":\"c\"}");
		for (size_t n = 0; n < changes; n++)
			len = spoil(&r, text, len);
		exact = xmemdup(text, len);
		wanted = jx_parse(&plain, slice_of(exact, len), &jx_default_limits, NULL);
		got = jx_parse(&folding, slice_of(exact, len), &limits, &err);
		if (wanted != got)
			fail_msg("%.*s: %s", (int)len, exact, got ? err.text : "accepted");
		if (got == 0) {
			assert_int_equal(folding.count + folding.folded, plain.count);
			if (plain.count > 1)
				assert_true(slice_eq(jx_text(&folding, folding.count - 1),
						    jx_text(&plain, plain.count - 1)) ||
					    jx_type(&folding, folding.count - 1) == JX_ARRAY);
			accepted++;
			folded += folding.folded > 0;
		}
		if (len > 6)
			assert_all_agree(exact + 5, exact + len);
		free(exact);
	}
	assert_in_range(accepted, 80000, 180000);
	assert_in_range(folded, 40000, 180000);
}

#else

static void numbers__are_not_folded_here(void **state)
{
	struct jx_limits limits = jx_default_limits;

	(void)state;
	limits.fold_except = &nothing;
	assert_int_equal(jx_parse(&plain, SLICE("{\"a\":[1,2]}"), &limits, &err), 0);
	assert_int_equal(plain.folded, 0);
}

#endif

static int release(void **state)
{
	(void)state;
	jx_release(&plain);
	jx_release(&folding);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef JX_HAVE_SSE2
		cmocka_unit_test(numbers__are_folded_where_nobody_asks_for_them),
		cmocka_unit_test(numbers__of_a_dotted_or_escaped_key_are_not_folded),
		cmocka_unit_test(numbers__that_are_folded_count_for_the_limits),
		cmocka_unit_test(numbers__are_as_valid_folded_as_one_by_one),
#else
		cmocka_unit_test(numbers__are_not_folded_here),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
