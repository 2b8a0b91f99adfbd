/* SPDX-License-Identifier: Apache-2.0 */
/* A tracker that leaves records for a later life, as a redrive does: what is done and what is left
 * stand mixed, in great numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "core/offsets/offsets.h"

#define LIMIT 4096

static const struct offsets_settings settings = {
	.map_max_bytes = LIMIT, .place = 42, .leaves = true};

static void settle(struct offsets *o, int64_t offset)
{
	struct offsets_record *r = offsets_begin(o, offset);

	assert_non_null(r);
	assert_false(offsets_open(o, r, 1).done);
	offsets_end(o, r);
	offsets_settle(o, r, 1);
}

/* True: it was open, and is left. */
static bool leave(struct offsets *o, int64_t offset)
{
	struct offsets_record *r = offsets_begin(o, offset);

	if (r != NULL)
		offsets_leave(o, r);
	return r != NULL;
}

/* What the next life of the group finds; @o is freed. */
static struct offsets *reborn(struct offsets *o)
{
	struct offsets *next = offsets_new(&settings, offsets_position(o));
	struct err err = {0};
	struct buf text;

	buf_init(&text, BUF_UNLIMITED);
	offsets_encode(o, &text);
	assert_true(text.len <= LIMIT);
	if (offsets_restore(next, buf_slice(&text), &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(offsets_position(next), offsets_position(o));
	buf_release(&text);
	offsets_free(o);
	return next;
}

static void offsets_left__position_is_the_first_record_left(void **state)
{
	struct offsets *o = offsets_new(&settings, 10);

	(void)state;
	settle(o, 10);
	assert_true(leave(o, 11));
	settle(o, 12);
	assert_int_equal(offsets_position(o), 11);
	o = reborn(o);
	settle(o, 11);
	assert_null(offsets_begin(o, 12));
	assert_int_equal(offsets_position(o), 13);
	offsets_free(o);
}

static void offsets_left__neighbours_cost_one_record(void **state)
{
	struct offsets *o = offsets_new(&settings, 0);

	(void)state;
	for (int64_t offset = 0; offset < 1000000; offset++)
		assert_true(leave(o, offset));
	assert_int_equal(offsets_open_records(o), 1);
	assert_false(offsets_is_nearly_full(o));
	offsets_free(o);
}

static void offsets_left__nothing_done_above_is_an_empty_text(void **state)
{
	struct offsets *o = offsets_new(&settings, 0);
	struct buf text;

	(void)state;
	settle(o, 0);
	assert_true(offsets_changed(o));
	leave(o, 1);
	leave(o, 2);
	buf_init(&text, BUF_UNLIMITED);
	offsets_encode(o, &text);
	assert_int_equal(text.len, 0);
	leave(o, 3);
	assert_false(offsets_changed(o));
	offsets_free(o);
	buf_release(&text);
}

static void offsets_left__what_is_not_read_is_left(void **state)
{
	struct offsets *o = offsets_new(&settings, 0);

	(void)state;
	leave(o, 0);
	settle(o, 1);
	o = reborn(o);
	offsets_leave_below(o, 100);
	assert_int_equal(offsets_position(o), 0);
	settle(o, 100);
	o = reborn(o);
	assert_true(leave(o, 0));
	assert_false(leave(o, 1));
	assert_true(leave(o, 2));
	assert_true(leave(o, 99));
	assert_false(leave(o, 100));
	assert_true(leave(o, 101));
	offsets_free(o);
}

static void offsets_left__what_retention_removed_holds_nothing_up(void **state)
{
	struct offsets *o = offsets_new(&settings, 0);

	(void)state;
	leave(o, 0);
	settle(o, 1);
	leave(o, 2);
	settle(o, 3);
	o = reborn(o);
	offsets_skip_below(o, 2);
	assert_int_equal(offsets_position(o), 2);
	assert_true(offsets_changed(o));
	offsets_skip_below(o, 50);
	assert_int_equal(offsets_position(o), 50);
	offsets_free(o);
}

/* Three lives after each other, each of which takes what it likes of what the last one left. */
static void offsets_left__agrees_with_a_table_over_many_lives(void **state)
{
	enum {
		COUNT = 400
	};
	struct rng rng;

	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct offsets *o = offsets_new(&settings, 0);
		bool done[COUNT] = {0};

		rng_seed(&rng, seed);
		for (unsigned life = 0; life < 4; life++) {
			int64_t from = (int64_t)rng_upto(&rng, COUNT / 2);
			int64_t end = from + (int64_t)rng_upto(&rng, COUNT / 2 - 1);
			unsigned percent = (unsigned)rng_upto(&rng, 100);

			o = reborn(o);
			offsets_leave_below(o, from);
			for (int64_t at = max_i64(from, offsets_next(o)); at < end; at++) {
				struct offsets_record *r = offsets_begin(o, at);

				assert_int_equal(r == NULL, done[at]);
				if (r == NULL)
					continue;
				done[at] = rng_upto(&rng, 99) < percent;
				if (done[at])
					offsets_end(o, r);
				else
					offsets_leave(o, r);
			}
		}
		offsets_free(o);
	}
}

/* So many records are settled before it is crowded, with @distance - 1 left behind each. */
static size_t room_for(int64_t distance)
{
	struct offsets *o = offsets_new(&settings, 0);
	size_t n = 0;

	leave(o, 0);
	for (int64_t at = 1; !offsets_is_nearly_full(o) && n < 10000000; n++) {
		settle(o, at);
		for (int64_t left = 1; left < distance; left++)
			leave(o, at + left);
		at += distance;
	}
	offsets_free(o);
	return n;
}

static void offsets_left__room_is_as_the_header_says(void **state)
{
	(void)state;
	assert_true(room_for(1000) > 850);
	assert_true(room_for(2) > 8000);
	assert_true(room_for(1) == 10000000);
}

static void offsets_left__too_much_loses_the_newest_and_never_the_oldest(void **state)
{
	struct offsets *o = offsets_new(&settings, 0);

	(void)state;
	for (int64_t n = 0; n < 20000; n++) {
		leave(o, n * 10);
		settle(o, n * 10 + 1);
	}
	o = reborn(o);
	assert_true(leave(o, 0));
	assert_null(offsets_begin(o, 1));
	assert_null(offsets_begin(o, 10001));
	assert_non_null(offsets_begin(o, 190001));
	offsets_free(o);
}

/* A run that is split by a second choice makes the map longer: that counts from its first letter
 * on, long before the end of what was restored. */
static void offsets_left__second_choice_from_what_is_left_keeps_the_limit(void **state)
{
	struct offsets *o = offsets_new(&settings, 0);
	int64_t at = 0;

	(void)state;
	leave(o, 0);
	offsets_leave_below(o, 1000000);
	settle(o, 1000000);
	o = reborn(o);
	for (; !offsets_is_nearly_full(o) && at < 1000000; at++) {
		if (at % 20 == 10)
			settle(o, at);
		else
			assert_true(leave(o, at));
	}
	assert_in_range(at, 1000, 999999);
	o = reborn(o);
	for (int64_t again = 0; again < at; again++)
		assert_int_equal(leave(o, again), again % 20 != 10);
	for (int64_t again = at; again < 1000000; again += 100)
		assert_true(leave(o, again));
	assert_false(leave(o, 1000000));
	offsets_free(o);
}

/* Written by a redrive of the time when it had a format of its own: 1001, 1500 to 2499, and 1000000
 * are done. */
static const char former[] = "rd1:1000:JgHyAH0AAAPOHy:U7fhHwa4P8Q";

static struct offsets *at_former(int64_t committed, int32_t partition)
{
	struct offsets_settings s = {.map_max_bytes = LIMIT,
		.place = offsets_place("shop.redrive", "letters", partition),
		.leaves = true};

