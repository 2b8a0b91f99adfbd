/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.c - where "latest" begins, as a number.
 *
 * A group without offsets that reads from the end has nothing committed until its first
 * event is settled; a restart before that would begin at a later end, and what came between
 * would be lost. So the end is asked for, handed to assigned() as if it were committed, and
 * committed at once. The question goes out in a thread, because librdkafka before 2.3 can
 * only wait for its answer.
 */
#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "source_private.h"

#define LOOK_EVERY_MS 5
#define END_WAIT_MS   5000

struct ends {
	rd_kafka_topic_partition_list_t *list; /* offset: the end; err: why not */
};

static void free_ends(void *arg)
{
	struct ends *ends = arg;

	rd_kafka_topic_partition_list_destroy(ends->list);
	free(ends);
}

/* In the thread. What "end" means depends on isolation.level, which librdkafka knows. */
static void run_ends(rd_kafka_t *rk, void *arg)
{
	struct ends *ends = arg;

	for (int i = 0; i < ends->list->cnt; i++) {
		rd_kafka_topic_partition_t *elem = &ends->list->elems[i];
		int64_t low;

		elem->err = rd_kafka_query_watermark_offsets(
			rk, elem->topic, elem->partition, &low, &elem->offset, END_WAIT_MS);
		if (elem->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			return;
	}
}

static struct ends *ends_new(const rd_kafka_topic_partition_list_t *known)
{
	struct ends *ends = xcalloc(1, sizeof *ends);

	ends->list = rd_kafka_topic_partition_list_new(known->cnt);
	for (int i = 0; i < known->cnt; i++)
		if (known->elems[i].offset < 0)
			rd_kafka_topic_partition_list_add(
				ends->list, known->elems[i].topic, known->elems[i].partition);
	return ends;
}

bool source_start_begin(struct source *s, const rd_kafka_topic_partition_list_t *known)
{
	struct ends *ends;

	if (strcmp(s->auto_offset_reset, "latest") != 0)
		return false;
	ends = ends_new(known);
	if (ends->list->cnt == 0) {
		free_ends(ends);
		return false;
	}
	source_start_cancel(s);
	s->known = rd_kafka_topic_partition_list_copy(known);
	s->ends_errand = kafka_errand_start(s->client, run_ends, free_ends, ends);
	loop_timer_set(s->loop, &s->ends_look, loop_now_ms(s->loop) + LOOK_EVERY_MS);
	return true;
}

static const char *first_error(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
			return rd_kafka_err2str(list->elems[i].err);
	return NULL;
}

static void merge(
	rd_kafka_topic_partition_list_t *known, const rd_kafka_topic_partition_list_t *ends)
{
	for (int i = 0; i < ends->cnt; i++)
		rd_kafka_topic_partition_list_set_offset(known, ends->elems[i].topic,
			ends->elems[i].partition, ends->elems[i].offset);
}

static void on_ends_look(struct loop_timer *t)
{
	struct source *s = container_of(t, struct source, ends_look);
	const struct ends *ends = kafka_errand_work(s->ends_errand);
	const char *problem;

	if (!kafka_errand_is_done(s->ends_errand)) {
		loop_timer_set(s->loop, t, loop_now_ms(s->loop) + LOOK_EVERY_MS);
		return;
	}
	problem = first_error(ends->list);
	if (problem != NULL) {
		source_group_retry(s, problem);
	} else {
		merge(s->known, ends->list);
		source_group_apply(s, s->known);
		source_commit_start(s, ends->list);
	}
	source_start_cancel(s);
}

void source_start_init(struct source *s)
{
	s->ends_look.fire = on_ends_look;
}

void source_start_cancel(struct source *s)
{
	loop_timer_cancel(s->loop, &s->ends_look);
	kafka_errand_free(s->ends_errand);
	s->ends_errand = NULL;
	if (s->known != NULL)
		rd_kafka_topic_partition_list_destroy(s->known);
	s->known = NULL;
}
