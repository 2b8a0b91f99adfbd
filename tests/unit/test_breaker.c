/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/gate/breaker.h"

#define WINDOW 64

static const struct breaker_settings usual = {
	.failures = 10, .probe_ms = 1000, .probe_max_ms = 60000, .retry_after_ms = 60000};

struct fixture {
	struct breaker b;
	struct rng rng;
};

static int make(void **state)
{
	static struct fixture f;

	breaker_init(&f.b, &usual, 0);
	rng_seed(&f.rng, 1);
	*state = &f;
	return 0;
}

static void fail_times(struct fixture *f, unsigned times, int64_t now_ms)
{
	for (unsigned i = 0; i < times; i++)
		breaker_failed(&f->b, breaker_epoch(&f->b), 0, &f->rng, now_ms);
}

static void answer(struct fixture *f, unsigned times, int64_t now_ms)
{
	for (unsigned i = 0; i < times; i++)
		breaker_answered(&f->b, breaker_epoch(&f->b), WINDOW, now_ms);
}

/* Open it, wait for the probe and let it succeed; the time is returned. */
static int64_t recovering(struct fixture *f)
{
	int64_t now_ms;

	fail_times(f, 10, 0);
	now_ms = f->b.next_probe_ms;
	assert_true(breaker_send(&f->b, now_ms));
	answer(f, 1, now_ms);
	assert_int_equal(f->b.state, BREAKER_RECOVERING);
	return now_ms;
}

static void breaker__opens_after_failures_in_a_row(void **state)
{
	struct fixture *f = *state;

	fail_times(f, 9, 0);
	answer(f, 1, 0);
	fail_times(f, 9, 0);
	assert_int_equal(breaker_allows(&f->b, WINDOW, 0), WINDOW);
	fail_times(f, 1, 0);
	assert_int_equal(f->b.state, BREAKER_OPEN);
	assert_int_equal(breaker_allows(&f->b, WINDOW, 0), 0);
	assert_int_equal(f->b.consecutive_failures, 10);
	assert_int_equal(f->b.changes, 1);
}

static void breaker__zero_failures_never_opens(void **state)
{
	struct fixture *f = *state;
	struct breaker_settings never = usual;

	never.failures = 0;
	breaker_init(&f->b, &never, 0);
	fail_times(f, 1000, 0);
	breaker_failed(&f->b, breaker_epoch(&f->b), 3600000, &f->rng, 0);
	assert_int_equal(f->b.state, BREAKER_CLOSED);
}

static void breaker__switched_off_it_closes(void **state)
{
	struct fixture *f = *state;
	struct breaker_settings never = usual;

	fail_times(f, 10, 0);
	never.failures = 0;
	breaker_configure(&f->b, &never, 5);
	assert_int_equal(breaker_allows(&f->b, WINDOW, 5), WINDOW);
}

static void breaker__a_long_retry_after_opens_it_at_once(void **state)
{
	struct fixture *f = *state;

	breaker_failed(&f->b, breaker_epoch(&f->b), 60000, &f->rng, 0);
	assert_int_equal(f->b.state, BREAKER_CLOSED);
	breaker_failed(&f->b, breaker_epoch(&f->b), 60001, &f->rng, 0);
	assert_int_equal(f->b.state, BREAKER_OPEN);
	assert_int_equal(f->b.next_probe_ms, 60001);
}

static void breaker__an_absurd_retry_after_is_believed_for_an_hour(void **state)
{
	struct fixture *f = *state;

	breaker_failed(&f->b, breaker_epoch(&f->b), 7 * 86400000, &f->rng, 0);
	assert_int_equal(f->b.next_probe_ms, 3600000);
}

static void breaker__probes_are_single_and_ever_rarer(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms = 0, interval_ms = 1000;

	fail_times(f, 10, 0);
	for (int i = 0; i < 20; i++) {
		int64_t delay_ms = f->b.next_probe_ms - now_ms;

		assert_in_range(delay_ms, interval_ms / 2, interval_ms);
		interval_ms = min_i64(interval_ms * 2, 60000);
		assert_int_equal(breaker_allows(&f->b, WINDOW, f->b.next_probe_ms - 1), 0);
		now_ms = f->b.next_probe_ms;
		assert_int_not_equal(breaker_allows(&f->b, WINDOW, now_ms), 0);
		assert_true(breaker_send(&f->b, now_ms));
		assert_int_equal(f->b.state, BREAKER_PROBING);
		assert_int_equal(breaker_allows(&f->b, WINDOW, now_ms + 1000000), 0);
		now_ms += 30;
		fail_times(f, 1, now_ms);
		assert_int_equal(f->b.state, BREAKER_OPEN);
	}
}

static void breaker__probes_of_two_are_not_at_one_time(void **state)
{
	struct fixture *f = *state;
	int64_t first_ms;

	fail_times(f, 10, 0);
	first_ms = f->b.next_probe_ms;
	breaker_init(&f->b, &usual, 0);
	fail_times(f, 10, 0);
	assert_int_not_equal(f->b.next_probe_ms, first_ms);
}

