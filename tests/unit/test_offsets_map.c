/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdlib.h>

#include "base/rng.h"
#include "core/offsets/offsets.h"

#define PLACE 0x0123456789abcdefull

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static struct buf encoded(const struct offsets_map *m, size_t max_bytes)
{
	struct buf text;

	buf_init(&text, BUF_UNLIMITED);
	offsets_map_encode(m, max_bytes, PLACE, &text);
	assert_true(text.len <= max_bytes);
	assert_null(text.len ? memchr(text.data, '\0', text.len) : NULL);
	return text;
}

static int decode(const struct buf *text, struct offsets_map *ret)
{
	return offsets_map_decode(buf_slice(text), PLACE, ret, NULL);
}

static void check_equal(const struct offsets_map *a, const struct offsets_map *b)
{
	assert_int_equal(a->position, b->position);
	assert_int_equal(a->horizon, b->horizon);
	assert_int_equal(a->nr_open, b->nr_open);
	assert_memory_equal(a->open, b->open, a->nr_open * sizeof(a->open[0]));
	assert_int_equal(a->nr_done, b->nr_done);
	for (size_t i = 0; i < a->nr_done; i++) {
		assert_int_equal(a->done[i].record, b->done[i].record);
		assert_int_equal(a->done[i].target, b->done[i].target);
	}
	assert_int_equal(a->nr_retries, b->nr_retries);
	for (size_t i = 0; i < a->nr_retries; i++) {
		assert_int_equal(a->retries[i].record, b->retries[i].record);
		assert_int_equal(a->retries[i].target, b->retries[i].target);
		assert_int_equal(a->retries[i].attempts, b->retries[i].attempts);
		assert_int_equal(
			a->retries[i].first_attempt_ms, b->retries[i].first_attempt_ms);
	}
}

/* Up to @nr_open records, each with some of @nr_targets targets done or in retry. */
static struct offsets_map some_map(
	struct rng *rng, size_t nr_open, uint64_t step, unsigned nr_targets)
{
	struct offsets_map m = {.position = (int64_t)rng_upto(rng, (uint64_t)1 << 40)};
	size_t room = nr_open * nr_targets + 1;

	m.open = xcalloc(nr_open, sizeof(m.open[0]));
	m.done = xcalloc(room, sizeof(m.done[0]));
	m.retries = xcalloc(room, sizeof(m.retries[0]));
	m.horizon = m.position;
	for (m.nr_open = 0; m.nr_open < nr_open; m.nr_open++) {
		m.open[m.nr_open] = m.horizon;
		m.horizon += 1 + (int64_t)rng_upto(rng, rng_upto(rng, 1) ? step : step / 30);
		for (unsigned t = 0; t < nr_targets; t++) {
			offsets_target id = 0x9e3779b9u * (t + 1) >> 8; /* they rise */
			uint64_t dice = rng_upto(rng, 9);

			if (dice < 3 && nr_targets > 1)
				m.done[m.nr_done++] =
					(struct offsets_map_done){m.nr_open, t << 24 | id};
			else if (dice == 3)
				m.retries[m.nr_retries++] = (struct offsets_map_retry){
					m.nr_open, t << 24 | id, (unsigned)rng_upto(rng, 185),
					1000 * (int64_t)rng_upto(rng, 2000000000)};
		}
	}
	return m;
}

static void offsets_map__what_is_encoded_is_decoded(void **state)
{
	struct rng rng;

	(void)state;
	rng_seed(&rng, 1);
	for (int round = 0; round < 2000; round++) {
		struct offsets_map again = {0}, m = some_map(&rng, 1 + rng_upto(&rng, 200),
							(uint64_t)1 << round % 40,
							(unsigned)rng_upto(&rng, round % 30));
		struct buf text = encoded(&m, OFFSETS_MAP_MOST_BYTES);

		if (text.len > 0) {
			assert_int_equal(decode(&text, &again), 0);
			check_equal(&m, &again);
		} else {
			assert_int_equal(m.horizon - m.position, m.nr_open);
		}
		buf_release(&text);
		offsets_map_release(&m);
		offsets_map_release(&again);
	}
}

