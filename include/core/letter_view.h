/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter_view.h - a dead letter read again: what letter.h wrote, and the event that it was.
 *
 * Ours are the headers from the last ERROR_CODE on: it is the first that letter_build() adds
 * behind the event's own, whatever these are called. What is before belongs to the event, whose
 * place, time, key and value come back as they were, so that it renders to the same request
 * with the same idempotency key.
 *
 * Whoever may write to a dead-letter topic can write what looks like a letter: nothing in it is
 * trusted. A record whose place could not be one (a topic that no topic can be called) is no
 * letter. What redrive asks besides is in app/deadletters/redrive.h.
 *
 * A view borrows the record's bytes. Pure.
 */
#ifndef CORE_LETTER_VIEW_H
#define CORE_LETTER_VIEW_H

#include "core/event/event.h"

#define LETTER_TOPIC_BYTES (EVENT_TOPIC_MAX_BYTES + 1)

struct letter_view {
	/* What the letter says; absent where it says nothing. */
	struct slice code, message, exhausted, rule, target, destination, response;
	struct slice omitted; /* parts of the event that did not fit into the letter */
	int status;           /* 0: none */
	unsigned retries, redrives;
	int64_t first_attempt_ms, last_attempt_ms; /* wall time; 0: none */

	/* The event that it was. */
	char topic[LETTER_TOPIC_BYTES];
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms; /* -1: unknown */
	size_t header_count;  /* of the record's headers, those that are the event's */
};

/* False: it is no letter of ours, or does not say of which record it is one. */
bool letter_view_read(struct letter_view *v, const struct event_fields *record);
/* The event, borrowing from @v and @record. */
struct event_fields letter_view_event(
	const struct letter_view *v, const struct event_fields *record);

#endif
