/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/gate/gate.h"

static struct rng rng;

static struct gate *make(const struct gate_settings *s)
{
	rng_seed(&rng, 1);
	return gate_new(s, &rng, 0);
}

static struct gate_settings usual(void)
{
	return gate_default_settings;
}

/* The entry that may go now is @e; NULL: none. When to ask again is returned. */
#define assert_next(g, e, now_ms) assert_ptr_equal(gate_take(g, now_ms, &again_ms), e)

static void leave(
	struct gate *g, struct gate_entry *e, enum gate_outcome outcome, int64_t now_ms)
{
	gate_leave(g, e, &(struct gate_left){.outcome = outcome, .latency_ms = 20}, now_ms);
}

static void finish(struct gate *g, struct gate_entry *e, int64_t now_ms)
{
	leave(g, e, GATE_DELIVERED, now_ms);
	gate_drop(g, e);
}

/* Let the first of the gate fail until the breaker opens. */
static void open_breaker(struct gate *g, int64_t now_ms)
{
	int64_t again_ms;

	while (gate_get_state(g).breaker == GATE_CLOSED) {
		struct gate_entry *e = gate_take(g, now_ms, &again_ms);

		assert_non_null(e);
		leave(g, e, GATE_SITE_FAILURE, now_ms);
		gate_wait(g, e, now_ms);
	}
}

static void gate__hands_out_in_order_of_joining(void **state)
{
	struct gate_settings s = usual();
	struct gate *g = make(&s);
	struct gate_entry e[3] = {0};
	int64_t again_ms;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(e); i++)
		gate_join(g, &e[i], 0);
	for (size_t i = 0; i < COUNT_OF(e); i++)
		assert_next(g, &e[i], 0);
	assert_next(g, NULL, 0);
	assert_int_equal(again_ms, INT64_MAX);
	for (size_t i = 0; i < COUNT_OF(e); i++)
		finish(g, &e[i], 10);
	gate_free(g);
}

static void gate__a_line_sends_one_at_a_time(void **state)
{
	struct gate_settings s = usual();
	struct gate *g = make(&s);
	struct gate_entry a1 = {0}, a2 = {0}, b = {0};
	int64_t again_ms;

	(void)state;
	gate_join(g, &a1, 7);
	gate_join(g, &a2, 7);
	gate_join(g, &b, 8);
	assert_next(g, &a1, 0);
	assert_next(g, &b, 0);
	assert_next(g, NULL, 0);
	/* While it waits for its retry, who is behind it waits too. */
	leave(g, &a1, GATE_SITE_FAILURE, 5);
	gate_wait(g, &a1, 1000);
	assert_next(g, NULL, 5);
	assert_int_equal(again_ms, 1000);
	assert_next(g, &a1, 1000);
	finish(g, &a1, 1010);
	assert_next(g, &a2, 1010);
	finish(g, &a2, 1010);
	finish(g, &b, 1010);
	gate_free(g);
}

static void gate__who_waited_is_among_the_first(void **state)
{
	struct gate_settings s = usual();
	struct gate *g = make(&s);
	struct gate_entry first = {0}, behind = {0}, later = {0};
	int64_t again_ms;

	(void)state;
	gate_join(g, &first, 7);
	assert_next(g, &first, 0);
	leave(g, &first, GATE_SITE_FAILURE, 0);
	gate_wait(g, &first, 50);
	gate_join(g, &behind, 7);
	gate_join(g, &later, 0);
	assert_next(g, &first, 50);
	finish(g, &first, 50);
	assert_next(g, &behind, 50);
	assert_next(g, &later, 50);
	finish(g, &behind, 50);
	finish(g, &later, 50);
	gate_free(g);
}

