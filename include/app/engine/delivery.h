/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery.h - one event on its way to one target, at run time.
 *
 * A delivery is made by a lane, which owns it; a destination moves it (core/gate/delivery.h has the
 * states); when it is settled the owner is told, once, and frees it. It holds the
 * configuration it began with, so that a reload does not change it under way.
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
struct burial;
struct delivery;
struct destination;
struct engine_context;

/* What it is a part of: embedded there, in the partition or the letter. */
struct delivery_owner {
	struct engine_context *context;
	/* Delivered, or its dead letter acknowledged. The owner frees it before it returns or
	 * later. */
	void (*settled)(struct delivery *d);
	/* An attempt has failed, and there will be another. */
	void (*failed_attempt)(struct delivery *d);
};

/* A letter that is sent again (redrive.h). */
struct delivery_letter {
	const char *topic; /* that it stands in: for its new one where the target has none */
	unsigned times;    /* that it was sent again, this one included */
};

/* A hundred thousand may wait for their retry: its size counts. */
struct delivery {
	struct gate_entry gate;
	struct list node; /* the owner's */
	union {
		struct delivery *next; /* the owner's, between its making and its submission */
		struct attempt *attempt; /* while SENDING */
		struct burial *burial;   /* while DEAD */
	};
	struct delivery_owner *owner;
	struct offsets_record *record; /* the owner's */

	struct event *ev;
	struct conf *conf;
	/* NULL: an event that is none; it only has a dead letter */
	const struct conf_target *target;
	struct destination *dest; /* NULL likewise */

	const struct delivery_letter *letter; /* that it was made of; NULL: of a record */

	enum delivery_state state : 8;
	bool buried;                  /* it ends, or has ended, without delivery */
	uint32_t rejected_generation; /* of the token that the API last refused; 0: none */
	int64_t age_from_ms;          /* wall time from which its age counts */
	struct delivery_facts facts;
	struct metric *ended; /* postrider_invocations_total of its target */
	bool is_found;        /* what @target's requests need of the event stands in spots */
	uint8_t spot_count;   /* of which there is room for so many */
	struct value_spot spots[];
};

/* The one writer of d->state; a move that core/gate/delivery.h does not
 * allow is our bug and aborts. */
void delivery_move(struct delivery *d, enum delivery_state to);
int64_t delivery_age_ms(const struct delivery *d);
/* Before an attempt: where @conf says the same as the delivery's configuration but for newer
 * secrets, it is the delivery's from now on. */
void delivery_refresh(struct delivery *d, struct conf *conf);

/*
 * Bury @d: write its dead letter, for as long as that takes, then settle it. Its facts say why.
 * With no topic for it ("none") it is counted and settled, unless it was a letter already:
 * that goes back to where it came from.
 */
void delivery_bury(struct delivery *d, const char *topic);
/* Give up writing the letter, without settling: the offset stays. */
void delivery_unbury(struct delivery *d);

#endif
