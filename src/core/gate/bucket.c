/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gate/bucket.h"

#define MS_PER_1000S 1000000

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned default_burst(int64_t rate_per_1000s)
{
	return (unsigned)max_i64(1, rate_per_1000s / 1000 / 10);
}

static void read_time(struct bucket *b, int64_t now_ms)
{
	int64_t elapsed_ms = now_ms - b->read_at_ms;

	if (elapsed_ms <= 0)
		return;
	b->read_at_ms = now_ms;
	if (b->gain > 0 && elapsed_ms > (b->cap - b->level) / b->gain)
		b->level = b->cap;
	else
		b->level += elapsed_ms * b->gain;
}

/* Recompute what follows from rate, burst and share, and convert the level, which is still
 * counted in units of @old_token. */
static void derive(struct bucket *b, int64_t old_token)
{
	b->token = (int64_t)MS_PER_1000S * b->whole;
	b->gain = b->rate_per_1000s * b->part;
	b->cap = b->part == 0 ? 0
			      : max_i64((int64_t)b->burst * MS_PER_1000S * b->part, b->token);
	b->cap += max_i64(b->gain - 1, 0);
	b->level = min_i64((int64_t)((__int128)b->level * b->token / old_token), b->cap);
}

void bucket_init(struct bucket *b, int64_t rate_per_1000s, unsigned burst, int64_t now_ms)
{
	*b = (struct bucket){
		.part = 1, .whole = 1, .token = MS_PER_1000S, .read_at_ms = now_ms};
	bucket_set_rate(b, rate_per_1000s, burst, now_ms);
}

void bucket_set_rate(struct bucket *b, int64_t rate_per_1000s, unsigned burst, int64_t now_ms)
{
	read_time(b, now_ms);
	b->rate_per_1000s = min_i64(rate_per_1000s, BUCKET_RATE_MAX);
	b->burst = least(burst ? burst : default_burst(b->rate_per_1000s), BUCKET_BURST_MAX);
	derive(b, b->token);
}

void bucket_set_share(struct bucket *b, unsigned part, unsigned whole, int64_t now_ms)
{
	int64_t old_token = b->token;

	read_time(b, now_ms);
	b->whole = whole < 1 ? 1 : least(whole, BUCKET_WHOLE_MAX);
	b->part = least(part, b->whole);
	derive(b, old_token);
}

int64_t bucket_ready_at(struct bucket *b, int64_t now_ms)
{
	int64_t missing;

	if (b->rate_per_1000s == 0)
		return now_ms;
	read_time(b, now_ms);
	missing = b->token - b->level;
	if (missing <= 0)
		return now_ms;
	return b->gain > 0 ? b->read_at_ms + (missing + b->gain - 1) / b->gain : INT64_MAX;
}

void bucket_take(struct bucket *b)
{
	if (b->rate_per_1000s > 0)
		b->level -= b->token;
}

void bucket_give_back(struct bucket *b)
{
	if (b->rate_per_1000s > 0)
		b->level = min_i64(b->level + b->token, b->cap);
}