/* Texts in __consumer_offsets outlive the program that wrote them. */
static void offsets_map__version_1_is_read_for_ever(void **state)
{
	static const char text[] =
		"pr1:1000:AAnEkC0AHz7AAAAB96tvu9AL1gAAAAegAAAMqn4kDQAAAAgF7Bq8DjE:Nc6S1aEPt1I";
	int64_t open[] = {1000, 1003, 1004, 5000};
	struct offsets_map_done done[] = {{1, 7}, {1, 0xdeadbeef}, {3, 7}};
	struct offsets_map_retry retries[] = {
		{0, 7, 1, 1700000000000}, {0, 8, 185, 1699999999000}, {3, 8, 3, 1700003600000}};
	const struct offsets_map m = {1000, 6000, open, NULL, 4, done, 3, retries, 3};
	struct offsets_map again = {0};
	struct buf now = encoded(&m, 4096);

	(void)state;
	assert_string_equal(buf_str(&now), text);
	assert_int_equal(decode(&now, &again), 0);
	check_equal(&m, &again);
	offsets_map_release(&again);
	buf_release(&now);
}

static void offsets_map__any_flipped_byte_is_detected(void **state)
{
	struct offsets_map again, m;
	struct rng rng;
	struct buf text;

	(void)state;
	rng_seed(&rng, 2);
	m = some_map(&rng, 50, 1000, 3);
	text = encoded(&m, 4096);
	for (size_t i = 0; i < text.len; i++) {
		char was = text.data[i];

		for (int c = 0; c < 256; c++) {
			text.data[i] = (char)c;
			if ((char)c != was)
				assert_int_equal(decode(&text, &again), ERR_INVALID);
		}
		text.data[i] = was;
	}
	buf_release(&text);
	offsets_map_release(&m);
}

static void offsets_map__truncated_or_lengthened_text_is_detected(void **state)
{
	struct offsets_map again, m;
	struct rng rng;
	struct buf text;

	(void)state;
	rng_seed(&rng, 3);
	m = some_map(&rng, 50, 1000, 3);
	text = encoded(&m, 4096);
	buf_add_char(&text, 'A');
	assert_int_equal(decode(&text, &again), ERR_INVALID);
	for (size_t len = text.len - 1; len > 0; len--) {
		buf_truncate(&text, len - 1);
		assert_int_equal(decode(&text, &again), ERR_INVALID);
	}
	buf_release(&text);
	offsets_map_release(&m);
}

static void refused(struct offsets *o, const char *metadata, const char *why)
{
	struct err err;

	assert_int_equal(offsets_restore(o, slice_str(metadata), &err), ERR_INVALID);
	assert_non_null(strstr(err.text, why));
	/* And it changed nothing. */
	assert_int_equal(offsets_position(o), 10);
}

static void offsets__foreign_maps_are_refused_and_change_nothing(void **state)
{
	struct offsets *o = offsets_new(&offsets_default_settings, 10);

	(void)state;
	assert_int_equal(offsets_restore(o, slice_str(""), NULL), 0);
	refused(o, "consumed by somebody", "not a completion map");
	refused(o, "o8AAAAAA", "not a completion map");
	refused(o, "pr:", "not a completion map");
	refused(o, "pr2:10:AAAA:AAAAAAAAAAA", "version '2'");
	refused(o, "pr10:10:AAAA:AAAAAAAAAAA", "version '10'");
	refused(o, "pr1:10:AAAA:AAAAAAAAAAA", "checksum");
	refused(o, "pr1:10", "checksum");
	refused(o, "pr1:10:AAAA", "checksum");
	for (int64_t i = 10; i < 20; i++)
		assert_non_null(offsets_begin(o, i));
	assert_int_equal(offsets_open_records(o), 10);
	offsets_free(o);
}

