/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bucket.h - a token bucket without drift: the rate of one destination, or our share of it.
 *
 * Integers only: a token is 1,000,000 * whole units, and rate_per_1000s * part units flow in
 * each millisecond, so that any rate and any share are exact for ever. In any second at most
 * the share of the rate, and the burst, get through. A share that grows brings no tokens.
 *
 * Pure.
 */
#ifndef CORE_BUCKET_H
#define CORE_BUCKET_H

#include "base/util.h"

struct bucket {
	int64_t rate_per_1000s; /* 0: no limit */
	unsigned burst;
	unsigned part, whole;
	int64_t level; /* units, at most the burst's worth */
	int64_t filled_ms;
};

/* Full at first. @burst 0: a tenth of a second's worth, at least 1. */
void bucket_init(struct bucket *b, int64_t rate_per_1000s, unsigned burst, int64_t now_ms);
/* New limits; what is in it stays, up to the new burst. */
void bucket_set_rate(struct bucket *b, int64_t rate_per_1000s, unsigned burst, int64_t now_ms);
void bucket_set_share(struct bucket *b, unsigned part, unsigned whole, int64_t now_ms);
/* When the next token is there: @now_ms when it is now, INT64_MAX when never (a share of
 * nothing). */
int64_t bucket_next_ms(struct bucket *b, int64_t now_ms);
/* Only after bucket_next_ms() has said now. */
void bucket_take(struct bucket *b);

#endif
