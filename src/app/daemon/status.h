/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.h - what an operator sees at a glance, as JSON: lanes, destinations, dead-letter
 * topics.
 *
 *   {"lanes": [ {"name", "state", …, "partitions": [ … ]} ],
 *    "destinations": [ {"name", "breaker", …, "connection": { … }} ],
 *    "dead_letter_topics": [ {"topic", "pending", "holding", "reason"} ]}
 *
 * Collected on an engine's own loop; every number is of that moment. No credential is in it.
 */
#ifndef APP_DAEMON_STATUS_H
#define APP_DAEMON_STATUS_H

#include "app/engine/engine.h"
#include "base/json_writer.h"

/* The elements of a list, without its brackets. */
struct status_list {
	struct buf text;
	struct json_writer json; /* into text */
};

/* Not to be moved: the writers point into it. */
struct status_parts {
	struct status_list lanes, destinations, dead_letter_topics;
	bool ready; /* every lane has reached Kafka, joined its group, and can read its partitions */
};

void status_init(struct status_parts *parts);
void status_release(struct status_parts *parts);
void status_collect(const struct engine *e, struct status_parts *parts);
/* The same, but only whether it is ready: nothing is written. */
void status_collect_ready(const struct engine *e, struct status_parts *parts);
/* Append the parts of another engine. */
void status_append(struct status_parts *to, const struct status_parts *from);
/* Write the three lists as members of an object. */
void status_write(const struct status_parts *parts, struct json_writer *w);

#endif
