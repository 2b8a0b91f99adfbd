/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadletter_private.h - what the files of the dead-letter producer share.
 *
 *   deadletter.c  the interface, and the producer's reports
 *   topic.c       one topic: which letter is sent when
 *   reason.c      why a topic can't be written, and the command that mends it
 *
 * A job is one letter's way into one topic. A topic has two queues of jobs: `small`, and `big` for
 * letters that the broker has refused as too large.
 *
 *           submit          sent              acknowledged
 *   (none) --------> small ------> in flight ---------------> (freed, done)
 *                      ^             | |  ^
 *                      +-------------+ |  |
 *                     any other        |  | sent while no
 *                     failure          |  | other is
 *                                      v  |
 *                            too large big
 *
 * librdkafka sends letters in batches, and a broker refuses a batch as a whole. So a letter from
 * `big` is sent while no other is in flight: first whole, then without its optional headers, then
 * without the event's value and headers.
 *
 * A queue is `failing` from a failure on. Then one letter at a time is tried, with growing pauses.
 * `small` recovers with the first that gets through, `big` when all of its letters have.
 */
#ifndef IO_DEADLETTER_DEADLETTER_PRIVATE_H
#define IO_DEADLETTER_DEADLETTER_PRIVATE_H

#include "base/rng.h"
#include "io/deadletter/deadletter.h"
#include "io/kafka/kafka.h"

struct send_queue {
	struct list again, fresh; /* jobs; those that were sent before go first */
	size_t in_flight;
	bool failing;
	struct loop_timer retry; /* failing, and set: nothing is tried before it fires */
	int64_t backoff_ms;
};

/* From the largest to the smallest. */
enum letter_form {
	LETTER_WHOLE,
	LETTER_REDUCED,   /* only the required headers */
	LETTER_REFERENCE, /* of these our own, and no value: the record is where SOURCE_* say */
};

struct deadletter_job {
	struct list node; /* in its queue, or in topic->in_flight */
	struct deadletter_topic *topic;
	struct send_queue *queue;
	struct deadletter_letter *letter; /* NULL: cancelled while it was in flight */
	bool in_flight;
	bool is_probe;         /* sent while its queue was failing */
	enum letter_form form; /* as which it is sent */
	bool by_key;           /* the source's partition does not exist there */
};

struct deadletter_topic {
	struct list node; /* in deadletter->topics */
	struct deadletter *owner;
	char *name;
	struct rd_kafka_topic_s *handle;
	struct send_queue small, big;
	struct list in_flight;
	size_t pending;          /* letters that are not cancelled */
	int32_t partition_limit; /* the source's partitions from here on do not exist */
	int64_t since_ms;        /* monotonic: failing since; 0: is not */
	uint64_t failures;
	char reason[512];
};

struct deadletter {
	struct loop *loop;
	struct kafka_client *client;
	struct kafka_client *next; /* its successor, once nothing is in flight; or NULL */
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
void deadletter_topic_add(struct deadletter_topic *t, struct deadletter_letter *letter);
void deadletter_topic_free(struct deadletter_topic *t);
/* The owner has another client: letters that wait are tried at once. Nothing is in flight. */
void deadletter_topic_change_client(struct deadletter_topic *t);
bool deadletter_topic_is_in_flight(const struct deadletter_topic *t);
/* Send whatever may be sent now. */
void deadletter_topic_serve(struct deadletter_topic *t);
/* A report has come for a job in flight: it is freed, or waits to be sent again. */
void deadletter_topic_report(struct deadletter_job *job, int code);
void deadletter_job_free(struct deadletter_job *job);

/* reason.c */
void deadletter_reason(const struct deadletter_topic *t, const struct deadletter_letter *letter,
	int code, char out[512]);

#endif
