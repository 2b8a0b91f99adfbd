/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - a destination at which everything begins to fail for good must not empty its topic
 * into dead letters.
 *
 *                more than 90 of the last 100 settled
 *                failed for good, with one reason            its time has come
 *   WATCHING --------------------------------------> PAUSED ------------------> PROBING
 *      ^                                              ^                          |   |
 *      |                                              +---- the probe failed ----+   |
 *      +------------ the probe was delivered, or an operator released it ------------+
 *
 * The breaker (breaker.h) stops what a site answers with errors of its own; a wrong URL or a
 * refused credential is answered quickly and for good, event by event. While WATCHING, the
 * guard remembers how the last GUARD_WINDOW deliveries were settled. The one that would make
 * the 91st letter with one reason pauses it, also when the window is not full yet: no
 * delivery to come could change the verdict. From then on nothing becomes a dead letter: what
 * would is held, untold, and tried again. One probe is let through at intervals that
 * double from probe_ms to probe_max_ms. A probe that is delivered lets go with an empty window;
 * so does an operator, and if the fault is still there, 90 letters later it pauses again.
 *
 * A probe that failed waits longer than the next probe is away (guard_hold_until), so that
 * another delivery is the next one: an event that is bad by itself must not keep all others
 * back.
 *
 * A reason is a number that the caller makes of what it knows, never 0: guard_reason().
 *
 * Pure; time is a parameter. One object a destination and a loop.
 */
#ifndef CORE_GATE_GUARD_H
#define CORE_GATE_GUARD_H

#include "base/util.h"

#define GUARD_WINDOW       100
#define GUARD_MOST_ALIKE   90 /* letters with one reason among them that are still let pass */
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
	uint32_t window[GUARD_WINDOW]; /* reasons; 0: delivered */
	unsigned next, filled;
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
/* It has failed for good. True: it is not to become a letter but to be held, until
 * guard_hold_until(). A probe is told by guard_probe_failed() first. */
bool guard_failed(struct guard *g, uint32_t reason, int64_t now_ms);
/* Whether for good or not. */
void guard_probe_failed(struct guard *g, int64_t now_ms);
/* Nothing was learnt from it: another may go at once. */
void guard_probe_undone(struct guard *g, int64_t now_ms);
int64_t guard_hold_until(const struct guard *g, int64_t now_ms);

static inline bool guard_is_paused(const struct guard *g)
{
	return g->state != GUARD_WATCHING;
}

#endif