static void gate__a_dropped_entry_frees_its_line(void **state)
{
	struct gate_settings s = usual();
	struct gate *g = make(&s);
	struct gate_entry e[5] = {0};
	int64_t again_ms;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(e); i++)
		gate_join(g, &e[i], 7);
	gate_drop(g, &e[0]); /* was ready */
	gate_drop(g, &e[2]); /* was behind */
	assert_next(g, &e[1], 0);
	leave(g, &e[1], GATE_SITE_FAILURE, 0);
	gate_wait(g, &e[1], 1000);
	gate_drop(g, &e[1]); /* was waiting */
	assert_next(g, &e[3], 0);
	finish(g, &e[3], 0);
	gate_drop(g, &e[4]);
	assert_next(g, NULL, 0);
	assert_int_equal(gate_get_state(g).queued, 0);
	gate_free(g);
}

static void gate__whoever_waits_can_be_retracted_whether_tried_or_not(void **state)
{
	struct gate_settings s = usual();
	struct gate *g = make(&s);
	struct gate_entry tried = {0}, untried = {0}, behind = {0}, sending = {0};
	int64_t again_ms;

	(void)state;
	gate_join(g, &tried, 0);
	assert_next(g, &tried, 0);
	leave(g, &tried, GATE_SITE_FAILURE, 0);
	gate_wait(g, &tried, 1000);
	gate_join(g, &sending, 0);
	assert_next(g, &sending, 0);
	gate_join(g, &untried, 7);
	gate_join(g, &behind, 7);
	assert_true(gate_retract(g, &tried));
	assert_false(gate_retract(g, &sending));
	assert_false(gate_retract(g, &behind));
	assert_true(gate_retract(g, &untried));
	assert_next(g, NULL, 1000); /* the line is still held */
	gate_drop(g, &untried);
	assert_next(g, &behind, 1000);
	gate_drop(g, &tried);
	finish(g, &sending, 1000);
	finish(g, &behind, 1000);
	gate_free(g);
}

static void gate__the_window_bounds_what_is_in_flight(void **state)
{
	struct gate_settings s = usual();
	struct gate_entry e[3] = {0};
	struct gate *g;
	int64_t again_ms;

	(void)state;
	s.max_concurrency = 2;
	g = make(&s);
	for (size_t i = 0; i < COUNT_OF(e); i++)
		gate_join(g, &e[i], 0);
	assert_next(g, &e[0], 0);
	assert_next(g, &e[1], 0);
	assert_next(g, NULL, 0);
	assert_int_equal(again_ms, INT64_MAX);
	finish(g, &e[0], 0);
	assert_next(g, &e[2], 0);
	finish(g, &e[1], 0);
	finish(g, &e[2], 0);
	gate_free(g);
}

static void gate__an_automatic_window_shrinks_on_429(void **state)
{
	struct gate_settings s = usual();
	struct gate_entry e = {0};
	struct gate *g;
	int64_t again_ms;

	(void)state;
	s.auto_concurrency = true;
	g = make(&s);
	gate_join(g, &e, 0);
	assert_next(g, &e, 0);
	gate_leave(g, &e, &(struct gate_left){GATE_EVENT_FAILURE, 20, true, 0}, 0);
	assert_int_equal(gate_get_state(g).window, 12);
	gate_drop(g, &e);
	gate_free(g);
}

static void gate__the_rate_spaces_requests_and_says_how_long_it_held(void **state)
{
	struct gate_settings s = usual();
	struct gate_entry e[3] = {0};
	struct gate *g;
	int64_t again_ms;

	(void)state;
	s.rate_per_1000s = 10000;
	g = make(&s);
	for (size_t i = 0; i < COUNT_OF(e); i++)
		gate_join(g, &e[i], 0);
	assert_next(g, NULL, 0);
	assert_int_equal(again_ms, 100);
	assert_next(g, &e[0], 100);
	assert_next(g, NULL, 150);
	assert_int_equal(again_ms, 200);
	assert_next(g, &e[1], 230);
	assert_next(g, NULL, 300);
	assert_int_equal(again_ms, 330);
	assert_next(g, &e[2], 330);
	assert_int_equal(gate_get_state(g).rate_waited_ms, 100 + 80 + 30);
	for (size_t i = 0; i < COUNT_OF(e); i++)
		finish(g, &e[i], 330);
	gate_free(g);
}

