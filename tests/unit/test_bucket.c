/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "base/rng.h"
#include "core/gate/bucket.h"

#define PER_SECOND(n) ((int64_t)(n)*1000)

/* Take all there are at @now_ms; how many it were. */
static unsigned take_all(struct bucket *b, int64_t now_ms)
{
	unsigned taken = 0;

	while (bucket_ready_at(b, now_ms) <= now_ms) {
		bucket_take(b);
		taken++;
	}
	return taken;
}

/* Ask whenever the bucket says, until @end_ms; how many came. */
static unsigned take_when_told(struct bucket *b, int64_t from_ms, int64_t end_ms)
{
	unsigned taken = 0;
	int64_t at_ms = from_ms;

	while ((at_ms = bucket_ready_at(b, at_ms)) < end_ms) {
		bucket_take(b);
		taken++;
	}
	return taken;
}

static void bucket__unlimited_is_always_ready(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 0, 0, 5);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(bucket_ready_at(&b, 5), 5);
		bucket_take(&b);
	}
}

static void bucket__begins_empty(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, PER_SECOND(10), 5, 1000);
	assert_int_equal(bucket_ready_at(&b, 1000), 1100);
	assert_int_equal(take_all(&b, 1099), 0);
	assert_int_equal(take_all(&b, 1100), 1);
}

static void bucket__holds_no_more_than_its_burst(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, PER_SECOND(10), 5, 0);
	assert_int_equal(take_all(&b, INT64_MAX / 2), 5);
	bucket_init(&b, PER_SECOND(300), 0, 0);
	assert_int_equal(take_all(&b, 86400000), 30);
	bucket_init(&b, PER_SECOND(2), 0, 0);
	assert_int_equal(take_all(&b, 86400000), 1);
}

static void bucket__does_not_drift(void **state)
{
	static const int64_t rates[] = {PER_SECOND(3), PER_SECOND(7), PER_SECOND(300),
		PER_SECOND(999), PER_SECOND(1000), PER_SECOND(4999), 166, 1, 333};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rates); i++) {
		struct bucket b;

		bucket_init(&b, rates[i], 1, 0);
		/* 1,000 s bring exactly the rate, though each token was waited for. */
		assert_int_equal(take_when_told(&b, 0, 1000001), rates[i]);
	}
}

static void bucket__reading_often_changes_nothing(void **state)
{
	struct bucket often, seldom;

	(void)state;
	bucket_init(&often, 1234567, 2000, 0);
	bucket_init(&seldom, 1234567, 2000, 0);
	bucket_set_share(&often, 3, 7, 0);
	bucket_set_share(&seldom, 3, 7, 0);
	for (int64_t ms = 0; ms < 1500; ms++)
		(void)bucket_ready_at(&often, ms);
	(void)bucket_ready_at(&seldom, 1499);
	assert_int_equal(often.level, seldom.level);
}

static void bucket__time_that_goes_back_brings_nothing(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, PER_SECOND(10), 5, 1000);
	assert_int_equal(take_all(&b, 1100), 1);
	assert_int_equal(take_all(&b, 0), 0);
	assert_int_equal(take_all(&b, 1100), 0);
	assert_int_equal(take_all(&b, 1200), 1);
}

static void bucket__what_is_given_back_can_be_taken(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, PER_SECOND(10), 1, 0);
	assert_int_equal(take_all(&b, 100), 1);
	bucket_give_back(&b);
	assert_int_equal(take_all(&b, 100), 1);
	/* But never beyond the burst. */
	(void)bucket_ready_at(&b, 10000);
	bucket_give_back(&b);
	assert_int_equal(take_all(&b, 10000), 1);
}

static void bucket__a_share_gets_its_part(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, PER_SECOND(50), 1, 0);
	bucket_set_share(&b, 3, 7, 0);
	assert_int_equal(take_when_told(&b, 0, 7000001), 150000);
	bucket_set_share(&b, 0, 7, 7000001);
	assert_int_equal(bucket_ready_at(&b, 7000001), INT64_MAX);
	assert_int_equal(bucket_ready_at(&b, 99000001), INT64_MAX);
}

