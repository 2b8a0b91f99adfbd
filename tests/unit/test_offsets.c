/* SPDX-License-Identifier: Apache-2.0 */
/* The tracker, one promise at a time. test_offsets_lives.c has the properties. */
#include "unit.h"

#include <stdlib.h>

#include "base/rng.h"
#include "core/offsets/offsets.h"

#define RED  0x11111111u
#define BLUE 0x22222222u

static struct offsets *tracker(int64_t committed)
{
	return offsets_new(&offsets_default_settings, committed);
}

/* A record with one target. */
static struct offsets_record *begin(struct offsets *o, int64_t offset)
{
	struct offsets_record *r = offsets_begin(o, offset);

	assert_non_null(r);
	assert_false(offsets_open(o, r, RED).done);
	offsets_end(o, r);
	return r;
}

static void settle(struct offsets *o, struct offsets_record *r)
{
	offsets_settle(o, r, RED);
}

/* Commit, crash, come back: the tracker of the next life. */
static struct offsets *reborn(struct offsets *o, const struct offsets_settings *s)
{
	int64_t committed = offsets_position(o);
	struct offsets *next;
	struct buf map;

	buf_init(&map, BUF_UNLIMITED);
	offsets_encode(o, &map);
	assert_true(map.len <= s->map_max_bytes);
	offsets_free(o);
	next = offsets_new(s, committed);
	assert_int_equal(offsets_restore(next, buf_slice(&map), NULL), 0);
	assert_int_equal(offsets_position(next), committed);
	buf_release(&map);
	return next;
}

static void offsets__nothing_is_known_before_the_first_record(void **state)
{
	struct offsets *o = tracker(-1);

	(void)state;
	assert_int_equal(offsets_position(o), -1);
	assert_int_equal(offsets_next(o), -1);
	assert_false(offsets_changed(o));
	assert_false(offsets_is_nearly_full(o));
	begin(o, 42);
	assert_int_equal(offsets_position(o), 42);
	assert_int_equal(offsets_next(o), 43);
	offsets_free(o);
}

static void offsets__position_is_one_behind_the_last_when_all_is_settled(void **state)
{
	struct offsets *o = tracker(5);

	(void)state;
	assert_int_equal(offsets_position(o), 5);
	settle(o, begin(o, 5));
	settle(o, begin(o, 6));
	assert_int_equal(offsets_position(o), 7);
	offsets_free(o);
}

static void offsets__hole_does_not_stop_watermark(void **state)
{
	struct offsets *o = tracker(10);
	struct offsets_record *a = begin(o, 10), *b = begin(o, 1000), *c = begin(o, 5000000);

	(void)state;
	settle(o, b);
	assert_int_equal(offsets_position(o), 10);
	settle(o, a);
	assert_int_equal(offsets_position(o), 5000000);
	settle(o, c);
	assert_int_equal(offsets_position(o), 5000001);
	offsets_free(o);
}

static void offsets__slow_head_holds_everything_behind_it(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *head = begin(o, 0);

	(void)state;
	for (int64_t i = 1; i < 100; i++)
		settle(o, begin(o, i));
	assert_int_equal(offsets_position(o), 0);
	assert_int_equal(offsets_open_records(o), 1);
	settle(o, head);
	assert_int_equal(offsets_position(o), 100);
	offsets_free(o);
}

static void offsets__record_without_targets_is_settled_at_its_end(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *r = offsets_begin(o, 0);

	(void)state;
	assert_int_equal(offsets_position(o), 0);
	offsets_end(o, r);
	assert_int_equal(offsets_position(o), 1);
	assert_true(offsets_has_settled(o));
	offsets_free(o);
}

static void offsets__record_is_settled_when_its_last_target_is(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *r = offsets_begin(o, 0);

	(void)state;
	assert_int_equal(offsets_record_offset(r), 0);
	offsets_open(o, r, RED);
	offsets_settle(o, r, RED); /* before the end: the record must survive it */
	offsets_open(o, r, BLUE);
	offsets_end(o, r);
	assert_int_equal(offsets_position(o), 0);
	offsets_settle(o, r, BLUE);
	assert_int_equal(offsets_position(o), 1);
	offsets_free(o);
}