/* The checksum is right and the bits are nonsense: refused, or harmless. */
static void offsets_map__sealed_nonsense_does_no_harm(void **state)
{
	struct rng rng;
	int taken = 0;

	(void)state;
	rng_seed(&rng, 4);
	for (int round = 0; round < 100000; round++) {
		struct offsets_map m;
		struct buf text;

		buf_init(&text, BUF_UNLIMITED);
		buf_addf(&text, "pr1:%d:", round);
		for (size_t n = rng_upto(&rng, 40); n > 0; n--)
			buf_add_char(&text, alphabet[rng_upto(&rng, 63)]);
		offsets_map_seal(&text, PLACE);
		if (decode(&text, &m) == 0) {
			assert_int_equal(m.position, round);
			assert_int_equal(m.open[0], round);
			assert_true(m.open[m.nr_open - 1] < m.horizon);
			assert_true(m.nr_open <= text.len * 6);
			offsets_map_release(&m);
			taken++;
		}
		buf_release(&text);
	}
	assert_int_not_equal(taken, 0);
}

static void offsets_map__position_must_be_a_number(void **state)
{
	static const char *const texts[] = {"", "-1", "+1", "01", "1x", " 1",
		"9223372036854775808", "99999999999999999999999"};
	struct offsets_map m;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct buf text;

		buf_init(&text, BUF_UNLIMITED);
		buf_addf(&text, "pr1:%s:AAAA", texts[i]);
		offsets_map_seal(&text, PLACE);
		assert_int_equal(decode(&text, &m), ERR_INVALID);
		buf_release(&text);
	}
}

static void offsets_map__text_over_the_limit_is_refused_unread(void **state)
{
	struct offsets_map m;
	struct buf text;
	struct err err;

	(void)state;
	buf_init(&text, BUF_UNLIMITED);
	buf_add_str(&text, "pr1:0:");
	while (text.len < OFFSETS_MAP_MOST_BYTES)
		buf_add_char(&text, '_');
	offsets_map_seal(&text, PLACE);
	assert_int_equal(offsets_map_decode(buf_slice(&text), PLACE, &m, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "bytes"));
	buf_release(&text);
}

/* Is @part what is left of @whole when something was left out at the new end? */
static void check_true(const struct offsets_map *part, const struct offsets_map *whole)
{
	assert_int_equal(part->position, whole->position);
	assert_true(part->nr_open <= whole->nr_open && part->nr_open > 0);
	assert_memory_equal(part->open, whole->open, part->nr_open * sizeof(part->open[0]));
	assert_int_equal(part->horizon,
		part->nr_open < whole->nr_open ? whole->open[part->nr_open] : whole->horizon);
	assert_true(part->nr_done <= whole->nr_done);
	for (size_t i = 0; i < part->nr_done; i++)
		assert_int_equal(part->done[i].target, whole->done[i].target);
	assert_true(part->nr_retries <= whole->nr_retries);
	for (size_t i = 0; i < part->nr_retries; i++)
		assert_int_equal(part->retries[i].attempts, whole->retries[i].attempts);
}

static void offsets_map__never_exceeds_its_limit_and_never_lies(void **state)
{
	static const size_t limits[] = {256, 300, 1000, 4096};
	struct rng rng;
	bool cut = false, partial = false;

	(void)state;
	rng_seed(&rng, 5);
	for (int round = 0; round < 400; round++) {
		struct offsets_map again, m = some_map(&rng, 1 + rng_upto(&rng, 3000),
						  (uint64_t)1 << round % 30, round % 5);
		struct buf text = encoded(&m, limits[round % 4]);

		if (text.len > 0) {
			assert_int_equal(decode(&text, &again), 0);
			check_true(&again, &m);
			cut |= again.nr_open < m.nr_open;
			partial |= again.nr_done < m.nr_done && again.nr_open == m.nr_open;
			offsets_map_release(&again);
		}
		buf_release(&text);
		offsets_map_release(&m);
	}
	assert_true(cut && partial);
}

static void offsets_map__largest_numbers_survive(void **state)
{
	int64_t open[] = {0, INT64_MAX - 2};
	struct offsets_map_done done[] = {{1, UINT32_MAX}};
	struct offsets_map_retry retries[] = {
		{0, 0, UINT32_MAX, INT64_MAX / 1000 * 1000}, {1, 1, 1, 0}};
	const struct offsets_map m = {0, INT64_MAX - 1, open, NULL, 2, done, 1, retries, 2};
	struct offsets_map again = {0};
	struct buf text = encoded(&m, 256);

	(void)state;
	assert_int_equal(decode(&text, &again), 0);
	check_equal(&m, &again);
	offsets_map_release(&again);
	buf_release(&text);
}

