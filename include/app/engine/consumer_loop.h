/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer_loop.h - one Kafka consumer of a group: it reads, and commits what is settled.
 *
 *   source --> policy->take() --> work, settled in any order
 *     ^                             |
 *     +-------- commit <-- tracker <+
 *
 * The loop owns the source, the partitions and their trackers. It reads while the policy wants
 * more, pauses a partition whose completion map is nearly full, commits, and gives back what a
 * rebalance or the end takes away. What a record means is the policy's: a lane matches it against
 * rules (lane.h), a redrive sends one dead letter to one target (redrive_group.c).
 *
 * A partition:
 *
 *   assigned: policy->partition_new(), the tracker is restored, policy->assigned()
 *   ACTIVE    policy->take() for each record
 *   REVOKED   nothing is taken; policy->withdraw(), and what is on the wire may end until a
 *             deadline; when no work is open and all is committed, it is released
 *   released: policy->partition_free()
 *
 * A lost partition is another's already: all its work is withdrawn, and it is released at once. What
 * was settled in it is remembered, in case it comes back (commit_cache.h).
 *
 * Commits: one in flight. The next follows no sooner than the interval after the answer to the last
 * one; when only attempts have changed, a second after it; when a revoked partition waits for it, at
 * once.
 *
 * The policy embeds the loop and its partitions in its own (container_of). It counts its open work
 * in consumer_partition.open, settles it in the tracker, and then calls consumer_loop_settled().
 * All callbacks come from the loop's thread, none before consumer_loop_open() has returned.
 */
#ifndef APP_ENGINE_CONSUMER_LOOP_H
#define APP_ENGINE_CONSUMER_LOOP_H

#include "base/list.h"
#include "app/metrics/metrics.h"
#include "core/offsets/offsets.h"
#include "io/loop.h"
#include "io/source/source.h"

struct consumer_loop;

/* What a group has committed for a partition, short: to see whether anybody else has committed. */
struct commit_mark {
	int64_t offset;
	uint64_t metadata; /* its hash */
};

/* What was known of partitions when they were lost (commit_cache.h). */
struct commit_cache {
	struct list entries;
};

/* A partition while it is assigned. The policy reads it, and writes `open`. */
struct consumer_partition {
	struct list node; /* the loop's */
	struct consumer_loop *loop;
	struct source_partition *source;
	struct offsets *tracker;
	size_t open; /* pieces of work of it that have not ended */
	bool revoked;
	bool paused;    /* it is not read: its map is nearly full, or policy->is_over() */
	bool in_commit; /* part of the commit in flight */
	struct commit_mark acknowledged, sent; /* what the group has; what it may have */
	size_t map_bytes;                      /* of the completion map last committed */
	int64_t revoke_by_ms;
};

struct consumer_policy {
	/* Zeroed memory with a struct consumer_partition in it. */
	struct consumer_partition *(*partition_new)(struct consumer_loop *l);
	void (*partition_free)(struct consumer_partition *p);
	/* Where the group stands, given what it has committed (-1: nothing). NULL: just there. */
	int64_t (*position)(const struct consumer_loop *l,
		const struct source_partition *source, int64_t committed);
	/* The commit metadata can't be believed, for @reason: log it. */
	void (*map_ignored)(
		const struct consumer_partition *p, int64_t committed, const char *reason);
	/* The tracker is restored. It reads from offsets_next() on. */
	void (*assigned)(struct consumer_partition *p);

	/* Has it room for a record? Not asked while the loop is closing. */
	bool (*wants_more)(struct consumer_loop *l);
	void (*take)(struct consumer_partition *p, struct event_fields *record);
	/* A pass of reading has ended, with l->stalled when there was no room. NULL: nothing. */
	void (*has_read)(struct consumer_loop *l);
	/* No record stands below @offset that was not taken. How far may it be passed? NULL: so
	 * far. */
	int64_t (*pass)(struct consumer_partition *p, int64_t offset);
	/* Is nothing more wanted of @p? NULL: never. */
	bool (*is_over)(const struct consumer_partition *p);
	/* Forget the work of @p that is not on the wire, or @all: it is not settled. */
	void (*withdraw)(struct consumer_partition *p, bool all);
	/* What was settled is dealt with: committed or due, paused, resumed, released. */
	void (*has_settled)(struct consumer_loop *l);

	void (*share_changed)(struct consumer_loop *l); /* NULL: nothing */
	/* Retention has removed @count records before they were read: log it. */
	void (*records_lost)(struct consumer_loop *l, const struct source_partition *source,
		int64_t from, int64_t count);
	/* Another process has our place: nothing may be sent; all work has been withdrawn. */
	void (*fenced)(struct consumer_loop *l, const char *text);
	/* consumer_loop_close() is complete. */
	void (*closed)(struct consumer_loop *l);

	const char *log_key; /* what it is in log lines: "lane", "group" */
};

/* The strings are borrowed for as long as the loop lives. */
struct consumer_loop_settings {
	const char *name, *group_id;
	struct offsets_settings offsets;      /* but for the place */
	int64_t commit_interval_ms, drain_ms; /* drain_ms: after a revocation */
	struct metric *commit_seconds;        /* NULL: not measured */
};

struct consumer_loop {
	struct loop *loop;
	const struct consumer_policy *policy;
	struct consumer_loop_settings settings; /* the intervals may be changed */
	struct source *source;
	struct list partitions;
	struct commit_cache cache;
	struct loop_call pull, settle;
	struct loop_timer commit_timer, revoke_timer;
	int64_t commit_sent_ms, commit_not_before_ms;
	size_t committed_records; /* open ones in the partitions of the last commit */
	int64_t last_record_ms; /* monotonic; when records were last taken, or a partition came */
	bool stalled;           /* the policy has no room */
	bool closing;
	int64_t close_by_ms;
	unsigned assigned, whole; /* partitions of ours, and of all topics */

	uint64_t commits, commit_failures;
	char commit_error[128];
};

void consumer_loop_init(struct consumer_loop *l, struct loop *loop,
	const struct consumer_policy *policy, const struct consumer_loop_settings *s);
/* Join the group. @s is without name and group_id. ERR_INVALID when librdkafka refuses it. */
int consumer_loop_open(struct consumer_loop *l, const struct source_settings *s,
	struct err *err) ATTR_MUST_CHECK;
/* All work is withdrawn; opened and closed or not. */
void consumer_loop_release(struct consumer_loop *l);

/* Look for records soon: there may be room again. */
void consumer_loop_pull_soon(struct consumer_loop *l);
/* Something was settled or withdrawn: commit, resume, release soon. */
void consumer_loop_settled(struct consumer_loop *l);
/* Revoke all partitions within @grace_ms, leave the group, then policy->closed(). */
void consumer_loop_close(struct consumer_loop *l, int64_t grace_ms);

/* Is nothing left to commit, and no commit in flight? */
bool consumer_loop_is_committed(const struct consumer_loop *l);

static inline struct consumer_partition *consumer_partition_of(struct list *node)
{
	return list_entry(node, struct consumer_partition, node);
}

#endif