	return offsets_new(&s, committed);
}

static void offsets_left__former_maps_of_redrives_are_read(void **state)
{
	struct offsets *o = at_former(1000, 3);
	struct err err;

	(void)state;
	assert_int_equal(offsets_restore(o, slice_str(former), &err), 0);
	assert_int_equal(offsets_position(o), 1000);
	for (int64_t at = 1000; at < 3000; at++)
		assert_int_equal(leave(o, at), at != 1001 && !(at >= 1500 && at < 2500));
	assert_true(leave(o, 999999));
	assert_false(leave(o, 1000000));
	assert_true(leave(o, 1000001));
	offsets_free(o);
}

static void refused(struct offsets *o, struct slice text)
{
	struct err err;

	assert_int_equal(offsets_restore(o, text, &err), ERR_INVALID);
	assert_true(leave(o, offsets_next(o)));
	offsets_free(o);
}

static void offsets_left__foreign_and_damaged_maps_are_refused(void **state)
{
	struct buf text;

	(void)state;
	refused(at_former(1000, 4), slice_str(former));
	refused(at_former(1001, 3), slice_str(former));
	refused(at_former(1000, 3), SLICE("rd1:"));
	refused(at_former(1000, 3), SLICE("rd1:1000:"));
	buf_init(&text, BUF_UNLIMITED);
	buf_add_str(&text, former);
	for (size_t i = 0; i < text.len; i++) {
		text.data[i] ^= 1;
		refused(at_former(1000, 3), buf_slice(&text));
		text.data[i] ^= 1;
	}
	buf_release(&text);
}

static void offsets_left__map_of_runs_is_refused_by_who_leaves_nothing(void **state)
{
	struct offsets_settings s = settings;
	struct offsets *o = offsets_new(&settings, 0), *lane;
	struct buf text;
	struct err err;

	(void)state;
	s.leaves = false;
	leave(o, 0);
	settle(o, 1);
	buf_init(&text, BUF_UNLIMITED);
	offsets_encode(o, &text);
	lane = offsets_new(&s, 0);
	assert_int_equal(offsets_restore(lane, buf_slice(&text), &err), ERR_INVALID);
	offsets_free(lane);
	offsets_free(o);
	buf_release(&text);
}

static void offsets_left__sealed_nonsense_is_refused(void **state)
{
	static const char *const bodies[] = {"rd1:10", "rd1:10:A", "rd1:10:AAB__",
		"rd1:10:AAAAAAAAAAAAAAAAAAAAA", "pr1:10:FN_", "pr1:10:C--_________"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct offsets *o = offsets_new(&settings, 10);
		struct buf text;
		struct err err;

		buf_init(&text, BUF_UNLIMITED);
		buf_add_str(&text, bodies[i]);
		offsets_map_seal(&text, settings.place);
		if (offsets_restore(o, buf_slice(&text), &err) != ERR_INVALID)
			fail_msg("%s was taken for a map", bodies[i]);
		offsets_free(o);
		buf_release(&text);
	}
}

#define TEST(name) cmocka_unit_test(offsets_left__##name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(position_is_the_first_record_left),
		TEST(neighbours_cost_one_record),
		TEST(nothing_done_above_is_an_empty_text),
		TEST(what_is_not_read_is_left),
		TEST(what_retention_removed_holds_nothing_up),
		TEST(agrees_with_a_table_over_many_lives),
		TEST(room_is_as_the_header_says),
		TEST(too_much_loses_the_newest_and_never_the_oldest),
		TEST(second_choice_from_what_is_left_keeps_the_limit),
		TEST(former_maps_of_redrives_are_read),
		TEST(foreign_and_damaged_maps_are_refused),
		TEST(map_of_runs_is_refused_by_who_leaves_nothing),
		TEST(sealed_nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
