/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracker against a model that knows everything, through many lives: a partition with
 * holes is read, its records settle in any order, now and then there is a commit, and now and
 * then a crash, after which a new tracker begins with what was committed last.
 */
#include "unit.h"

#include <stdlib.h>

#include "base/rng.h"
#include "core/offsets/offsets.h"

#define OFFSETS 120 /* the n-th is n * climate.stride */
#define STEPS   400
#define TARGETS 60

/* What one life knows, and what a commit makes known to the next one. */
struct knowledge {
	int64_t position, horizon;
	bool open[OFFSETS];     /* read and not settled, or said to be so by an earlier life */
	uint64_t done[OFFSETS]; /* targets; of open records only */
	unsigned attempts[OFFSETS];
};

/* What is random in a world, in percent where nothing else is said. */
struct climate {
	uint64_t seed;
	size_t map_max_bytes;
	int64_t stride;      /* 1 when not given */
	unsigned nr_targets; /* at most TARGETS */
	unsigned holes;
	unsigned in_order; /* of the settlements */
	unsigned slow;     /* records that settle last of all */
	unsigned commits, crashes;
	bool crowds;  /* the limit must have been felt */
	int crash_at; /* step, or -1 */
};

struct world {
	struct climate climate;
	struct offsets_settings settings;
	struct rng rng;

	uint64_t log[OFFSETS]; /* targets of a record; bit 63: there is one */
	uint64_t delivered[OFFSETS], repeatable[OFFSETS];

	struct buf map;
	int64_t committed_offset;
	struct knowledge committed, now;

	struct offsets *o;
	int64_t next;
	unsigned crowded; /* how often */
	struct offsets_record *records[OFFSETS];
	uint64_t pending[OFFSETS]; /* targets opened by this life and not settled */
};

#define EXISTS ((uint64_t)1 << 63)

static int64_t offset_of(const struct world *w, int64_t n)
{
	return n * w->climate.stride;
}

static bool chance(struct world *w, unsigned percent)
{
	return rng_upto(&w->rng, 99) < percent;
}

static int64_t expected_position(const struct world *w)
{
	for (int64_t i = 0; i < OFFSETS; i++)
		if (w->now.open[i])
			return i;
	return max_i64(w->next, w->now.horizon);
}

/* The tracker's positions lie one behind a record, or at one. */
static int64_t index_of(const struct world *w, int64_t offset)
{
	return (offset + w->climate.stride - 1) / w->climate.stride;
}

static void check(const struct world *w)
{
	size_t open = 0;

	assert_int_equal(index_of(w, offsets_position(w->o)), expected_position(w));
	for (int64_t i = 0; i < w->next; i++)
		open += w->now.open[i];
	assert_int_equal(offsets_open_records(w->o), open);
}

static void birth(struct world *w)
{
	w->now = w->committed;
	w->next = w->committed.position;
	w->o = offsets_new(&w->settings, w->committed_offset);
	assert_int_equal(offsets_restore(w->o, buf_slice(&w->map), NULL), 0);
	check(w);
}

static void crash(struct world *w)
{
	for (int i = 0; i < OFFSETS; i++) {
		bool known = w->committed.position > i ||
			     (w->committed.horizon > i && !w->committed.open[i]);
		uint64_t remembered = known ? ~0ull : w->committed.done[i];

		w->repeatable[i] = w->delivered[i] & ~remembered;
		w->pending[i] = 0;
		if (i < OFFSETS - 1 && chance(w, 2)) /* compaction, never of the newest */
			w->log[i] = 0;
	}
	offsets_free(w->o);
	birth(w);
}

