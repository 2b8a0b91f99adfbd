/* SPDX-License-Identifier: Apache-2.0 */
/*
 * breaker.h - when a site fails again and again, stop asking, and come back gently.
 *
 *               failures in a row, or
 *               a long Retry-After               its time has come
 *   CLOSED ----------------------------> OPEN ----------------------> PROBING
 *      ^                                  ^ ^                          |   |
 *      |                                  | +------ the probe failed --+   |
 *      | the opening is as wide           |                                |
 *      | as the window                    | one failure at an opening of 1 |
 *      +----------------------------- RECOVERING <----- it was answered ---+
 *
 * OPEN lets nothing pass; the time to the next probe is drawn evenly from the upper half of
 * an interval that doubles with each failed probe, up to a maximum, and begins anew only when
 * the breaker has closed. It is never sooner than the site's Retry-After, of which at most an
 * hour is believed. PROBING: one request is on the wire. RECOVERING: as many as the
 * opening allows, 1 at first. It doubles when as many have been answered in a row and at least
 * BREAKER_ROUND_MS have passed, so that a site that answers at once is not run over;
 * each failure halves it, and at 1 opens the breaker again. A minute without failure
 * closes it whatever the opening.
 *
 * Only requests sent since the breaker opened last tell it anything, those that were on
 * the wire at that time neither open nor close it: a success that left before an outage says
 * nothing about its end, and a slow API would let an attempt be burnt for each of them. The
 * caller keeps breaker_epoch() with each request for that.
 *
 * Pure; time is a parameter.
 */
#ifndef CORE_GATE_BREAKER_H
#define CORE_GATE_BREAKER_H

#include "base/rng.h"

#define BREAKER_ROUND_MS           100
#define BREAKER_QUIET_MS           60000
#define BREAKER_RETRY_AFTER_MAX_MS ((int64_t)3600 * 1000)

enum breaker_state {
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_PROBING,
	BREAKER_RECOVERING,
};

struct breaker_settings {
	unsigned failures;              /* in a row that open it; 0: it never opens */
	int64_t probe_ms, probe_max_ms; /* first and longest interval between probes */
	int64_t retry_after_ms;         /* a Retry-After beyond it opens at once; 0: never */
};

struct breaker {
	struct breaker_settings settings;
	enum breaker_state state;
	uint32_t epoch;
	int64_t since_ms, next_probe_ms; /* the latter means something while OPEN */
	int64_t interval_ms;
	unsigned consecutive_failures;
	unsigned opening, answered; /* RECOVERING: of this round */
	int64_t round_since_ms, failed_ms;
	uint64_t changes; /* of state */
};

void breaker_init(struct breaker *b, const struct breaker_settings *s, int64_t now_ms);
/* The state stays, but one that may never open is closed. */
void breaker_configure(struct breaker *b, const struct breaker_settings *s, int64_t now_ms);

/* How many may be on the wire, the window being @window: 0 while nothing may pass. */
unsigned breaker_allows(const struct breaker *b, unsigned window, int64_t now_ms);
/* A request leaves. True: it is the probe. */
bool breaker_send(struct breaker *b, int64_t now_ms);
static inline uint32_t breaker_epoch(const struct breaker *b)
{
	return b->epoch;
}

/* What came of a request of @epoch. @retry_after_ms 0: none. @window: of this moment. */
void breaker_answered(struct breaker *b, uint32_t epoch, unsigned window, int64_t now_ms);
void breaker_failed(struct breaker *b, uint32_t epoch, int64_t retry_after_ms, struct rng *rng,
	int64_t now_ms);
/* The probe came back and nothing was learnt from it: another may go at once. */
void breaker_probe_undone(struct breaker *b, int64_t now_ms);

#endif
