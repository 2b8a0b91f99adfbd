/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "base/rng.h"
#include "core/offsets/bits.h"

static void offsets_bits__what_is_put_comes_out(void **state)
{
	struct offsets_bits_reader r = {0};
	struct offsets_bits b;
	struct buf text;

	(void)state;
	buf_init(&text, BUF_UNLIMITED);
	offsets_bits_init(&b, &text);
	for (unsigned width = 0; width <= 64; width++)
		offsets_bits_put(&b, 0xdeadbeefcafef00dull, width);
	for (unsigned bit = 0; bit < 64; bit++) {
		offsets_bits_put_gamma(&b, (uint64_t)1 << bit);
		offsets_bits_put_gamma(&b, UINT64_MAX >> bit);
		for (unsigned order = 0; order < 64; order++)
			offsets_bits_put_golomb(&b, INT64_MAX >> bit, order);
	}
	offsets_bits_end(&b);
	assert_int_equal(b.count, text.len * 6);
	r.text = buf_slice(&text);
	for (unsigned width = 0; width <= 64; width++)
		assert_int_equal(offsets_bits_get(&r, width),
			width ? 0xdeadbeefcafef00dull << (64 - width) >> (64 - width) : 0);
	for (unsigned bit = 0; bit < 64; bit++) {
		assert_int_equal(offsets_bits_get_gamma(&r), (uint64_t)1 << bit);
		assert_int_equal(offsets_bits_get_gamma(&r), UINT64_MAX >> bit);
		for (unsigned order = 0; order < 64; order++)
			assert_int_equal(offsets_bits_get_golomb(&r, order), INT64_MAX >> bit);
	}
	assert_false(r.failed);
	assert_true(offsets_bits_left(&r) < 6);
	buf_release(&text);
}

static void offsets_bits__widths_are_what_is_put(void **state)
{
	struct offsets_bits b;
	struct buf text;

	(void)state;
	buf_init(&text, BUF_UNLIMITED);
	for (uint64_t value = 1; value < 70000; value += 1 + value / 50) {
		for (unsigned order = 0; order < 20; order++) {
			offsets_bits_init(&b, &text);
			offsets_bits_put_golomb(&b, value, order);
			assert_int_equal(b.count, offsets_bits_golomb_width(value, order));
		}
		offsets_bits_init(&b, &text);
		offsets_bits_put_gamma(&b, value);
		assert_int_equal(b.count, offsets_bits_gamma_width(value));
	}
	buf_release(&text);
}

static void offsets_bits__text_of_another_alphabet_fails(void **state)
{
	static const char *const texts[] = {"", "A", "A+AA", "/AAA", "AA==", "A\0AA", "A AA"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct offsets_bits_reader r = {.text = slice_str(texts[i])};

		assert_int_equal(offsets_bits_get(&r, 24), 0);
		assert_true(r.failed);
		assert_int_equal(offsets_bits_get_gamma(&r), 1);
		assert_int_equal(offsets_bits_get_golomb(&r, 3), 0);
	}
}

static void offsets_bits__number_over_64_bits_fails(void **state)
{
	struct offsets_bits_reader r = {.text = SLICE("AAAAAAAAAAAAAAAAAAAAAA__________")};

	(void)state;
	assert_int_equal(offsets_bits_get_gamma(&r), 1);
	assert_true(r.failed);
	/* 2^62 of order 3 would be 2^65. */
	r = (struct offsets_bits_reader){.text = SLICE("AAAAAAAAAAB_________________")};
	assert_int_equal(offsets_bits_get_golomb(&r, 3), 0);
	assert_true(r.failed);
}

/* Numbers that rise by up to @step. */
static size_t some_numbers(struct rng *rng, int64_t *numbers, size_t most, uint64_t step)
{
	size_t n = rng_upto(rng, most);
	int64_t at = -1;

	for (size_t i = 0; i < n; i++) {
		at += 1 + (int64_t)rng_upto(rng, rng_upto(rng, 9) == 0 ? step : step / 50);
		numbers[i] = at;
	}
	return n;
}

static struct offsets_code pick(const int64_t *numbers, size_t n)
{
	return offsets_code_or_plain(offsets_code_pick_order(-1, numbers, n), -1, numbers, n);
}

