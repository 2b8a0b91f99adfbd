/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bucket.h - a token bucket that neither drifts nor forgets: one share of a rate limit.
 *
 * Integers only. The unit is one (1,000,000 x whole)-th of a token, so that a millisecond
 * at a rate of R in 1,000 s brings a share of part/whole exactly R x part units, and any
 * number of reads at any times adds up to the same.
 *
 * It begins empty: who restarts in the middle of a second does not get that second's tokens
 * again. In any 1,000 consecutive milliseconds it gives at most rate + burst tokens of its
 * share. Several buckets with parts of one whole give no more than that together, save that
 * each holds at least one token, since with less it never could give one: with more
 * buckets than `burst`, their number counts in its place.
 *
 * Above the burst it keeps what less than a millisecond brings, so that a bucket of one
 * token, asked at the millisecond it named, loses nothing by rounding.
 *
 * Pure; time is a parameter and may stand still; a step back brings nothing.
 */
#ifndef CORE_GATE_BUCKET_H
#define CORE_GATE_BUCKET_H

#include "base/util.h"

/* With no more than these, no product here overflows; what is larger is cut. */
#define BUCKET_RATE_MAX  ((int64_t)1000000 * 1000)
#define BUCKET_BURST_MAX 1000000u
#define BUCKET_WHOLE_MAX 1000000u

struct bucket {
	int64_t rate_per_1000s; /* of the whole; 0: unlimited */
	unsigned burst, part, whole;
	int64_t gain;  /* units a millisecond */
	int64_t token; /* units in one */
	int64_t cap, level;
	int64_t read_at_ms;
};

/* Share 1 of 1, empty. @burst 0: a tenth of a second's worth, at least 1. */
void bucket_init(struct bucket *b, int64_t rate_per_1000s, unsigned burst, int64_t now_ms);
/* What it holds stays, up to the new burst. */
void bucket_set_rate(struct bucket *b, int64_t rate_per_1000s, unsigned burst, int64_t now_ms);
/* The same. Growth brings no tokens; part 0 of a limited rate gives nothing. */
void bucket_set_share(struct bucket *b, unsigned part, unsigned whole, int64_t now_ms);
/* When there will be a token: @now_ms for now, later, or INT64_MAX for never. */
int64_t bucket_ready_at(struct bucket *b, int64_t now_ms);
/* Take the token that bucket_ready_at() has promised for now. */
void bucket_take(struct bucket *b);
/* The token has not been used. */
void bucket_give_back(struct bucket *b);

#endif
