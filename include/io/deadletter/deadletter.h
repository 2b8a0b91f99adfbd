/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadletter.h - letters to dead-letter topics; a letter counts only when Kafka has
 * acknowledged it.
 *
 * A submitted letter is tried for ever, with back-off, until it is acknowledged or
 * cancelled: the offset of its record waits for it. Why a topic can't be written is a state
 * that can be asked for, with the words that mend it.
 *
 * While a topic fails, one letter is tried at a time, with back-off from 0.5 s to 30 s, and
 * all go when one got through; other topics are not held up. A letter that is larger than the
 * topic allows is sent without its optional headers, and when it still does not fit, without the
 * event's value and headers: what a producer can make without limit (data that one codec makes small
 * and another does not, say) must not hold offsets. A topic that does not take even that makes it
 * wait by itself, and the others pass.
 *
 * The producer is not idempotent (in old versions of librdkafka such a one can fail for good
 * when a connection breaks), so a letter may, rarely, stand there twice. Properties that carry
 * our promises are refused with the reason; all other defaults may be changed.
 *
 * Log lines from here: dead_letter_topic_failing, once for every reason, and
 * dead_letter_topic_recovered; and those of kafka.h.
 *
 * Owned by one loop. done() may submit and cancel; it may not call deadletter_free().
 */
#ifndef IO_DEADLETTER_DEADLETTER_H
#define IO_DEADLETTER_DEADLETTER_H

#include "base/err.h"
#include "core/event/event.h"
#include "io/loop.h"

struct deadletter_settings {
	const char *const *properties; /* "name=value" for librdkafka */
	size_t property_count;
};

struct deadletter;
struct deadletter_letter;
typedef void (*deadletter_done_fn)(struct deadletter_letter *d);

/* Embedded in its owner; what it points to is borrowed until done or cancelled. */
struct deadletter_letter {
	const char *topic;
	struct slice key, value;
	int64_t timestamp_ms; /* -1: now */
	/* Used where the topic has a partition of that number, else one is chosen by the key,
	 * as Java's producers do. Either way letters of one key go to one partition. -1: by
	 * key. */
	int32_t source_partition;
	const struct event_header *headers;
	size_t header_count;
	size_t required_headers; /* when too large, only the first so many are sent */
	size_t own_headers_at;   /* those before are the event's */
	bool is_reference; /* the producer's answer: it was written without the event's value */
	deadletter_done_fn done; /* acknowledged */

	struct deadletter_job *job; /* the producer's; NULL when not submitted */
};

struct deadletter *deadletter_new(
	struct loop *l, const struct deadletter_settings *s, struct err *err);
/*
 * Go on with other properties: new credentials, say. What flies is waited for (30 s at most,
 * librdkafka's message.timeout.ms), so that no letter stands there twice for that; all others
 * go with the new ones, at once. ERR_INVALID: librdkafka refuses them, and nothing has changed.
 */
int deadletter_reconfigure(struct deadletter *d, const struct deadletter_settings *s,
	struct err *err) ATTR_MUST_CHECK;
/* Letters not acknowledged are forgotten (their offsets are not committed). Accepts NULL. */
void deadletter_free(struct deadletter *d);
/* @topic will be written to: find its leaders now, so that the first letter is not late. */
void deadletter_prepare(struct deadletter *d, const char *topic);
void deadletter_submit(struct deadletter *d, struct deadletter_letter *letter);
void deadletter_cancel(struct deadletter_letter *letter);

struct deadletter_topic_state {
	const char *topic;
	size_t pending;
	bool holding;      /* the last try failed, or a letter that is too large waits */
	int64_t since_ms;  /* monotonic time at which it began to fail */
	uint64_t failures; /* tries that Kafka refused, so far */
	char reason[512];  /* what failed, and the command that mends it */
};

/* The state of one topic; false when nothing was ever submitted to it. */
bool deadletter_get_state(
	const struct deadletter *d, const char *topic, struct deadletter_topic_state *ret);
/* One call for each topic that was ever prepared or submitted to, the oldest first: a topic's
 * place never changes. */
void deadletter_visit(const struct deadletter *d,
	void (*visit)(void *ctx, const struct deadletter_topic_state *s), void *ctx);
size_t deadletter_pending(const struct deadletter *d);

#endif