/*
 * Fill a tracker until it is crowded; then settle in the order given, and see after each
 * settlement that the map tells the whole truth.
 */
struct crowd {
	size_t map_max_bytes;
	uint64_t step; /* of offsets */
	unsigned nr_targets;
	unsigned tune; /* encode once in so many records, as commits would; 0: never */
	int64_t gap;   /* more, behind the first record */
};

struct delivery {
	struct offsets_record *record;
	int64_t offset;
	unsigned target;
	bool settled;
};

static size_t fill(struct offsets *o, struct rng *rng, const struct crowd *c,
	struct delivery *d, size_t room)
{
	size_t n = 0;
	int64_t at = 0;
	struct buf text;

	buf_init(&text, BUF_UNLIMITED);
	while (!offsets_is_nearly_full(o) && n + c->nr_targets < room) {
		struct offsets_record *r = offsets_begin(o, at);

		for (unsigned t = 0; t < c->nr_targets; t++) {
			(void)offsets_open(o, r, t << 20);
			d[n++] = (struct delivery){r, at, t << 20, false};
		}
		offsets_end(o, r);
		at += 1 + (int64_t)rng_upto(rng, c->step) + (at == 0 ? c->gap : 0);
		if (c->tune && n % c->tune == 0)
			offsets_encode(o, &text);
	}
	assert_true(offsets_is_nearly_full(o));
	buf_release(&text);
	return n;
}

static void check_whole_truth(
	struct offsets *o, const struct crowd *c, const struct delivery *d, size_t n)
{
	struct offsets_map m = {0};
	size_t open = 0, done = 0;
	struct buf text;

	buf_init(&text, BUF_UNLIMITED);
	offsets_encode(o, &text);
	assert_true(text.len <= c->map_max_bytes);
	if (text.len == 0) {
		buf_release(&text);
		return;
	}
	assert_int_equal(offsets_map_decode(buf_slice(&text), 0, &m, NULL), 0);
	assert_int_equal(m.horizon, offsets_next(o));
	for (size_t i = 0; i < n; i += c->nr_targets) {
		unsigned settled = 0;

		for (unsigned t = 0; t < c->nr_targets; t++)
			settled += d[i + t].settled;
		if (settled == c->nr_targets)
			continue;
		assert_int_equal(m.open[open], d[i].offset);
		for (; done < m.nr_done && m.done[done].record == open; done++)
			settled--;
		assert_int_equal(settled, 0);
		open++;
	}
	assert_int_equal(open, m.nr_open);
	assert_int_equal(done, m.nr_done);
	offsets_map_release(&m);
	buf_release(&text);
}

enum pattern {
	FORWARD,
	BACKWARD,
	EVERY_SECOND,
	ONE_TARGET_FIRST,
	RANDOM,
	PATTERN_NR_VALUES
};

static size_t nth(struct rng *rng, enum pattern p, size_t i, size_t n, unsigned nr_targets)
{
	size_t half = (n + 1) / 2, records = n / nr_targets;

	switch (p) {
	case FORWARD:
		return i;
	case BACKWARD:
		return n - 1 - i;
	case EVERY_SECOND:
		return i < half ? 2 * i : 2 * (i - half) + 1;
	case ONE_TARGET_FIRST:
		return i % records * nr_targets + i / records;
	default:
		return rng_upto(rng, n - 1);
	}
}

static void settle_all(struct offsets *o, struct rng *rng, const struct crowd *c,
	struct delivery *d, size_t n, enum pattern p)
{
	size_t often = n / 40 + 1;

	for (size_t i = 0; i < n; i++) {
		size_t at = nth(rng, p, i, n, c->nr_targets);

		while (d[at].settled)
			at = (at + 1) % n;
		d[at].settled = true;
		offsets_settle(o, d[at].record, d[at].target);
		if (i % often == 0)
			check_whole_truth(o, c, d, n);
	}
	assert_int_equal(offsets_open_records(o), 0);
	assert_int_equal(offsets_position(o), offsets_next(o));
	assert_false(offsets_is_nearly_full(o));
}

