/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_private.h - what the files of io/source share.
 *
 *   source.c     making, closing, freeing; settings to properties
 *   read.c       partitions' queues: wake-ups, turns, records
 *   stall.c      a workaround for a stall of old librdkafka
 *   gap.c        offsets that do not follow each other
 *   rebalance.c  assignment and revocation
 *   start.c      where a partition begins in which the group has no offset
 *   commit.c     commits
 *   ends.c       what the broker has of each partition, and whether it can be read
 *   share.c      how many partitions there are in all
 *
 * A partition is in one of two lists: parts (assigned, or revoked and not released yet) or
 * lost (revoked as lost: the group does not wait, but the owner may still hold the pointer).
 *
 * Threads: librdkafka's call on_records() under the queue's lock; all it touches is what
 * source->wake_lock guards. Everything else is the loop's.
 */
#ifndef IO_SOURCE_SOURCE_PRIVATE_H
#define IO_SOURCE_SOURCE_PRIVATE_H

#include <pthread.h>

#include "io/kafka/kafka.h"
#include "io/source/source.h"

struct rd_kafka_message_s;
struct rd_kafka_topic_partition_list_s;
struct rd_kafka_topic_partition_s;

struct source_part {
	struct source_partition public;
	struct source *source;
	struct rd_kafka_queue_s *queue;
	struct list node;
	struct list ready;     /* in source->ready: may have records, not held, not revoked */
	struct list signalled; /* in source->signalled; under source->wake_lock */
	bool has_records;      /* its queue has not said it is empty */
	bool held, revoked;
	int64_t next; /* the offset that would come next were there no holes; -1 unknown */

	/* ends.c */
	char *problem;     /* why it cannot be read; NULL: it can */
	int64_t low, end;  /* of its log, by the last answer */
	int64_t end_at_ms; /* of the last answer; 0: none yet */
	int64_t seen_at;   /* where reading was at that time */
};

enum source_phase {
	SOURCE_RUNNING,
	SOURCE_DRAINING, /* closing: the owner has partitions, or a commit is on its way */
	SOURCE_LEAVING,  /* closing: the group has been told */
	SOURCE_CLOSED,
};

struct source {
	struct loop *loop;
	struct source_callbacks cb;
	void *ctx;
	struct kafka_client *client;
	char *name, *group_id, *auto_offset_reset;
	char **topics;
	size_t topic_count;
	enum source_phase phase;
	bool dead; /* fenced */
	bool joined;
	uint64_t rebalances;

	/* read.c */
	struct list parts, lost, ready;
	pthread_mutex_t wake_lock;
	struct list signalled;
	struct loop_fd wake;
	struct loop_call tell_readable;
	struct rd_kafka_message_s *message; /* what the last source_next() points into */
	struct event_header *headers;
	size_t header_cap;

	/* stall.c */
	bool nudge_needed;
	struct loop_timer nudge;

	/* rebalance.c */
	struct rd_kafka_topic_partition_list_s *arriving; /* assigned, offsets not known yet */
	struct rd_kafka_topic_partition_list_s *leaving;  /* revoked, not released yet */
	bool leaving_lost;
	uintptr_t asked; /* number of the last question for committed offsets */
	struct loop_timer ask_again;
	struct loop_timer close_step; /* while closing: every few milliseconds */
	int64_t drain_by_ms, close_by_ms;

	/* start.c */
	struct kafka_query *starts_query;
	struct loop_timer starts_look;
	struct rd_kafka_topic_partition_list_s *known; /* what the group has committed */

	/* commit.c */
	bool committing;

	/* ends.c */
	struct kafka_query *ends_query;
	int64_t ends_at_ms;

	/* share.c */
	struct kafka_query *count_query;
	int64_t count_at_ms;
	unsigned whole;
	unsigned told_assigned, told_whole;
};

struct source_part *source_part_of(struct source_partition *p);

/* read.c */
int source_read_init(struct source *s, struct err *err);
void source_read_release(struct source *s);
/* Its queue is separated from the main one before librdkafka starts to fill it. */
struct source_part *source_part_new(struct source *s, const char *topic, int32_t partition);
void source_part_free(struct source_part *part);
struct source_part *source_part_find(
	const struct source *s, const char *topic, int32_t partition);
/* It gives no more records, and librdkafka does not wake us for it. */
void source_part_silence(struct source_part *part);
/* A new life of @part, with its queue; the old one is the owner's until it releases it. */
struct source_part *source_part_replace(struct source_part *part);
/* Look into every queue again: a wake-up that got lost costs a second, not more. */
void source_read_tick(struct source *s);

/* stall.c */
void source_nudge_init(struct source *s);
void source_nudge_release(struct source *s);
/* The queue of @part is empty. */
void source_nudge_empty(struct source_part *part);

/* gap.c */
/* The record at @offset comes next: tell of what was lost before it. The partition that it
 * belongs to, which is another one when the log was made anew; NULL to pass the record over. */
struct source_part *source_gap_check(struct source_part *part, int64_t offset);
/* All records below @offset have been read, whatever is missing there. */
void source_gap_end(struct source_part *part, int64_t offset);
void source_gap_error(struct source_part *part, const struct rd_kafka_message_s *m);

/* rebalance.c */
void source_group_init(struct source *s);
void source_group_release(struct source *s);
void source_group_event(struct source *s, struct rd_kafka_op_s *ev);

/* The arriving partitions begin, at the offsets of @known where it has some. */
void source_group_apply(struct source *s, const struct rd_kafka_topic_partition_list_s *known);
/* They can't begin yet: ask again soon. */
void source_group_retry(struct source *s, const char *problem);
/* The same, without a word: another member has to act first. */
void source_group_ask_again(struct source *s);

/* start.c */
void source_start_init(struct source *s);
/* True when it must first be found where some begin; source_group_apply() follows. */
bool source_start_begin(struct source *s, const struct rd_kafka_topic_partition_list_s *known);
void source_start_cancel(struct source *s);
void source_start_committed(struct source *s, struct rd_kafka_op_s *ev);
/* @name_or_pattern: an entry of source_settings.topics. Any thread. */
bool source_topic_matches(const char *name_or_pattern, const char *topic);

/* commit.c */
void source_commit_event(struct source *s, struct rd_kafka_op_s *ev);

/* ends.c */
void source_ends_tick(struct source *s);
/* The assignment has changed: ask soon. */
void source_ends_soon(struct source *s);
void source_ends_release(struct source *s);
void source_problem_set(struct source_part *part, const char *text);
/* Something was read from it. */
void source_problem_clear(struct source_part *part);

/* share.c */
void source_share_init(struct source *s);
void source_share_tick(struct source *s);
/* The assignment has changed. */
void source_share_update(struct source *s);
void source_share_release(struct source *s);

#endif