/* The map says of each record exactly what is true of it. */
static void check_map(const struct world *w)
{
	struct offsets_map m;
	size_t open = 0, done = 0;

	if (w->map.len == 0)
		return;
	assert_int_equal(offsets_map_decode(buf_slice(&w->map), 7, &m, NULL), 0);
	assert_int_equal(m.position, w->committed_offset);
	assert_int_equal(index_of(w, m.horizon), w->now.horizon);
	for (int64_t i = w->now.position; i < w->now.horizon; i++) {
		uint64_t said = 0;

		if (!w->now.open[i])
			continue;
		assert_int_equal(m.open[open], offset_of(w, i));
		for (; done < m.nr_done && m.done[done].record == open; done++)
			said |= (uint64_t)1 << m.done[done].target;
		assert_int_equal(said, w->now.done[i]);
		open++;
	}
	assert_int_equal(open, m.nr_open);
	offsets_map_release(&m);
}

static void commit(struct world *w)
{
	buf_reset(&w->map);
	w->committed_offset = offsets_position(w->o);
	w->now.position = index_of(w, w->committed_offset);
	w->now.horizon = max_i64(w->now.horizon, w->next);
	offsets_encode(w->o, &w->map);
	assert_true(w->map.len <= w->settings.map_max_bytes);
	assert_false(offsets_changed(w->o));
	check_map(w);
	w->committed = w->now;
	if (w->map.len == 0) { /* which says that all above the position is open */
		w->committed.horizon = w->committed.position;
		memset(w->committed.open, 0, sizeof w->committed.open);
		memset(w->committed.done, 0, sizeof w->committed.done);
		memset(w->committed.attempts, 0, sizeof w->committed.attempts);
	}
}

static void open_targets(struct world *w, int64_t at, struct offsets_record *r)
{
	w->records[at] = r;
	for (unsigned t = 0; t < w->climate.nr_targets; t++) {
		struct offsets_history h;

		if (!(w->log[at] >> t & 1))
			continue;
		h = offsets_open(w->o, r, t);
		assert_int_equal(h.done, w->now.done[at] >> t & 1);
		assert_true(h.attempts == 0 || h.attempts == w->now.attempts[at]);
		if (!h.done)
			w->pending[at] |= (uint64_t)1 << t;
	}
	offsets_end(w->o, r);
	if (w->pending[at] == 0) {
		w->now.open[at] = false;
		w->now.done[at] = 0;
	}
}

/* Take up the next record; false when there is none, or no room. */
static bool take_up(struct world *w)
{
	int64_t at = w->next;
	struct offsets_record *r;

	while (at < OFFSETS && w->log[at] == 0)
		at++;
	w->crowded += offsets_is_nearly_full(w->o);
	if (at == OFFSETS || offsets_is_nearly_full(w->o))
		return false;
	for (int64_t i = w->next; i < at; i++)
		w->now.open[i] = false;
	w->next = at + 1;
	r = offsets_begin(w->o, offset_of(w, at));
	if (at >= w->now.horizon)
		w->now.open[at] = true;
	assert_int_equal(r != NULL, w->now.open[at]);
	if (r != NULL)
		open_targets(w, at, r);
	return true;
}

static bool is_slow(const struct world *w, int64_t at)
{
	return (uint64_t)at * 7919 % 100 < w->climate.slow;
}

/* An offset with pending targets, -1 for none. */
static int64_t pick(struct world *w, bool slow_too)
{
	int64_t from =
		chance(w, w->climate.in_order) ? 0 : (int64_t)rng_upto(&w->rng, OFFSETS - 1);

	for (int64_t i = 0; i < OFFSETS; i++) {
		int64_t at = (from + i) % OFFSETS;

		if (w->pending[at] != 0 && (slow_too || !is_slow(w, at)))
			return at;
	}
	return -1;
}

static bool settle_one(struct world *w, bool slow_too)
{
	int64_t at = pick(w, slow_too);
	unsigned t = (unsigned)rng_upto(&w->rng, TARGETS - 1);
	uint64_t bit;

	if (at < 0)
		return false;
	while (!(w->pending[at] >> t & 1))
		t = (t + 1) % TARGETS;
	bit = (uint64_t)1 << t;
	if (w->delivered[at] & bit)
		assert_true(w->repeatable[at] & bit);
	w->repeatable[at] &= ~bit;
	w->delivered[at] |= bit;
	w->pending[at] &= ~bit;
	w->now.done[at] |= bit;
	if (w->pending[at] == 0) {
		w->now.open[at] = false;
		w->now.done[at] = 0;
	}
	offsets_settle(w->o, w->records[at], t);
	return true;
}

