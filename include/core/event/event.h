/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.h - one Kafka record, copied out of librdkafka at once.
 *
 * A held librdkafka message pins its whole fetch response, so the record's bytes are
 * copied into a single block together with this header. Deliveries share the event by
 * reference; the last one frees it. Owned by one loop thread: the count is not atomic.
 */
#ifndef CORE_EVENT_EVENT_H
#define CORE_EVENT_EVENT_H

#include "base/util.h"

struct event_header {
	struct slice name;
	struct slice value; /* data NULL: a null header */
};

/* What an event is made of; also the view of a record that has not been copied yet. */
struct event_fields {
	const char *topic;
	int32_t partition;
	uint32_t header_count;
	int64_t offset;
	int64_t timestamp_ms; /* Kafka's, wall time; -1: none */
	int64_t taken_up_ms; /* wall time at which the lane took it up: what is shown and sent */
	int64_t taken_up_at_ms; /* the same, monotonic: what ages are measured from */
	struct slice key;       /* data NULL: no key */
	struct slice value;     /* data NULL: a tombstone */
	const struct event_header *headers;
};

struct event {
	struct event_fields f; /* everything it points to lies in this block */
	unsigned refs;
	uint32_t bytes; /* of the block: what the event costs in memory */
};

/* Copies everything. The caller holds the one reference. */
struct event *event_new(const struct event_fields *f);
struct event *event_ref(struct event *ev);
/* Accepts NULL. */
void event_unref(struct event *ev);
/* The first header of that name (case-sensitive, as in Kafka), or NULL. */
const struct event_header *event_find_header(const struct event *ev, struct slice name);

/* Could a topic of Kafka have this name: 1 to 249 letters, digits, '.', '_' and '-'? Nothing else
 * is taken for one, wherever it comes from. */
#define EVENT_TOPIC_MAX_BYTES 249
bool event_is_topic_name(struct slice name);

#endif
