/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/gate/guard.h"

#define REFUSED 7u
#define BAD     8u

static struct guard watching(void)
{
	struct guard g;

	guard_init(&g, true, 0);
	return g;
}

static struct guard paused(int64_t now_ms)
{
	struct guard g = watching();

	for (int i = 0; i < (GUARD_RUN - 1); i++)
		assert_false(guard_failed(&g, REFUSED, now_ms));
	assert_true(guard_failed(&g, REFUSED, now_ms));
	assert_true(guard_is_paused(&g));
	return g;
}

static void guard__a_run_of_ninety_nine_passes_and_the_next_is_held(void **state)
{
	struct guard g = paused(50);

	(void)state;
	assert_int_equal(guard_ready_at(&g, 50), 50 + GUARD_PROBE_MS);
	/* What was on the wire meanwhile is held, whatever its reason. */
	assert_true(guard_failed(&g, REFUSED, 60));
	assert_true(guard_failed(&g, BAD, 60));
}

static void guard__different_reasons_are_not_one_fault(void **state)
{
	struct guard g = watching();

	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_false(guard_failed(&g, i % 2 ? REFUSED : BAD, i));
	assert_false(guard_is_paused(&g));
}

/* Where some are delivered it is the events that are refused. */
static void guard__one_delivery_in_a_hundred_keeps_it_open(void **state)
{
	struct guard g = watching();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		if (i % GUARD_RUN == 0)
			assert_false(guard_delivered(&g, false, i));
		else
			assert_false(guard_failed(&g, REFUSED, i));
	}
	assert_false(guard_is_paused(&g));
}

static void guard__another_reason_begins_another_run(void **state)
{
	struct guard g = watching();

	(void)state;
	for (int i = 0; i < GUARD_RUN - 1; i++)
		assert_false(guard_failed(&g, REFUSED, 0));
	assert_false(guard_failed(&g, BAD, 0));
	for (int i = 0; i < GUARD_RUN - 1; i++)
		assert_false(guard_failed(&g, REFUSED, 0));
	assert_true(guard_failed(&g, REFUSED, 0));
}

static void guard__one_probe_at_a_time(void **state)
{
	struct guard g = paused(0);

	(void)state;
	assert_int_equal(guard_ready_at(&g, GUARD_PROBE_MS), GUARD_PROBE_MS);
	assert_true(guard_send(&g));
	assert_int_equal(guard_ready_at(&g, GUARD_PROBE_MS), INT64_MAX);
	assert_false(guard_send(&g));
}

static void guard__intervals_double_up_to_a_minute(void **state)
{
	struct guard g = paused(0);
	int64_t now_ms = 0, expected_ms = GUARD_PROBE_MS;

	(void)state;
	for (int i = 0; i < 12; i++) {
		int64_t at_ms = guard_ready_at(&g, now_ms);

		assert_int_equal(at_ms - now_ms, expected_ms);
		assert_true(guard_send(&g));
		guard_probe_failed(&g, at_ms);
		assert_true(guard_failed(&g, REFUSED, at_ms));
		now_ms = at_ms;
		expected_ms = min_i64(expected_ms * 2, GUARD_PROBE_MAX_MS);
	}
	assert_int_equal(expected_ms, GUARD_PROBE_MAX_MS);
}

static void guard__delivered_probe_lets_go_with_nothing_remembered(void **state)
{
	struct guard g = paused(0);

	(void)state;
	assert_true(guard_send(&g));
	assert_true(guard_delivered(&g, true, 1000));
	assert_false(guard_is_paused(&g));
	assert_int_equal(guard_ready_at(&g, 1000), 1000);
	for (int i = 0; i < (GUARD_RUN - 1); i++)
		assert_false(guard_failed(&g, REFUSED, 1000));
	assert_true(guard_failed(&g, REFUSED, 1000));
}

static void guard__success_from_before_the_pause_does_not_let_go(void **state)
{
	struct guard g = paused(0);

	(void)state;
	assert_false(guard_delivered(&g, false, 10));
	assert_true(guard_is_paused(&g));
}

static void guard__operator_lets_go(void **state)
{
	struct guard g = paused(0);

	(void)state;
	assert_true(guard_send(&g));
	guard_release(&g, 10);
	assert_int_equal(guard_ready_at(&g, 10), 10);
	/* The probe of then is a delivery like any other now. */
	guard_probe_failed(&g, 20);
	assert_false(guard_is_paused(&g));
	assert_false(guard_failed(&g, REFUSED, 20));
}

static void guard__probe_that_taught_nothing_is_followed_at_once(void **state)
{
	struct guard g = paused(0);

	(void)state;
	assert_true(guard_send(&g));
	guard_probe_undone(&g, 1500);
	assert_int_equal(guard_ready_at(&g, 1500), 1500);
}

static void guard__off_never_holds(void **state)
{
	struct guard g;

	(void)state;
	guard_init(&g, false, 0);
	for (int i = 0; i < 1000; i++)
		assert_false(guard_failed(&g, REFUSED, i));
	g = paused(0);
	guard_enable(&g, false, 10);
	assert_false(guard_is_paused(&g));
	assert_false(guard_failed(&g, REFUSED, 10));
}

static void guard__reasons_tell_statuses_and_codes_apart(void **state)
{
	(void)state;
	assert_true(guard_reason("A", 401) != guard_reason("A", 403));
	assert_true(guard_reason("A", 0) != guard_reason("B", 0));
	assert_true(guard_reason(NULL, 0) != 0);
	assert_true(guard_reason("A", 404) == guard_reason("A", 404));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guard__a_run_of_ninety_nine_passes_and_the_next_is_held),
		cmocka_unit_test(guard__different_reasons_are_not_one_fault),
		cmocka_unit_test(guard__one_delivery_in_a_hundred_keeps_it_open),
		cmocka_unit_test(guard__another_reason_begins_another_run),
		cmocka_unit_test(guard__one_probe_at_a_time),
		cmocka_unit_test(guard__intervals_double_up_to_a_minute),
		cmocka_unit_test(guard__delivered_probe_lets_go_with_nothing_remembered),
		cmocka_unit_test(guard__success_from_before_the_pause_does_not_let_go),
		cmocka_unit_test(guard__operator_lets_go),
		cmocka_unit_test(guard__probe_that_taught_nothing_is_followed_at_once),
		cmocka_unit_test(guard__off_never_holds),
		cmocka_unit_test(guard__reasons_tell_statuses_and_codes_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
