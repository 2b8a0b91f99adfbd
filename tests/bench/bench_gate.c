/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gate costs: one delivery through it with nothing in its way, with so many in flight;
 * with 100,000 waiting behind an open breaker and drained afterwards; and the memory an
 * entry takes. Each figure is the median of ROUNDS; a limit that is missed makes
 * the exit status 1.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/gate/gate.h"

#define ROUNDS  7
#define PASSES  2000000
#define WAITING 100000

static struct rng rng;

/* Processor time, so that neighbours on the machine do not count. */
static int64_t cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void leave(struct gate *g, struct gate_entry *e, enum gate_outcome outcome, int64_t now)
{
	gate_leave(g, e, &(struct gate_left){.outcome = outcome, .latency_ms = 1}, now);
}

/* ns a delivery: join, take, leave, drop, with @window in flight; keys differ. */
static double pass_through(unsigned window, bool limited)
{
	struct gate_settings s = gate_default_settings;
	struct gate_entry *e = xcalloc(window, sizeof *e);
	int64_t us, again_ms;
	struct gate *g;

	s.max_concurrency = window;
	s.rate_per_1000s = limited ? 1000000000 : 0;
	s.burst = limited ? 1000000 : 0;
	g = gate_new(&s, &rng, 0);
	us = cpu_us();
	for (unsigned i = 0; i < PASSES; i++) {
		struct gate_entry *mine = &e[i % window];

		if (i >= window) {
			leave(g, mine, GATE_DELIVERED, i);
			gate_drop(g, mine);
		}
		gate_join(g, mine, rng_next(&rng) | 1);
		if (gate_take(g, i + 1, &again_ms) != mine)
			abort();
	}
	us = cpu_us() - us;
	for (unsigned i = 0; i < window; i++) {
		leave(g, &e[i], GATE_DELIVERED, PASSES);
		gate_drop(g, &e[i]);
	}
	gate_free(g);
	free(e);
	return (double)us * 1000 / PASSES;
}

/* ns an entry: WAITING join with @lines keys, each fails once and waits, then all are sent. */
static double outage(unsigned lines)
{
	struct gate_settings s = gate_default_settings;
	struct gate_entry *e = xcalloc(WAITING, sizeof *e), *taken;
	int64_t us, again_ms, now_ms = 0;
	struct gate *g;

	s.breaker_failures = 0;
	g = gate_new(&s, &rng, 0);
	us = cpu_us();
	for (unsigned i = 0; i < WAITING; i++)
		gate_join(g, &e[i], 1 + i % lines * 0x9e3779b97f4a7c15u);
	while (gate_get_state(g).queued > gate_get_state(g).waiting &&
		(taken = gate_take(g, now_ms, &again_ms)) != NULL) {
		leave(g, taken, GATE_SITE_FAILURE, now_ms);
		gate_wait(g, taken, 1000 + (int64_t)rng_upto(&rng, 600000));
	}
	for (unsigned sent = 0; sent < WAITING; now_ms = again_ms)
		while ((taken = gate_take(g, now_ms, &again_ms)) != NULL) {
			leave(g, taken, GATE_DELIVERED, now_ms);
			gate_drop(g, taken);
			sent++;
		}
	us = cpu_us() - us;
	gate_free(g);
	free(e);
	return (double)us * 1000 / WAITING;
}

/* Bytes an entry: its own and what the gate keeps for it, each in a line of its own. */
static double memory(void)
{
	struct gate_entry *e = xcalloc(WAITING, sizeof *e);
	struct gate *g = gate_new(&gate_default_settings, &rng, 0);
	size_t before = mallinfo2().uordblks, bytes;

	for (unsigned i = 0; i < WAITING; i++)
		gate_join(g, &e[i], 1 + i);
	bytes = mallinfo2().uordblks - before;
	for (unsigned i = 0; i < WAITING; i++)
		gate_drop(g, &e[i]);
	gate_free(g);
	free(e);
	return (double)bytes / WAITING + (double)sizeof *e;
}

static double instant(void)
{
	return pass_through(64, false);
}

static double wide(void)
{
	return pass_through(10000, false);
}

static double limited(void)
{
	return pass_through(64, true);
}

static double many_keys(void)
{
	return outage(WAITING);
}

static double few_keys(void)
{
	return outage(50);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double (*measure)(void))
{
	double all[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++)
		all[i] = measure();
	qsort(all, ROUNDS, sizeof all[0], compare);
	return all[ROUNDS / 2];
}

int main(void)
{
	static const struct {
		const char *what, *unit;
		double (*measure)(void);
		double limit;
	} benches[] = {
		{"a delivery through it, 64 in flight", "ns", instant, 200},
		{"the same with a rate limit", "ns", limited, 250},
		{"a delivery through it, 10,000 in flight", "ns", wide, 400},
		{"100,000 keys fail once and wait, an entry", "ns", many_keys, 3000},
		{"100,000 of 50 keys, one waits in each line", "ns", few_keys, 3000},
		{"memory of one of 100,000 that wait", "bytes", memory, 160},
	};
	int missed = 0;

	rng_seed(&rng, 1);
	for (size_t i = 0; i < COUNT_OF(benches); i++) {
		double value = median(benches[i].measure);

		printf("%-44s %8.0f %s (at most %.0f)\n", benches[i].what, value,
			benches[i].unit, benches[i].limit);
		missed += value > benches[i].limit;
	}
	return missed > 0;
}
