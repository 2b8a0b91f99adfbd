/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/gate/retry.h"

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
	assert_int_equal(judge(408).fault, RETRY_FAULT_SITE);
	assert_int_equal(judge(425).fault, RETRY_FAULT_EVENT);
	for (int status = 100; status <= 599; status++)
		if (judge(status).fault == RETRY_FAULT_SITE)
			assert_int_equal(judge(status).action, RETRY_LATER);
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
		{RETRY_TRANSPORT_PROTOCOL, "ERROR_FROM_TARGET"},
		{RETRY_TRANSPORT_INTERNAL, "INTERNAL_ERROR"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct retry_outcome o = {.transport = cases[i].transport};
		struct retry_verdict v = retry_judge(&retry_default_policy, &o);

		assert_int_equal(v.action, RETRY_LATER);
		assert_string_equal(v.error_code, cases[i].code);
		assert_int_equal(v.fault, cases[i].transport == RETRY_TRANSPORT_INTERNAL
						  ? RETRY_FAULT_NONE
						  : RETRY_FAULT_SITE);
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
	assert_string_equal(
		retry_judge(&retry_default_policy, &o).error_code, "ERROR_FROM_TARGET");
	o.reauthorise_on_403 = true;
	assert_int_equal(retry_judge(&retry_default_policy, &o).action, RETRY_REAUTHORISE);
	o.fresh_token = true;
	assert_int_equal(retry_judge(&retry_default_policy, &o).action, RETRY_REFUSE);
	assert_string_equal(
		retry_judge(&retry_default_policy, &o).error_code, "NO_PERMISSIONS");
}

static void retry__an_expired_token_is_no_failure_of_the_event(void **state)
{
	struct retry_policy p = retry_default_policy;
	struct retry_outcome o = {
		.status = 401, .can_reauthorise = true, .retry_after = RETRY_AFTER_STOP};

	(void)state;
	assert_int_equal(retry_statuses_add(&p.fail_on, "4xx", NULL), 0);
	assert_int_equal(retry_judge(&p, &o).action, RETRY_REAUTHORISE);
	o.fresh_token = true;
	assert_int_equal(retry_judge(&p, &o).action, RETRY_REFUSE);
	assert_string_equal(retry_judge(&p, &o).error_code, "NO_PERMISSIONS");
}

static void retry__a_target_moves_statuses_and_fail_on_wins(void **state)
{
	struct retry_policy p = retry_default_policy;
	struct retry_outcome o = {.status = 404};

	(void)state;
	assert_int_equal(retry_statuses_add(&p.retry_on, "404", NULL), 0);
	assert_int_equal(retry_judge(&p, &o).action, RETRY_LATER);
	assert_int_equal(retry_judge(&p, &o).fault, RETRY_FAULT_EVENT);
	assert_int_equal(retry_statuses_add(&p.fail_on, "4xx", NULL), 0);
	assert_int_equal(retry_judge(&p, &o).action, RETRY_REFUSE);
}

static void retry__a_class_is_all_of_its_hundred(void **state)
{
	struct retry_statuses s = {0};

	(void)state;
	assert_int_equal(retry_statuses_add(&s, "5xx", NULL), 0);
	assert_int_equal(retry_statuses_add(&s, "3XX", NULL), 0);
	for (int status = 0; status <= 1000; status++)
		assert_int_equal(retry_statuses_have(&s, status),
			status / 100 == 5 || status / 100 == 3);
}

