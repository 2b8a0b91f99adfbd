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

/* Append the members of the arrays, without brackets, each to its own buffer. */
struct status_parts {
	struct buf lanes, destinations, dead_letter_topics;
	bool ready; /* every lane has reached Kafka and joined its group */
};

void status_init(struct status_parts *parts);
void status_release(struct status_parts *parts);
void status_collect(const struct engine *e, struct status_parts *parts);

#endif
