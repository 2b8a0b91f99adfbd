/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context.h - what everything on one event loop shares.
 *
 * An engine context is a loop and the things of which each loop needs only one: the index of
 * the event at hand, the producer of dead letters, the budget, the random numbers for jitter.
 * It knows no lane and no destination; the engine connects these. The daemon has one context
 * for each of its `workers`; a redrive has one.
 *
 * Confined to the thread of its loop.
 */
#ifndef APP_ENGINE_CONTEXT_H
#define APP_ENGINE_CONTEXT_H

#include "base/rng.h"
#include "core/gate/budget.h"
#include "core/event/envelope.h"
#include "core/event/event.h"
#include "core/json/json.h"
#include "core/request/request.h"
#include "io/deadletter/deadletter.h"
#include "io/loop.h"

struct metrics;
struct otlp;
struct retention;

struct engine_context {
	struct loop *loop;
	unsigned number; /* of the thread among the daemon's workers, from 0 */
	struct rng rng;
	struct budget budget;
	struct list stalled;           /* lanes that wait for room, the longest-waiting first */
	struct deadletter *deadletter; /* set by the owner */
	struct metrics *metrics; /* this thread's part of the metrics; NULL: none are kept */
	struct retention *retention;
	struct otlp *traces;        /* NULL: no spans are sent */
	unsigned log_sample;        /* one in so many attempts is logged; 0: none is */
	unsigned log_seen;          /* attempts that were candidates for that */
	size_t lane_prefetch_bytes; /* for a lane whose consumer sets none */

	/* The index of the event read last, and which event that is. Between taking up and
	 * sending an event no other one is indexed as a rule, so most events are scanned once. */
	struct jx_index ix;
	/* Backing storage of ix when the event was synthesised. */
	struct envelope_work envelope_work;
	const struct event *indexed;

	struct request_work request_work;
};

/* @loop is borrowed. What is not a parameter is zero, and the owner's to set. */
void engine_context_init(struct engine_context *context, struct loop *loop);
void engine_context_release(struct engine_context *context);

/* *ret: the index of @ev as patterns and paths see it, through its consumer's @envelope; NULL if
 * it is bytes that are not JSON. Valid until the next call with another event. ERR_INVALID or
 * ERR_LIMIT: the event is not of the consumer's format, see envelope_index(). */
int engine_context_index(struct engine_context *context, const struct event *ev,
	const struct envelope *envelope, const struct jx_index **ret,
	struct err *err) ATTR_MUST_CHECK;
/* The index, if it is of @ev's own value and without folded arrays; or NULL. */
const struct jx_index *engine_context_fresh_index(
	const struct engine_context *context, const struct event *ev);
/* The index was made of @record, of which @ev is a copy: from now on it is @ev's. */
void engine_context_adopt_index(struct engine_context *context,
	const struct event_fields *record, const struct event *ev);
/* Drop a reference to an event that may be the indexed one. */
void engine_context_unref_event(struct engine_context *context, struct event *ev);

#endif