static void retry__what_is_no_status_is_refused(void **state)
{
	static const char *const bad[] = {"", "6xx", "099", "600", "5x", "5xxx", "abc", "-1",
		"503 ", "2xx", "200", "204"};
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
		{"-0", RETRY_AFTER_DELAY, 0},
		{"-120", RETRY_AFTER_STOP, 0},
		{"-99999999999999999999", RETRY_AFTER_STOP, 0},
		{"1.5", RETRY_AFTER_DELAY, 2000},
		{"0.0001", RETRY_AFTER_DELAY, 1000},
		{"30.0", RETRY_AFTER_DELAY, 30000},
		{"64.5712345678901234567890", RETRY_AFTER_DELAY, 65000},
		{"99999999999999999999", RETRY_AFTER_DELAY, 604800000},
		{"99999999999999999999.9", RETRY_AFTER_DELAY, 604800000},
		{"Sun, 06 Nov 1994 08:49:37 GMT", RETRY_AFTER_DELAY, 60000},
		{"Sunday, 06-Nov-94 08:49:37 GMT", RETRY_AFTER_DELAY, 60000},
		{"Sun Nov  6 08:49:37 1994", RETRY_AFTER_DELAY, 60000},
		{"Sun, 06 Nov 1993 08:49:37 GMT", RETRY_AFTER_DELAY, 0},
		{"Sun, 06 Nov 1994 08:49:37 UTC", RETRY_AFTER_NONE, 0},
		{"Sun, 06 Nov 1994 08:49:37 GMT and more", RETRY_AFTER_NONE, 0},
		{"Fri, 31 Dec 9999 23:59:59 GMT", RETRY_AFTER_DELAY, 604800000},
		{"soon", RETRY_AFTER_NONE, 0},
		{"1.", RETRY_AFTER_NONE, 0},
		{"1.2.3", RETRY_AFTER_NONE, 0},
		{".5", RETRY_AFTER_NONE, 0},
		{"1e9", RETRY_AFTER_NONE, 0},
		{"+5", RETRY_AFTER_NONE, 0},
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

/* Always failing, each time tried again: when it ends, and with how many attempts. */
static unsigned live_out(const struct retry_policy *p, uint64_t seed, int64_t *ret_age_ms)
{
	struct retry_verdict v = {.action = RETRY_LATER};
	struct rng rng;
	unsigned attempts = 1;
	int64_t delay_ms;

	rng_seed(&rng, seed);
	*ret_age_ms = 0;
	while (retry_schedule(p, &v, attempts, *ret_age_ms, &rng, &delay_ms) ==
		RETRY_NOT_EXHAUSTED) {
		*ret_age_ms += delay_ms;
		attempts++;
	}
	return attempts;
}

static void retry__uses_the_whole_age_and_not_more(void **state)
{
	struct retry_policy p = retry_default_policy;

	(void)state;
	p.maximum_event_age_ms = 60000;
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		int64_t age_ms;
		unsigned attempts = live_out(&p, seed, &age_ms);

		assert_in_range(age_ms, 60000 - 60000 / 64, 60000);
		assert_in_range(attempts, 3, 40);
	}
}

static void retry__the_defaults_fill_a_day(void **state)
{
	int64_t age_ms, sum_hours = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		unsigned attempts = live_out(&retry_default_policy, seed, &age_ms);

		assert_in_range(attempts, 150, 186);
		sum_hours += age_ms / 3600000;
	}
	assert_in_range(sum_hours / 100, 13, 24);
}

static struct retry_verdict judge_outcome(struct retry_outcome o)
{
	return retry_judge(&retry_default_policy, &o);
}

static void retry__a_received_status_decides_whatever_becomes_of_the_body(void **state)
{
	(void)state;
	for (int t = 0; t < RETRY_TRANSPORT_NR_VALUES; t++) {
		struct retry_outcome o = {.transport = (enum retry_transport)t};

		for (o.status = 100; o.status <= 599; o.status++) {
			struct retry_verdict v = judge_outcome(o);

			assert_int_equal(v.action, judge(o.status).action);
			assert_int_equal(v.fault, judge(o.status).fault);
			assert_int_equal(v.charge, RETRY_CHARGE_EVENT);
		}
	}
}

static void retry__a_response_rule_goes_before_the_status(void **state)
{
	struct retry_policy p = retry_default_policy;

	(void)state;
	assert_int_equal(retry_statuses_add(&p.fail_on, "4xx", NULL), 0);
	for (int status = 200; status <= 599; status++) {
		struct retry_outcome o = {.status = status, .has_rule = true};
		struct retry_verdict v;

		o.rule = RETRY_DELIVERED;
		assert_int_equal(retry_judge(&p, &o).action, RETRY_DELIVERED);
		o.rule = RETRY_LATER;
		o.retry_after = RETRY_AFTER_DELAY;
		o.retry_after_ms = 7000;
		v = retry_judge(&p, &o);
		assert_int_equal(v.action, RETRY_LATER);
		assert_int_equal(v.fault, RETRY_FAULT_SITE);
		assert_int_equal(v.charge, RETRY_CHARGE_EVENT);
		assert_int_equal(v.not_before_ms, 7000);
		assert_true(retry_is_throttled(&o));
		o.rule = RETRY_REFUSE;
		v = retry_judge(&p, &o);
		assert_int_equal(v.action, RETRY_REFUSE);
		assert_int_equal(v.fault, RETRY_FAULT_EVENT);
		assert_false(retry_is_throttled(&o));
		o.rule = RETRY_REAUTHORISE;
		o.can_reauthorise = true;
		v = retry_judge(&p, &o);
		assert_int_equal(v.action, RETRY_REAUTHORISE);
		assert_int_equal(v.charge, RETRY_CHARGE_NOBODY);
		o.fresh_token = true;
		v = retry_judge(&p, &o);
		assert_int_equal(v.action, RETRY_LATER);
		assert_int_equal(v.fault, RETRY_FAULT_CREDENTIALS);
	}
}

