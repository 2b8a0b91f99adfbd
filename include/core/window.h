/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.h - how many requests may be on the wire to one destination.
 *
 * Fixed (max_concurrency), or automatic: AIMD on both loss and latency. We take it
 * over a pure gradient because HTTP APIs say "too much" in words (429, 503) as often as by
 * slowing down, and a gradient hears only the second. It grows by one a round trip (doubling
 * until the first setback) while the window is in use and answers come as fast as the fastest
 * seen lately; it shrinks to 7/10 on 429, 503, time-outs and failures, and to 9/10 when answers
 * take more than twice as long, at most once a round trip. "The fastest lately" rises by 1/256
 * an answer, so that an API that has become slower for good is believed after a while.
 *
 * Pure.
 */
#ifndef CORE_WINDOW_H
#define CORE_WINDOW_H

#include "core/gate.h"

struct window {
	bool is_auto;
	unsigned max; /* fixed, or the limit of the automatic one */
	unsigned part, whole;
	double size;       /* of the automatic one */
	double fastest_ms; /* 0: no answer yet */
	bool met_setback;
	int64_t not_again_before_ms; /* shrink */
};

void window_init(struct window *w, const struct gate_settings *s);
void window_set(struct window *w, const struct gate_settings *s);
void window_set_share(struct window *w, unsigned part, unsigned whole);
/* Our share: at least 1, unless it is a share of nothing. */
unsigned window_size(const struct window *w);
void window_answered(
	struct window *w, const struct gate_left *l, unsigned in_flight, int64_t now_ms);

#endif
