/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_writer.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

static struct buf out;
static struct json_writer w;

static int set_up(void **state)
{
	(void)state;
	buf_init(&out, BUF_UNLIMITED);
	jw_init(&w, &out);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_release(&out);
	return 0;
}

static void json_writer__every_kind_of_value(void **state)
{
	(void)state;
	jw_open(&w, NULL, '{');
	jw_text(&w, "text", SLICE("a\"b\n"));
	jw_text(&w, "no_text", slice_of(NULL, 0));
	jw_text(&w, "empty", SLICE(""));
	jw_int(&w, "int", INT64_MIN);
	jw_bool(&w, "yes", true);
	jw_bool(&w, "no", false);
	jw_null(&w, "null");
	jw_raw(&w, "raw", SLICE("[1,2]"));
	jw_close(&w);
	assert_string_equal(out.data,
		"{\"text\":\"a\\\"b\\n\",\"no_text\":null,\"empty\":\"\","
		"\"int\":-9223372036854775808,\"yes\":true,\"no\":false,\"null\":null,"
		"\"raw\":[1,2]}");
}

static void json_writer__commas_stand_between_values_only(void **state)
{
	(void)state;
	jw_open(&w, NULL, '[');
	jw_open(&w, NULL, '[');
	jw_close(&w);
	jw_open(&w, NULL, '{');
	jw_open(&w, "a", '[');
	jw_int(&w, NULL, 1);
	jw_int(&w, NULL, 2);
	jw_close(&w);
	jw_open(&w, "b", '{');
	jw_close(&w);
	jw_int(&w, "c", 3);
	jw_close(&w);
	jw_null(&w, NULL);
	jw_close(&w);
	assert_string_equal(out.data, "[[],{\"a\":[1,2],\"b\":{},\"c\":3},null]");
	assert_int_equal(w.depth, 0);
}

static void json_writer__a_name_may_have_any_bytes(void **state)
{
	(void)state;
	jw_open(&w, NULL, '{');
	jw_int(&w, "a", 1);
	jw_member(&w, SLICE("\"\xff"));
	jw_open(&w, NULL, '[');
	jw_close(&w);
	jw_member(&w, SLICE(""));
	jw_int(&w, NULL, 2);
	jw_close(&w);
	assert_string_equal(out.data, "{\"a\":1,\"\\\"\xef\xbf\xbd\":[],\"\":2}");
}

static void json_writer__may_begin_in_the_middle_of_a_text(void **state)
{
	(void)state;
	buf_add_str(&out, "id: ");
	jw_int(&w, NULL, 1);
	assert_string_equal(out.data, "id: 1");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(json_writer__every_kind_of_value),
		TEST(json_writer__commas_stand_between_values_only),
		TEST(json_writer__a_name_may_have_any_bytes),
		TEST(json_writer__may_begin_in_the_middle_of_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
