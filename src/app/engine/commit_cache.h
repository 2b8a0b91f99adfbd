/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commit_cache.h - what a consumer knew of partitions that it lost without a last commit.
 *
 * While Kafka can't be reached for longer than the session, deliveries go on and commits do
 * not: the group then hands out the partition from its last commit, and all that was delivered
 * since would be repeated. If it comes back to this consumer, and nobody has committed meanwhile,
 * what is known here is still true and more than what the group has: it is believed instead.
 *
 * Nobody has committed when the group's offset and metadata are those of the last commit that
 * was acknowledged to us, or of the last one that was sent, whose answer may have been lost.
 * Whatever else stands there (an operator's reset, another owner's progress) is the truth.
 *
 * Memory: a completion map for each partition that is lost at the moment.
 */
#ifndef APP_ENGINE_COMMIT_CACHE_H
#define APP_ENGINE_COMMIT_CACHE_H

#include "app/engine/consumer_loop.h"
#include "base/buf.h"

struct commit_mark commit_mark(int64_t offset, struct slice metadata);

void commit_cache_init(struct commit_cache *c);
void commit_cache_release(struct commit_cache *c);

/* @position and @map (taken over) are what is known; @acknowledged and @sent, what the
 * group may have. */
void commit_cache_keep(struct commit_cache *c, const char *topic, int32_t partition,
	struct commit_mark acknowledged, struct commit_mark sent, int64_t position,
	struct buf *map);
/* The partition has come back with @found. True: *ret_position and *ret_map (to be released)
 * are to be believed instead. Either way it is forgotten. */
bool commit_cache_take(struct commit_cache *c, const char *topic, int32_t partition,
	struct commit_mark found, int64_t *ret_position, struct buf *ret_map);

#endif
