/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/request/form.h"

#include <stdio.h>
#include <stdlib.h>

static struct jx_index ix;
static struct buf out;
static struct err err;

/* An object and its form. */
static const struct {
	const char *object, *form;
} cases[] = {
	{"{}", ""},
	{"{\"a\":1,\"b\":\"x\"}", "a=1&b=x"},
	{"{\"amount\":1.10,\"big\":12345678901234567890}",
		"amount=1.10&big=12345678901234567890"},
	{"{\"t\":true,\"f\":false,\"n\":null}", "t=true&f=false&n="},
	{"{\"a b\":\"c d&e=f+g\"}", "a+b=c+d%26e%3Df%2Bg"},
	{"{\"u\":\"\xc3\xa9\\u00e9~\"}", "u=%C3%A9%C3%A9%7E"},
	{"{\"q\":\"say \\\"hi\\\"\\n\"}", "q=say+%22hi%22%0A"},
	{"{\"safe\":\"*-._aZ0\"}", "safe=*-._aZ0"},
	{"{\"card\":{\"number\":\"42\",\"exp\":{\"y\":27}}}",
		"card%5Bnumber%5D=42&card%5Bexp%5D%5By%5D=27"},
	{"{\"items\":[\"a\",{\"p\":\"b\"},[7]]}",
		"items%5B0%5D=a&items%5B1%5D%5Bp%5D=b&items%5B2%5D%5B0%5D=7"},
	{"{\"e\":[],\"o\":{},\"z\":\"\"}", "z="},
	{"{\"k\\u0026\":1}", "k%26=1"},
	{"{\"k]\":{\"[\":1}}", "k%5D%5B%5B%5D=1"},
	{"{\"a\":1,\"a\":2}", "a=2"},
};

static int write_form(const char *object)
{
	assert_int_equal(jx_parse(&ix, slice_str(object), &jx_default_limits, &err), 0);
	buf_reset(&out);
	return form_add_object(&out, &ix, 0, &err);
}

static void form__sends_every_member(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(write_form(cases[i].object), 0);
		assert_string_equal(buf_str(&out), cases[i].form);
	}
}

static void form__is_made_from_an_object_only(void **state)
{
	(void)state;
	assert_int_equal(write_form("[1]"), ERR_INVALID);
	assert_int_equal(write_form("\"text\""), ERR_INVALID);
}

static void form__depth_and_size_are_bounded(void **state)
{
	char deep[8 * FORM_MAX_DEPTH] = "", *at = deep;
	struct buf small;

	(void)state;
	for (int i = 0; i < FORM_MAX_DEPTH + 1; i++)
		at = stpcpy(at, "{\"a\":");
	at = stpcpy(at, "1");
	memset(at, '}', FORM_MAX_DEPTH + 1);
	assert_int_equal(write_form(deep), ERR_LIMIT);
	assert_int_equal(
		jx_parse(&ix, SLICE("{\"a\":[1,2,3,4]}"), &jx_default_limits, &err), 0);
	buf_init(&small, 20);
	assert_int_equal(form_add_object(&small, &ix, 0, &err), ERR_LIMIT);
	buf_release(&small);
}

static void form__percent_keeps_the_unreserved_only(void **state)
{
	(void)state;
	buf_reset(&out);
	form_add_percent(&out, SLICE("aZ09-._~ /?#[]@!$&'()*+,;=%\xc3\xa9\0"));
	assert_string_equal(buf_str(&out),
		"aZ09-._~%20%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%25%C3%A9%00");
}

static int set_up(void **state)
{
	(void)state;
	jx_init(&ix);
	buf_init(&out, BUF_UNLIMITED);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	jx_release(&ix);
	buf_release(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(form__sends_every_member),
		cmocka_unit_test(form__is_made_from_an_object_only),
		cmocka_unit_test(form__depth_and_size_are_bounded),
		cmocka_unit_test(form__percent_keeps_the_unreserved_only),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
