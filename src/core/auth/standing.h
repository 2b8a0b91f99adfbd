/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standing.h - how credentials stand with the API: not known yet, proven, or refused.
 *
 *               a delivery has succeeded with them
 *   UNPROVEN ---------------------------------------> PROVEN
 *    ^  |  ^                                            |
 *    |  |  +---- newer ones, or STANDING_DOUBT ---------+
 *    |  |        refusals in a row
 *    |  | the API refuses them
 *    |  v
 *   REFUSED <----+
 *    |   |       | the trial was refused, too
 *    |   +-------+
 *    +--> PROVEN: the trial was taken
 *
 * Who is refused with proven credentials is refused for what it is: others are taken with the
 * same ones. Who is refused with unproven ones has met a fault of the connection, and all its
 * deliveries wait. One of them at a time makes a trial, at intervals that double from
 * STANDING_TRIAL_MS to STANDING_TRIAL_MAX_MS, with whatever credentials there are then.
 *
 * Pure; time is a parameter, monotonic milliseconds. Its owner locks.
 */
#ifndef CORE_AUTH_STANDING_H
#define CORE_AUTH_STANDING_H

#include "base/util.h"

#define STANDING_TRIAL_MS     1000
#define STANDING_TRIAL_MAX_MS 60000
#define STANDING_DOUBT        10

/* Zeroed: unproven. @generation numbers credentials; newer ones have a larger number. */
struct standing {
	bool is_refused, is_trial_out;
	bool has_proof;
	uint64_t proven_generation;
	unsigned refusals;                  /* in a row */
	int64_t next_trial_ms, interval_ms; /* while refused */
};

bool standing_is_proven(const struct standing *s, uint64_t generation);

/* When a request may be sent with them: @now_ms for now, later, or INT64_MAX while a trial is
 * out. */
int64_t standing_ready_at(const struct standing *s, int64_t now_ms);
/* One is sent. True: it is the trial, and the caller will say what came of it by one of the
 * three below. */
bool standing_send(struct standing *s);

/* They were taken. True: that has ended a refusal. */
bool standing_accepted(struct standing *s, uint64_t generation);
/* They were refused. True: they were unproven, and are refused from now on, or still. */
bool standing_rejected(struct standing *s, uint64_t generation, bool trial, int64_t now_ms);
/* Nothing was learnt from the trial: another may be made at once. */
void standing_trial_undone(struct standing *s, int64_t now_ms);

/* Somebody has changed the credentials, which may have mended it: the next trial is due now. */
void standing_mended(struct standing *s, int64_t now_ms);
/* The credentials of @from go on under the number @to. */
void standing_renumbered(struct standing *s, uint64_t from, uint64_t to);

#endif