static void gate__untried_gives_its_token_back_and_no_answer_does_not(void **state)
{
	struct gate_settings s = usual();
	struct gate_entry e = {0};
	struct gate *g;
	int64_t again_ms;

	(void)state;
	s.rate_per_1000s = 1000;
	g = make(&s);
	gate_join(g, &e, 0);
	assert_next(g, &e, 1000);
	leave(g, &e, GATE_UNTRIED, 1000);
	gate_wait(g, &e, 1000);
	assert_next(g, &e, 1000);
	leave(g, &e, GATE_NO_ANSWER, 1000);
	gate_wait(g, &e, 1000);
	assert_next(g, NULL, 1000);
	assert_int_equal(again_ms, 2000);
	gate_drop(g, &e);
	gate_free(g);
}

static void gate__an_open_breaker_burns_neither_attempts_nor_tokens(void **state)
{
	struct gate_settings s = usual();
	struct gate_entry e[20] = {0};
	struct gate *g;
	int64_t again_ms, probe_ms;

	(void)state;
	s.rate_per_1000s = 1000;
	s.burst = 3;
	s.breaker_failures = 1;
	s.breaker_probe_ms = s.breaker_probe_max_ms = 100000;
	g = make(&s);
	for (size_t i = 0; i < COUNT_OF(e); i++)
		gate_join(g, &e[i], 0);
	open_breaker(g, 1000);
	probe_ms = gate_get_state(g).next_probe_ms;
	for (int64_t ms = 1000; ms < probe_ms; ms += 500) {
		assert_next(g, NULL, ms);
		assert_int_equal(again_ms, probe_ms);
	}
	assert_next(g, &e[0], probe_ms);
	assert_int_equal(gate_get_state(g).breaker, GATE_PROBING);
	assert_next(g, NULL, probe_ms);
	assert_int_equal(again_ms, INT64_MAX);
	finish(g, &e[0], probe_ms);
	/* The bucket was full when the breaker let go: two are left of three. */
	assert_next(g, &e[1], probe_ms);
	finish(g, &e[1], probe_ms);
	assert_next(g, &e[2], probe_ms);
	finish(g, &e[2], probe_ms);
	assert_next(g, NULL, probe_ms);
	for (size_t i = 3; i < COUNT_OF(e); i++)
		gate_drop(g, &e[i]);
	gate_free(g);
}

static void gate__an_untried_probe_is_no_probe(void **state)
{
	struct gate_settings s = usual();
	struct gate_entry e = {0};
	struct gate *g;
	int64_t again_ms, probe_ms;

	(void)state;
	s.breaker_failures = 1;
	g = make(&s);
	gate_join(g, &e, 0);
	open_breaker(g, 0);
	probe_ms = gate_get_state(g).next_probe_ms;
	assert_next(g, &e, probe_ms);
	leave(g, &e, GATE_UNTRIED, probe_ms);
	gate_wait(g, &e, probe_ms);
	assert_next(g, &e, probe_ms);
	assert_int_equal(gate_get_state(g).breaker, GATE_PROBING);
	finish(g, &e, probe_ms);
	gate_free(g);
}

static void gate__a_ten_minute_outage_costs_a_handful_of_attempts(void **state)
{
	enum {
		WAITING = 5000
	};
	static struct gate_entry e[WAITING];
	struct gate_settings s = usual();
	struct gate *g = make(&s);
	struct gate_entry *taken;
	int64_t now_ms = 0, again_ms;
	unsigned attempts = 0, first_second = 0, in_flight;

	(void)state;
	memset(e, 0, sizeof e);
	for (size_t i = 0; i < WAITING; i++)
		gate_join(g, &e[i], 1 + i % 700);
	while (now_ms < 600000) {
		while ((taken = gate_take(g, now_ms, &again_ms)) != NULL) {
			attempts++;
			leave(g, taken, GATE_SITE_FAILURE, now_ms);
			gate_wait(g, taken, now_ms + 1000);
		}
		now_ms = again_ms;
	}
	assert_in_range(attempts, 15, 35);
	/* It is back, and answers in 10 ms: 1, 2, 4 … 64 at once, each for 100 ms. */
	for (int64_t end_ms = now_ms + 1000; now_ms < end_ms; now_ms += 10) {
		in_flight = 0;
		while ((taken = gate_take(g, now_ms, &again_ms)) != NULL) {
			in_flight++;
			first_second++;
			finish(g, taken, now_ms);
			if (in_flight == gate_get_state(g).window)
				break;
		}
	}
	assert_in_range(first_second, 1000, 10 * (127 + 3 * 64));
	for (size_t i = 0; i < WAITING; i++)
		if (e[i].state != 0)
			gate_drop(g, &e[i]);
	gate_free(g);
}