static void offsets_bits__gaps_come_out_and_take_the_width_they_say(void **state)
{
	int64_t numbers[100], again[100];
	struct offsets_bits b;
	struct buf text;
	struct rng rng;

	(void)state;
	rng_seed(&rng, 3);
	buf_init(&text, BUF_UNLIMITED);
	for (int round = 0; round < 3000; round++) {
		size_t n = some_numbers(&rng, numbers, 100, (uint64_t)1 << round % 50);
		int64_t end = n ? numbers[n - 1] + 1 : 0;
		struct offsets_bits_reader r = {0};

		buf_reset(&text);
		offsets_bits_init(&b, &text);
		offsets_bits_put_gaps(&b, pick(numbers, n), -1, numbers, n);
		assert_int_equal(b.count, OFFSETS_BITS_CODE_WIDTH + pick(numbers, n).bits);
		offsets_bits_end(&b);
		r.text = buf_slice(&text);
		offsets_bits_get_gaps(&r, -1, end, again, n);
		assert_false(r.failed);
		assert_memory_equal(again, numbers, n * sizeof(numbers[0]));
		if (n == 0)
			continue;
		/* One that would reach the end is refused. */
		r = (struct offsets_bits_reader){.text = buf_slice(&text)};
		offsets_bits_get_gaps(&r, -1, end - 1, again, n);
		assert_true(r.failed);
	}
	buf_release(&text);
}

static size_t without(const int64_t *numbers, size_t n, size_t i, int64_t *ret)
{
	memcpy(ret, numbers, i * sizeof(*ret));
	memcpy(ret + i, numbers + i + 1, (n - i - 1) * sizeof(*ret));
	return n - 1;
}

/* The promise that the whole truth of the map rests upon. */
static void offsets_bits__no_sequence_grows_when_a_number_leaves_it(void **state)
{
	struct rng rng;

	(void)state;
	rng_seed(&rng, 4);
	/* Two gaps that become one: all small ones, and those around powers of two. */
	for (unsigned order = 1; order < 40; order++) {
		for (uint64_t a = 0; a < 200; a++) {
			for (uint64_t b = 0; b < 200; b++)
				assert_true(offsets_bits_golomb_width(a + b + 1, order) <=
					    offsets_bits_golomb_width(a, order) +
						    offsets_bits_golomb_width(b, order));
			for (unsigned bit = 8; bit < 62; bit++) {
				uint64_t b = ((uint64_t)1 << bit) - a;

				assert_true(offsets_bits_golomb_width(a + b + 1, order) <=
					    offsets_bits_golomb_width(a, order) +
						    offsets_bits_golomb_width(b, order));
			}
		}
	}
	for (int round = 0; round < 300; round++) {
		int64_t numbers[60], fewer[60];
		size_t n = some_numbers(&rng, numbers, 60, (uint64_t)1 << round % 40);

		for (size_t i = 0; i < n; i++) {
			size_t rest = without(numbers, n, i, fewer);

			for (unsigned order = 1; order < 40; order++)
				assert_true(
					offsets_code_of_order(order, -1, fewer, rest).bits <=
					offsets_code_of_order(order, -1, numbers, n).bits);
			assert_true(pick(fewer, rest).bits <= pick(numbers, n).bits);
		}
	}
}

static void offsets_bits__order_picked_is_the_shortest_of_all(void **state)
{
	struct rng rng;

	(void)state;
	rng_seed(&rng, 5);
	for (int round = 0; round < 3000; round++) {
		int64_t numbers[100];
		size_t n = some_numbers(&rng, numbers, 100, (uint64_t)1 << round % 50);
		struct offsets_code best = offsets_code_pick_order(-1, numbers, n);

		for (unsigned order = 1; order < 60; order++)
			assert_true(
				best.bits <= offsets_code_of_order(order, -1, numbers, n).bits);
		assert_true(pick(numbers, n).bits <= best.bits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_bits__what_is_put_comes_out),
		cmocka_unit_test(offsets_bits__widths_are_what_is_put),
		cmocka_unit_test(offsets_bits__text_of_another_alphabet_fails),
		cmocka_unit_test(offsets_bits__number_over_64_bits_fails),
		cmocka_unit_test(offsets_bits__gaps_come_out_and_take_the_width_they_say),
		cmocka_unit_test(offsets_bits__no_sequence_grows_when_a_number_leaves_it),
		cmocka_unit_test(offsets_bits__order_picked_is_the_shortest_of_all),
	};

	return cmocka_run_group_tests_name("offsets_bits", tests, NULL, NULL);
}
