/* SPDX-License-Identifier: Apache-2.0 */
/*
 * destination_private.h - what the three files of a destination share:
 *
 *   destination.c  its life: made, reconfigured by a reload, asked for its status, freed
 *   dispatch.c     what goes out and when: queue, credentials, expiry, the failure guard
 *   outcome.c      what becomes of a delivery when its attempt has ended
 *
 * dispatch.c and outcome.c call each other: an outcome puts a delivery back into the queue or
 * takes it out, and what can not be sent at all, or grows too old in the queue, is an outcome.
 */
#ifndef APP_ENGINE_DESTINATION_PRIVATE_H
#define APP_ENGINE_DESTINATION_PRIVATE_H

#include "attempt.h"
#include "gauges.h"
#include "app/engine/context.h"
#include "app/engine/destination.h"
#include "route.h"

struct destination {
	struct engine_context *context;
	struct conf *conf;
	const struct conf_destination *settings;
	struct connection *connection;
	struct http_client *http;
	struct list old_clients; /* replaced by a reload, until their requests have ended */
	struct attempt_pool attempts;
	struct gate *gate;
	struct list routes; /* one for each target that has sent something */

	struct connection_waiter waiter; /* waits for credentials if its connection is set */
	struct loop_call dispatch;
	struct loop_timer dispatch_timer;

	struct destination_gauges gauges;
	int64_t shortage_ms;        /* when our own side lacked something last; 0: never */
	enum gate_breaker reported; /* the breaker's state that was logged last */
	size_t deliveries;          /* in it, in whatever state */
	int64_t last_error_at_ms;   /* 0: never */
	char last_error[256];
	uint64_t delivered, failed_attempts, dead_letters;
};

/* dispatch.c */

void dispatch_init(struct destination *dest);
void dispatch_release(struct destination *dest);
/* Something may have become possible: send what may be sent, when the callers are done. */
void dispatch_soon(struct destination *dest);
/* @d, whose attempt has ended, goes back into the queue until @at_ms. */
void dispatch_again(struct destination *dest, struct delivery *d, int64_t at_ms);
/* @d leaves the queue for good; the next one with its key may be sent. */
void dispatch_leave(struct destination *dest, struct delivery *d);

/* No delivery is held any more at @route, which its guard has released. */
void dispatch_release_held(struct destination *dest, struct route *route);
/* If @d is the guard's probe, it has ended undelivered: it failed, or nothing was learnt. */
void dispatch_end_probe(struct destination *dest, const struct delivery *d, bool failed);
/* @d was delivered; the guard is told, and releases the others if @d was its probe. */
void dispatch_guard_delivered(struct destination *dest, const struct delivery *d);
/* @d has failed for good. True: the guard holds it, and it is tried again later. */
bool dispatch_guard_holds(struct destination *dest, struct delivery *d);

/* outcome.c */

/* An attempt has ended: an attempt_done_fn. */
void outcome_of_attempt(struct delivery *d, const struct attempt_report *report);
/* No request could be made of @d, or it has grown too old: d->facts say why. */
void outcome_failed(struct destination *dest, struct delivery *d);
/* For the status and the log: what d->facts say of its last attempt. */
void outcome_note_error(struct destination *dest, const struct delivery *d);

#endif
