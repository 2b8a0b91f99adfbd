/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gap.c - offsets that do not follow each other.
 *
 * Forward: a hole by compaction or a transaction's marker is nothing. The last offsets of a log
 * can be such a hole, behind which no record comes: librdkafka tells at each end of the log how
 * far it has read, and the owner hears that it may pass what is missing there. But when the log begins
 * behind what we wanted, retention has eaten records that nobody read. librdkafka goes on at
 * the log's beginning by itself (its auto.offset.reset is "earliest" for us, whatever the
 * user chose for a group without offsets, because anything else would skip records).
 *
 * Backward: what we wanted lies behind the log's end, so the topic was made anew or
 * truncated, and librdkafka went to its beginning. Offsets begin again, so the partition does:
 * a lost one for the owner, and a new one. A user of "latest" goes to the end instead.
 */
#include <librdkafka/rdkafka.h>

#include "base/log.h"
#include "source_private.h"

static void check_lost(struct source_part *part, int64_t offset)
{
	struct source *s = part->source;
	int64_t low, high, until;

	source_watermarks(s, &part->public, &low, &high);
	until = min_i64(low, offset);
	if (until > part->next)
		s->cb.records_lost(s->ctx, &part->public, part->next, until - part->next);
}

static void seek_end(struct source_part *part)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_error_t *error;

	rd_kafka_topic_partition_list_add(list, part->public.topic, part->public.partition)
		->offset = RD_KAFKA_OFFSET_END;
	error = rd_kafka_seek_partitions(kafka_client_handle(part->source->client), list, 0);
	if (error != NULL)
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
}

static struct source_part *begin_again(struct source_part *part, int64_t offset)
{
	struct source *s = part->source;
	bool latest = strcmp(s->auto_offset_reset, "latest") == 0;
	struct source_part *fresh;

	log_warn("topic_began_again",
		latest ? "the log ends before what was read: topic recreated or truncated; "
			 "going to its end (auto_offset_reset)"
		       : "the log ends before what was read: topic recreated or truncated; "
			 "reading it from its beginning",
		log_str("topic", part->public.topic),
		log_int("partition", part->public.partition), log_int("wanted", part->next),
		log_int("found", offset), log_str("lane", s->name));
	fresh = source_part_replace(part);
	s->cb.revoked(s->ctx, &part->public, SOURCE_ANEW);
	s->cb.assigned(s->ctx, &fresh->public, latest ? -1 : offset, (struct slice){NULL, 0});
	if (!latest)
		return fresh;
	seek_end(fresh);
	return NULL;
}

struct source_part *source_gap_check(struct source_part *part, int64_t offset)
{
	if (part->next < 0 || offset == part->next)
		return part;
	if (offset < part->next)
		return begin_again(part, offset);
	check_lost(part, offset);
	return part;
}

void source_gap_end(struct source_part *part, int64_t offset)
{
	struct source *s = part->source;
	int64_t low, high;

	source_problem_clear(part);
	if (part->next < 0) {
		source_watermarks(s, &part->public, &low, &high);
		part->next = max_i64(low, 0); /* an empty log has nothing to pass */
	}
	if (offset <= part->next)
		return;
	part->next = offset;
	s->cb.passed(s->ctx, &part->public, offset);
}

void source_gap_error(struct source_part *part, const rd_kafka_message_t *m)
{
	struct source *s = part->source;
	const char *text = rd_kafka_message_errstr(m);

	kafka_client_set_error(s->client, text);
	if (part->problem != NULL && strcmp(part->problem, text) == 0)
		return; /* it was told */
	source_problem_set(part, text);
	if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
		log_error("offset_out_of_range",
			"nothing is read from this partition: the group has no offset in it, and "
			"auto_offset_reset is \"error\"; stop, set one with kafka-consumer-groups "
			"--reset-offsets, start again",
			log_str("topic", part->public.topic),
			log_int("partition", part->public.partition),
			log_str("group", s->group_id), log_str("error", text));
	else
		log_warn("partition_error", "a partition cannot be read now",
			log_str("topic", part->public.topic),
			log_int("partition", part->public.partition),
			log_str("group", s->group_id), log_str("error", text));
}
