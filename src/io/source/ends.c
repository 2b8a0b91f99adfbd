/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ends.c - what the broker has of each partition, and whether it can be read.
 *
 * The watermarks that librdkafka keeps come with fetches. Where nothing is fetched, because it is
 * denied or held back, they are old or missing, and that is where the lag matters. So the brokers are
 * asked for the log's beginnings and ends every few seconds, in a thread. What has not been answered
 * for a while is unknown.
 *
 * A partition has a problem from an error of its fetches, or when it has records behind what was
 * read and none has come between two answers. The next record ends that, and so does the end of the
 * log. Where there is nothing to be read no record would come, so librdkafka is made to fetch again,
 * and it then tells the end.
 */
#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "source_private.h"

#define ASK_EVERY_MS 10000
#define ASK_SOON_MS  500
#define KNOWN_FOR_MS 25000
#define ANSWER_MS    5000

struct ends {
	rd_kafka_topic_partition_list_t *lows, *highs;
	bool failed;
};

static void ends_free(void *arg)
{
	struct ends *ends = arg;

	rd_kafka_topic_partition_list_destroy(ends->lows);
	rd_kafka_topic_partition_list_destroy(ends->highs);
	free(ends);
}

static void run_ends(rd_kafka_t *rk, void *arg)
{
	struct ends *ends = arg;

	ends->failed = rd_kafka_offsets_for_times(rk, ends->highs, ANSWER_MS) != 0 ||
		       rd_kafka_offsets_for_times(rk, ends->lows, ANSWER_MS) != 0;
}

static void ask(struct source *s)
{
	struct ends *ends = xcalloc(1, sizeof *ends);

	ends->lows = rd_kafka_topic_partition_list_new(16);
	ends->highs = rd_kafka_topic_partition_list_new(16);
	list_foreach (node, &s->parts) {
		const struct source_partition *p =
			&list_entry(node, struct source_part, node)->public;

		rd_kafka_topic_partition_list_add(ends->lows, p->topic, p->partition)->offset =
			RD_KAFKA_OFFSET_BEGINNING;
		rd_kafka_topic_partition_list_add(ends->highs, p->topic, p->partition)->offset =
			RD_KAFKA_OFFSET_END;
	}
	s->ends_query = kafka_query_start(s->client, run_ends, ends_free, ends);
	s->ends_at_ms = loop_now_ms(s->loop) + ASK_EVERY_MS;
}

void source_problem_set(struct source_part *part, const char *text)
{
	free(part->problem);
	part->problem = xstrdup(text);
}

void source_problem_clear(struct source_part *part)
{
	free(part->problem);
	part->problem = NULL;
}

/* Make librdkafka fetch from where it is: it tells a record or the end, or the error again. */
static void fetch_again(struct source_part *part)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_error_t *error;

	if (part->next < 0)
		return; /* it has told nothing yet, and will */
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, part->public.topic, part->public.partition)
		->offset = part->next;
	error = rd_kafka_seek_partitions(kafka_client_handle(part->source->client), list, 0);
	if (error != NULL)
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
}

static bool is_stuck(const struct source_part *part, int64_t low)
{
	int64_t at = max_i64(part->next, low);

	return !part->held && !part->has_records && part->end > at && part->seen_at == at;
}

static void take_answer(struct source_part *part, int64_t low, int64_t high)
{
	if (part->problem != NULL && high <= part->next)
		fetch_again(part);
	/* @part->end is still the last answer's. */
	if (part->problem == NULL && is_stuck(part, low))
		source_problem_set(part,
			"it has records to be read, and none arrives: is a quota of the broker reached?");
	part->seen_at = max_i64(part->next, low);
	part->low = low;
	part->end = high;
	part->end_at_ms = loop_now_ms(part->source->loop);
}

static void collect(struct source *s)
{
	const struct ends *ends = kafka_query_work(s->ends_query);

	for (int i = 0; !ends->failed && i < ends->highs->cnt; i++) {
		const rd_kafka_topic_partition_t *low = &ends->lows->elems[i],
						 *high = &ends->highs->elems[i];
		struct source_part *part = source_part_find(s, high->topic, high->partition);

		if (part != NULL && !part->revoked && low->err == 0 && high->err == 0 &&
			low->offset >= 0 && high->offset >= 0)
			take_answer(part, low->offset, high->offset);
	}
	kafka_query_free(s->ends_query);
	s->ends_query = NULL;
}

void source_ends_tick(struct source *s)
{
	if (s->ends_query != NULL && kafka_query_is_done(s->ends_query))
		collect(s);
	if (s->ends_query == NULL && s->phase == SOURCE_RUNNING && !list_is_empty(&s->parts) &&
		loop_now_ms(s->loop) >= s->ends_at_ms)
		ask(s);
}

void source_ends_soon(struct source *s)
{
	s->ends_at_ms = min_i64(s->ends_at_ms, loop_now_ms(s->loop) + ASK_SOON_MS);
}

void source_ends_release(struct source *s)
{
	kafka_query_free(s->ends_query);
}

void source_get_health(
	const struct source *s, const struct source_partition *p, struct source_health *ret)
{
	const struct source_part *part = source_part_of((struct source_partition *)p);
	int64_t low, high;

	*ret = (struct source_health){.low = -1, .end = -1, .problem = part->problem};
	if (part->end_at_ms == 0 || loop_now_ms(s->loop) - part->end_at_ms > KNOWN_FOR_MS)
		return;
	source_watermarks(s, p, &low, &high);
	ret->low = part->low;
	ret->end = max_i64(part->end, high);
}
