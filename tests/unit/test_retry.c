/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/retry.h"

static struct retry_verdict judge(int status)
{
	struct retry_outcome o = {.status = status};

	return retry_judge(&retry_default_policy, &o);
}

static void retry__every_status_has_the_verdict_of_the_contract(void **state)
{
	(void)state;
	for (int status = 100; status <= 599; status++) {
		bool retried = status == 401 || status == 407 || status == 408 ||
			       status == 409 || status == 425 || status == 429 || status >= 500;
		struct retry_verdict v = judge(status);

		if (status >= 200 && status <= 299)
			assert_int_equal(v.action, RETRY_DELIVERED);
		else
			assert_int_equal(v.action, retried ? RETRY_LATER : RETRY_REFUSE);
	}
}

static void retry__only_the_site_feeds_the_breaker(void **state)
{
	(void)state;
	assert_int_equal(judge(503).fault, RETRY_FAULT_SITE);
	assert_int_equal(judge(429).fault, RETRY_FAULT_SITE);
	assert_int_equal(judge(400).fault, RETRY_FAULT_EVENT);
	assert_int_equal(judge(409).fault, RETRY_FAULT_EVENT);
	assert_int_equal(judge(401).fault, RETRY_FAULT_CREDENTIALS);
}

static void retry__transport_failures_are_retried_with_their_code(void **state)
{
	static const struct {
		enum retry_transport transport;
		const char *code;
	} cases[] = {
		{RETRY_TRANSPORT_TIMEOUT, "TIMEOUT"},
		{RETRY_TRANSPORT_CONNECT, "CONNECTION_FAILURE"},
		{RETRY_TRANSPORT_TLS, "CONNECTION_FAILURE"},
		{RETRY_TRANSPORT_RESET, "CONNECTION_FAILURE"},
		{RETRY_TRANSPORT_DNS, "SDK_CLIENT_ERROR"},
		{RETRY_TRANSPORT_PROTOCOL, "CONNECTION_FAILURE"},
		{RETRY_TRANSPORT_INTERNAL, "INTERNAL_ERROR"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct retry_outcome o = {.transport = cases[i].transport};
		struct retry_verdict v = retry_judge(&retry_default_policy, &o);

		assert_int_equal(v.action, RETRY_LATER);
		assert_string_equal(v.error_code, cases[i].code);
	}
}

static void retry__codes_follow_the_fixed_mapping(void **state)
{
	(void)state;
	assert_null(judge(204).error_code);
	assert_string_equal(judge(429).error_code, "THROTTLING");
	assert_string_equal(judge(401).error_code, "NO_PERMISSIONS");
	assert_string_equal(judge(400).error_code, "ERROR_FROM_TARGET");
	assert_string_equal(judge(503).error_code, "ERROR_FROM_TARGET");
}

static void retry__a_refused_token_is_renewed_once(void **state)
{
	struct retry_outcome o = {.status = 401, .can_reauthorise = true};

	(void)state;
	assert_int_equal(retry_judge(&retry_default_policy, &o).action, RETRY_REAUTHORISE);
	o.fresh_token = true;
	assert_int_equal(retry_judge(&retry_default_policy, &o).action, RETRY_LATER);
	o = (struct retry_outcome){.status = 403, .can_reauthorise = true};
	assert_int_equal(retry_judge(&retry_default_policy, &o).action, RETRY_REFUSE);
	o.reauthorise_on_403 = true;
	assert_int_equal(retry_judge(&retry_default_policy, &o).action, RETRY_REAUTHORISE);
}

static void retry__a_target_moves_statuses_and_fail_on_wins(void **state)
{
	struct retry_policy p = retry_default_policy;
	struct retry_outcome o = {.status = 404};

	(void)state;
	assert_int_equal(retry_statuses_add(&p.retry_on, "404", NULL), 0);
	assert_int_equal(retry_judge(&p, &o).action, RETRY_LATER);
	assert_int_equal(retry_statuses_add(&p.fail_on, "4xx", NULL), 0);
	assert_int_equal(retry_judge(&p, &o).action, RETRY_REFUSE);
}

static void retry__what_is_no_status_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "6xx", "099", "600", "5x", "5xxx", "abc", "-1", "503 "};
	struct retry_statuses s = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(retry_statuses_add(&s, bad[i], NULL), ERR_INVALID);
}

