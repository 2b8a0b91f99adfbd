/* SPDX-License-Identifier: Apache-2.0 */
/* What the headers of a reply say about when to come back, in all the forms that APIs use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/gate/retry_after.h"

/* 2026-11-29T12:00:00Z */
#define NOW_MS INT64_C(1795953600000)

static const char *const own_names[] = {"X-Busy-Until"};
static const struct retry_after_names own = {own_names, 1};

/* The delay in seconds; -1 when nothing is said, -2 for "do not come back". */
static int64_t said(const char *head, bool throttled)
{
	int64_t delay_ms = -1;
	enum retry_after_kind kind =
		retry_after_read(slice_str(head), &own, throttled, NOW_MS, &delay_ms);

	if (kind == RETRY_AFTER_DELAY)
		assert_true(delay_ms >= 0 && delay_ms <= RETRY_AFTER_MAX_MS);
	return kind == RETRY_AFTER_NONE ? -1 : kind == RETRY_AFTER_STOP ? -2 : delay_ms / 1000;
}

static void retry_after__every_header_of_the_table_is_heard(void **state)
{
	static const char *const names[] = {"Retry-After", "X-RateLimit-Retry-After",
		"RateLimit-Reset", "X-RateLimit-Reset-After", "X-RateLimit-Reset",
		"X-Rate-Limit-Reset", "X-Busy-Until", "x-ratelimit-reset", "RETRY-AFTER"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char head[128];

		snprintf(head, sizeof head, "Date: x\r\n%s: 42\r\nServer: y\r\n", names[i]);
		assert_int_equal(said(head, true), 42);
		assert_true(retry_after_is_named(slice_str(names[i]), &own));
	}
	assert_int_equal(said("X-RateLimit-Resets: 42\r\n", true), -1);
	assert_int_equal(said("X-RateLimit-Reset : 42\r\n", true), -1);
	assert_false(retry_after_is_named(SLICE("X-Busy-Until"), NULL));
	assert_true(retry_after_is_named(SLICE("RateLimit"), NULL));
	assert_false(retry_after_is_named(SLICE("X-RateLimit-Remaining"), &own));
}

static void retry_after__the_size_of_a_number_tells_its_unit(void **state)
{
	static const struct {
		const char *value;
		int64_t delay_s;
	} cases[] = {
		{"0", 0},
		{"1", 1},
		{"1.337", 2},
		{"604800", 604800},
		{"99999999", 604800},
		{"1795953642", 42},
		{"1795953642.25", 43},
		{"1795953642000", 42},
		{"1795953600", 0},
		{"1795953599", 0},
		{"100000000", 0}, /* 1973 */
		{"99999999999", 604800},
		{"100000000000", 0}, /* in milliseconds: 1973 */
		{"99999999999999999999", 604800},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char head[96];

		snprintf(head, sizeof head, "X-RateLimit-Reset: %s\r\n", cases[i].value);
		assert_int_equal(said(head, true), cases[i].delay_s);
		snprintf(head, sizeof head, "Retry-After:%s\n", cases[i].value);
		assert_int_equal(said(head, true), cases[i].delay_s);
	}
}

static void retry_after__dates_of_http_and_of_iso_are_read(void **state)
{
	static const char *const values[] = {"Sun, 29 Nov 2026 12:00:42 GMT",
		"Sunday, 29-Nov-26 12:00:42 GMT", "Sun Nov 29 12:00:42 2026",
		"2026-11-29T12:00:42Z", "2026-11-29T13:00:42+01:00", "2026-11-29 12:00:42"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		char head[96];

		snprintf(head, sizeof head, "X-Rate-Limit-Reset: %s\r\n", values[i]);
		assert_int_equal(said(head, true), 42);
	}
}

static void retry_after__the_structured_field_is_read_in_both_forms(void **state)
{
	static const struct {
		const char *value;
		int64_t delay_s;
	} cases[] = {
		{"\"default\";r=0;t=30", 30},
		{"\"default\"; r=0; t=30", 30},
		{"\"default\";r=50;t=30", 30},
		{"\"burst\";r=0;t=10, \"daily\";r=500;t=3600", 10},
		{"\"burst\";r=0;t=10, \"daily\";r=0;t=3600", 3600},
		{"\"burst\";r=3;t=10, \"daily\";r=500;t=3600", 10},
		{"\"a;t=9, b\";r=0;t=30", 30},
		{"\"a\\\";t=9\";r=0;t=30", 30},
		{"limit=100, remaining=0, reset=30", 30},
		{"limit=100,remaining=50,reset=30", 30},
		{"\"default\";r=0", -1},
		{"\"default", -1},
		{"t=", -1},
		{";;,,", -1},
		{"", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char head[128];

		snprintf(head, sizeof head, "RateLimit: %s\r\n", cases[i].value);
		assert_int_equal(said(head, true), cases[i].delay_s);
	}
}

static void retry_after__the_first_of_the_order_that_can_be_read_decides(void **state)
{
	(void)state;
	assert_int_equal(said("X-RateLimit-Reset: 7\r\nRetry-After: 5\r\n", true), 5);
	assert_int_equal(said("X-RateLimit-Reset: 7\r\nRetry-After: soon\r\n", true), 7);
	assert_int_equal(said("X-RateLimit-Reset: 7\r\nX-Busy-Until: 9\r\n", true), 9);
	assert_int_equal(said("X-RateLimit-Reset: -1\r\nX-Rate-Limit-Reset: 9\r\n", true), 9);
	assert_int_equal(said("X-RateLimit-Reset: 7\r\nX-RateLimit-Reset: 8\r\n", true), 8);
	assert_int_equal(said("X-RateLimit-Reset: 7\r\nRetry-After: -1\r\n", true), -2);
	assert_int_equal(said("", true), -1);
}

static void retry_after__only_a_refusal_for_the_rate_makes_the_others_count(void **state)
{
	(void)state;
	assert_int_equal(said("X-RateLimit-Reset: 7\r\n", false), -1);
	assert_int_equal(said("X-RateLimit-Reset: 7\r\nRetry-After: 5\r\n", false), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry_after__every_header_of_the_table_is_heard),
		cmocka_unit_test(retry_after__the_size_of_a_number_tells_its_unit),
		cmocka_unit_test(retry_after__dates_of_http_and_of_iso_are_read),
		cmocka_unit_test(retry_after__the_structured_field_is_read_in_both_forms),
		cmocka_unit_test(retry_after__the_first_of_the_order_that_can_be_read_decides),
		cmocka_unit_test(
			retry_after__only_a_refusal_for_the_rate_makes_the_others_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
