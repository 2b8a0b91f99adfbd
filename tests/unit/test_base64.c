/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "base/base64.h"

#include <stdlib.h>

/* RFC 4648, section 10. */
static const char *const vectors[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
	{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

static void base64__encodes_and_decodes_the_vectors_of_the_rfc(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, BUF_UNLIMITED);
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		struct slice text = slice_str(vectors[i][1]);

		buf_reset(&b);
		base64_encode(&b, slice_str(vectors[i][0]));
		assert_string_equal(buf_str(&b), vectors[i][1]);
		buf_reset(&b);
		assert_int_equal(base64_decode(&b, text), 0);
		assert_string_equal(buf_str(&b), vectors[i][0]);
		while (text.len > 0 && text.data[text.len - 1] == '=')
			text.len--;
		buf_reset(&b);
		assert_int_equal(base64_decode(&b, text), 0);
		assert_string_equal(buf_str(&b), vectors[i][0]);
	}
	buf_release(&b);
}

static void base64__every_byte_survives(void **state)
{
	char bytes[256];
	struct buf text, back;

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	buf_init(&text, BUF_UNLIMITED);
	buf_init(&back, BUF_UNLIMITED);
	base64_encode(&text, slice_of(bytes, sizeof bytes));
	assert_int_equal(base64_decode(&back, buf_slice(&text)), 0);
	assert_int_equal(back.len, sizeof bytes);
	assert_memory_equal(back.data, bytes, sizeof bytes);
	buf_release(&text);
	buf_release(&back);
}

static void base64__nothing_else_is_taken(void **state)
{
	static const char *const bad[] = {"Z", "Zg=", "Z===", "=", "====", "Zm9v\n", "Zm 9v",
		"Zm9-", "Zm9_", "Zh==", "Zm9=", "Zg==Zg=="};
	struct buf b;

	(void)state;
	buf_init(&b, BUF_UNLIMITED);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (base64_decode(&b, slice_str(bad[i])) != ERR_INVALID)
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(base64_decode(&b, SLICE("Zm9\0")), ERR_INVALID);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64__encodes_and_decodes_the_vectors_of_the_rfc),
		cmocka_unit_test(base64__every_byte_survives),
		cmocka_unit_test(base64__nothing_else_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