static void retry__retry_after_is_read_in_all_its_forms(void **state)
{
	/* 1994-11-06T08:49:37Z */
	const int64_t date_ms = 784111777000;
	static const struct {
		const char *text;
		enum retry_after_kind kind;
		int64_t delay_ms;
	} cases[] = {
		{"120", RETRY_AFTER_DELAY, 120000},
		{" 0 ", RETRY_AFTER_DELAY, 0},
		{"-1", RETRY_AFTER_STOP, 0},
		{"99999999999999999999", RETRY_AFTER_DELAY, 604800000},
		{"Sun, 06 Nov 1994 08:49:37 GMT", RETRY_AFTER_DELAY, 60000},
		{"Sunday, 06-Nov-94 08:49:37 GMT", RETRY_AFTER_DELAY, 60000},
		{"Sun Nov  6 08:49:37 1994", RETRY_AFTER_DELAY, 60000},
		{"Sun, 06 Nov 1993 08:49:37 GMT", RETRY_AFTER_DELAY, 0},
		{"soon", RETRY_AFTER_NONE, 0},
		{"12s", RETRY_AFTER_NONE, 0},
		{"", RETRY_AFTER_NONE, 0},
		{"-", RETRY_AFTER_NONE, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t delay_ms = -1;

		assert_int_equal(
			retry_after_parse(slice_str(cases[i].text), date_ms - 60000, &delay_ms),
			cases[i].kind);
		if (cases[i].kind == RETRY_AFTER_DELAY)
			assert_int_equal(delay_ms, cases[i].delay_ms);
	}
}

static void retry__a_negative_retry_after_stops(void **state)
{
	struct retry_outcome o = {.status = 503, .retry_after = RETRY_AFTER_STOP};

	(void)state;
	assert_int_equal(retry_judge(&retry_default_policy, &o).action, RETRY_REFUSE);
}

static void retry__delays_are_full_jitter_under_a_growing_cap(void **state)
{
	struct retry_verdict v = {.action = RETRY_LATER};
	struct rng rng;

	(void)state;
	rng_seed(&rng, 7);
	for (unsigned attempts = 1; attempts <= 20; attempts++) {
		int64_t ceiling_ms = min_i64((int64_t)1000 << (attempts - 1), 600000),
			most_ms = 0, delay_ms;

		for (int i = 0; i < 1000; i++) {
			assert_int_equal(retry_schedule(&retry_default_policy, &v, attempts, 0,
						 &rng, &delay_ms),
				RETRY_NOT_EXHAUSTED);
			assert_in_range(delay_ms, 0, ceiling_ms);
			most_ms = max_i64(most_ms, delay_ms);
		}
		assert_true(most_ms > ceiling_ms * 9 / 10);
	}
}

static void retry__never_sooner_than_retry_after(void **state)
{
	struct retry_verdict v = {.action = RETRY_LATER, .not_before_ms = 30000};
	struct rng rng;
	int64_t delay_ms;

	(void)state;
	rng_seed(&rng, 7);
	assert_int_equal(retry_schedule(&retry_default_policy, &v, 1, 0, &rng, &delay_ms),
		RETRY_NOT_EXHAUSTED);
	assert_int_equal(delay_ms, 30000);
}

static void retry__attempts_and_age_end_it_whichever_comes_first(void **state)
{
	struct retry_policy p = retry_default_policy;
	struct retry_verdict v = {.action = RETRY_LATER};
	struct rng rng;
	int64_t delay_ms;

	(void)state;
	rng_seed(&rng, 7);
	p.maximum_retry_attempts = 2;
	assert_int_equal(retry_schedule(&p, &v, 2, 0, &rng, &delay_ms), RETRY_NOT_EXHAUSTED);
	assert_int_equal(
		retry_schedule(&p, &v, 3, 0, &rng, &delay_ms), RETRY_MAXIMUM_RETRY_ATTEMPTS);
	assert_int_equal(retry_schedule(&p, &v, 1, p.maximum_event_age_ms + 1, &rng, &delay_ms),
		RETRY_MAXIMUM_EVENT_AGE);
	v.not_before_ms = p.maximum_event_age_ms + 1;
	assert_int_equal(
		retry_schedule(&p, &v, 1, 0, &rng, &delay_ms), RETRY_MAXIMUM_EVENT_AGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry__every_status_has_the_verdict_of_the_contract),
		cmocka_unit_test(retry__only_the_site_feeds_the_breaker),
		cmocka_unit_test(retry__transport_failures_are_retried_with_their_code),
		cmocka_unit_test(retry__codes_follow_the_fixed_mapping),
		cmocka_unit_test(retry__a_refused_token_is_renewed_once),
		cmocka_unit_test(retry__a_target_moves_statuses_and_fail_on_wins),
		cmocka_unit_test(retry__what_is_no_status_is_refused),
		cmocka_unit_test(retry__retry_after_is_read_in_all_its_forms),
		cmocka_unit_test(retry__a_negative_retry_after_stops),
		cmocka_unit_test(retry__delays_are_full_jitter_under_a_growing_cap),
		cmocka_unit_test(retry__never_sooner_than_retry_after),
		cmocka_unit_test(retry__attempts_and_age_end_it_whichever_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
