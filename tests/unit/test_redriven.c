/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "core/offsets/map.h"
#include "core/offsets/redrive_map.h"

#define PLACE 42
#define LIMIT 4096

static struct redriven at(int64_t position)
{
	struct redriven r;

	redriven_init(&r, position, PLACE, LIMIT);
	return r;
}

/* What the next life of the group finds. */
static struct redriven reborn(struct redriven *r)
{
	struct redriven next;
	struct err err = {0};
	struct buf text;

	buf_init(&text, BUF_UNLIMITED);
	redriven_encode(r, &text);
	assert_true(text.len <= LIMIT);
	redriven_init(&next, r->position, PLACE, LIMIT);
	if (redriven_restore(&next, buf_slice(&text), &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(next.bits, r->bits);
	buf_release(&text);
	return next;
}

static void redriven__position_is_the_first_letter_left(void **state)
{
	struct redriven r = at(10);

	(void)state;
	redriven_mark(&r, 12, 13);
	assert_int_equal(r.position, 10);
	redriven_mark(&r, 10, 11);
	assert_int_equal(r.position, 11);
	redriven_mark(&r, 11, 12);
	assert_int_equal(r.position, 13);
	assert_int_equal(r.count, 0);
	assert_int_equal(r.bits, 0);
	redriven_release(&r);
}

static void redriven__next_life_knows_what_is_done_and_what_is_left(void **state)
{
	struct redriven r = at(1000), next;

	(void)state;
	redriven_mark(&r, 1001, 1002);
	redriven_mark(&r, 1500, 2500);
	redriven_mark(&r, 1000000, 1000001);
	next = reborn(&r);
	for (int64_t offset = 0; offset < 3000; offset++)
		assert_int_equal(redriven_has(&next, offset),
			offset < 1000 || offset == 1001 || (offset >= 1500 && offset < 2500));
	assert_true(redriven_has(&next, 1000000));
	assert_false(redriven_has(&next, 1000001));
	redriven_release(&r);
	redriven_release(&next);
}

static void redriven__nothing_above_the_position_is_an_empty_text(void **state)
{
	struct redriven r = at(0);
	struct buf text;

	(void)state;
	redriven_mark(&r, 0, 100);
	buf_init(&text, BUF_UNLIMITED);
	assert_true(redriven_changed(&r));
	redriven_encode(&r, &text);
	assert_int_equal(text.len, 0);
	assert_false(redriven_changed(&r));
	redriven_mark(&r, 5, 50);
	assert_false(redriven_changed(&r));
	redriven_release(&r);
	buf_release(&text);
}

static void redriven__agrees_with_a_table_in_any_order(void **state)
{
	enum {
		COUNT = 400
	};
	struct rng rng;

	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct redriven r = at(0), next;
		bool done[COUNT] = {0};

		rng_seed(&rng, seed);
		for (int i = 0; i < 150; i++) {
			int64_t from = (int64_t)rng_upto(&rng, COUNT - 1);
			int64_t to = min_i64(COUNT, from + 1 + (int64_t)rng_upto(&rng, 3));

			redriven_mark(&r, from, to);
			for (int64_t o = from; o < to; o++)
				done[o] = true;
		}
		next = reborn(&r);
		for (int64_t o = 0; o < COUNT; o++) {
			assert_int_equal(redriven_has(&r, o), done[o]);
			assert_int_equal(redriven_has(&next, o), done[o]);
		}
		redriven_release(&r);
		redriven_release(&next);
	}
}

/* The numbers that the header gives. */
static size_t room_for(int64_t distance)
{
	struct redriven r = at(0);
	size_t n = 0;

	for (; !redriven_is_crowded(&r, 0) && n < 10000000; n++)
		redriven_mark(&r, (int64_t)n * distance + 1, (int64_t)n * distance + 2);
	redriven_release(&r);
	return n;
}

static void redriven__room_is_as_the_header_says(void **state)
{
	(void)state;
	assert_true(room_for(1000) > 900);
	assert_true(room_for(2) > 9000);
	assert_true(room_for(1) == 10000000);
}

static void redriven__too_much_loses_the_newest_and_never_the_oldest(void **state)
{
	struct redriven r = at(0), next;
	struct buf text;
	struct err err;

	(void)state;
	for (int64_t n = 0; n < 20000; n++)
		redriven_mark(&r, n * 1000 + 1, n * 1000 + 2);
	buf_init(&text, BUF_UNLIMITED);
	redriven_encode(&r, &text);
	assert_true(text.len <= LIMIT);
	redriven_init(&next, 0, PLACE, LIMIT);
	assert_int_equal(redriven_restore(&next, buf_slice(&text), &err), 0);
	assert_true(redriven_has(&next, 1));
	assert_true(redriven_has(&next, 900001));
	assert_false(redriven_has(&next, 2));
	assert_false(redriven_has(&next, 19999001));
	redriven_release(&r);
	redriven_release(&next);
	buf_release(&text);
}

static void redriven__foreign_and_damaged_texts_change_nothing(void **state)
{
	struct redriven r = at(10), next;
	struct buf text;
	struct err err;

	(void)state;
	redriven_mark(&r, 20, 30);
	buf_init(&text, BUF_UNLIMITED);
	redriven_encode(&r, &text);
	redriven_init(&next, 10, PLACE + 1, LIMIT);
	assert_int_equal(redriven_restore(&next, buf_slice(&text), &err), ERR_INVALID);
	redriven_init(&next, 11, PLACE, LIMIT);
	assert_int_equal(redriven_restore(&next, buf_slice(&text), &err), ERR_INVALID);
	redriven_init(&next, 10, PLACE, LIMIT);
	assert_int_equal(redriven_restore(&next, SLICE("pr1:10:x:y"), &err), ERR_INVALID);
	assert_int_equal(redriven_restore(&next, SLICE("rd1:"), &err), ERR_INVALID);
	assert_int_equal(redriven_restore(&next, SLICE("rd1:10:"), &err), ERR_INVALID);
	for (size_t i = 0; i < text.len; i++) {
		text.data[i] ^= 1;
		assert_int_equal(redriven_restore(&next, buf_slice(&text), &err), ERR_INVALID);
		text.data[i] ^= 1;
	}
	assert_false(redriven_has(&next, 25));
	assert_int_equal(redriven_restore(&next, buf_slice(&text), &err), 0);
	assert_true(redriven_has(&next, 25));
	redriven_release(&r);
	redriven_release(&next);
	buf_release(&text);
}

static void redriven__sealed_nonsense_is_refused(void **state)
{
	static const char *const bodies[] = {"rd1:10:", "rd1:10:AAAA", "rd1:10:_",
		"rd1:10:AAB__", "rd1:10:AAAAAAAAAAAAAAAAAAAAA"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct redriven r = at(10);
		struct buf text;
		struct err err;
		int code;

		buf_init(&text, BUF_UNLIMITED);
		buf_add_str(&text, bodies[i]);
		offsets_map_seal(&text, PLACE);
		code = redriven_restore(&r, buf_slice(&text), &err);
		assert_true(code == ERR_INVALID || r.count == 0);
		redriven_release(&r);
		buf_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redriven__position_is_the_first_letter_left),
		cmocka_unit_test(redriven__next_life_knows_what_is_done_and_what_is_left),
		cmocka_unit_test(redriven__nothing_above_the_position_is_an_empty_text),
		cmocka_unit_test(redriven__agrees_with_a_table_in_any_order),
		cmocka_unit_test(redriven__room_is_as_the_header_says),
		cmocka_unit_test(redriven__too_much_loses_the_newest_and_never_the_oldest),
		cmocka_unit_test(redriven__foreign_and_damaged_texts_change_nothing),
		cmocka_unit_test(redriven__sealed_nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
