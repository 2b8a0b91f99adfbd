/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recall.h - what a lane knew of partitions that it lost without a last commit.
 *
 * While Kafka can't be reached for longer than the session, deliveries go on and commits do
 * not: the group then hands out the partition from its last commit, and all that was delivered
 * since would be repeated. If it comes back to this lane, and nobody has committed meanwhile,
 * what is known here is still true and more than what the group has: it is believed instead.
 *
 * Nobody has committed when the group's offset and metadata are those of the last commit that
 * was acknowledged to us, or of the last one that was sent, whose answer may have been lost.
 * Whatever else stands there (an operator's reset, another owner's progress) is the truth.
 *
 * Memory: a completion map for each partition that is lost at the moment.
 */
#ifndef APP_ENGINE_RECALL_H
#define APP_ENGINE_RECALL_H

#include "base/buf.h"
#include "base/list.h"

/* What a group has committed for a partition, short. */
struct recall_mark {
	int64_t offset;
	uint64_t metadata; /* its hash */
};

struct recall_mark recall_mark(int64_t offset, struct slice metadata);

/* The partitions of one lane. */
struct recall {
	struct list entries;
};

void recall_init(struct recall *r);
void recall_release(struct recall *r);

/* @position and @map (taken over) are what the lane knows; @acknowledged and @sent, what the
 * group may have. */
void recall_keep(struct recall *r, const char *topic, int32_t partition,
	struct recall_mark acknowledged, struct recall_mark sent, int64_t position,
	struct buf *map);
/* The partition has come back with @found. True: *ret_position and *ret_map (to be released)
 * are to be believed instead. Either way it is forgotten. */
bool recall_take(struct recall *r, const char *topic, int32_t partition,
	struct recall_mark found, int64_t *ret_position, struct buf *ret_map);

#endif
