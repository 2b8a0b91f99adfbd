/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadletter.h - letters to dead-letter topics; a letter counts only when Kafka has
 * acknowledged it.
 *
 * A submitted letter is tried for ever, with back-off, until it is acknowledged or
 * cancelled: the offset of its record waits for it. Why a topic can't be written is a state
 * that can be asked for, with the words that mend it.
 */
#ifndef IO_DEADLETTER_H
#define IO_DEADLETTER_H

#include "base/err.h"
#include "core/event.h"
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
	int64_t timestamp_ms;     /* -1: now */
	int32_t source_partition; /* used where the topic has as many partitions; else by key */
	const struct event_header *headers;
	size_t header_count;
	size_t required_headers; /* when too large, only the first so many are sent */
	deadletter_done_fn done; /* acknowledged */

	struct deadletter_job *job; /* the producer's; NULL when not submitted */
};

struct deadletter *deadletter_new(
	struct loop *l, const struct deadletter_settings *s, struct err *err);
/* Letters not acknowledged are forgotten (their offsets are not committed). Accepts NULL. */
void deadletter_free(struct deadletter *d);
void deadletter_submit(struct deadletter *d, struct deadletter_letter *letter);
void deadletter_cancel(struct deadletter_letter *letter);

struct deadletter_topic_state {
	const char *topic;
	size_t pending;
	bool holding;     /* the last try failed */
	int64_t since_ms; /* wall time at which it began to fail */
	char reason[512]; /* what failed, and the command that mends it */
};

/* The state of one topic; false when nothing was ever submitted to it. */
bool deadletter_get_state(
	const struct deadletter *d, const char *topic, struct deadletter_topic_state *ret);
size_t deadletter_pending(const struct deadletter *d);

#endif
