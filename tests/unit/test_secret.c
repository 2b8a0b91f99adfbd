/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/secret.h"

static char dir[] = "/tmp/postrider-secret-XXXXXX";

static void write_file(const char *name, const char *bytes, size_t len)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
	free(path);
}

static int set_up(void **state)
{
	char *path;

	(void)state;
	assert_non_null(mkdtemp(dir));
	setenv("SECRET_TEST_A", "alpha", 1);
	setenv("SECRET_TEST_EMPTY", "", 1);
	setenv("SECRET_TEST_DIR", dir, 1);
	unsetenv("SECRET_TEST_MISSING");
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	write_file("line", "from a file\n", 12);
	write_file("crlf", "windows\r\n", 9);
	write_file("two", "one\ntwo\n\n", 9);
	write_file("empty", "", 0);
	write_file("nul", "a\0b", 3);
	path = xasprintf("%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
	return 0;
}

static int tear_down(void **state)
{
	char *command = xasprintf("rm -rf %s", dir);

	(void)state;
	assert_int_equal(system(command), 0);
	free(command);
	return 0;
}

static void assert_expands(const char *text, const char *to)
{
	struct secret s = {0};
	struct err err = {0};

	if (secret_expand(&s, text, dir, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	assert_string_equal(secret_value(&s).data, to);
	assert_int_equal(secret_value(&s).len, strlen(to));
	secret_release(&s);
	assert_null(s.bytes);
}

static void assert_refused(const char *text, int code, const char *words)
{
	struct secret s = {0};
	struct err err = {0};

	assert_int_equal(secret_expand(&s, text, dir, &err), code);
	if (strstr(err.text, words) == NULL)
		fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, words);
	assert_null(s.bytes);
}

static void secret__text_without_references_stays(void **state)
{
	(void)state;
	assert_expands("", "");
	assert_expands("plain", "plain");
	assert_expands("$.detail.id", "$.detail.id");
	assert_expands("a $ b }", "a $ b }");
	assert_expands("ends in $", "ends in $");
}

static void secret__two_dollars_are_one(void **state)
{
	(void)state;
	assert_expands("$$", "$");
	assert_expands("pa$$word", "pa$word");
	assert_expands("$${env:SECRET_TEST_A}", "${env:SECRET_TEST_A}");
	assert_expands("$$$${x", "$${x");
}

static void secret__references_stand_anywhere_in_the_text(void **state)
{
	(void)state;
	assert_expands("${env:SECRET_TEST_A}", "alpha");
	assert_expands("Bearer ${env:SECRET_TEST_A}!", "Bearer alpha!");
	assert_expands("${env:SECRET_TEST_A}${file:line}", "alphafrom a file");
	assert_expands("<${env:SECRET_TEST_EMPTY}>", "<>");
	assert_expands("${env:SECRET_TEST_EMPTY}", "");
}

static void secret__values_are_not_expanded_again(void **state)
{
	(void)state;
	setenv("SECRET_TEST_LOOK", "${env:SECRET_TEST_A}$$", 1);
	assert_expands("${env:SECRET_TEST_LOOK}", "${env:SECRET_TEST_A}$$");
}

static void secret__only_the_last_line_end_of_a_file_is_cut(void **state)
{
	(void)state;
	assert_expands("${file:line}", "from a file");
	assert_expands("${file:crlf}", "windows");
	assert_expands("${file:two}", "one\ntwo\n");
	assert_expands("${file:empty}", "");
}

static void secret__paths_are_relative_to_the_base(void **state)
{
	char *absolute = xasprintf("${file:%s/line}", dir);

	(void)state;
	assert_expands(absolute, "from a file");
	assert_expands("${file:sub/../line}", "from a file");
	free(absolute);
}

static void secret__names_may_hold_references(void **state)
{
	(void)state;
	assert_expands("${file:${env:SECRET_TEST_DIR}/line}", "from a file");
}

static void secret__credentials_come_from_systemd(void **state)
{
	(void)state;
	assert_expands("${credential:line}", "from a file");
	assert_refused("${credential:../line}", ERR_INVALID, "not a path");
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_refused("${credential:line}", ERR_NOT_FOUND, "LoadCredential");
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
}

static void secret__what_is_missing_is_named(void **state)
{
	(void)state;
	assert_refused(
		"x ${env:SECRET_TEST_MISSING}", ERR_NOT_FOUND, "${env:SECRET_TEST_MISSING}");
	assert_refused("${file:nowhere}", ERR_NOT_FOUND, "nowhere: No such file");
	assert_refused("${file:sub}", ERR_INVALID, "not a regular file");
	assert_refused("${file:nul}", ERR_INVALID, "NUL");
}

static void secret__what_is_no_reference_is_refused(void **state)
{
	(void)state;
	assert_refused("${HOME}", ERR_INVALID, "${HOME} is not a reference");
	assert_refused("${vault:x}", ERR_INVALID, "${vault:x}");
	assert_refused("${}", ERR_INVALID, "${}");
	assert_refused("${env:}", ERR_INVALID, "no name");
	assert_refused("${env:SECRET_TEST_A", ERR_INVALID, "not closed");
	assert_refused("${env:${env:SECRET_TEST_A}", ERR_INVALID, "not closed");
}

static void secret__an_error_shows_no_value(void **state)
{
	struct secret s = {0};
	struct err err = {0};

	(void)state;
	assert_int_not_equal(
		secret_expand(
			&s, "${env:SECRET_TEST_A}${file:gone-${env:SECRET_TEST_A}}", dir, &err),
		0);
	assert_null(strstr(err.text, "alpha"));
	assert_int_not_equal(secret_expand(&s, "${env:X_${env:SECRET_TEST_A}}", dir, &err), 0);
	assert_null(strstr(err.text, "alpha"));
}

static void secret__failure_leaves_the_old_value(void **state)
{
	struct secret s = {0};

	(void)state;
	assert_int_equal(secret_expand(&s, "old", dir, NULL), 0);
	assert_int_equal(
		secret_expand(&s, "${env:SECRET_TEST_MISSING}", dir, NULL), ERR_NOT_FOUND);
	assert_string_equal(secret_value(&s).data, "old");
	assert_int_equal(secret_expand(&s, "new", dir, NULL), 0);
	assert_string_equal(secret_value(&s).data, "new");
	secret_release(&s);
}

static void secret__a_fifo_does_not_hang(void **state)
{
	char *path = xasprintf("%s/fifo", dir);

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused("${file:fifo}", ERR_INVALID, "not a regular file");
	free(path);
}

static void secret__literals_are_told_from_references(void **state)
{
	(void)state;
	assert_false(secret_has_reference(""));
	assert_false(secret_has_reference("pa$$word"));
	assert_false(secret_has_reference("$${env:X}"));
	assert_true(secret_has_reference("a ${env:X}"));
	assert_true(secret_has_reference("$$${env:X}"));
}

static void secret__files_to_watch_are_listed(void **state)
{
	char **paths = NULL;
	size_t count = 0;

	(void)state;
	count = secret_files(
		"${env:SECRET_TEST_A} ${file:/abs} ${file:rel}", "/base", &paths, count);
	count = secret_files(
		"${env:SECRET_TEST_MISSING}${credential:c}", "/base", &paths, count);
	count = secret_files("$${file:no} plain", "/base", &paths, count);
	assert_int_equal(count, 3);
	assert_string_equal(paths[0], "/abs");
	assert_string_equal(paths[1], "/base/rel");
	assert_non_null(strstr(paths[2], "/c"));
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret__text_without_references_stays),
		cmocka_unit_test(secret__two_dollars_are_one),
		cmocka_unit_test(secret__references_stand_anywhere_in_the_text),
		cmocka_unit_test(secret__values_are_not_expanded_again),
		cmocka_unit_test(secret__only_the_last_line_end_of_a_file_is_cut),
		cmocka_unit_test(secret__paths_are_relative_to_the_base),
		cmocka_unit_test(secret__names_may_hold_references),
		cmocka_unit_test(secret__credentials_come_from_systemd),
		cmocka_unit_test(secret__what_is_missing_is_named),
		cmocka_unit_test(secret__what_is_no_reference_is_refused),
		cmocka_unit_test(secret__an_error_shows_no_value),
		cmocka_unit_test(secret__failure_leaves_the_old_value),
		cmocka_unit_test(secret__a_fifo_does_not_hang),
		cmocka_unit_test(secret__literals_are_told_from_references),
		cmocka_unit_test(secret__files_to_watch_are_listed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
