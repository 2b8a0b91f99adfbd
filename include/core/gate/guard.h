/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - a target at which everything fails for good must not empty its topic into dead
 * letters.
 *
 *               the last GUARD_RUN settled ones all failed
 *               for good, with one reason                  its time has come
 *   WATCHING ------------------------------------> PAUSED ------------------> PROBING
 *      ^                                            ^                          |   |
 *      |                                            +---- the probe failed ----+   |
 *      +------------ the probe was delivered, or an operator released it ----------+
 *
 * The breaker (breaker.h) stops what a site answers with errors of its own; a wrong URL or a
 * wrong template is answered quickly and for good, event by event. One delivery among
 * GUARD_RUN shows that the target works, and that it is the events that are refused. The one
 * that would make the GUARD_RUNth letter in a row with one reason is held, and pauses the guard.
 * From then on nothing becomes a dead letter: deliveries are held, and one probe is let
 * through at intervals that double from GUARD_PROBE_MS to GUARD_PROBE_MAX_MS. A probe that is
 * delivered lets go; so does an operator, and if the fault is still there, 99 letters later it
 * pauses again.
 *
 * A reason is a number that the caller makes of what it knows, never 0: guard_reason().
 *
 * Pure; time is a parameter. One object a target and a loop.
 */
#ifndef CORE_GATE_GUARD_H
#define CORE_GATE_GUARD_H

#include "base/util.h"

#define GUARD_RUN          100
#define GUARD_PROBE_MS     1000
#define GUARD_PROBE_MAX_MS 60000

enum guard_state {
	GUARD_WATCHING,
	GUARD_PAUSED,  /* nothing passes until the next probe */
	GUARD_PROBING, /* one probe is on the wire */
};

/* Zero is a guard that is off. */
struct guard {
	bool enabled;
	enum guard_state state;
	uint32_t reason; /* of the run */
	unsigned run;    /* failures with it, one after the other */
	int64_t since_ms, next_probe_ms, interval_ms;
};

void guard_init(struct guard *g, bool enabled, int64_t now_ms);
/* On or off; off releases. */
void guard_enable(struct guard *g, bool enabled, int64_t now_ms);
/* Watch again, with nothing remembered. */
void guard_release(struct guard *g, int64_t now_ms);

/* Never 0. @error_code may be NULL; @status 0: there was no reply. */
uint32_t guard_reason(const char *error_code, int status);

/* When something may be sent: @now_ms for now, later, or INT64_MAX while the probe is out. */
int64_t guard_ready_at(const struct guard *g, int64_t now_ms);
/* Something leaves. True: it is the probe, and the caller will say what came of it. */
bool guard_send(struct guard *g);

/* Settled well. True: that has let go. */
bool guard_delivered(struct guard *g, bool probe, int64_t now_ms);
/* It has failed for good. True: it is not to become a letter but to be held. A probe is told by
 * guard_probe_failed() first. */
bool guard_failed(struct guard *g, uint32_t reason, int64_t now_ms);
/* Whether for good or not. */
void guard_probe_failed(struct guard *g, int64_t now_ms);
/* Nothing was learnt from it: another may go at once. */
void guard_probe_undone(struct guard *g, int64_t now_ms);

static inline bool guard_is_paused(const struct guard *g)
{
	return g->state != GUARD_WATCHING;
}

#endif
