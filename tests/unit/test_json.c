/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/json/json.h"
#include "core/json/scan.h"
#include "base/rng.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static struct jx_index ix;
static struct err err;

static int parse(const char *text)
{
	return jx_parse(&ix, slice_str(text), &jx_default_limits, &err);
}

static void assert_slice(struct slice s, const char *expected)
{
	assert_int_equal(s.len, strlen(expected));
	assert_memory_equal(s.data, expected, s.len);
}

static void json__keeps_the_text_of_every_value(void **state)
{
	(void)state;
	assert_int_equal(
		parse(" {\"n\": 12345678901234567890, \"r\":1.10,\"s\":\"a\\u0041\" , \"a\":[true,"
		      "false,null,{}]} "),
		0);
	assert_int_equal(ix.count, 9);
	assert_int_equal(jx_type(&ix, 0), JX_OBJECT);
	assert_slice(jx_text(&ix, 1), "12345678901234567890");
	assert_slice(jx_key(&ix, 1), "n");
	assert_slice(jx_text(&ix, 2), "1.10");
	assert_slice(jx_text(&ix, 3), "\"a\\u0041\"");
	assert_slice(jx_inner(&ix, 3), "a\\u0041");
	assert_true(ix.tokens[3].escaped);
	assert_slice(jx_text(&ix, 4), "[true,false,null,{}]");
	assert_int_equal(jx_type(&ix, 5), JX_TRUE);
	assert_int_equal(jx_type(&ix, 6), JX_FALSE);
	assert_int_equal(jx_type(&ix, 7), JX_NULL);
	assert_int_equal(jx_type(&ix, 8), JX_OBJECT);
	assert_slice(jx_text(&ix, 8), "{}");
	assert_int_equal(jx_next(&ix, 4), 9);
	assert_int_equal(jx_next(&ix, 0), 9);
}

static void json__members_and_elements_are_found(void **state)
{
	uint32_t a;

	(void)state;
	assert_int_equal(parse("{\"x\":{\"a\":1,\"b\":[10,[20],30]},\"\\u0061\":2,\"\":3}"), 0);
	a = jx_member(&ix, 0, slice_str("a"));
	assert_slice(jx_text(&ix, a), "2");
	assert_slice(jx_text(&ix, jx_member(&ix, 0, SLICE(""))), "3");
	assert_int_equal(jx_member(&ix, 0, SLICE("b")), JX_NONE);
	a = jx_member(&ix, jx_member(&ix, 0, SLICE("x")), SLICE("b"));
	assert_slice(jx_text(&ix, jx_element(&ix, a, 1)), "[20]");
	assert_slice(jx_text(&ix, jx_element(&ix, a, 2)), "30");
	assert_int_equal(jx_element(&ix, a, 3), JX_NONE);
	assert_int_equal(jx_element(&ix, 0, 0), JX_NONE);
	assert_int_equal(jx_member(&ix, a, SLICE("b")), JX_NONE);
}

static void json__last_of_repeated_keys_wins(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"a\":1,\"b\":0,\"a\":2,\"\\u0061\":{\"a\":4}}"), 0);
	assert_slice(jx_text(&ix, jx_member(&ix, 0, SLICE("a"))), "{\"a\":4}");
	assert_true(ix.tokens[1].shadowed);
	assert_false(ix.tokens[2].shadowed);
	assert_true(ix.tokens[3].shadowed);
	assert_false(ix.tokens[4].shadowed);
	assert_false(ix.tokens[5].shadowed);
}

/* Objects around the sizes at which the way of finding repeated keys changes. */
static void json__repeated_keys_are_found_in_large_objects(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 400; n = n * 5 / 4 + 1) {
		struct buf b;
		unsigned shadowed = 0;

		buf_init(&b, BUF_UNLIMITED);
		buf_add_str(&b, "{");
		for (unsigned i = 0; i < 2 * n; i++)
			buf_addf(&b, "%s\"key%u\":%u", i ? "," : "", i % n, i);
		buf_add_str(&b, "}");
		assert_int_equal(jx_parse(&ix, buf_slice(&b), &jx_default_limits, &err), 0);
		assert_int_equal(ix.count, 2 * n + 1);
		for (uint32_t t = 1; t <= 2 * n; t++) {
			assert_int_equal(ix.tokens[t].shadowed, t <= n);
			shadowed += ix.tokens[t].shadowed;
		}
		assert_int_equal(shadowed, n);
		buf_release(&b);
	}
}