static void retry__a_2xx_whose_meaning_nobody_knows_is_retried(void **state)
{
	struct retry_verdict v = judge_outcome((struct retry_outcome){
		.transport = RETRY_TRANSPORT_RESET, .status = 200, .is_unknown = true});

	(void)state;
	assert_int_equal(v.action, RETRY_LATER);
	assert_int_equal(v.fault, RETRY_FAULT_SITE);
	assert_string_equal(v.error_code, "ERROR_FROM_TARGET");
}

static void retry__a_probe_that_fails_costs_no_attempt(void **state)
{
	(void)state;
	assert_int_equal(judge(503).charge, RETRY_CHARGE_EVENT);
	assert_int_equal(
		judge_outcome((struct retry_outcome){.status = 503, .is_probe = true}).charge,
		RETRY_CHARGE_NOBODY);
	assert_int_equal(
		judge_outcome((struct retry_outcome){
				      .transport = RETRY_TRANSPORT_TIMEOUT, .is_probe = true})
			.charge,
		RETRY_CHARGE_NOBODY);
	/* A reply about the event itself is one. */
	assert_int_equal(
		judge_outcome((struct retry_outcome){.status = 400, .is_probe = true}).action,
		RETRY_REFUSE);
}

static void retry__our_own_shortage_is_charged_to_nobody(void **state)
{
	struct retry_verdict v =
		judge_outcome((struct retry_outcome){.transport = RETRY_TRANSPORT_INTERNAL});

	(void)state;
	assert_int_equal(v.charge, RETRY_CHARGE_NOBODY);
	assert_int_equal(v.fault, RETRY_FAULT_NONE);
}

static void retry__credentials_that_nobody_succeeded_with_are_the_connections(void **state)
{
	struct retry_policy p = retry_default_policy;
	struct retry_outcome o = {.status = 401, .has_credentials = true};

	(void)state;
	assert_int_equal(retry_judge(&p, &o).charge, RETRY_CHARGE_CONNECTION);
	/* A fresh token that is refused, before it has been taken once. */
	o.can_reauthorise = o.fresh_token = true;
	assert_int_equal(retry_judge(&p, &o).charge, RETRY_CHARGE_CONNECTION);
	assert_int_equal(retry_judge(&p, &o).action, RETRY_LATER);
	assert_int_equal(retry_statuses_add(&p.fail_on, "4xx", NULL), 0);
	assert_int_equal(retry_judge(&p, &o).charge, RETRY_CHARGE_CONNECTION);
	/* Others succeed with it. */
	o.is_proven = true;
	assert_int_equal(retry_judge(&p, &o).action, RETRY_REFUSE);
	assert_int_equal(retry_judge(&retry_default_policy, &o).charge, RETRY_CHARGE_EVENT);
	/* Nothing was presented, so nothing was refused. */
	o = (struct retry_outcome){.status = 401};
	assert_int_equal(retry_judge(&retry_default_policy, &o).charge, RETRY_CHARGE_EVENT);
	o = (struct retry_outcome){.status = 403, .has_credentials = true};
	assert_int_equal(retry_judge(&retry_default_policy, &o).action, RETRY_REFUSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry__every_status_has_the_verdict_of_the_contract),
		cmocka_unit_test(retry__only_the_site_feeds_the_breaker),
		cmocka_unit_test(retry__transport_failures_are_retried_with_their_code),
		cmocka_unit_test(retry__codes_follow_the_fixed_mapping),
		cmocka_unit_test(retry__a_refused_token_is_renewed_once),
		cmocka_unit_test(retry__an_expired_token_is_no_failure_of_the_event),
		cmocka_unit_test(retry__a_class_is_all_of_its_hundred),
		cmocka_unit_test(retry__uses_the_whole_age_and_not_more),
		cmocka_unit_test(retry__the_defaults_fill_a_day),
		cmocka_unit_test(retry__a_target_moves_statuses_and_fail_on_wins),
		cmocka_unit_test(retry__what_is_no_status_is_refused),
		cmocka_unit_test(retry__retry_after_is_read_in_all_its_forms),
		cmocka_unit_test(retry__a_negative_retry_after_stops),
		cmocka_unit_test(retry__delays_are_full_jitter_under_a_growing_cap),
		cmocka_unit_test(retry__never_sooner_than_retry_after),
		cmocka_unit_test(retry__attempts_and_age_end_it_whichever_comes_first),
		cmocka_unit_test(retry__a_received_status_decides_whatever_becomes_of_the_body),
		cmocka_unit_test(retry__a_response_rule_goes_before_the_status),
		cmocka_unit_test(retry__a_2xx_whose_meaning_nobody_knows_is_retried),
		cmocka_unit_test(retry__a_probe_that_fails_costs_no_attempt),
		cmocka_unit_test(retry__our_own_shortage_is_charged_to_nobody),
		cmocka_unit_test(
			retry__credentials_that_nobody_succeeded_with_are_the_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
