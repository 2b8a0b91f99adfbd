/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery.h - one event on its way to one target, at run time.
 *
 * A delivery is made and owned by a lane (or by a redrive, for a dead letter). A destination
 * changes its state (core/gate/delivery.h) until it is settled; then the owner is told, once,
 * and frees it. It keeps the configuration that it began with, so that a reload does not
 * change it under way.
 */
#ifndef APP_ENGINE_DELIVERY_H
#define APP_ENGINE_DELIVERY_H

#include "app/conf/conf.h"
#include "core/gate/delivery.h"
#include "core/event/event.h"
#include "core/gate/gate.h"
#include "app/metrics/metrics.h"
#include "core/offsets/offsets.h"
#include "core/event/value.h"

struct attempt;
struct dead_letter;
struct delivery;
struct destination;
struct engine_context;
struct route;

/* Embedded in what the delivery is a part of: the partition, or the letter of a redrive. */
struct delivery_owner {
	struct engine_context *context;
	struct budget_member *budget; /* of the events and requests of its deliveries */
	/* Delivered, or its dead letter acknowledged. The owner frees it before it returns or
	 * later. */
	void (*settled)(struct delivery *d);
	/* An attempt has failed, and there will be another. */
	void (*failed_attempt)(struct delivery *d);
};

/* A dead letter that is sent again (redrive.h). */
struct delivery_letter {
	/* That it stands in; its new one goes there if the target has none. */
	const char *topic;
	unsigned times; /* how often it was sent again, this time included */
};

/* A hundred thousand may wait for their retry: its size counts. */
struct delivery {
	struct gate_entry gate;
	struct list node; /* the owner's */
	union {
		struct delivery *next; /* the owner's, between its making and its submission */
		struct attempt *attempt;         /* while SENDING */
		struct dead_letter *dead_letter; /* while DEAD */
	};
	struct delivery_owner *owner;
	struct offsets_record *record; /* the owner's */

	struct event *ev;
	struct conf *conf;
	/* NULL: the record is not an event, and goes straight to the dead-letter topic. */
	const struct conf_target *target;
	struct destination *dest; /* NULL likewise */
	struct route *route;      /* the target's, there; set when it is submitted */

	const struct delivery_letter *letter; /* that it was made of; NULL: of a record */

	enum delivery_state state : 8;
	bool failed;                  /* it ends, or has ended, without delivery */
	uint32_t rejected_generation; /* of the token that the API last refused; 0: none */
	int64_t age_from_at_ms;       /* monotonic time from which its age counts */
	struct delivery_facts facts;
	struct metric *ended; /* postrider_invocations_total of its target */
	bool is_found; /* spots has the places of all that the request takes of the event */
	uint8_t spot_count; /* room in spots */
	struct value_spot spots[];
};

/* The only writer of d->state. A move that core/gate/delivery.h does not allow is a bug of ours,
 * and aborts. */
void delivery_move(struct delivery *d, enum delivery_state to);
int64_t delivery_age_ms(const struct delivery *d);
/* Before an attempt: where @conf says the same as the delivery's configuration but for newer
 * secrets, it is the delivery's from now on. */
void delivery_refresh(struct delivery *d, struct conf *conf);

/* The end of every delivery: count it and tell its owner, who frees it. */
void delivery_settle(struct delivery *d);
/* Add one to a metric of its rule and target. For what happens rarely: the metric is looked up. */
void delivery_count(const struct delivery *d, enum metric_id id);

#endif
