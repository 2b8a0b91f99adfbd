/* SPDX-License-Identifier: Apache-2.0 */
/* Reading whole files: what is read, and how each failure is reported. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "unit.h"

static int make(void **state)
{
	char *path = strdup("/tmp/test_file.XXXXXX");
	int fd = mkstemp(path);

	*state = path;
	return fd < 0 || write(fd, "0123456789", 10) != 10 || close(fd) != 0;
}

static int take_away(void **state)
{
	unlink(*state);
	free(*state);
	return 0;
}

static void a_file_is_appended(void **state)
{
	struct buf out;
	struct err err;

	buf_init(&out, BUF_UNLIMITED);
	buf_add_str(&out, "> ");
	assert_int_equal(file_read(*state, &out, &err), 0);
	assert_string_equal(buf_str(&out), "> 0123456789");
	buf_release(&out);
}

static void a_file_over_the_limit_is_refused_by_name(void **state)
{
	struct buf out;
	struct err err;

	buf_init(&out, 9);
	assert_int_equal(file_read(*state, &out, &err), ERR_LIMIT);
	assert_non_null(strstr(err.text, *state));
	assert_non_null(strstr(err.text, "more than 9 bytes"));
	buf_release(&out);
}

static void a_missing_file_and_a_directory_say_why(void **state)
{
	struct buf out;
	struct err err;

	(void)state;
	buf_init(&out, BUF_UNLIMITED);
	assert_int_equal(file_read("/nonexistent/file", &out, &err), ERR_IO);
	assert_string_equal(err.text, "/nonexistent/file: No such file or directory");
	assert_int_equal(file_read("/", &out, &err), ERR_IO);
	assert_string_equal(err.text, "/: Is a directory");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_appended, make, take_away),
		cmocka_unit_test_setup_teardown(
			a_file_over_the_limit_is_refused_by_name, make, take_away),
		cmocka_unit_test(a_missing_file_and_a_directory_say_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