static void offsets__what_was_begun_already_is_not_begun_again(void **state)
{
	struct offsets *o = tracker(10);

	(void)state;
	assert_null(offsets_begin(o, 9));
	begin(o, 12);
	assert_null(offsets_begin(o, 12));
	assert_null(offsets_begin(o, 11));
	assert_null(offsets_begin(o, -1));
	assert_null(offsets_begin(o, INT64_MAX));
	assert_int_equal(offsets_next(o), 13);
	offsets_free(o);
}

static void offsets__nothing_is_due_while_nothing_settles(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *a = begin(o, 0), *b = begin(o, 1);
	struct buf map;

	(void)state;
	buf_init(&map, BUF_UNLIMITED);
	assert_false(offsets_changed(o));
	offsets_note_attempts(o, a, RED, 1, 1000);
	assert_true(offsets_changed(o));
	assert_false(offsets_has_settled(o));
	settle(o, b);
	assert_true(offsets_has_settled(o));
	offsets_encode(o, &map);
	assert_false(offsets_changed(o));
	assert_false(offsets_has_settled(o));
	offsets_mark_changed(o);
	assert_true(offsets_changed(o));
	buf_release(&map);
	offsets_free(o);
}

static void offsets__map_is_empty_when_the_position_says_it_all(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *r[3];
	struct buf map;

	(void)state;
	buf_init(&map, BUF_UNLIMITED);
	offsets_encode(o, &map);
	for (int i = 0; i < 3; i++)
		r[i] = begin(o, i);
	offsets_encode(o, &map);
	settle(o, r[0]);
	offsets_encode(o, &map);
	assert_int_equal(map.len, 0);
	settle(o, r[2]);
	offsets_encode(o, &map);
	assert_int_not_equal(map.len, 0);
	buf_reset(&map);
	settle(o, r[1]);
	offsets_encode(o, &map);
	assert_int_equal(map.len, 0);
	buf_release(&map);
	offsets_free(o);
}

static void offsets__restart_repeats_only_what_was_open(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *r[6];

	(void)state;
	for (int i = 0; i < 6; i++)
		r[i] = begin(o, 10 * i);
	for (int i = 2; i < 6; i++)
		if (i != 4)
			settle(o, r[i]);
	settle(o, r[0]);
	o = reborn(o, &offsets_default_settings);
	assert_int_equal(offsets_position(o), 10);
	r[1] = begin(o, 10);
	assert_null(offsets_begin(o, 20));
	assert_null(offsets_begin(o, 30));
	r[4] = begin(o, 40);
	assert_null(offsets_begin(o, 50));
	r[0] = begin(o, 51);
	settle(o, r[4]);
	settle(o, r[1]);
	assert_int_equal(offsets_position(o), 51);
	settle(o, r[0]);
	assert_int_equal(offsets_position(o), 52);
	offsets_free(o);
}

static void offsets__second_crash_does_not_forget_what_the_first_life_did(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *r[100];

	(void)state;
	for (int i = 0; i < 100; i++)
		r[i] = begin(o, i);
	for (int i = 0; i < 100; i++)
		if (i != 0 && i != 90)
			settle(o, r[i]);
	o = reborn(o, &offsets_default_settings);
	assert_int_equal(offsets_position(o), 0);
	settle(o, begin(o, 0));
	/* 1 to 89 are done, though not read again yet. */
	assert_int_equal(offsets_position(o), 90);
	assert_true(offsets_has_settled(o));
	o = reborn(o, &offsets_default_settings);
	assert_int_equal(offsets_position(o), 90);
	settle(o, begin(o, 90));
	/* So are 91 to 99, and no more is known. */
	assert_int_equal(offsets_position(o), 100);
	assert_int_equal(offsets_next(o), 91);
	assert_null(offsets_begin(o, 99));
	begin(o, 100);
	offsets_free(o);
}

