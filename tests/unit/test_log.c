/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/time_text.h"
#include "base/log.h"

static char line[8192];

static void keep(enum log_level level, const char *id, struct slice text)
{
	(void)level;
	(void)id;
	snprintf(line, sizeof line, "%.*s", (int)text.len, text.data);
}

static void log__a_line_is_logfmt_that_can_be_grepped(void **state)
{
	(void)state;
	log_configure(&(struct log_settings){.level = LOG_INFO});
	log_set_sink(keep);
	log_warn("destination_open", "the breaker opened", log_str("destination", "billing"),
		log_int("after", 10), log_str("last", "HTTP \"503\"\n"));
	assert_non_null(strstr(line,
		" level=warn id=destination_open msg=\"the breaker opened\" destination=billing after=10 "
		"last=\"HTTP \\\"503\\\"\\n\"\n"));
}

static void log__json_lines_are_json(void **state)
{
	json_t *object;

	(void)state;
	log_configure(&(struct log_settings){.level = LOG_INFO, .format = LOG_JSON});
	log_set_sink(keep);
	log_error("x", "odd \xff \x01 bytes", log_str("a", "=\" "), log_int("n", -5),
		log_str("none", NULL));
	object = json_loads(line, 0, NULL);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "level")), "error");
	assert_int_equal(json_integer_value(json_object_get(object, "n")), -5);
	assert_string_equal(json_string_value(json_object_get(object, "none")), "");
	json_decref(object);
}

static void log__what_is_below_the_level_is_not_written(void **state)
{
	(void)state;
	log_configure(&(struct log_settings){.level = LOG_WARN});
	log_set_sink(keep);
	line[0] = '\0';
	log_info("quiet", "nobody hears this");
	assert_string_equal(line, "");
}

static void log__a_long_line_is_cut_and_still_ends(void **state)
{
	static char text[20000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	log_configure(&(struct log_settings){.level = LOG_INFO});
	log_set_sink(keep);
	log_info("long", "a long field follows", log_str("text", text), log_int("after", 1));
	assert_true(strlen(line) < sizeof line && strlen(line) > 6000);
	assert_string_equal(line + strlen(line) - 6, "x\xe2\x80\xa6\"\n");
}

/* Whatever a line is cut in: characters, escapes, the message, a field of many. */
static void log__a_json_line_that_was_cut_is_json(void **state)
{
	static char text[20000];
	static const char *const parts[] = {
		"x", "\xc3\xbc", "\xf0\x9f\x9a\x80", "\x1b", "\"", "\xff"};

	(void)state;
	log_configure(&(struct log_settings){.level = LOG_INFO, .format = LOG_JSON});
	log_set_sink(keep);
	for (size_t i = 0; i < COUNT_OF(parts) * 32; i++) {
		json_t *object;

		text[0] = '\0';
		for (size_t at = 0; at < i % 32; at++)
			text[at] = 'a', text[at + 1] = '\0';
		for (size_t at = strlen(text), len = strlen(parts[i / 32]);
			at + len < sizeof text; at += len)
			memcpy(text + at, parts[i / 32], len + 1);
		log_error("long", i % 2 ? text : "short", log_str("text", text),
			log_str("more", text), log_int("n", 1));
		object = json_loads(line, 0, NULL);
		assert_non_null(object);
		assert_int_equal(line[strlen(line) - 1], '\n');
		assert_int_equal(line[strlen(line) - 2], '}');
		json_decref(object);
	}
}

/* A pipe that nobody reads: no call waits, and what was lost is said when somebody reads. */
static void log__nobody_waits_for_the_reader_and_what_is_dropped_is_counted(void **state)
{
	static char text[4000], read_back[8 * 1024 * 1024];
	int fds[2], saved = dup(STDERR_FILENO), lines = 0, dropped = 0;
	size_t len = 0;

	(void)state;
	memset(text, 'x', sizeof text - 1);
	log_configure(&(struct log_settings){.level = LOG_INFO});
	log_set_sink(NULL);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_int_equal(
		fcntl(fds[1], F_SETFL, 0), 0); /* writing blocks, as for most programs */
	dup2(fds[1], STDERR_FILENO);
	for (int i = 0; i < 1000; i++)
		log_info("unread", "nobody reads this", log_int("number", i),
			log_str("text", text));
	for (int round = 0; round < 100; round++) {
		ssize_t n = read(fds[0], read_back + len, sizeof read_back - 1 - len);

		len += n > 0 ? (size_t)n : 0;
		log_flush();
	}
	dup2(saved, STDERR_FILENO);
	close(fds[0]);
	close(fds[1]);
	close(saved);
	read_back[len] = '\0';
	for (const char *at = read_back; (at = strstr(at, "id=unread")) != NULL; at++)
		lines++;
	assert_non_null(strstr(read_back, "id=log_lines_dropped"));
	dropped = atoi(strstr(read_back, " count=") + 7);
	assert_int_equal(lines + dropped, 1000);
	assert_true(lines > 50 && dropped > 500);
}

/* Standard error itself, because a sink sees everything. */
static void log__a_flood_of_one_kind_is_thinned_and_other_kinds_pass(void **state)
{
	char name[] = "/tmp/postrider-log-XXXXXX", text[65536];
	int fd = mkstemp(name), saved = dup(STDERR_FILENO), floods = 0;
	ssize_t len;

	(void)state;
	assert_true(fd >= 0 && saved >= 0);
	log_configure(&(struct log_settings){.level = LOG_INFO});
	log_set_sink(NULL);
	dup2(fd, STDERR_FILENO);
	for (int i = 0; i < 1000; i++)
		log_warn("flood", "again", log_str("destination", "one"));
	log_warn("flood", "again", log_str("destination", "two"));
	dup2(saved, STDERR_FILENO);
	len = pread(fd, text, sizeof text - 1, 0);
	close(fd);
	close(saved);
	unlink(name);
	assert_true(len > 0);
	text[len] = '\0';
	for (const char *at = text; (at = strstr(at, "destination=one")) != NULL; at++)
		floods++;
	assert_int_equal(floods, LOG_BURST);
	assert_non_null(strstr(text, "destination=two"));
}

static void time_text__times_are_iso_8601(void **state)
{
	char text[TIME_TEXT_ISO8601_BYTES];

	(void)state;
	time_text_format_iso8601(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	time_text_format_iso8601(1700000000123, text);
	assert_string_equal(text, "2023-11-14T22:13:20.123Z");
	time_text_format_iso8601(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999Z");
	time_text_format_iso8601(INT64_MAX, text);
	assert_string_equal(text, "-");
}

static void time_text__basic_format_has_no_fraction(void **state)
{
	char text[TIME_TEXT_BASIC_BYTES];

	(void)state;
	time_text_format_basic(1440938160999, text);
	assert_string_equal(text, "20150830T123600Z");
	time_text_format_basic(INT64_MAX, text);
	assert_string_equal(text, "00000000T000000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log__a_line_is_logfmt_that_can_be_grepped),
		cmocka_unit_test(log__json_lines_are_json),
		cmocka_unit_test(log__what_is_below_the_level_is_not_written),
		cmocka_unit_test(log__a_long_line_is_cut_and_still_ends),
		cmocka_unit_test(log__a_json_line_that_was_cut_is_json),
		cmocka_unit_test(
			log__nobody_waits_for_the_reader_and_what_is_dropped_is_counted),
		cmocka_unit_test(log__a_flood_of_one_kind_is_thinned_and_other_kinds_pass),
		cmocka_unit_test(time_text__times_are_iso_8601),
		cmocka_unit_test(time_text__basic_format_has_no_fraction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
