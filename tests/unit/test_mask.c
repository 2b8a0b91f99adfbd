/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "app/conf/mask.h"

#define SECRET "Ab/cd=EF<gh&ij+klmnop"

static void mask__a_secret_is_found_in_any_spelling(void **state)
{
	static const struct {
		const char *text, *masked;
	} cases[] = {
		{"x " SECRET " y", "x *** y"},
		{"Ab\\/cd\\u003dEF\\u003cgh\\u0026ij+klmnop y", "*** y"},
		{"Ab%2fcd%3dEF%3Cgh%26ij%2Bklmnop y", "*** y"},
		{"Ab/cd%3DEF%3Cgh%26ij%2Bklmnop", "***"},
		{"Ab&#x2F;cd&#61;EF&lt;gh&amp;ij+klmnop.", "***."},
		{"ab/CD=ef<GH&IJ+klmnop", "***"},
		{"cut: Ab/cd=EF... and more", "cut: ***... and more"},
		{"Ab/cd=E\r\nF<gh&ij+klm\nnop y", "*** y"},
		{"Ab/cd=E\\nF<gh&ij+klmnop y", "*** y"},
		{"dXNlcjpBYi9jZD1FRjxnaCZpaitrbG1ub3A=", "dXNlcjp***A="}, /* user:SECRET */
		{"Bearer token is missing", "Bearer token is missing"},
		{"plain % & \\ text stays", "plain % & \\ text stays"},
		{"Ab/cd=E", "Ab/cd=E"},
	};
	struct conf_mask m = {0};
	struct buf out;

	(void)state;
	conf_mask_add(&m, SLICE("Bearer " SECRET));
	conf_mask_add(&m, SLICE(SECRET));
	buf_init(&out, BUF_UNLIMITED);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		buf_reset(&out);
		conf_mask_reply(&m, slice_str(cases[i].text), &out);
		assert_string_equal(buf_str(&out), cases[i].masked);
	}
	/* In what we say ourselves nothing is cut: beginnings are words like any other. */
	buf_reset(&out);
	conf_mask_apply(&m, SLICE("Ab/cd=EF... and " SECRET), &out);
	assert_string_equal(buf_str(&out), "Ab/cd=EF... and ***");
	buf_release(&out);
	conf_mask_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mask__a_secret_is_found_in_any_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
