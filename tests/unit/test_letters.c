/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "app/deadletters/letters.h"

#define NOW_MS 1795424704000

static void letters__times_may_be_how_long_ago(void **state)
{
	static const struct {
		const char *text;
		int64_t wall_ms;
	} good[] = {
		{"90s", NOW_MS - 90000},
		{"15m", NOW_MS - 900000},
		{"6h", NOW_MS - 6 * 3600000},
		{"2d", NOW_MS - 2 * 86400000},
		{"0s", NOW_MS},
		{"2026-11-23T09:05:04Z", NOW_MS},
		{"999999d", 0},
	};
	static const char *const bad[] = {"", "h", "-1h", "1w", "1h30m", "yesterday", "17"};
	int64_t wall_ms;
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		assert_int_equal(letters_parse_time(good[i].text, NOW_MS, &wall_ms, &err), 0);
		assert_int_equal(wall_ms, good[i].wall_ms);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (letters_parse_time(bad[i], NOW_MS, &wall_ms, &err) != ERR_INVALID)
			fail_msg("'%s' is taken for a time", bad[i]);
		assert_non_null(strstr(err.text, "is not a time"));
	}
}

static void letters__filters_all_have_to_agree(void **state)
{
	const struct letter_view v = {
		.rule = SLICE("r"), .target = SLICE("t"), .code = SLICE("CODE"), .status = 404};
	const struct event_fields record = {.timestamp_ms = 1000};
	struct letters_filter f = letters_filter_any;

	(void)state;
	assert_true(letters_filter_wants(&f, &v, &record));
	f.rule = "r";
	f.target = "t";
	f.code = "404";
	f.since_ms = f.until_ms = 1000;
	assert_true(letters_filter_wants(&f, &v, &record));
	f.code = "CODE";
	assert_true(letters_filter_wants(&f, &v, &record));
	f.code = "40";
	assert_false(letters_filter_wants(&f, &v, &record));
	f.code = NULL;
	f.since_ms = 1001;
	assert_false(letters_filter_wants(&f, &v, &record));
	f.since_ms = -1;
	f.until_ms = 999;
	assert_false(letters_filter_wants(&f, &v, &record));
	f.until_ms = -1;
	f.target = "other";
	assert_false(letters_filter_wants(&f, &v, &record));
}

static void letters__letter_without_rule_passes_no_filter_of_rules(void **state)
{
	const struct letter_view v = {.code = SLICE("INVALID_EVENT")};
	const struct event_fields record = {.timestamp_ms = 1000};
	struct letters_filter f = letters_filter_any;

	(void)state;
	assert_true(letters_filter_wants(&f, &v, &record));
	f.code = "0"; /* no status is not status 0 */
	assert_false(letters_filter_wants(&f, &v, &record));
	f.code = NULL;
	f.rule = "r";
	assert_false(letters_filter_wants(&f, &v, &record));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters__times_may_be_how_long_ago),
		cmocka_unit_test(letters__filters_all_have_to_agree),
		cmocka_unit_test(letters__letter_without_rule_passes_no_filter_of_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