static const struct crowd crowds[] = {
	{4096, 0, 1, 0, 0},
	{4096, 1, 1, 0, 0},
	{4096, 100, 1, 50, 0},
	{4096, 1000000, 1, 50, 0},
	{4096, (uint64_t)1 << 40, 1, 0, 0},
	{4096, 2, 1, 100, 1000000},
	{4096, 0, 2, 100, 0},
	{4096, 10, 3, 0, 0},
	{4096, 0, 64, 0, 0},
	{4096, 0, 300, 0, 0},
	{4096, 0, 500, 0, 0},
	{256, 0, 1, 0, 0},
	{256, 50, 2, 0, 0},
	{256, 1000, 3, 1, 0},
	{1000, 3, 5, 10, 0},
	{65536, 5, 1, 10000, 0},
};

static void offsets_map__tells_all_whatever_settles_after_crowding(void **state)
{
	const size_t room = 500000;
	struct delivery *d = xcalloc(room, sizeof(*d));
	struct rng rng;

	(void)state;
	rng_seed(&rng, 6);
	for (size_t i = 0; i < COUNT_OF(crowds); i++) {
		for (int p = 0; p < PATTERN_NR_VALUES; p++) {
			const struct offsets_settings s = {
				.map_max_bytes = crowds[i].map_max_bytes};
			struct offsets *o = offsets_new(&s, 0);
			size_t n = fill(o, &rng, &crowds[i], d, room);

			settle_all(o, &rng, &crowds[i], d, n, (enum pattern)p);
			offsets_free(o);
		}
	}
	free(d);
}

/* Records that are open when the default limit makes a tracker crowded. */
static size_t capacity(struct crowd c)
{
	const size_t room = 100000;
	struct offsets *o = offsets_new(&offsets_default_settings, 0);
	struct delivery *d = xcalloc(room, sizeof(*d));
	struct rng rng;
	size_t n;

	rng_seed(&rng, 7);
	n = fill(o, &rng, &c, d, room) / c.nr_targets;
	free(d);
	offsets_free(o);
	return n;
}

/* offsets.h names these numbers. */
static void offsets_map__default_limit_has_room_for_thousands(void **state)
{
	(void)state;
	assert_in_range(capacity((struct crowd){4096, 0, 1, 100, 0}), 18000, 18500);
	assert_in_range(capacity((struct crowd){4096, 2, 1, 100, 1000000}), 6500, 7000);
	assert_in_range(capacity((struct crowd){4096, 198, 1, 100, 0}), 2000, 2300);
	assert_in_range(capacity((struct crowd){4096, 0, 2, 100, 0}), 3000, 4000);
}

static void offsets_map__example_of_the_header_is_true(void **state)
{
	int64_t open[] = {1000, 1003};
	const struct offsets_map m = {
		.position = 1000, .horizon = 1006, .open = open, .nr_open = COUNT_OF(open)};
	static const char expected[] = "pr1:1000:OgDA:";
	struct buf text;

	(void)state;
	buf_init(&text, BUF_UNLIMITED);
	offsets_map_encode(&m, 4096, 42, &text);
	assert_int_equal(strncmp(buf_str(&text), expected, strlen(expected)), 0);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_map__example_of_the_header_is_true),
		cmocka_unit_test(offsets_map__what_is_encoded_is_decoded),
		cmocka_unit_test(offsets_map__version_1_is_read_for_ever),
		cmocka_unit_test(offsets_map__any_flipped_byte_is_detected),
		cmocka_unit_test(offsets_map__truncated_or_lengthened_text_is_detected),
		cmocka_unit_test(offsets__foreign_maps_are_refused_and_change_nothing),
		cmocka_unit_test(offsets_map__sealed_nonsense_does_no_harm),
		cmocka_unit_test(offsets_map__position_must_be_a_number),
		cmocka_unit_test(offsets_map__text_over_the_limit_is_refused_unread),
		cmocka_unit_test(offsets_map__never_exceeds_its_limit_and_never_lies),
		cmocka_unit_test(offsets_map__largest_numbers_survive),
		cmocka_unit_test(offsets_map__tells_all_whatever_settles_after_crowding),
		cmocka_unit_test(offsets_map__default_limit_has_room_for_thousands),
	};

	return cmocka_run_group_tests_name("offsets_map", tests, NULL, NULL);
}
