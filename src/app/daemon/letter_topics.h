/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter_topics.h - looks up the dead-letter topics before the first letter needs them.
 *
 * That happens at the start and after a reload. Missing topics are created if dead_letter_create
 * says so, or else named in one log line, with the commands that create them. Nothing waits for
 * it: a letter that can not be written holds the offset of its record in any case. Then the limits of
 * message size are compared: a record that fits into its topic but not into the dead-letter topic
 * would hold its offset, too.
 *
 * Log lines: dead_letter_topics_missing, dead_letter_topics_made, dead_letter_topic_smaller,
 * dead_letter_topic_compacted. While Kafka does not answer it is asked again, every half
 * minute.
 */
#ifndef APP_DAEMON_LETTER_TOPICS_H
#define APP_DAEMON_LETTER_TOPICS_H

#include "app/conf/conf.h"
#include "io/loop.h"

struct letter_topics;

/* Begin to look them up. A reference to @conf is kept. */
struct letter_topics *letter_topics_new(struct loop *loop, struct conf *conf);
/* At any time. Accepts NULL. */
void letter_topics_free(struct letter_topics *t);

#endif