static void breaker__what_was_on_the_wire_when_it_opened_tells_nothing(void **state)
{
	struct fixture *f = *state;
	uint32_t before = breaker_epoch(&f->b);
	int64_t probe_ms;

	fail_times(f, 10, 0);
	probe_ms = f->b.next_probe_ms;
	breaker_answered(&f->b, before, WINDOW, 10);
	breaker_failed(&f->b, before, 120000, &f->rng, 20);
	assert_int_equal(f->b.state, BREAKER_OPEN);
	assert_int_equal(f->b.next_probe_ms, probe_ms);
	assert_true(breaker_send(&f->b, probe_ms));
	breaker_answered(&f->b, before, WINDOW, probe_ms);
	breaker_failed(&f->b, before, 0, &f->rng, probe_ms);
	assert_int_equal(f->b.state, BREAKER_PROBING);
	answer(f, 1, probe_ms);
	breaker_failed(&f->b, before, 0, &f->rng, probe_ms);
	assert_int_equal(f->b.state, BREAKER_RECOVERING);
}

static void breaker__a_probe_from_which_nothing_was_learnt_is_made_up_for(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms;

	fail_times(f, 10, 0);
	now_ms = f->b.next_probe_ms;
	assert_true(breaker_send(&f->b, now_ms));
	breaker_probe_undone(&f->b, now_ms + 5);
	assert_int_equal(f->b.state, BREAKER_OPEN);
	assert_int_not_equal(breaker_allows(&f->b, WINDOW, now_ms + 5), 0);
}

static void breaker__opens_the_window_by_doubling(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms = recovering(f);

	for (unsigned opening = 1; opening < WINDOW; opening *= 2) {
		assert_int_equal(breaker_allows(&f->b, WINDOW, now_ms), opening);
		now_ms += BREAKER_ROUND_MS;
		answer(f, opening - 1, now_ms);
		assert_int_equal(breaker_allows(&f->b, WINDOW, now_ms), opening);
		answer(f, 1, now_ms);
	}
	assert_int_equal(f->b.state, BREAKER_CLOSED);
	assert_int_equal(f->b.consecutive_failures, 0);
}

static void breaker__a_round_takes_its_time_however_fast_the_answers(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms = recovering(f);

	answer(f, 1000, now_ms + BREAKER_ROUND_MS - 1);
	assert_int_equal(breaker_allows(&f->b, WINDOW, now_ms), 1);
}

static void breaker__a_quiet_minute_closes_it(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms = recovering(f);

	answer(f, 1, now_ms + BREAKER_QUIET_MS - 1);
	assert_int_equal(f->b.state, BREAKER_RECOVERING);
	answer(f, 1, now_ms + BREAKER_QUIET_MS);
	assert_int_equal(f->b.state, BREAKER_CLOSED);
}

static void breaker__failures_halve_the_opening_and_then_open_it(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms = recovering(f);

	for (unsigned opening = 1; opening < 8; opening *= 2)
		answer(f, opening, now_ms += BREAKER_ROUND_MS);
	for (unsigned opening = 8; opening > 1; opening /= 2) {
		assert_int_equal(breaker_allows(&f->b, WINDOW, now_ms), opening);
		fail_times(f, 1, now_ms);
	}
	assert_int_equal(f->b.state, BREAKER_RECOVERING);
	fail_times(f, 1, now_ms);
	assert_int_equal(f->b.state, BREAKER_OPEN);
}

static void breaker__the_interval_goes_on_growing_until_it_has_closed(void **state)
{
	struct fixture *f = *state;
	int64_t now_ms = recovering(f);

	fail_times(f, 1, now_ms);
	assert_in_range(f->b.next_probe_ms - now_ms, 1000, 2000);
	now_ms = f->b.next_probe_ms;
	breaker_send(&f->b, now_ms);
	answer(f, 1, now_ms);
	now_ms += BREAKER_QUIET_MS;
	answer(f, 1, now_ms);
	fail_times(f, 10, now_ms);
	assert_in_range(f->b.next_probe_ms - now_ms, 500, 1000);
}

static void breaker__an_hour_of_outage_costs_few_attempts(void **state)
{
	struct fixture *f = *state;
	unsigned probes = 0;
	int64_t now_ms = 0;

	fail_times(f, 10, 0);
	while ((now_ms = f->b.next_probe_ms) < 3600000) {
		breaker_send(&f->b, now_ms);
		fail_times(f, 1, now_ms);
		probes++;
	}
	assert_in_range(probes, 60, 130);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(breaker__opens_after_failures_in_a_row, make),
		cmocka_unit_test_setup(breaker__zero_failures_never_opens, make),
		cmocka_unit_test_setup(breaker__switched_off_it_closes, make),
		cmocka_unit_test_setup(breaker__a_long_retry_after_opens_it_at_once, make),
		cmocka_unit_test_setup(
			breaker__an_absurd_retry_after_is_believed_for_an_hour, make),
		cmocka_unit_test_setup(breaker__probes_are_single_and_ever_rarer, make),
		cmocka_unit_test_setup(breaker__probes_of_two_are_not_at_one_time, make),
		cmocka_unit_test_setup(
			breaker__what_was_on_the_wire_when_it_opened_tells_nothing, make),
		cmocka_unit_test_setup(
			breaker__a_probe_from_which_nothing_was_learnt_is_made_up_for, make),
		cmocka_unit_test_setup(breaker__opens_the_window_by_doubling, make),
		cmocka_unit_test_setup(
			breaker__a_round_takes_its_time_however_fast_the_answers, make),
		cmocka_unit_test_setup(breaker__a_quiet_minute_closes_it, make),
		cmocka_unit_test_setup(
			breaker__failures_halve_the_opening_and_then_open_it, make),
		cmocka_unit_test_setup(
			breaker__the_interval_goes_on_growing_until_it_has_closed, make),
		cmocka_unit_test_setup(breaker__an_hour_of_outage_costs_few_attempts, make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
