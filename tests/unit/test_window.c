/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/gate/window.h"

static struct window fixed(unsigned max)
{
	struct window w;

	window_init(&w, &(struct window_settings){.max = max});
	return w;
}

static struct window automatic(unsigned max)
{
	struct window w;

	window_init(&w, &(struct window_settings){.max = max, .automatic = true});
	return w;
}

/* A site that serves @capacity at once in @base_ms each, and queues what is more; beyond
 * @refuses_at in flight it answers 429. */
struct site {
	unsigned capacity, base_ms, refuses_at;
};

/* A window's worth of requests, all at once, all answered. */
static void run_round(struct window *w, const struct site *s)
{
	unsigned size = w->size;
	int64_t latency_ms = s->base_ms;

	if (size > s->capacity)
		latency_ms = (int64_t)s->base_ms * size / s->capacity;
	window_note_full(w);
	for (unsigned i = 0; i < size; i++)
		window_note(w, i >= s->refuses_at ? WINDOW_OVERLOADED : WINDOW_ANSWERED,
			latency_ms, size - 1 - i);
}

static void run_rounds(struct window *w, const struct site *s, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++)
		run_round(w, s);
}

static void window__fixed_stays_whatever_comes(void **state)
{
	struct window w = fixed(64);
	const struct site bad = {.capacity = 1, .base_ms = 1000, .refuses_at = 0};

	(void)state;
	run_rounds(&w, &bad, 100);
	assert_int_equal(w.size, 64);
}

static void window__shares_are_parts_and_never_more_than_the_whole(void **state)
{
	struct window w = fixed(64);
	unsigned sum = 0;

	(void)state;
	for (unsigned part = 1; part <= 4; part++) {
		window_set_share(&w, part, 10);
		sum += w.size;
	}
	assert_in_range(sum, 60, 64);
	window_set_share(&w, 1, 1000);
	assert_int_equal(w.size, 1);
	window_set_share(&w, 0, 10);
	assert_int_equal(w.size, 0);
	window_set_share(&w, 10, 10);
	assert_int_equal(w.size, 64);
}

static void window__an_automatic_one_finds_a_wide_site_in_few_rounds(void **state)
{
	struct window w = automatic(10000);
	const struct site wide = {
		.capacity = 100000, .base_ms = 1000, .refuses_at = UINT32_MAX};

	(void)state;
	run_rounds(&w, &wide, 10);
	assert_int_equal(w.size, 10000);
	run_rounds(&w, &wide, 10);
	assert_int_equal(w.size, 10000);
}

static void window__an_automatic_one_settles_near_what_the_site_serves(void **state)
{
	static const unsigned capacities[] = {20, 100, 500};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(capacities); i++) {
		struct window w = automatic(10000);
		const struct site s = {
			.capacity = capacities[i], .base_ms = 100, .refuses_at = UINT32_MAX};

		for (unsigned round = 0; round < 1000; round++) {
			run_round(&w, &s);
			if (round > 20)
				assert_in_range(
					w.size, capacities[i] * 7 / 10, capacities[i] * 2);
		}
	}
}

static void window__an_automatic_one_stays_about_where_429_begins(void **state)
{
	struct window w = automatic(10000);
	const struct site s = {.capacity = 100000, .base_ms = 100, .refuses_at = 200};
	uint64_t refused = 0, all = 0;

	(void)state;
	run_rounds(&w, &s, 10);
	for (unsigned round = 0; round < 1000; round++) {
		all += w.size;
		refused += w.size > 200 ? w.size - 200 : 0;
		run_round(&w, &s);
		assert_in_range(w.size, 100, 230);
	}
	assert_true(refused * 50 < all);
}

static void window__a_burst_of_refusals_is_one_setback(void **state)
{
	struct window w = automatic(1000);

	(void)state;
	w.size = 800;
	for (unsigned in_flight = 799; in_flight > 100; in_flight--)
		window_note(&w, WINDOW_OVERLOADED, 100, in_flight);
	assert_int_equal(w.size, 600);
}

static void window__failures_for_ever_leave_one(void **state)
{
	struct window w = automatic(1000);

	(void)state;
	for (int i = 0; i < 10000; i++)
		window_note(&w, WINDOW_OVERLOADED, 100, 0);
	assert_int_equal(w.size, 1);
}

static void window__one_that_was_never_full_does_not_grow(void **state)
{
	struct window w = automatic(1000);

	(void)state;
	for (int i = 0; i < 10000; i++)
		window_note(&w, WINDOW_ANSWERED, 10, 1);
	assert_int_equal(w.size, WINDOW_AUTO_BEGIN);
}

static void window__milliseconds_of_noise_are_not_slowness(void **state)
{
	struct window w = automatic(1000);

	(void)state;
	for (int i = 0; i < 100000; i++) {
		window_note_full(&w);
		window_note(&w, WINDOW_ANSWERED, i / 700 % 5, 1);
	}
	assert_int_equal(w.size, 1000);
}

static void window__a_site_slower_for_good_is_usual_soon(void **state)
{
	struct window w = automatic(1000);
	const struct site quick = {.capacity = 100000, .base_ms = 20, .refuses_at = UINT32_MAX};
	const struct site slow = {.capacity = 100000, .base_ms = 200, .refuses_at = UINT32_MAX};

	(void)state;
	run_rounds(&w, &quick, 20);
	assert_int_equal(w.size, 1000);
	run_rounds(&w, &slow, 3);
	assert_in_range(w.size, 500, 900);
	run_rounds(&w, &slow, 200);
	assert_int_equal(w.size, 1000);
}

static void window__a_reload_keeps_what_was_found(void **state)
{
	struct window w = automatic(1000);

	(void)state;
	w.size = 300;
	window_configure(&w, &(struct window_settings){.max = 2000, .automatic = true});
	assert_int_equal(w.size, 300);
	window_configure(&w, &(struct window_settings){.max = 100, .automatic = true});
	assert_int_equal(w.size, 100);
	window_configure(&w, &(struct window_settings){.max = 64});
	assert_int_equal(w.size, 64);
	window_configure(&w, &(struct window_settings){.max = 1000, .automatic = true});
	assert_int_equal(w.size, WINDOW_AUTO_BEGIN);
}

static void window__an_automatic_share_comes_back_from_nothing(void **state)
{
	struct window w = automatic(1000);

	(void)state;
	window_set_share(&w, 0, 4);
	assert_int_equal(w.size, 0);
	window_set_share(&w, 2, 4);
	assert_in_range(w.size, 1, 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window__fixed_stays_whatever_comes),
		cmocka_unit_test(window__shares_are_parts_and_never_more_than_the_whole),
		cmocka_unit_test(window__an_automatic_one_finds_a_wide_site_in_few_rounds),
		cmocka_unit_test(window__an_automatic_one_settles_near_what_the_site_serves),
		cmocka_unit_test(window__an_automatic_one_stays_about_where_429_begins),
		cmocka_unit_test(window__a_burst_of_refusals_is_one_setback),
		cmocka_unit_test(window__failures_for_ever_leave_one),
		cmocka_unit_test(window__one_that_was_never_full_does_not_grow),
		cmocka_unit_test(window__milliseconds_of_noise_are_not_slowness),
		cmocka_unit_test(window__a_site_slower_for_good_is_usual_soon),
		cmocka_unit_test(window__a_reload_keeps_what_was_found),
		cmocka_unit_test(window__an_automatic_share_comes_back_from_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
