/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate in made-up worlds: a seed draws settings, a site that comes and goes, entries that
 * join, fail, wait, are given back, and shares that change. A slow model knows who may go;
 * after each happening the two are compared. Time jumps from one happening to the next, and
 * the gate is asked at the time it named: what could go then and did not is a lost wake-up.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/gate/gate.h"

enum {
	WORLDS = 200,
	ITEMS = 250,
	LINES = 9,
	SENDS_MAX = 60 * ITEMS,
	SECOND_MS = 1000,
};

enum item_state {
	AWAY,
	QUEUED,
	ON_WIRE,
	GONE,
};

struct item {
	struct gate_entry entry;
	enum item_state state;
	unsigned number, line;
	int64_t joins_ms, not_before_ms, answered_ms;
	bool has_waited;
	unsigned attempts;
};

struct world {
	uint64_t seed;
	struct rng rng, gate_rng;
	struct gate_settings settings;
	struct gate *gate;
	struct item items[ITEMS];
	unsigned part, whole;
	int64_t now_ms, again_ms;
	int64_t up_from_ms, period_ms; /* the site is down for a part of each period */
	int64_t latency_ms;
	unsigned on_wire, gone;
	int64_t sends[SENDS_MAX];
	size_t send_count;
};

static struct world w;

static unsigned upto(unsigned bound)
{
	return (unsigned)rng_upto(&w.rng, bound);
}

static bool chance(unsigned percent)
{
	return upto(99) < percent;
}

