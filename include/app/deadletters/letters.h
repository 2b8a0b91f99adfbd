/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letters.h - which dead letters does an operator mean, and where do they stand?
 *
 * What `postrider dead-letters list`, `show` and `redrive` share: the filters, the
 * configuration's dead-letter topics, and how a letter is told.
 */
#ifndef APP_DEADLETTERS_LETTERS_H
#define APP_DEADLETTERS_LETTERS_H

#include "app/conf/conf.h"
#include "core/letter_view.h"
#include "io/kafka/reader.h"

#define LETTERS_TIMEOUT_MS 15000 /* of a question to Kafka, by a command */

/* NULL and -1: any. Borrowed from the command line. */
struct letters_filter {
	const char *topic, *rule, *target;
	const char *code; /* an ERROR_CODE, or an HTTP status */
	int64_t since_ms,
		until_ms; /* wall time at which the letter was written; both included */
	uint64_t limit;   /* how many; 0: all */
};

extern const struct letters_filter letters_filter_any;

/* Does the letter in @record, as @v says, pass? The topic and the limit are the caller's. */
bool letters_filter_wants(const struct letters_filter *f, const struct letter_view *v,
	const struct event_fields *record);

/* "2026-11-23T09:05:04Z" and shorter (time_text.h), or how long ago: "90s", "15m", "6h", "2d". */
int letters_parse_time(
	const char *text, int64_t wall_ms, int64_t *ret, struct err *err) ATTR_MUST_CHECK;

/* A dead-letter topic, and the first consumer of the file that writes to it: its letters are
 * redriven in that one's group. */
struct letters_topic {
	const char *name; /* the configuration's, or the filter's */
	const struct conf_consumer *consumer;
};

/* Each topic once, in the order of the file; with @only that one alone, also when the
 * configuration does not know it. The caller frees the array. */
struct letters_topic *letters_topics(
	const struct conf *conf, const char *only, size_t *ret_count);

/* For @command ("dead-letters list"); @group as in reader.h. */
struct reader *letters_reader(
	const struct conf *conf, const char *command, const char *group, struct err *err);

/* Today's target of a letter: its rule's, by id; NULL when there is none (any more), or the
 * rule is disabled: *ret_why says which. */
const struct conf_target *letters_target(
	const struct conf *conf, struct slice rule, struct slice target, const char **ret_why);

/* One JSON object, without a line's end: for --json. */
void letters_add_json(
	struct buf *out, const struct letter_view *v, const struct event_fields *record);

#endif
