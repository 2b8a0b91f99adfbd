/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "app/cmd/cmd.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENT                                                                                  \
	"{\"source\":\"shop\",\"detail\":{\"id\":\"o-1\",\"note\":\"say \\\"hi\\\"\",\"n\":1.10}}"

static char transformer_file[] = "/tmp/postrider-transformer-XXXXXX";
static char event_file[] = "/tmp/postrider-event-XXXXXX";

/* What the command wrote, and how it ended. */
static struct buf out, errors;
static int status;

static void write_file(char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void drain(int fd, struct buf *into)
{
	char chunk[4096];
	ssize_t len;

	buf_reset(into);
	while ((len = read(fd, chunk, sizeof chunk)) > 0)
		buf_add(into, chunk, (size_t)len);
	close(fd);
}

/* In a process of its own, since getopt keeps its place. What is written stays far below
 * what a pipe holds. */
static void run_arguments(int argc, char **argv)
{
	int outs[2], errs[2], how;
	pid_t pid;

	assert_int_equal(pipe(outs) | pipe(errs), 0);
	pid = fork();
	if (pid == 0) {
		dup2(outs[1], STDOUT_FILENO);
		dup2(errs[1], STDERR_FILENO);
		how = cmd_test_transform(argc, argv);
		fflush(stdout);
		_exit(how);
	}
	close(outs[1]);
	close(errs[1]);
	drain(outs[0], &out);
	drain(errs[0], &errors);
	assert_int_equal(waitpid(pid, &how, 0), pid);
	assert_true(WIFEXITED(how));
	status = WEXITSTATUS(how);
}

static void run(const char *transformer, char *extra)
{
	char *argv[] = {(char[]){"test-transform"}, (char[]){"--transformer"}, transformer_file,
		(char[]){"--event"}, event_file, extra, NULL};

	write_file(transformer_file, transformer);
	run_arguments(extra != NULL ? 6 : 5, argv);
}

static void test_transform__prints_the_body(void **state)
{
	(void)state;
	run("{\"InputPathsMap\":{\"n\":\"$.detail.n\",\"id\":\"$.detail.id\"},"
	    "\"InputTemplate\":\"{\\\"n\\\": <n>, \\\"id\\\": <id>}\"}",
		NULL);
	assert_int_equal(status, 0);
	assert_string_equal(buf_str(&out), "{\"n\": 1.10, \"id\": \"o-1\"}\n");
	assert_string_equal(buf_str(&errors), "");
	run("{\"InputPath\":\"$.detail.id\"}", NULL);
	assert_string_equal(buf_str(&out), "\"o-1\"\n");
	run("{\"Input\":\"{\\\"a\\\":1}\"}", NULL);
	assert_string_equal(buf_str(&out), "{\"a\":1}\n");
	run("{}", NULL);
	assert_string_equal(buf_str(&out), EVENT "\n");
	run("{\"InputTransformer\":{\"InputTemplate\":\"\\\"<aws.events.rule-name>\\\"\"}}",
		(char[]){"--rule=shop"});
	assert_string_equal(buf_str(&out), "\"shop\"\n");
	run("{\"InputTemplate\":\"[<kafka.headers.a>]\"}", (char[]){"--header=a=b=c"});
	assert_string_equal(buf_str(&out), "[\"b=c\"]\n");
}

static void test_transform__what_is_not_json_is_not_printed(void **state)
{
	static const char transformer[] =
		"{\"InputPathsMap\":{\"note\":\"$.detail.note\"},"
		"\"InputTemplate\":\"{\\\"text\\\": \\\"<note>\\\"}\"}";

	(void)state;
	run(transformer, NULL);
	assert_int_equal(status, 2);
	assert_string_equal(buf_str(&out), "");
	assert_non_null(strstr(buf_str(&errors), "INVALID_JSON: "));
	run(transformer, (char[]){"--escape"});
	assert_int_equal(status, 0);
	assert_string_equal(buf_str(&out), "{\"text\": \"say \\\"hi\\\"\"}\n");
}

/* A transformer, and a part of what is said about it. */
static const struct {
	const char *transformer, *reason;
} refused[] = {
	{"{\"InputTemplate\":\"{\\\"a\\\":<x>}\"}", "InputTemplate: line 1, column 6: invalid"},
	{"{\"InputPathsMap\":{\"x\":\"$..x\"},\"InputTemplate\":\"<x>\"}",
		"InputPathsMap.x: path '$..x', column 3"},
	{"{\"InputPath\":\"$.absent\"}", "INVALID_PARAMETER: input_path: $.absent"},
	{"{\"Input\":\"x\"}", "Input: it is not a valid JSON text"},
	{"{\"Input\":{}}", "Input has to be a string"},
	{"{\"Input\":\"1\",\"InputPath\":\"$\"}", "Input: only one of"},
	{"{\"InputPathsMap\":[],\"InputTemplate\":\"1\"}", "InputPathsMap has to be an object"},
	{"{\"InputTempate\":\"1\"}", "InputTempate is not known here"},
	{"[]", "it has to be a JSON object"},
	{"{", "expected"},
};

static void test_transform__says_why_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		run(refused[i].transformer, NULL);
		assert_int_equal(status, 2);
		assert_string_equal(buf_str(&out), "");
		if (strstr(buf_str(&errors), refused[i].reason) == NULL)
			fail_msg("%s: %s", refused[i].transformer, buf_str(&errors));
	}
}

static void test_transform__wrong_usage_is_status_2(void **state)
{
	char *nothing[] = {(char[]){"test-transform"}, NULL};
	char *help[] = {(char[]){"test-transform"}, (char[]){"--help"}, NULL};
	char *absent[] = {(char[]){"test-transform"}, (char[]){"--transformer=/nowhere"},
		(char[]){"--event=/nowhere"}, NULL};

	(void)state;
	run_arguments(1, nothing);
	assert_int_equal(status, 2);
	assert_non_null(strstr(buf_str(&errors), "--transformer is missing"));
	run_arguments(3, absent);
	assert_int_equal(status, 2);
	assert_non_null(strstr(buf_str(&errors), "/nowhere: No such file"));
	run_arguments(2, help);
	assert_int_equal(status, 0);
	assert_int_equal(strncmp(buf_str(&out), "usage: ", 7), 0);
	run("{}", (char[]){"--header=a"});
	assert_int_equal(status, 2);
}

static int set_up(void **state)
{
	(void)state;
	close(mkstemp(transformer_file));
	close(mkstemp(event_file));
	write_file(event_file, EVENT);
	buf_init(&out, BUF_UNLIMITED);
	buf_init(&errors, BUF_UNLIMITED);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(transformer_file);
	unlink(event_file);
	buf_release(&out);
	buf_release(&errors);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transform__prints_the_body),
		cmocka_unit_test(test_transform__what_is_not_json_is_not_printed),
		cmocka_unit_test(test_transform__says_why_not),
		cmocka_unit_test(test_transform__wrong_usage_is_status_2),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