static void gate__a_share_of_nothing_lets_nothing_through(void **state)
{
	struct gate_settings s = usual();
	struct gate *g = make(&s);
	struct gate_entry e = {0};
	int64_t again_ms;

	(void)state;
	gate_join(g, &e, 0);
	gate_set_share(g, 0, 4, 0);
	assert_next(g, NULL, 1000);
	assert_int_equal(again_ms, INT64_MAX);
	gate_set_share(g, 1, 4, 1000);
	assert_next(g, &e, 1000);
	finish(g, &e, 1000);
	gate_free(g);
}

static void gate__state_tells_what_waits(void **state)
{
	struct gate_settings s = usual();
	struct gate *g = make(&s);
	struct gate_entry e[3] = {0};
	int64_t again_ms;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(e); i++)
		gate_join(g, &e[i], 7);
	assert_int_equal(gate_get_state(g).ready, 1);
	assert_next(g, &e[0], 0);
	assert_int_equal(gate_get_state(g).ready, 0);
	leave(g, &e[0], GATE_SITE_FAILURE, 0);
	gate_wait(g, &e[0], 100);
	assert_int_equal(gate_get_state(g).queued, 3);
	assert_int_equal(gate_get_state(g).waiting, 1);
	assert_int_equal(gate_get_state(g).ready, 0);
	assert_next(g, &e[0], 100);
	assert_int_equal(gate_get_state(g).queued, 2);
	assert_int_equal(gate_get_state(g).in_flight, 1);
	finish(g, &e[0], 100);
	assert_int_equal(gate_get_state(g).ready, 1);
	gate_drop(g, &e[2]);
	gate_drop(g, &e[1]);
	assert_int_equal(gate_get_state(g).queued, 0);
	gate_free(g);
}

static void gate__an_entry_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct gate_entry) <= 96);
}

/* Told to stay away for @ms. */
static void leave_told(struct gate *g, struct gate_entry *e, int64_t ms, int64_t now_ms)
{
	gate_leave(g, e,
		&(struct gate_left){
			.outcome = GATE_SITE_FAILURE, .throttled = true, .retry_after_ms = ms},
		now_ms);
	gate_wait(g, e, now_ms);
}

static void gate__who_is_told_to_wait_sends_nothing_until_then(void **state)
{
	struct gate_settings s = usual();
	struct gate *g = make(&s);
	struct gate_entry e[3] = {0};
	int64_t again_ms;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(e); i++)
		gate_join(g, &e[i], 0);
	assert_next(g, &e[0], 0);
	assert_next(g, &e[1], 0);
	leave_told(g, &e[0], 30000, 1000);
	/* A shorter wait does not end a longer one. */
	leave_told(g, &e[1], 5000, 1000);
	assert_next(g, NULL, 1000);
	assert_int_equal(again_ms, 31000);
	assert_int_equal(gate_get_state(g).held_until_ms, 31000);
	assert_next(g, NULL, 30999);
	assert_next(g, &e[0], 31000);
	/* Without a time nothing is held. */
	leave_told(g, &e[0], 0, 31000);
	assert_next(g, &e[0], 31000);
	gate_leave(g, &e[0], &(struct gate_left){.outcome = GATE_DELIVERED}, 31000);
	for (size_t i = 0; i < COUNT_OF(e); i++)
		gate_drop(g, &e[i]);
	gate_free(g);
}

