/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/rng.h"

static void buf__what_does_not_fit_is_not_added_and_failure_stays(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	buf_add_str(&b, "12345678");
	buf_add_str(&b, "abc");
	assert_true(buf_failed(&b));
	assert_string_equal(buf_str(&b), "12345678");
	buf_add_str(&b, "9");
	assert_string_equal(buf_str(&b), "12345678");
	buf_reset(&b);
	buf_add_str(&b, "1234567890");
	assert_false(buf_failed(&b));
	buf_release(&b);
}

static void buf__a_warm_buffer_allocates_nothing(void **state)
{
	struct buf b;
	const char *memory;

	(void)state;
	buf_init(&b, BUF_UNLIMITED);
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%d,", i);
	memory = b.data;
	buf_reset(&b);
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%d,", i);
	assert_ptr_equal(b.data, memory);
	buf_release(&b);
}

static void buf__any_bytes_become_a_json_string(void **state)
{
	struct buf b;
	struct rng rng;
	char bytes[64];

	(void)state;
	rng_seed(&rng, 3);
	buf_init(&b, BUF_UNLIMITED);
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)rng_upto(&rng, sizeof bytes);
		json_t *value;

		for (size_t i = 0; i < len; i++)
			bytes[i] = (char)rng_upto(&rng, 255);
		buf_reset(&b);
		buf_add_json_string(&b, slice_of(bytes, len));
		value = json_loadb(b.data, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		assert_non_null(value);
		json_decref(value);
	}
	buf_release(&b);
}

static void buf__json_strings_say_what_they_said(void **state)
{
	static const struct {
		const char *text, *json;
	} cases[] = {
		{"", "\"\""},
		{"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"\n\t\x01", "\"\\n\\t\\u0001\""},
		{"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
		{"\xf0\x9f\x9a\x80", "\"\xf0\x9f\x9a\x80\""},
		{"\xff", "\"\xef\xbf\xbd\""},
		{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\x7f\xc2\x80\xc2\x9b\xc2\xa0", "\"\\u007f\\u0080\\u009b\xc2\xa0\""},
		{"\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf", "\"\\u2028\\u202e\xe2\x80\xaf\""},
		{"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	};
	struct buf b;

	(void)state;
	buf_init(&b, BUF_UNLIMITED);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		buf_reset(&b);
		buf_add_json_string(&b, slice_str(cases[i].text));
		assert_string_equal(buf_str(&b), cases[i].json);
	}
	buf_release(&b);
}

static void buf__printable_text_has_no_control_characters(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, BUF_UNLIMITED);
	buf_add_printable(&b, SLICE("a\r\nb\x7f\0\"\xc3\xbc\xff"));
	assert_string_equal(buf_str(&b), "a  b  \"\xc3\xbc\xef\xbf\xbd");
	buf_reset(&b);
	/* CSI, NEL, the separators of lines and paragraphs, what turns the direction. */
	buf_add_printable(&b, SLICE("\xc2\x9b|\xc2\x85|\xe2\x80\xa8|\xe2\x80\xa9|\xe2\x80\xae|"
				    "\xe2\x81\xa6|\xd8\x9c|\xe2\x80\x8f"));
	assert_string_equal(buf_str(&b), " | | | | | | | ");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf__what_does_not_fit_is_not_added_and_failure_stays),
		cmocka_unit_test(buf__a_warm_buffer_allocates_nothing),
		cmocka_unit_test(buf__any_bytes_become_a_json_string),
		cmocka_unit_test(buf__json_strings_say_what_they_said),
		cmocka_unit_test(buf__printable_text_has_no_control_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
