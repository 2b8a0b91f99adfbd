/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topics.h - one look at topics: are they there, how are they made; missing ones are made when
 * that is wanted.
 *
 * For the start, when dead-letter topics are checked. Has a client of its own for as long as
 * it lasts, asks in a thread, and answers on the loop. What could not be found out (an ACL
 * denies it, a broker cannot say) is marked as not known; that is no error.
 */
#ifndef IO_KAFKA_TOPICS_H
#define IO_KAFKA_TOPICS_H

#include "base/err.h"
#include "io/loop.h"

enum topics_presence {
	TOPICS_NOT_KNOWN, /* Kafka did not answer */
	TOPICS_THERE,
	TOPICS_MISSING, /* and it was not to be made, or could not be */
	TOPICS_MADE,    /* just now, by us */
};

struct topics_info {
	const char *name;
	enum topics_presence presence;
	unsigned partitions;
	int64_t max_message_bytes; /* -1: not known */
	int64_t retention_ms;      /* INT64_MAX: for ever; -1: not known */
	bool deletes;              /* what is older than its retention is removed */
	bool compacted;            /* cleanup.policy has "compact": a later letter of the same
				    * key removes an earlier one */
	/* Why it is not known or missing, with the command that makes it. */
	char reason[512];
};

struct topics_create {
	int partitions, replication_factor; /* -1: the broker's default */
	int64_t retention_ms;               /* -1: the broker's default */
};

struct topics_settings {
	const char *const *properties; /* "name=value" for librdkafka */
	size_t property_count;
	const char *const *names;
	size_t name_count;
	const struct topics_create *create; /* NULL: nothing is made */
	int64_t timeout_ms;                 /* for each question */
};

struct topics;
/* One info for each name, in order; valid until topics_free(), which may be called here. */
typedef void (*topics_done_fn)(void *ctx, const struct topics_info *infos, size_t count);

/* Everything is copied. ERR_INVALID when librdkafka refuses a property. */
struct topics *topics_look_up(struct loop *l, const struct topics_settings *s,
	topics_done_fn done, void *ctx, struct err *err);
/* Also before it is done, which then never comes. Accepts NULL. */
void topics_free(struct topics *t);

#endif