#define check(condition)                                                                       \
	do {                                                                                   \
		if (!(condition))                                                              \
			fail_msg("world %llu at %lld ms: %s", (unsigned long long)w.seed,      \
				(long long)w.now_ms, #condition);                              \
	} while (0)

static void draw_settings(void)
{
	struct gate_settings *s = &w.settings;

	*s = gate_default_settings;
	s->max_concurrency = 1 + upto(chance(50) ? 3 : 100);
	s->auto_concurrency = chance(25);
	s->max_concurrency_limit = 1 + upto(200);
	s->rate_per_1000s = chance(50) ? 0 : 1000 * (1 + upto(chance(50) ? 5 : 80));
	s->burst = 1 + upto(9);
	s->breaker_failures = chance(20) ? 0 : 1 + upto(9);
	s->breaker_probe_ms = 1 + upto(2000);
	s->breaker_probe_max_ms = s->breaker_probe_ms + upto(30000);
}

static void make_world(uint64_t seed)
{
	memset(&w, 0, sizeof w);
	w.seed = seed;
	rng_seed(&w.rng, seed);
	rng_seed(&w.gate_rng, seed + 1);
	draw_settings();
	w.gate = gate_new(&w.settings, &w.gate_rng, 0);
	w.part = w.whole = 1;
	w.period_ms = 1 + upto(60000);
	w.up_from_ms = chance(40) ? 0 : upto((unsigned)w.period_ms);
	w.latency_ms = upto(chance(50) ? 30 : 2000);
	for (unsigned i = 0; i < ITEMS; i++) {
		w.items[i].number = i;
		w.items[i].line = chance(20) ? 0 : 1 + upto(LINES - 1);
		w.items[i].joins_ms =
			i == 0 ? 0 : w.items[i - 1].joins_ms + upto(chance(70) ? 0 : 200);
	}
}

/* --- the model ---------------------------------------------------------------------------- */

/* Items of a line go in order; one that is still there holds up those behind it. */
static bool is_behind(const struct item *item)
{
	for (unsigned i = 0; item->line != 0 && i < item->number; i++)
		if (w.items[i].line == item->line && w.items[i].state != AWAY &&
			w.items[i].state != GONE)
			return true;
	return false;
}

static bool is_ready(const struct item *item)
{
	return item->state == QUEUED && item->not_before_ms <= w.now_ms && !is_behind(item);
}

static size_t count_ready(void)
{
	size_t n = 0;

	for (unsigned i = 0; i < ITEMS; i++)
		n += is_ready(&w.items[i]);
	return n;
}

static void check_taken(const struct item *item, const struct gate_state *before)
{
	struct gate_state after = gate_get_state(w.gate);

	check(is_ready(item));
	check(before->breaker != GATE_PROBING);
	check(before->breaker != GATE_OPEN || before->next_probe_ms <= w.now_ms);
	check(before->held_until_ms <= w.now_ms);
	check(after.in_flight == w.on_wire + 1);
	check(after.in_flight <= before->window);
	check(w.part > 0);
	/* Who has never waited does not overtake one that is ready and has not either. */
	for (unsigned i = 0; !item->has_waited && i < item->number; i++)
		check(w.items[i].has_waited || !is_ready(&w.items[i]));
}

static void check_rate(void)
{
	size_t most = (size_t)(w.settings.rate_per_1000s / 1000 + w.settings.burst);

	if (w.settings.rate_per_1000s > 0 && w.send_count > most)
		check(w.now_ms - w.sends[w.send_count - 1 - most] >= SECOND_MS);
}

/* The gate said that nothing may go: is there a reason? */
static void check_refusal(void)
{
	struct gate_state s = gate_get_state(w.gate);

	check(w.again_ms > w.now_ms);
	if (count_ready() == 0 || w.part == 0 || s.held_until_ms > w.now_ms)
		return;
	if (s.breaker == GATE_OPEN)
		check(s.in_flight >= s.window || s.next_probe_ms > w.now_ms ||
			w.settings.rate_per_1000s > 0);
	else if (s.breaker != GATE_PROBING)
		check(s.in_flight >= s.window || w.settings.rate_per_1000s > 0);
	/* Someone must wake it: a request on the wire, or the time it named. */
	check(w.on_wire > 0 || w.again_ms < INT64_MAX);
}

static void check_books(void)
{
	struct gate_state s = gate_get_state(w.gate);
	size_t queued = 0;

	for (unsigned i = 0; i < ITEMS; i++)
		queued += w.items[i].state == QUEUED;
	check(s.queued == queued);
	check(s.in_flight == w.on_wire);
	check(s.ready + s.waiting <= queued);
	/* Whose time has come may be counted among the waiting still. */
	check(s.ready <= count_ready() && count_ready() <= s.ready + s.waiting);
}

/* --- happenings --------------------------------------------------------------------------- */

static void leave_with(struct item *item, enum gate_outcome outcome, int64_t retry_after_ms)
{
	gate_leave(w.gate, &item->entry,
		&(struct gate_left){.outcome = outcome,
			.latency_ms = w.latency_ms,
			.throttled = chance(10),
			.retry_after_ms = retry_after_ms},
		w.now_ms);
	w.on_wire--;
}

static void end_item(struct item *item)
{
	gate_drop(w.gate, &item->entry);
	item->state = GONE;
	w.gone++;
}

static void retry(struct item *item, int64_t at_ms)
{
	item->has_waited = true;
	item->state = QUEUED;
	item->not_before_ms = at_ms;
	gate_wait(w.gate, &item->entry, at_ms);
}

static void pump(void)
{
	for (;;) {
		struct gate_state before = gate_get_state(w.gate);
		struct gate_entry *e = gate_take(w.gate, w.now_ms, &w.again_ms);
		struct item *item;

		if (e == NULL)
			break;
		item = container_of(e, struct item, entry);
		check_taken(item, &before);
		w.on_wire++;
		if (chance(3)) { /* no credentials */
			leave_with(item, GATE_UNTRIED, 0);
			retry(item, w.now_ms + upto(3));
			continue;
		}
		item->state = ON_WIRE;
		item->answered_ms = w.now_ms + (int64_t)upto((unsigned)w.latency_ms);
		check(w.send_count < SENDS_MAX);
		w.sends[w.send_count++] = w.now_ms;
		check_rate();
	}
	check_refusal();
	check_books();
}

static void answer(struct item *item)
{
	bool up = w.now_ms % w.period_ms >= w.up_from_ms || chance(10);

	item->attempts++;
	if (chance(2)) {
		leave_with(item, GATE_NO_ANSWER, 0);
		end_item(item);
	} else if (!up && item->attempts < 50) {
		leave_with(item, GATE_SITE_FAILURE, chance(5) ? upto(90000) : 0);
		retry(item, w.now_ms + upto(5000));
	} else {
		leave_with(item, chance(80) ? GATE_DELIVERED : GATE_EVENT_FAILURE, 0);
		end_item(item);
	}
}

static void disturb(void)
{
	struct item *item = &w.items[upto(ITEMS - 1)];

	if (chance(50)) {
		if (item->state == QUEUED)
			end_item(item);
	} else if (chance(50)) {
		/* Never more than the part before: a window that narrows is not exceeded by
		 * what is taken from now on. */
		w.whole = 4;
		w.part = chance(20) ? 0 : 1 + upto(3);
		gate_set_share(w.gate, w.part, w.whole, w.now_ms);
	} else {
		w.settings.breaker_failures = chance(20) ? 0 : 1 + upto(9);
		w.settings.max_concurrency = 1 + upto(100);
		gate_reconfigure(w.gate, &w.settings, w.now_ms);
	}
}

/* The next time at which something happens by itself. */
static int64_t next_happening_ms(void)
{
	int64_t at_ms = w.again_ms;

	for (unsigned i = 0; i < ITEMS; i++) {
		if (w.items[i].state == AWAY)
			at_ms = min_i64(at_ms, w.items[i].joins_ms);
		else if (w.items[i].state == ON_WIRE)
			at_ms = min_i64(at_ms, w.items[i].answered_ms);
	}
	return at_ms;
}

static void happen(void)
{
	for (unsigned i = 0; i < ITEMS; i++) {
		struct item *item = &w.items[i];

		if (item->state == AWAY && item->joins_ms <= w.now_ms) {
			item->state = QUEUED;
			gate_join(w.gate, &item->entry, item->line);
		} else if (item->state == ON_WIRE && item->answered_ms <= w.now_ms) {
			answer(item);
		}
	}
}

/* Asked before its time, the gate gives nothing and names the same time or a later one. */
static void ask_too_early(int64_t next_ms)
{
	int64_t named_ms = w.again_ms, again_ms;

	if (next_ms - w.now_ms < 2)
		return;
	w.now_ms += 1 + (int64_t)upto((unsigned)min_i64(next_ms - w.now_ms, 100000) - 2);
	check(gate_take(w.gate, w.now_ms, &again_ms) == NULL);
	check(again_ms >= named_ms);
	w.again_ms = again_ms;
}

static void run_world(uint64_t seed)
{
	make_world(seed);
	for (unsigned steps = 0; w.gone < ITEMS; steps++) {
		int64_t next_ms;

		check(steps < 1000000);
		happen();
		if (chance(1))
			disturb();
		pump();
		if (w.gone == ITEMS)
			break;
		next_ms = next_happening_ms();
		if (next_ms == INT64_MAX) {
			check(w.part == 0);
			gate_set_share(w.gate, w.part = 1, w.whole = 1, w.now_ms);
			continue;
		}
		if (chance(10))
			ask_too_early(next_ms);
		w.now_ms = next_ms;
	}
	check(gate_get_state(w.gate).queued == 0);
	gate_free(w.gate);
}

static void gate__keeps_every_promise_in_made_up_worlds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= WORLDS; seed++)
		run_world(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gate__keeps_every_promise_in_made_up_worlds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