static void offsets__record_that_was_open_and_is_gone_becomes_a_hole(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *r[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		r[i] = begin(o, i);
	settle(o, r[1]);
	settle(o, r[3]);
	o = reborn(o, &offsets_default_settings);
	/* 0 and 2 were open; compaction has taken both. */
	assert_null(offsets_begin(o, 3));
	assert_int_equal(offsets_position(o), 4);
	assert_true(offsets_changed(o));
	offsets_free(o);
}

static void offsets__jump_over_all_that_was_restored_forgets_it(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *head = begin(o, 0);

	(void)state;
	for (int i = 1; i < 1000; i++)
		if (i % 2)
			settle(o, begin(o, i));
		else
			begin(o, i);
	(void)head;
	o = reborn(o, &offsets_default_settings);
	begin(o, 4000);
	assert_int_equal(offsets_position(o), 4000);
	assert_int_equal(offsets_open_records(o), 1);
	offsets_free(o);
}

static void offsets__half_settled_record_repeats_the_other_half(void **state)
{
	struct offsets *o = tracker(7);
	struct offsets_record *r = offsets_begin(o, 7);
	struct offsets_history h;

	(void)state;
	offsets_open(o, r, RED);
	offsets_open(o, r, BLUE);
	offsets_end(o, r);
	offsets_settle(o, r, BLUE);
	o = reborn(o, &offsets_default_settings);
	o = reborn(o, &offsets_default_settings); /* nor is it forgotten unread */
	r = offsets_begin(o, 7);
	assert_false(offsets_open(o, r, RED).done);
	h = offsets_open(o, r, BLUE);
	assert_true(h.done);
	offsets_end(o, r);
	o = reborn(o, &offsets_default_settings); /* nor after it was */
	r = offsets_begin(o, 7);
	assert_true(offsets_open(o, r, BLUE).done);
	assert_false(offsets_open(o, r, RED).done);
	offsets_end(o, r);
	offsets_settle(o, r, RED);
	assert_int_equal(offsets_position(o), 8);
	offsets_free(o);
}

static void offsets__target_that_is_new_is_delivered_beside_one_that_is_done(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *r = offsets_begin(o, 0);

	(void)state;
	offsets_open(o, r, RED);
	offsets_open(o, r, BLUE);
	offsets_end(o, r);
	offsets_settle(o, r, BLUE);
	o = reborn(o, &offsets_default_settings);
	r = offsets_begin(o, 0);
	/* RED's rule is gone, and a third one has come. */
	assert_true(offsets_open(o, r, BLUE).done);
	assert_false(offsets_open(o, r, 0x33333333u).done);
	offsets_end(o, r);
	assert_int_equal(offsets_position(o), 0);
	offsets_settle(o, r, 0x33333333u);
	assert_int_equal(offsets_position(o), 1);
	offsets_free(o);
}

static void offsets__targets_of_one_hash_are_done_when_both_are(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *r = offsets_begin(o, 0);

	(void)state;
	offsets_open(o, r, RED);
	offsets_open(o, r, RED);
	offsets_open(o, r, BLUE);
	offsets_end(o, r);
	offsets_settle(o, r, RED);
	offsets_settle(o, r, BLUE);
	o = reborn(o, &offsets_default_settings);
	r = offsets_begin(o, 0);
	assert_false(offsets_open(o, r, RED).done);
	assert_false(offsets_open(o, r, RED).done);
	assert_true(offsets_open(o, r, BLUE).done);
	offsets_end(o, r);
	offsets_free(o);
}

static void offsets__attempts_survive_restarts(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *r = begin(o, 0);
	struct offsets_history h;

	(void)state;
	offsets_note_attempts(o, r, RED, 17, 1763900000999);
	for (int life = 0; life < 3; life++) {
		o = reborn(o, &offsets_default_settings);
		o = reborn(o, &offsets_default_settings); /* nothing was read in between */
		r = offsets_begin(o, 0);
		h = offsets_open(o, r, RED);
		assert_false(h.done);
		assert_int_equal(h.attempts, 17);
		assert_int_equal(h.first_attempt_ms, 1763900000000);
		offsets_end(o, r);
	}
	offsets_note_attempts(o, r, RED, 18, h.first_attempt_ms);
	o = reborn(o, &offsets_default_settings);
	r = offsets_begin(o, 0);
	assert_int_equal(offsets_open(o, r, RED).attempts, 18);
	offsets_end(o, r);
	settle(o, r);
	assert_int_equal(offsets_position(o), 1);
	offsets_free(o);
}

static void offsets__oldest_attempts_travel_when_not_all_fit(void **state)
{
	const struct offsets_settings small = {.map_max_bytes = 256};
	struct offsets *o = offsets_new(&small, 0);
	bool fits = true;
	int known = 0;

	(void)state;
	for (int i = 0; i < 300; i++)
		offsets_note_attempts(o, begin(o, i), RED, 100, 1000000000 + 1000 * i);
	o = reborn(o, &small);
	for (int i = 0; i < 300; i++) {
		struct offsets_record *r = offsets_begin(o, i);
		struct offsets_history h = offsets_open(o, r, RED);

		offsets_end(o, r);
		assert_true(fits || h.attempts == 0); /* none behind the first unknown one */
		fits = h.attempts == 100;
		assert_true(!fits || h.first_attempt_ms == 1000000000 + 1000 * i);
		known += fits;
	}
	assert_in_range(known, 20, 100);
	offsets_free(o);
}

/* Otherwise a crowded map would keep its own records from ever being read again. */
static void offsets__restored_records_are_read_however_crowded_it_is(void **state)
{
	const struct offsets_settings small = {.map_max_bytes = 256};
	struct offsets *o = offsets_new(&small, 0);
	int64_t n = 0;

	(void)state;
	while (!offsets_is_nearly_full(o))
		begin(o, 1000 * n++);
	for (int i = 0; i < 5; i++)
		begin(o, 1000 * n++);
	settle(o, begin(o, 1000 * n));
	o = reborn(o, &small);
	for (int64_t i = 0; i < n; i++) {
		assert_false(offsets_is_nearly_full(o));
		begin(o, 1000 * i);
	}
	assert_false(offsets_is_nearly_full(o));
	assert_null(offsets_begin(o, 1000 * n));
	assert_true(offsets_is_nearly_full(o));
	offsets_free(o);
}

static void offsets__map_of_another_position_is_refused(void **state)
{
	struct offsets *o = tracker(0), *other;
	struct buf map;
	struct err err;

	(void)state;
	begin(o, 0);
	settle(o, begin(o, 1));
	buf_init(&map, BUF_UNLIMITED);
	offsets_encode(o, &map);
	for (int64_t committed = -1; committed < 3; committed++) {
		other = tracker(committed);
		if (committed == 0) {
			assert_int_equal(offsets_restore(other, buf_slice(&map), NULL), 0);
		} else {
			assert_int_equal(
				offsets_restore(other, buf_slice(&map), &err), ERR_INVALID);
			assert_non_null(strstr(err.text, "position 0"));
			assert_int_equal(offsets_position(other), committed);
		}
		offsets_free(other);
	}
	buf_release(&map);
	offsets_free(o);
}

static void offsets__map_copied_to_another_partition_is_refused(void **state)
{
	const struct offsets_settings here = {.map_max_bytes = 4096, .place = 0x1234},
				      there = {.map_max_bytes = 4096, .place = 0x1235};
	struct offsets *o = offsets_new(&here, 0), *other = offsets_new(&there, 0);
	struct buf map;

	(void)state;
	begin(o, 0);
	settle(o, begin(o, 1));
	buf_init(&map, BUF_UNLIMITED);
	offsets_encode(o, &map);
	assert_int_equal(offsets_restore(other, buf_slice(&map), NULL), ERR_INVALID);
	buf_release(&map);
	offsets_free(o);
	offsets_free(other);
}

static void offsets__without_a_map_the_position_is_all(void **state)
{
	const struct offsets_settings none = {.map_max_bytes = 0};
	struct offsets *o = offsets_new(&none, 0);
	struct buf map;

	(void)state;
	begin(o, 0);
	for (int64_t i = 1; i < 100000; i++)
		if (i % 2)
			settle(o, begin(o, i));
		else
			begin(o, i);
	assert_false(offsets_is_nearly_full(o));
	buf_init(&map, BUF_UNLIMITED);
	offsets_encode(o, &map);
	assert_int_equal(map.len, 0);
	assert_false(offsets_changed(o));
	buf_release(&map);
	offsets_free(o);
}

static void offsets__million_passed_behind_one_open_record_cost_nothing(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record *window[64];
	struct buf map;
	size_t before;

	(void)state;
	begin(o, 0);
	for (int64_t i = 0; i < 64; i++)
		window[i] = begin(o, 1 + i);
	before = offsets_memory_bytes(o);
	for (int64_t i = 65; i <= 1000000; i++) {
		settle(o, window[i % 64]);
		window[i % 64] = begin(o, i);
		assert_false(offsets_is_nearly_full(o));
	}
	assert_in_range(offsets_memory_bytes(o), 1, 2 * before);
	assert_in_range(offsets_memory_bytes(o), 1, 20000);
	for (int64_t i = 0; i < 64; i++)
		settle(o, window[i]);
	buf_init(&map, BUF_UNLIMITED);
	offsets_encode(o, &map);
	assert_in_range(map.len, 1, 60);
	buf_release(&map);
	o = reborn(o, &offsets_default_settings);
	for (int64_t i = 1; i <= 1000000; i++)
		assert_null(offsets_begin(o, i));
	assert_int_equal(offsets_open_records(o), 0); /* 0 was not there any more */
	assert_int_equal(offsets_position(o), 1000001);
	offsets_free(o);
}

static void offsets__memory_follows_what_is_open(void **state)
{
	struct offsets *o = tracker(0);
	struct offsets_record **r = xcalloc(100000, sizeof(*r));
	size_t idle = offsets_memory_bytes(o), full;

	(void)state;
	for (int i = 0; i < 100000; i++)
		r[i] = begin(o, i);
	full = offsets_memory_bytes(o);
	assert_in_range(full, 100000 * 32, 100000 * 128);
	for (int i = 0; i < 100000; i++)
		settle(o, r[i]);
	assert_in_range(offsets_memory_bytes(o), idle, idle + 100 * 128);
	free(r);
	offsets_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets__nothing_is_known_before_the_first_record),
		cmocka_unit_test(offsets__position_is_one_behind_the_last_when_all_is_settled),
		cmocka_unit_test(offsets__hole_does_not_stop_watermark),
		cmocka_unit_test(offsets__slow_head_holds_everything_behind_it),
		cmocka_unit_test(offsets__record_without_targets_is_settled_at_its_end),
		cmocka_unit_test(offsets__record_is_settled_when_its_last_target_is),
		cmocka_unit_test(offsets__what_was_begun_already_is_not_begun_again),
		cmocka_unit_test(offsets__nothing_is_due_while_nothing_settles),
		cmocka_unit_test(offsets__map_is_empty_when_the_position_says_it_all),
		cmocka_unit_test(offsets__restart_repeats_only_what_was_open),
		cmocka_unit_test(offsets__second_crash_does_not_forget_what_the_first_life_did),
		cmocka_unit_test(offsets__record_that_was_open_and_is_gone_becomes_a_hole),
		cmocka_unit_test(offsets__jump_over_all_that_was_restored_forgets_it),
		cmocka_unit_test(offsets__half_settled_record_repeats_the_other_half),
		cmocka_unit_test(
			offsets__target_that_is_new_is_delivered_beside_one_that_is_done),
		cmocka_unit_test(offsets__targets_of_one_hash_are_done_when_both_are),
		cmocka_unit_test(offsets__attempts_survive_restarts),
		cmocka_unit_test(offsets__oldest_attempts_travel_when_not_all_fit),
		cmocka_unit_test(offsets__restored_records_are_read_however_crowded_it_is),
		cmocka_unit_test(offsets__map_of_another_position_is_refused),
		cmocka_unit_test(offsets__map_copied_to_another_partition_is_refused),
		cmocka_unit_test(offsets__without_a_map_the_position_is_all),
		cmocka_unit_test(offsets__million_passed_behind_one_open_record_cost_nothing),
		cmocka_unit_test(offsets__memory_follows_what_is_open),
	};

	return cmocka_run_group_tests_name("offsets", tests, NULL, NULL);
}
