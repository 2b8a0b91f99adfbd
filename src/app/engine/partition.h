/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition.h - one partition while it is assigned to a lane: its tracker and its open
 * deliveries.
 *
 *   ACTIVE --revoked--> RETIRING --quiet, committed--> released (freed)
 *
 * Retiring, it takes up nothing; deliveries that are not on the wire are forgotten at once
 * (their records are not settled: the next owner delivers them), the others may end until a
 * deadline. When none is left the last commit is made, and the partition is given back.
 */
#ifndef APP_ENGINE_PARTITION_H
#define APP_ENGINE_PARTITION_H

#include "app/engine/delivery.h"
#include "gauges.h"
#include "recall.h"
#include "io/source/source.h"

struct lane;

struct partition {
	struct list node; /* the lane's */
	struct lane *lane;
	struct source_partition *source;
	struct offsets *tracker;
	struct delivery_owner owner; /* of these */
	struct list deliveries;      /* open, in order of taking up */
	size_t open;
	bool retiring;
	bool held;      /* the completion map is crowded: it is not read */
	bool in_commit; /* part of the commit in flight */
	struct recall_mark acknowledged, sent; /* what the group has; what it may have */
	bool ageing;      /* what is open will soon be removed by retention: that was said */
	size_t map_bytes; /* of the completion map last committed */
	int64_t retire_by_ms;
	struct partition_gauges gauges;
};

/* @group is the lane's: a map that belongs to another group or partition is not believed. */
struct partition *partition_new(struct lane *lane, const char *group,
	struct source_partition *source, const struct offsets_settings *s, int64_t committed,
	struct slice metadata);
/* No delivery may be open. */
void partition_free(struct partition *p);

/* Is there anything that a commit would tell Kafka? */
bool partition_has_news(const struct partition *p);

#endif
