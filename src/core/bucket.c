/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bucket.h"

#define UNITS_A_TOKEN 1000000

static int64_t cost(const struct bucket *b)
{
	return (int64_t)UNITS_A_TOKEN * b->whole;
}

/* A share of the burst, but never less than one token, or nothing would ever pass. */
static int64_t capacity(const struct bucket *b)
{
	int64_t burst = b->burst;

	if (burst == 0)
		burst = max_i64(b->rate_per_1000s / 10000, 1);
	return b->part == 0 ? 0 : max_i64(burst * UNITS_A_TOKEN * b->part, cost(b));
}

static void fill(struct bucket *b, int64_t now_ms)
{
	int64_t flow = b->rate_per_1000s * b->part, room = capacity(b) - b->level;
	int64_t for_ms = now_ms - b->filled_ms;

	b->filled_ms = now_ms;
	if (flow == 0 || for_ms <= 0)
		return;
	/* So long a time fills it, whatever its product would overflow to. */
	b->level = for_ms > room / flow ? capacity(b) : b->level + for_ms * flow;
}

void bucket_init(struct bucket *b, int64_t rate_per_1000s, unsigned burst, int64_t now_ms)
{
	*b = (struct bucket){.rate_per_1000s = rate_per_1000s,
		.burst = burst,
		.part = 1,
		.whole = 1,
		.filled_ms = now_ms};
	b->level = capacity(b);
}

void bucket_set_rate(struct bucket *b, int64_t rate_per_1000s, unsigned burst, int64_t now_ms)
{
	fill(b, now_ms);
	b->rate_per_1000s = rate_per_1000s;
	b->burst = burst;
	b->level = min_i64(b->level, capacity(b));
}

void bucket_set_share(struct bucket *b, unsigned part, unsigned whole, int64_t now_ms)
{
	fill(b, now_ms);
	b->level = (int64_t)((__int128)b->level * whole / b->whole);
	b->part = part;
	b->whole = whole;
	b->level = min_i64(b->level, capacity(b));
}

int64_t bucket_next_ms(struct bucket *b, int64_t now_ms)
{
	int64_t flow = b->rate_per_1000s * b->part, missing;

	if (b->rate_per_1000s == 0)
		return now_ms;
	fill(b, now_ms);
	missing = cost(b) - b->level;
	if (missing <= 0)
		return now_ms;
	return flow == 0 ? INT64_MAX : now_ms + (missing + flow - 1) / flow;
}

void bucket_take(struct bucket *b)
{
	if (b->rate_per_1000s > 0)
		b->level -= cost(b);
}
