/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane_private.h - what the files of a lane share:
 * lane.c (the object, its partitions, its status), lane_deliver.c (records become deliveries).
 */
#ifndef APP_ENGINE_LANE_PRIVATE_H
#define APP_ENGINE_LANE_PRIVATE_H

#include "app/engine/consumer_loop.h"
#include "app/engine/delivery.h"
#include "app/engine/lane.h"
#include "gauges.h"
#include "router.h"

struct lane {
	struct consumer_loop consumer_loop;
	struct engine_context *context;
	char *name, *group_id, *instance_id;
	const struct lane_callbacks *cb;
	void *ctx;

	struct conf *conf;
	const struct conf_consumer *consumer;
	char *destination; /* NULL: all of the consumer's */
	struct router *router;

	struct budget_member budget;
	struct lane_gauges gauges;
	struct loop_timer sweep_timer;
	struct list stalled_node; /* in context->stalled, while it waits for room */
};

struct lane_partition {
	struct consumer_partition base;
	struct delivery_owner owner; /* of these */
	struct list deliveries;      /* open, in order of taking up */
	bool ageing; /* retention will soon remove what is open: that was logged */
	struct partition_gauges gauges;
};

static inline struct lane *lane_of(const struct consumer_loop *l)
{
	return container_of(l, struct lane, consumer_loop);
}

static inline struct lane_partition *lane_partition_of(const struct consumer_partition *p)
{
	return container_of(p, struct lane_partition, base);
}

/* lane_deliver.c */
bool lane_wants_more(struct consumer_loop *l);
void lane_take(struct consumer_partition *p, struct event_fields *record);
/* The deliveries of @p are the lane's. */
void lane_own(struct lane_partition *p);
/* Forget the deliveries of @p that are not on the wire, or all: without settling them. */
void lane_withdraw(struct consumer_partition *p, bool all);
void lane_sweep(struct loop_timer *timer);

#endif