static void fail_one(struct world *w)
{
	int64_t at = pick(w, true);

	if (at < 0)
		return;
	w->now.attempts[at]++;
	for (unsigned t = 0; t < w->climate.nr_targets; t++)
		if (w->pending[at] >> t & 1)
			offsets_note_attempts(
				w->o, w->records[at], t, w->now.attempts[at], 1000 * at);
}

static void create(struct world *w, const struct climate *c)
{
	*w = (struct world){
		.climate = *c, .settings = {.map_max_bytes = c->map_max_bytes, .place = 7}};
	w->climate.stride += w->climate.stride == 0;
	rng_seed(&w->rng, c->seed);
	buf_init(&w->map, BUF_UNLIMITED);
	for (int i = 0; i < OFFSETS; i++) {
		if (i < OFFSETS - 1 && chance(w, c->holes))
			continue;
		w->log[i] = EXISTS;
		for (unsigned t = 0; t < c->nr_targets; t++)
			w->log[i] |= (uint64_t)chance(w, c->nr_targets > 1 ? 70 : 98) << t;
	}
	birth(w);
}

static void live(struct world *w, int steps)
{
	for (int step = 0; step < steps; step++) {
		if (step == w->climate.crash_at || chance(w, w->climate.crashes))
			crash(w);
		if (chance(w, 55))
			take_up(w);
		else if (chance(w, 10))
			fail_one(w);
		else
			settle_one(w, false);
		if (chance(w, w->climate.commits))
			commit(w);
		check(w);
	}
}

/* Whatever has been, the last life delivers all that is left. */
static void finish(struct world *w)
{
	while (take_up(w) || settle_one(w, true))
		check(w);
	for (int i = 0; i < OFFSETS; i++) {
		assert_int_equal(w->repeatable[i] & w->log[i], 0);
		assert_int_equal(w->log[i] & ~EXISTS & ~w->delivered[i], 0);
	}
	commit(w);
	assert_int_equal(w->map.len, 0);
	offsets_free(w->o);
	buf_release(&w->map);
}

static void run(const struct climate *c)
{
	struct world *w = xmalloc(sizeof *w);

	create(w, c);
	live(w, STEPS);
	finish(w);
	if (c->crowds)
		assert_int_not_equal(w->crowded, 0);
	free(w);
}

static const struct climate climates[] = {
	{.map_max_bytes = 4096, .nr_targets = 1, .in_order = 100, .commits = 30},
	{.map_max_bytes = 4096, .nr_targets = 1, .holes = 30, .commits = 30},
	{.map_max_bytes = 4096, .nr_targets = 3, .holes = 10, .slow = 5, .commits = 20},
	{.map_max_bytes = 4096, .nr_targets = TARGETS, .in_order = 50, .commits = 20},
	{.map_max_bytes = 256,
		.stride = 1 << 20,
		.nr_targets = 1,
		.holes = 20,
		.slow = 70,
		.commits = 50,
		.crowds = true},
	{.map_max_bytes = 256,
		.stride = 1000,
		.nr_targets = 3,
		.holes = 10,
		.slow = 60,
		.commits = 50,
		.crowds = true},
};

static void offsets__lives_repeat_only_what_was_not_committed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(climates); i++) {
		for (uint64_t seed = 1; seed <= 30; seed++) {
			struct climate c = climates[i];

			c.seed = seed;
			c.crash_at = -1;
			c.crashes = seed % 3;
			run(&c);
		}
	}
}

static void offsets__crash_at_any_step_loses_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(climates); i++) {
		for (int step = 0; step < STEPS; step++) {
			struct climate c = climates[i];

			c.seed = 100 + i;
			c.crash_at = step;
			run(&c);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets__lives_repeat_only_what_was_not_committed),
		cmocka_unit_test(offsets__crash_at_any_step_loses_nothing),
	};

	return cmocka_run_group_tests_name("offsets_lives", tests, NULL, NULL);
}
