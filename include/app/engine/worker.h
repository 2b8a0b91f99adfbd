/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - what everything on one loop shares.
 *
 * A worker is a loop and the things that need not exist twice on it: the index over the
 * event at hand, the dead-letter producer, the budget, the generator of jitter. It knows no
 * lane and no destination; the engine ties these together.
 */
#ifndef APP_ENGINE_WORKER_H
#define APP_ENGINE_WORKER_H

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

struct worker {
	struct loop *loop;
	unsigned number; /* 0 and up */
	struct rng rng;
	struct budget budget;
	struct list stalled; /* lanes that wait for room, whoever has waited longest first */
	struct deadletter *deadletter;
	struct metrics *metrics; /* this thread's part of the process's */
	struct retention *retention;
	struct otlp *traces; /* NULL: no spans are sent */
	unsigned log_sample; /* of so many attempts one is logged; 0: none is */
	unsigned log_seen;
	size_t lane_prefetch_bytes; /* of a lane whose consumer sets none */

	/* The index over the event last read, and whose it is: between taking up and sending
	 * nothing else is indexed as a rule, so that most events are scanned once. */
	struct jx_index ix;
	struct jx_limits limits;
	struct envelope_work envelope_work; /* a text that was made for the index */
	const struct event *indexed;

	struct request_work request_work;
};

/* @w->loop, number and metrics are set by the caller. */
void worker_init(struct worker *w);
void worker_release(struct worker *w);

/* The index over @ev as patterns and paths see it, through its consumer's @envelope; NULL when
 * it is no JSON. Valid until the next call with another event. */
const struct jx_index *worker_index(
	struct worker *w, const struct event *ev, const struct envelope *envelope);
/* The index, if it is @ev's, over its value itself, and whole; or NULL. */
const struct jx_index *worker_fresh_index(const struct worker *w, const struct event *ev);
/* The index was made over @record, of which @ev is a copy: it is @ev's now. */
void worker_adopt_index(
	struct worker *w, const struct event_fields *record, const struct event *ev);
/* Drop a reference to an event that may be the indexed one. */
void worker_unref_event(struct worker *w, struct event *ev);

#endif
