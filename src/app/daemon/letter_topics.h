/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter_topics.h - dead-letter topics are looked up before the first letter needs them.
 *
 * At the start and after a reload: those that are missing are made when dead_letter_create says
 * so, else named in one log line with the commands that make them. Nothing waits for that: a
 * letter that can't be written holds its offset, whatever was said here. Then limits are
 * compared: a record that a source topic takes and its dead-letter topic does not would hold.
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

/* Begins to look. A reference to @conf is kept. */
struct letter_topics *letter_topics_new(struct loop *loop, struct conf *conf);
/* Also while it looks. Accepts NULL. */
void letter_topics_free(struct letter_topics *t);

#endif