static void json__escapes_decode(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, BUF_UNLIMITED);
	assert_int_equal(
		parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude80\\u0000x\""), 0);
	jx_decode(&ix, 0, &b);
	assert_int_equal(b.len, 16);
	assert_memory_equal(b.data, "\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x9a\x80\0x", 16);
	assert_true(jx_equals(&ix, 0, buf_slice(&b)));
	assert_false(jx_equals(&ix, 0, slice_of(b.data, 15)));
	b.data[3] = 'b';
	assert_false(jx_equals(&ix, 0, buf_slice(&b)));
	buf_release(&b);
}

static void json__each_limit_has_its_own_error(void **state)
{
	struct jx_limits limits = {.max_bytes = 20, .max_depth = 3, .max_tokens = 5};

	(void)state;
	assert_int_equal(jx_parse(&ix, SLICE("[[[1,2]]]"), &limits, &err), 0);
	assert_int_equal(jx_parse(&ix, SLICE("[[[[]]]]"), &limits, &err), ERR_LIMIT);
	assert_non_null(strstr(err.text, "3 levels"));
	assert_int_equal(ix.count, 0);
	assert_int_equal(jx_parse(&ix, SLICE("[1,2,3,4]"), &limits, &err), 0);
	assert_int_equal(jx_parse(&ix, SLICE("[1,2,3,4,5]"), &limits, &err), ERR_LIMIT);
	assert_non_null(strstr(err.text, "5 values"));
	assert_int_equal(jx_parse(&ix, SLICE("[11111111,222222222]"), &limits, &err), 0);
	assert_int_equal(
		jx_parse(&ix, SLICE("[11111111,2222222222]"), &limits, &err), ERR_LIMIT);
	assert_non_null(strstr(err.text, "21 bytes"));
}

static void json__errors_say_where_and_what(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"", "line 1, column 1: expected a value"},
		{" \n ", "line 2, column 2: expected a value"},
		{"{\"a\":1\n,}",
			"line 2, column 2: expected a key in double quotes, found '}'"},
		{"{\"a\":1,\n\"b\" 2}",
			"line 2, column 5: expected ':' behind a key, found '2'"},
		{"{\"é\":x}", "line 1, column 6: expected a value"},
		{"[1 2]", "column 4: expected ',' or ']'"},
		{"[1,]", "a comma must not be the last"},
		{"{'a':1}", "a key in double quotes, found '''"},
		{"[1]/*c*/", "behind its one value, found '/'"},
		{"[/*c*/1]", "JSON has no comments"},
		{"[NaN]", "JSON has neither NaN"},
		{"[01]", "a number without a leading zero"},
		{"[.5]", "a number begins with a digit"},
		{"[+1]", "a number begins with a digit"},
		{"[1.]", "a digit behind the point"},
		{"[1e]", "a digit in the exponent"},
		{"[-]", "a digit"},
		{"{\"a\":1} trailing", "column 9: expected the end of the text"},
		{"{} {}", "column 4: expected the end of the text"},
		{"[[1]", "the bracket that closes"},
		{"[[1}", "',' or ']'"},
		{"[\"a]", "the quote that closes"},
		{"[\"a\tb\"]", "escape for a control character"},
		{"[\"\\x\"]", "one of the escapes"},
		{"[\"\\u12g4\"]", "four hexadecimal digits"},
		{"[\"\\ud800\"]", "surrogates"},
		{"[\"\\udc00\\ud800\"]", "surrogates"},
		{"[\"\xff\"]", "valid UTF-8, found byte 0xff"},
		{"\xef\xbb\xbf{}", "byte order mark"},
		{"tru", "expected a value"},
		{"\"abc", "the quote that closes"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(parse(cases[i].text), ERR_INVALID);
		if (strstr(err.text, cases[i].error) == NULL)
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_int_equal(ix.count, 0);
	}
}

enum answer {
	REFUSED,
	ACCEPTED,
	DIFFERENT, /* one of the differences that the header lists */
};

/* What jansson, told to be as permissive as the index, says of the text. */
static enum answer ask_jansson(struct slice s)
{
	json_error_t why;
	json_t *j = json_loadb(s.data, s.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);

	if (j != NULL) {
		json_decref(j);
		return ACCEPTED;
	}
	if (json_error_code(&why) == json_error_numeric_overflow ||
		json_error_code(&why) == json_error_null_byte_in_key)
		return DIFFERENT;
	return REFUSED;
}

static const char *const seeds[] = {
	"{\"a\":[1,-2.5e+3,0,true,false,null],\"b\":{\"c\":\"d\\u00e9\\n\"}}",
	"[[],{},\"\",\"\\\\\",\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x80\"]",
	"{\"k\":1,\"k\":2,\"a long key without any escape\":\"a long text without any escape\"}",
	" [ 1 , 2.5 , \"\\ud83d\\ude80\" ] ",
	"-0.0e-0",
};

