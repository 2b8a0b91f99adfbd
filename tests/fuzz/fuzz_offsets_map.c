/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever stands in the commit metadata: it is refused and changes nothing, or it can be read,
 * lived with, and written again to the same effect.
 *
 * The first byte chooses: the text as it is, or bits that are put into a frame whose checksum
 * is right, since no fuzzer guesses 64 bits.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/offsets/offsets.h"

#define PLACE    42
#define POSITION 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void frame(struct buf *text, const uint8_t *data, size_t size)
{
	buf_addf(text, "pr1:%d:", POSITION);
	for (size_t i = 0; i < size; i++)
		buf_add_char(text, alphabet[data[i] % 64]);
	offsets_map_seal(text, PLACE);
}

/* The map of @o, and the tracker that comes to life from it. */
static struct offsets *next_life(
	struct offsets *o, const struct offsets_settings *s, struct buf *ret_map)
{
	struct offsets *next = offsets_new(s, offsets_position(o));

	buf_reset(ret_map);
	offsets_encode(o, ret_map);
	assert(ret_map->len <= s->map_max_bytes);
	assert(offsets_restore(next, buf_slice(ret_map), NULL) == 0);
	assert(offsets_position(next) == offsets_position(o));
	return next;
}

/* A map that we wrote says the same each time it is read and written again. The first one may
 * still have the redundancies of what was given. */
static void write_again(struct offsets *o, const struct offsets_settings *s)
{
	struct offsets *first, *second, *third;
	struct buf maps[3];

	for (size_t i = 0; i < COUNT_OF(maps); i++)
		buf_init(&maps[i], BUF_UNLIMITED);
	first = next_life(o, s, &maps[0]);
	second = next_life(first, s, &maps[1]);
	third = next_life(second, s, &maps[2]);
	if (maps[1].len > 0)
		assert(slice_eq(buf_slice(&maps[1]), buf_slice(&maps[2])));
	for (size_t i = 0; i < COUNT_OF(maps); i++)
		buf_release(&maps[i]);
	offsets_free(first);
	offsets_free(second);
	offsets_free(third);
}

/* Read all that the map calls open, each with two targets, and settle every other one. */
static void live(struct offsets *o, const struct offsets_map *m)
{
	for (size_t i = 0; i < m->nr_open; i++) {
		struct offsets_record *r = offsets_begin(o, m->open[i]);
		offsets_target t = i < m->nr_done ? m->done[i].target : (offsets_target)i;

		assert(r != NULL);
		if (m->ends != NULL && i % 3 == 0) {
			offsets_leave(o, r);
			offsets_leave_below(o, m->ends[i] - 1);
			continue;
		}
		if (!offsets_open(o, r, t).done && i % 2)
			offsets_settle(o, r, t);
		(void)offsets_open(o, r, 7);
		offsets_end(o, r);
		(void)offsets_is_nearly_full(o);
	}
	for (int64_t next = offsets_next(o); next < m->horizon && m->ends == NULL;
		next = m->horizon)
		assert(offsets_begin(o, next) == NULL);
}

static void lead_two_lives(struct slice text)
{
	static const size_t limits[] = {256, 4096, OFFSETS_MAP_MOST_BYTES};
	struct offsets_map m;

	if (offsets_map_decode(text, PLACE, &m, NULL) < 0)
		return;
	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		const struct offsets_settings s = {
			.map_max_bytes = limits[i], .place = PLACE, .leaves = m.ends != NULL};
		struct offsets *o = offsets_new(&s, m.position);

		assert(offsets_restore(o, text, NULL) == 0);
		assert(offsets_position(o) == m.position);
		write_again(o, &s);
		live(o, &m);
		write_again(o, &s);
		offsets_free(o);
	}
	offsets_map_release(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text;

	if (size == 0)
		return 0;
	buf_init(&text, BUF_UNLIMITED);
	if (data[0] & 1)
		buf_add(&text, data + 1, size - 1);
	else
		frame(&text, data + 1, size - 1);
	lead_two_lives(buf_slice(&text));
	buf_release(&text);
	return 0;
}
