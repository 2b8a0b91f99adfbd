/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h - topics read from the outside: without a group, from a time or an offset on.
 *
 * For the commands that show things: it joins nothing and commits nothing. It blocks, and
 * belongs to one thread that has nothing else to do.
 *
 *   reader_new --> reader_add() a topic each --> reader_start --> reader_next, until END
 *
 * reader_add() asks for the topic's ends, and by timestamp for where to begin, so that a
 * topic of a million records starts to give those of the last hour at once. The ends that it
 * saw are those up to which is read; with follow there is no end.
 */
#ifndef IO_KAFKA_READER_H
#define IO_KAFKA_READER_H

#include "base/err.h"
#include "core/event/event.h"

struct buf;

struct reader_settings {
	const char *name;              /* for texts: "dead-letters list" */
	const char *const *properties; /* "name=value" for librdkafka */
	size_t property_count;
	const char *group_id; /* whose commits reader_committed() tells; NULL: nobody's */
	int64_t timeout_ms;   /* of each question */
};

/* One partition, as reader_add() found it. */
struct reader_part {
	const char *topic;
	int32_t partition;
	int64_t low, end; /* first offset there is, and the one behind the last */
	int64_t from;     /* where it is read from; set it before reader_start() to another */
};

struct reader;

/* ERR_INVALID when librdkafka refuses a property. */
struct reader *reader_new(const struct reader_settings *s, struct err *err);
/* Accepts NULL. */
void reader_free(struct reader *r);

/* ERR_NOT_FOUND: there is no such topic. ERR_DENIED. ERR_IO: Kafka did not answer. Records
 * before @since_ms, wall time, are not read; -1: all are. */
int reader_add(
	struct reader *r, const char *topic, int64_t since_ms, struct err *err) ATTR_MUST_CHECK;
/* In order of topics added, and of partitions; the array moves with reader_add(). */
struct reader_part *reader_parts(struct reader *r, size_t *ret_count);
/* What the group of the settings has committed for @part: -1 for nothing. Its metadata is
 * appended. */
int reader_committed(struct reader *r, const struct reader_part *part, int64_t *ret_offset,
	struct buf *metadata, struct err *err) ATTR_MUST_CHECK;

int reader_start(struct reader *r, bool follow, struct err *err) ATTR_MUST_CHECK;

enum reader_result {
	READER_RECORD,
	READER_NOTHING, /* within the time given */
	READER_END,     /* of all partitions, as reader_add() saw them */
	READER_FAILED,  /* ERR_* is in err */
};

/* The next record of any partition, in each in order; valid until the next call. */
enum reader_result reader_next(
	struct reader *r, int64_t timeout_ms, struct event_fields *ret, struct err *err);

#endif
