/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tracker costs: a record settled in order and at random, a map, and the memory behind
 * one record that stays open. Each figure is the median of ROUNDS; a limit that is
 * missed makes the exit status 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/rng.h"
#include "core/offsets/offsets.h"

#define ROUNDS  7
#define RECORDS 2000000
#define TARGET  0x5eed5eedu

/* Processor time, so that neighbours on the machine do not count. */
static int64_t cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static struct offsets_record *begin(struct offsets *o, int64_t offset)
{
	struct offsets_record *r = offsets_begin(o, offset);

	(void)offsets_open(o, r, TARGET);
	offsets_end(o, r);
	return r;
}

/* ns a record: begun, crowding asked, settled, with @window records open. The one that goes is
 * the oldest, or any. */
static double pass_through(size_t window, bool in_order, uint64_t seed)
{
	struct offsets *o = offsets_new(&offsets_default_settings, 0);
	struct offsets_record **open = xcalloc(window, sizeof(*open));
	uint32_t *order = xcalloc(RECORDS, sizeof(*order));
	size_t crowded = 0;
	int64_t us;
	struct rng rng;

	rng_seed(&rng, seed);
	for (size_t i = 0; i < RECORDS; i++)
		order[i] = (uint32_t)(in_order ? i % window : rng_upto(&rng, window - 1));
	for (size_t i = 0; i < window; i++)
		open[i] = begin(o, (int64_t)i);
	us = cpu_us();
	for (size_t i = 0; i < RECORDS; i++) {
		offsets_settle(o, open[order[i]], TARGET);
		crowded += offsets_is_nearly_full(o);
		open[order[i]] = begin(o, (int64_t)(window + i));
	}
	us = cpu_us() - us;
	if (offsets_position(o) < 0 || crowded > RECORDS)
		abort();
	free(open);
	free(order);
	offsets_free(o);
	return (double)us * 1000 / RECORDS;
}

static double in_order(uint64_t seed)
{
	return pass_through(64, true, seed);
}

static double at_random(uint64_t seed)
{
	return pass_through(10000, false, seed);
}

static size_t map_bytes;

/* us a map of @window records that settle at random behind one that is stuck. */
static double encode(size_t window, uint64_t seed)
{
	enum {
		MAPS = 200
	};
	struct offsets *o = offsets_new(&offsets_default_settings, 0);
	struct offsets_record **open = xcalloc(window, sizeof(*open));
	int64_t next = 1000000, us = 0;
	struct buf text;
	struct rng rng;

	rng_seed(&rng, seed);
	buf_init(&text, BUF_UNLIMITED);
	(void)begin(o, 0);
	for (size_t i = 0; i < window; i++)
		open[i] = begin(o, next++);
	for (size_t i = 0; i < MAPS; i++) {
		for (size_t k = 0; k < window / 2; k++) {
			size_t at = rng_upto(&rng, window - 1);

			offsets_settle(o, open[at], TARGET);
			open[at] = begin(o, next++);
		}
		buf_reset(&text);
		us -= cpu_us();
		offsets_encode(o, &text);
		us += cpu_us();
		map_bytes = text.len;
	}
	buf_release(&text);
	free(open);
	offsets_free(o);
	return (double)us / MAPS;
}

static double encode_64(uint64_t seed)
{
	return encode(64, seed);
}

static double encode_1000(uint64_t seed)
{
	return encode(1000, seed);
}

/* kB of a tracker after a million records passed behind one that stays open. */
static double memory(uint64_t seed)
{
	struct offsets *o = offsets_new(&offsets_default_settings, 0);
	struct offsets_record *open[1000];
	struct rng rng;
	double kb;

	rng_seed(&rng, seed);
	(void)begin(o, 0);
	for (size_t i = 0; i < COUNT_OF(open); i++)
		open[i] = begin(o, 1 + (int64_t)i);
	for (int64_t i = 0; i < 1000000; i++) {
		size_t at = rng_upto(&rng, COUNT_OF(open) - 1);

		offsets_settle(o, open[at], TARGET);
		open[at] = begin(o, 1001 + i);
	}
	kb = (double)offsets_memory_bytes(o) / 1024;
	offsets_free(o);
	return kb;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double (*figure)(uint64_t seed))
{
	double values[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++)
		values[i] = figure(i + 1);
	qsort(values, ROUNDS, sizeof(values[0]), by_value);
	return values[ROUNDS / 2];
}

int main(void)
{
	static const struct {
		const char *what, *unit;
		double (*figure)(uint64_t seed);
		double limit; /* 0: none */
	} figures[] = {
		{"a record, settled in order", "ns", in_order, 50},
		{"a record, settled at random within 10,000", "ns", at_random, 150},
		{"a map of 64 records behind a stuck one", "us", encode_64, 0},
		{"a map of 1,000 records behind a stuck one", "us", encode_1000, 0},
		{"memory: 1,000 open, a million passed", "KiB", memory, 1024},
	};
	int failed = 0;

	for (size_t i = 0; i < COUNT_OF(figures); i++) {
		double value;

		map_bytes = 0;
		value = median(figures[i].figure);
		printf("offsets: %-44s %8.1f %s", figures[i].what, value, figures[i].unit);
		if (map_bytes > 0)
			printf(" (%zu bytes)", map_bytes);
		if (figures[i].limit > 0)
			printf(" (limit %.0f)", figures[i].limit);
		printf("\n");
		failed |= figures[i].limit > 0 && value > figures[i].limit;
	}
	return failed;
}