static void bucket__growth_brings_no_tokens(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, PER_SECOND(100), 40, 0);
	bucket_set_share(&b, 1, 4, 0);
	(void)bucket_ready_at(&b, 100000); /* full: a quarter of the burst */
	bucket_set_share(&b, 4, 4, 100000);
	assert_int_equal(take_all(&b, 100000), 10);
	bucket_set_share(&b, 0, 4, 100000);
	bucket_set_share(&b, 4, 4, 200000);
	assert_int_equal(take_all(&b, 200000), 0);
}

static void bucket__absurd_numbers_do_not_overflow(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, INT64_MAX, UINT32_MAX, 0);
	bucket_set_share(&b, UINT32_MAX, UINT32_MAX, 0);
	assert_true(bucket_ready_at(&b, INT64_MAX / 2) <= INT64_MAX / 2);
	assert_int_equal(b.level, b.cap);
	bucket_set_share(&b, 1, UINT32_MAX, INT64_MAX / 2);
	assert_true(bucket_ready_at(&b, INT64_MAX / 2) <= INT64_MAX / 2);
}

/* Several buckets share a limit that moves among them; nobody gets more in any second than
 * all together may. */
static void bucket__the_sum_over_shares_never_exceeds(void **state)
{
	enum {
		BUCKETS = 3,
		WHOLE = 12,
		RATE = 50,
		BURST = 5,
		END_MS = 120000
	};
	static unsigned taken_at[END_MS];
	struct bucket b[BUCKETS];
	unsigned parts[BUCKETS] = {WHOLE, 0, 0}, in_second = 0, most = 0, all = 0;
	struct rng rng;

	(void)state;
	rng_seed(&rng, 7);
	for (int i = 0; i < BUCKETS; i++) {
		bucket_init(&b[i], PER_SECOND(RATE), BURST, 0);
		bucket_set_share(&b[i], parts[i], WHOLE, 0);
	}
	for (int64_t ms = 0; ms < END_MS; ms++) {
		if (rng_upto(&rng, 3000) == 0) {
			unsigned from = rng_upto(&rng, BUCKETS - 1), to = (from + 1) % BUCKETS;
			unsigned n = rng_upto(&rng, parts[from]);

			bucket_set_share(&b[from], parts[from] -= n, WHOLE, ms);
			bucket_set_share(&b[to], parts[to] += n, WHOLE, ms);
		}
		taken_at[ms] = 0;
		for (int i = 0; i < BUCKETS; i++)
			if (rng_upto(&rng, 40) == 0 || ms % 9000 < 6000)
				taken_at[ms] += take_all(&b[i], ms);
		all += taken_at[ms];
		in_second += taken_at[ms] - (ms >= 1000 ? taken_at[ms - 1000] : 0);
		most = in_second > most ? in_second : most;
	}
	assert_in_range(most, RATE, RATE + BURST);
	assert_in_range(all, RATE * END_MS / 1000 * 94 / 100, RATE * END_MS / 1000 + BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bucket__unlimited_is_always_ready),
		cmocka_unit_test(bucket__begins_empty),
		cmocka_unit_test(bucket__holds_no_more_than_its_burst),
		cmocka_unit_test(bucket__does_not_drift),
		cmocka_unit_test(bucket__reading_often_changes_nothing),
		cmocka_unit_test(bucket__time_that_goes_back_brings_nothing),
		cmocka_unit_test(bucket__what_is_given_back_can_be_taken),
		cmocka_unit_test(bucket__a_share_gets_its_part),
		cmocka_unit_test(bucket__growth_brings_no_tokens),
		cmocka_unit_test(bucket__absurd_numbers_do_not_overflow),
		cmocka_unit_test(bucket__the_sum_over_shares_never_exceeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