static void gate__a_probe_waits_as_told(void **state)
{
	struct gate_settings s = usual();
	struct gate_entry e = {0};
	struct gate *g;
	int64_t again_ms;

	(void)state;
	s.breaker_failures = 1;
	g = make(&s);
	gate_join(g, &e, 0);
	assert_next(g, &e, 0);
	leave_told(g, &e, 3 * GATE_HOLD_MAX_MS, 0);
	assert_int_equal(gate_get_state(g).breaker, GATE_OPEN);
	assert_int_equal(gate_get_state(g).next_probe_ms, GATE_HOLD_MAX_MS);
	assert_next(g, NULL, GATE_HOLD_MAX_MS - 1);
	assert_int_equal(again_ms, GATE_HOLD_MAX_MS);
	assert_next(g, &e, GATE_HOLD_MAX_MS);
	assert_true(gate_entry_is_probe(&e));
	finish(g, &e, GATE_HOLD_MAX_MS);
	gate_free(g);
}

/* How many of each of two gates' entries go within @ms, each request answered at once. */
static void run_two(struct gate *g[2], unsigned went[2], int64_t from_ms, int64_t ms)
{
	for (int64_t now_ms = from_ms; now_ms < from_ms + ms; now_ms++) {
		for (int i = 0; i < 2; i++) {
			struct gate_entry *e;
			int64_t again_ms;

			while ((e = gate_take(g[i], now_ms, &again_ms)) != NULL) {
				leave(g[i], e, GATE_DELIVERED, now_ms);
				gate_wait(g[i], e, now_ms);
				went[i]++;
			}
		}
	}
}

static void gate__two_of_one_connection_share_its_rate(void **state)
{
	struct gate_settings s = usual();
	struct gate *g[2] = {make(&s), make(&s)};
	struct gate_entry e[2] = {0};
	unsigned went[2] = {0, 0};
	struct quota q;

	(void)state;
	quota_init(&q, 10 * 1000, 1, 0);
	for (int i = 0; i < 2; i++) {
		gate_set_quota(g[i], &q);
		gate_join(g[i], &e[i], 0);
	}
	run_two(g, went, 0, 10000);
	assert_in_range(went[0] + went[1], 98, 101);
	/* Neither overtakes the other. */
	assert_in_range(went[0], 48, 52);
	/* One alone has it all: the other's turn was given back. */
	gate_drop(g[1], &e[1]);
	went[0] = went[1] = 0;
	run_two(g, went, 10000, 10000);
	assert_in_range(went[0], 98, 101);
	gate_drop(g[0], &e[0]);
	gate_free(g[0]);
	gate_free(g[1]);
}

static void gate__a_told_wait_holds_all_that_share_the_rate(void **state)
{
	struct gate_settings s = usual();
	struct gate *g[2] = {make(&s), make(&s)};
	struct gate_entry e[2] = {0};
	struct quota q;
	int64_t again_ms;

	(void)state;
	quota_init(&q, 0, 0, 0);
	for (int i = 0; i < 2; i++) {
		gate_set_quota(g[i], &q);
		gate_join(g[i], &e[i], 0);
	}
	assert_next(g[0], &e[0], 0);
	leave_told(g[0], &e[0], 5000, 0);
	assert_next(g[1], NULL, 10);
	assert_int_equal(again_ms, 5000);
	assert_next(g[1], &e[1], 5000);
	finish(g[1], &e[1], 5000);
	gate_drop(g[0], &e[0]);
	gate_free(g[0]);
	gate_free(g[1]);
}

