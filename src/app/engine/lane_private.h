/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane_private.h - what the files of a lane share, and nobody else includes:
 * lane.c (the object, and what the source says), lane_deliver.c (records become deliveries),
 * lane_commit.c (what is settled is committed, what is taken away is retired).
 */
#ifndef APP_ENGINE_LANE_PRIVATE_H
#define APP_ENGINE_LANE_PRIVATE_H

#include "gauges.h"
#include "router.h"
#include "app/engine/lane.h"
#include "partition.h"

struct lane {
	struct engine_context *context;
	char *name, *group_id, *instance_id;
	const struct lane_callbacks *cb;
	void *ctx;

	struct conf *conf;
	const struct conf_consumer *consumer;
	char *destination; /* NULL: all of the consumer's */
	struct intake *intake;

	struct source *source;
	struct list partitions;
	struct recall recall; /* of those that were lost */
	struct budget_member budget;
	struct lane_gauges gauges;
	struct loop_call pull;      /* take up records */
	struct loop_call settle_up; /* commit, go on reading, give back: after settlements */
	struct loop_timer commit_timer, sweep_timer, retire_timer;
	int64_t commit_sent_ms, commit_not_before_ms;
	size_t walked;            /* open records in the partitions of the last commit */
	struct list stalled_node; /* in context->stalled, while it waits for room */
	bool stalled, closing;
	int64_t close_by_ms;
	unsigned assigned, whole;

	uint64_t commits, commit_failures;
	char commit_error[128];
};

/* lane_deliver.c */
void lane_pull(struct loop_call *call);
void lane_sweep(struct loop_timer *timer);
/* The deliveries of @p are the lane's. */
void lane_own(struct partition *p);
/* Forget the deliveries of @p that are not on the wire, or all: without settling them. */
void lane_withdraw(struct partition *p, bool all);

/* lane_commit.c */
void lane_settle_up(struct loop_call *call);
void lane_commit_timer(struct loop_timer *timer);
void lane_retire_timer(struct loop_timer *timer);
void lane_retire(struct partition *p);
void lane_committed(struct lane *lane, int code, const char *text);

static inline void lane_settle_up_soon(struct lane *lane)
{
	loop_defer(lane->context->loop, &lane->settle_up);
}

#endif
