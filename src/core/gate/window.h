/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.h - how many requests may be on the wire at once, as a number given or as one found.
 *
 * A fixed window is max_concurrency. An automatic one looks for the most that the site serves
 * without getting slower, by additive increase and multiplicative decrease (AIMD), as TCP
 * does. It goes by rounds; a round is as many answers as the window was wide at its begin:
 *
 *   - a failure of the site, a 429 or a 503: to three quarters, at once, and at most once
 *     for what was on the wire at that time;
 *   - a round whose mean latency is beyond one and a half times the usual and 5 ms: to
 *     seven eighths;
 *   - a round in which the window was full and neither happened: it grows. Twofold before
 *     the first decrease (10,000 are found in ten rounds), later by its square root;
 *   - a round in which it was never full says nothing about a wider one: it stays.
 *
 * Usual is what the best rounds took. That a site has become slower by itself is found by
 * shrinking: when four slow rounds in a row, and windows each smaller than the last, have not
 * made it faster, then our load is not why, and what it takes now is usual.
 *
 * Why not by the gradient of the latencies (TCP Vegas; Netflix's concurrency-limits): it
 * steers by the ratio of the latency to that of an idle site, and all its precision is
 * that ratio's. A web API has no such latency: it depends on the event more than on the
 * load, and comes in whole milliseconds here. Its plain words, 429, 503 and time-outs, are
 * what AIMD was made for; the latency only serves as a brake in front of them.
 *
 * A share of part/whole is rounded down, but is at least 1 unless part is 0: with less nothing
 * would ever be sent. With more shares than the window is wide their number is the
 * limit in its place.
 *
 * Pure; time is no matter to it.
 */
#ifndef CORE_GATE_WINDOW_H
#define CORE_GATE_WINDOW_H

#include "base/util.h"

#define WINDOW_AUTO_BEGIN 16

struct window_settings {
	unsigned max; /* of all shares */
	bool automatic;
};

struct window {
	struct window_settings settings;
	unsigned part, whole;
	unsigned limit;   /* of this share */
	unsigned size;    /* now: 0 to limit */
	bool has_shrunk;  /* since the begin: no doubling any more */
	bool was_full;    /* in this round */
	unsigned answers; /* that are left of this round */
	/* answers to come that do not count: their requests left before the last decrease */
	unsigned ignored;
	int64_t latency_sum_ms;
	unsigned latency_count;
	int64_t usual_us;      /* 0: not known */
	unsigned slow_rounds;  /* in a row */
	int64_t slow_first_us; /* what the first of them took */
};

enum window_answer {
	WINDOW_ANSWERED,   /* latency counts */
	WINDOW_OVERLOADED, /* throttled, or the site failed */
	WINDOW_NOTHING,    /* says nothing */
};

void window_init(struct window *w, const struct window_settings *s);
void window_configure(struct window *w, const struct window_settings *s);
void window_set_share(struct window *w, unsigned part, unsigned whole);
/* The window was the reason why a request had to wait. */
static inline void window_note_full(struct window *w)
{
	w->was_full = true;
}
/* What has come of a request; @in_flight: without it. */
void window_note(
	struct window *w, enum window_answer a, int64_t latency_ms, unsigned in_flight);

#endif