static void gate__new_rates_of_a_connection_make_new_turns(void **state)
{
	struct gate_settings s = usual();
	struct gate *g = make(&s);
	struct gate_entry e = {0};
	struct quota q;
	int64_t again_ms;

	(void)state;
	quota_init(&q, 10, 1, 0); /* one in 100 s */
	gate_set_quota(g, &q);
	gate_join(g, &e, 0);
	assert_next(g, NULL, 0);
	assert_int_equal(again_ms, 100000);
	quota_set_rate(&q, 1000 * 1000, 1, 1000);
	assert_next(g, NULL, 1000);
	assert_in_range(again_ms, 1001, 1001);
	quota_set_share(&q, 0, 1, 1000);
	assert_next(g, NULL, 1001);
	assert_int_equal(again_ms, INT64_MAX);
	quota_set_share(&q, 1, 1, 1001);
	assert_next(g, &e, 1002);
	/* What was not used is there again. */
	leave(g, &e, GATE_UNTRIED, 1002);
	gate_wait(g, &e, 1002);
	assert_next(g, &e, 1002);
	finish(g, &e, 1002);
	gate_free(g);
}

static void gate__a_shortage_of_our_own_narrows_the_window_for_a_while(void **state)
{
	struct gate_settings s = usual();
	struct gate *g = make(&s);
	struct gate_entry e[4] = {0};
	int64_t again_ms;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(e); i++)
		gate_join(g, &e[i], 0);
	assert_next(g, &e[0], 0);
	assert_next(g, &e[1], 0);
	leave(g, &e[1], GATE_NO_ANSWER, 0);
	gate_wait(g, &e[1], 0);
	gate_note_shortage(g, 0);
	assert_next(g, NULL, 10);
	assert_int_equal(again_ms, 1000);
	/* One has ended: another may have its place. */
	finish(g, &e[0], 20);
	assert_next(g, &e[1], 20);
	assert_next(g, NULL, 20);
	assert_next(g, &e[2], 1000);
	assert_next(g, &e[3], 1000);
	for (size_t i = 1; i < COUNT_OF(e); i++)
		leave(g, &e[i], GATE_NO_ANSWER, 1000);
	/* With none on the wire nothing ends: time has to tell. */
	for (size_t i = 1; i < COUNT_OF(e); i++)
		gate_wait(g, &e[i], 1000);
	gate_note_shortage(g, 1000);
	assert_next(g, NULL, 1000);
	assert_in_range(again_ms, 1050, 1100);
	assert_next(g, &e[1], again_ms);
	finish(g, &e[1], 1100);
	for (size_t i = 2; i < COUNT_OF(e); i++)
		gate_drop(g, &e[i]);
	gate_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gate__hands_out_in_order_of_joining),
		cmocka_unit_test(gate__a_line_sends_one_at_a_time),
		cmocka_unit_test(gate__who_waited_is_among_the_first),
		cmocka_unit_test(gate__a_dropped_entry_frees_its_line),
		cmocka_unit_test(gate__whoever_waits_can_be_retracted_whether_tried_or_not),
		cmocka_unit_test(gate__the_window_bounds_what_is_in_flight),
		cmocka_unit_test(gate__an_automatic_window_shrinks_on_429),
		cmocka_unit_test(gate__the_rate_spaces_requests_and_says_how_long_it_held),
		cmocka_unit_test(gate__untried_gives_its_token_back_and_no_answer_does_not),
		cmocka_unit_test(gate__an_open_breaker_burns_neither_attempts_nor_tokens),
		cmocka_unit_test(gate__an_untried_probe_is_no_probe),
		cmocka_unit_test(gate__a_ten_minute_outage_costs_a_handful_of_attempts),
		cmocka_unit_test(gate__a_share_of_nothing_lets_nothing_through),
		cmocka_unit_test(gate__state_tells_what_waits),
		cmocka_unit_test(gate__an_entry_is_small),
		cmocka_unit_test(gate__a_shortage_of_our_own_narrows_the_window_for_a_while),
		cmocka_unit_test(gate__who_is_told_to_wait_sends_nothing_until_then),
		cmocka_unit_test(gate__a_probe_waits_as_told),
		cmocka_unit_test(gate__two_of_one_connection_share_its_rate),
		cmocka_unit_test(gate__a_told_wait_holds_all_that_share_the_rate),
		cmocka_unit_test(gate__new_rates_of_a_connection_make_new_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
