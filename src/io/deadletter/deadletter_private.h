/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadletter_private.h - what the files of the dead-letter producer (io/deadletter) share.
 *
 *   deadletter.c  the interface, and the producer's reports
 *   topic.c       one topic: what is sent when
 *   reason.c      why a topic can't be written, in words that mend it
 *
 * The life of a job, which is one letter's in one topic:
 *
 *           submit                                    acknowledged
 *   (none) --------> QUEUED --------------> FLYING ------------------> (freed, done)
 *                      ^                      |  \  too large
 *                      |  any other failure   |   v
 *                      +----------------------+  BIG --> alone on the wire, first whole,
 *                                                 ^       then without optional headers
 *                                                 |         |
 *                                                 +---------+ still too large
 *
 * Where a letter failed, the topic holds: one letter is tried, with back-off, until one gets
 * through; then all go.
 */
#ifndef IO_DEADLETTER_DEADLETTER_PRIVATE_H
#define IO_DEADLETTER_DEADLETTER_PRIVATE_H

#include "base/rng.h"
#include "io/deadletter/deadletter.h"
#include "io/kafka/kafka.h"

enum deadletter_place {
	DEADLETTER_QUEUED, /* in topic->queued, or topic->again after a failure */
	DEADLETTER_BIG,    /* in topic->big: was refused as too large */
	DEADLETTER_FLYING, /* in topic->flying */
};

struct deadletter_job {
	struct list node;
	struct deadletter_topic *topic;
	struct deadletter_letter *letter; /* NULL: cancelled while it was flying */
	enum deadletter_place place;
	bool reduced; /* only the required headers are sent */
	bool by_key;  /* the source's partition does not exist there */
	bool alone;   /* it flies with no other, so a refusal for size means this one */
};

struct deadletter_topic {
	struct list node; /* in deadletter->topics */
	struct deadletter *owner;
	char *name;
	struct rd_kafka_topic_s *handle;
	struct list again, queued, big, flying; /* again goes before queued */
	size_t pending;                         /* letters that are not cancelled */
	size_t flying_count;
	int32_t partition_limit; /* the source's partitions from here on do not exist */
	bool holding;            /* one letter at a time, at retry.at_ms */
	bool big_holding;        /* the same for the big ones alone */
	bool alone;              /* a big one flies: nothing else does */
	struct loop_timer retry, big_retry;
	int64_t backoff_ms, big_backoff_ms;
	int64_t since_ms;
	uint64_t failures;
	char reason[512];
};

struct deadletter {
	struct loop *loop;
	struct kafka_client *client;
	struct kafka_client *next; /* takes its place when nothing flies any more; or NULL */
	struct loop_call change;   /* change_client(), outside of the clients' own events */
	struct list topics;
	struct rng rng;
	char *bootstrap_servers; /* for the commands in the reasons */
	size_t pending;
	bool full; /* librdkafka's queue is */
};

/* topic.c */
struct deadletter_topic *deadletter_topic_find(const struct deadletter *d, const char *name);
struct deadletter_topic *deadletter_topic_obtain(struct deadletter *d, const char *name);
void deadletter_topic_free(struct deadletter_topic *t);
/* The owner has another client: what waited for the old one is tried. Nothing flies. */
void deadletter_topic_change_client(struct deadletter_topic *t);
/* Send whatever may be sent now. */
void deadletter_topic_serve(struct deadletter_topic *t);
/* A report has come for a flying job: it is freed, or waits to be sent again. */
void deadletter_topic_report(struct deadletter_job *job, int code);
void deadletter_job_free(struct deadletter_job *job);

/* reason.c */
void deadletter_reason(const struct deadletter_topic *t, const struct deadletter_letter *letter,
	int code, char out[512]);

#endif
