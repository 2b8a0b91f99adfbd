/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that an API takes or refuses, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/auth/standing.h"

static void standing__a_refusal_before_the_first_success_is_the_connections(void **state)
{
	struct standing s = {0};

	(void)state;
	assert_int_equal(standing_ready_at(&s, 5), 5);
	assert_false(standing_send(&s));
	assert_true(standing_rejected(&s, 1, false, 100));
	assert_int_equal(standing_ready_at(&s, 100), 100 + STANDING_TRIAL_MS);
	/* Those on the wire at that time change nothing. */
	assert_true(standing_rejected(&s, 1, false, 900));
	assert_int_equal(standing_ready_at(&s, 900), 100 + STANDING_TRIAL_MS);
}

static void standing__one_trial_at_a_time_at_growing_intervals(void **state)
{
	struct standing s = {0};
	int64_t now_ms = 0, interval_ms = STANDING_TRIAL_MS;

	(void)state;
	assert_true(standing_rejected(&s, 1, false, now_ms));
	for (int i = 0; i < 10; i++) {
		assert_int_equal(standing_ready_at(&s, now_ms), now_ms + interval_ms);
		now_ms += interval_ms;
		assert_int_equal(standing_ready_at(&s, now_ms), now_ms);
		assert_true(standing_send(&s));
		assert_int_equal(standing_ready_at(&s, now_ms), INT64_MAX);
		assert_true(standing_rejected(&s, (uint64_t)i + 2, true, now_ms));
		interval_ms = min_i64(interval_ms * 2, STANDING_TRIAL_MAX_MS);
	}
	assert_int_equal(interval_ms, STANDING_TRIAL_MAX_MS);
	now_ms += interval_ms;
	assert_true(standing_send(&s));
	assert_true(standing_accepted(&s, 12));
	assert_int_equal(standing_ready_at(&s, now_ms), now_ms);
	assert_true(standing_is_proven(&s, 12));
	assert_false(standing_is_proven(&s, 11));
}

static void standing__a_trial_that_taught_nothing_is_made_again(void **state)
{
	struct standing s = {0};

	(void)state;
	standing_trial_undone(&s, 0);
	assert_true(standing_rejected(&s, 1, false, 0));
	assert_true(standing_send(&s));
	standing_trial_undone(&s, 1500);
	assert_int_equal(standing_ready_at(&s, 1500), 1500);
}

static void standing__who_is_refused_where_others_are_taken_is_at_fault(void **state)
{
	struct standing s = {0};

	(void)state;
	assert_false(standing_accepted(&s, 3));
	for (int i = 0; i < 5 * STANDING_DOUBT; i++) {
		assert_false(standing_rejected(&s, 3, false, i));
		if (i % (STANDING_DOUBT - 1) == 0)
			assert_false(standing_accepted(&s, 3));
	}
	assert_int_equal(standing_ready_at(&s, 100), 100);
	/* Older ones say nothing. */
	assert_false(standing_accepted(&s, 2));
	assert_true(standing_is_proven(&s, 3));
}

static void standing__proof_does_not_last_through_refusals_alone(void **state)
{
	struct standing s = {0};

	(void)state;
	standing_accepted(&s, 0);
	for (int i = 0; i < STANDING_DOUBT; i++)
		assert_false(standing_rejected(&s, 0, false, i));
	assert_true(standing_rejected(&s, 0, false, 100));
	assert_int_equal(standing_ready_at(&s, 100), 100 + STANDING_TRIAL_MS);
}

static void standing__newer_credentials_are_proven_anew(void **state)
{
	struct standing s = {0};

	(void)state;
	standing_accepted(&s, 1);
	standing_renumbered(&s, 1, 2);
	assert_false(standing_rejected(&s, 2, false, 0));
	assert_true(standing_rejected(&s, 3, false, 0));
	/* A late success of the old ones does not end it. */
	assert_false(standing_accepted(&s, 1));
	assert_int_equal(standing_ready_at(&s, 0), STANDING_TRIAL_MS);
	standing_mended(&s, 10);
	assert_int_equal(standing_ready_at(&s, 10), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			standing__a_refusal_before_the_first_success_is_the_connections),
		cmocka_unit_test(standing__one_trial_at_a_time_at_growing_intervals),
		cmocka_unit_test(standing__a_trial_that_taught_nothing_is_made_again),
		cmocka_unit_test(standing__who_is_refused_where_others_are_taken_is_at_fault),
		cmocka_unit_test(standing__proof_does_not_last_through_refusals_alone),
		cmocka_unit_test(standing__newer_credentials_are_proven_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