static size_t mutate(struct rng *r, char *text, size_t len)
{
	static const char bytes[] =
		"{}[]:,\"\\0123456789eE+-.truefalsn \n\x01\x80\xc3\xa9\xed\xf0u";
	size_t at = rng_upto(r, len - 1), n;

	switch (rng_upto(r, 3)) {
	case 0:
		text[at] = bytes[rng_upto(r, sizeof bytes - 2)];
		return len;
	case 1:
		memmove(text + at, text + at + 1, len - at - 1);
		return len - 1;
	case 2:
		memmove(text + at + 1, text + at, len - at);
		text[at] = bytes[rng_upto(r, sizeof bytes - 2)];
		return len + 1;
	default:
		n = rng_upto(r, len - at - 1);
		return len - n;
	}
}

static void json__accepts_what_jansson_accepts(void **state)
{
	struct rng r;
	unsigned accepted = 0;

	(void)state;
	rng_seed(&r, 20240501);
	for (int i = 0; i < 200000; i++) {
		const char *seed = seeds[rng_upto(&r, COUNT_OF(seeds) - 1)];
		size_t len = strlen(seed), changes = rng_upto(&r, 3);
		char *text = xmalloc(len + 8), *exact;
		enum answer ours, wanted;

		memcpy(text, seed, len);
		for (size_t n = 0; n < changes && len > 1; n++)
			len = mutate(&r, text, len);
		exact = xmalloc(len);
		memcpy(exact, text, len);
		free(text);
		ours = jx_parse(&ix, slice_of(exact, len), &jx_default_limits, &err) == 0;
		wanted = ask_jansson(slice_of(exact, len));
		if (wanted != DIFFERENT && ours != wanted)
			fail_msg("%.*s: %s", (int)len, exact, ours ? "accepted" : err.text);
		accepted += ours == ACCEPTED;
		free(exact);
	}
	assert_in_range(accepted, 50000, 150000);
}

static void json__wide_and_portable_loops_agree(void **state)
{
	struct rng r;
	char text[70];

	(void)state;
	rng_seed(&r, 7);
	for (int i = 0; i < 100000; i++) {
		size_t len = rng_upto(&r, sizeof text), at = 0;
		const char *end = text + len;

		for (size_t n = 0; n < len; n++)
			text[n] = (char)(rng_upto(&r, 30) ? '0' + (int)rng_upto(&r, 9)
							  : (int)rng_upto(&r, 255));
		while (at < len && jx_is_plain((unsigned char)text[at]))
			at++;
		assert_ptr_equal(jx_skip_plain_portable(text, end), text + at);
		assert_ptr_equal(jx_skip_plain(text, end), text + at);
		for (at = 0; at < len && text[at] >= '0' && text[at] <= '9';)
			at++;
		assert_ptr_equal(jx_skip_digits_portable(text, end), text + at);
		assert_ptr_equal(jx_skip_digits(text, end), text + at);
	}
}

static void json__deep_and_wide_texts_take_linear_time(void **state)
{
	struct jx_limits limits = {
		.max_bytes = 64 << 20, .max_depth = 1 << 20, .max_tokens = 1 << 23};
	size_t n = 1 << 20;
	char *text = xmalloc(2 * n);

	(void)state;
	memset(text, '[', n);
	memset(text + n, ']', n);
	assert_int_equal(jx_parse(&ix, slice_of(text, 2 * n), &limits, &err), 0);
	assert_int_equal(ix.count, n);
	memset(text, '[', 2 * n);
	assert_int_equal(jx_parse(&ix, slice_of(text, 2 * n), &limits, &err), ERR_LIMIT);
	free(text);
}

static int release(void **state)
{
	(void)state;
	jx_release(&ix);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json__keeps_the_text_of_every_value),
		cmocka_unit_test(json__members_and_elements_are_found),
		cmocka_unit_test(json__last_of_repeated_keys_wins),
		cmocka_unit_test(json__repeated_keys_are_found_in_large_objects),
		cmocka_unit_test(json__escapes_decode),
		cmocka_unit_test(json__each_limit_has_its_own_error),
		cmocka_unit_test(json__errors_say_where_and_what),
		cmocka_unit_test(json__accepts_what_jansson_accepts),
		cmocka_unit_test(json__wide_and_portable_loops_agree),
		cmocka_unit_test(json__deep_and_wide_texts_take_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, release);
}
