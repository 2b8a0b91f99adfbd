/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share.c - how many partitions there are, and how many are ours: the share that this
 * process has of what holds for the whole group, such as a rate limit.
 *
 * librdkafka tells a member only its own partitions, so the metadata is asked for, in a
 * thread, after every assignment and once a minute.
 */
#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "source_private.h"

#define COUNT_EVERY_MS 60000
#define COUNT_AGAIN_MS 5000
#define COUNT_SOON_MS  2000 /* after a rebalance, and once for a whole series of them */
#define COUNT_WAIT_MS  5000

struct count_work {
	char **topics;
	size_t topic_count;
	unsigned whole;
	bool failed;
};

static void free_work(void *arg)
{
	struct count_work *work = arg;

	for (size_t i = 0; i < work->topic_count; i++)
		free(work->topics[i]);
	free(work->topics);
	free(work);
}

static bool matches(const struct count_work *work, const char *topic)
{
	for (size_t i = 0; i < work->topic_count; i++)
		if (source_topic_matches(work->topics[i], topic))
			return true;
	return false;
}

static void count_metadata(rd_kafka_t *rk, struct count_work *work, rd_kafka_topic_t *only)
{
	const struct rd_kafka_metadata *md;

	if (rd_kafka_metadata(rk, only == NULL, only, &md, COUNT_WAIT_MS) !=
		RD_KAFKA_RESP_ERR_NO_ERROR) {
		work->failed = true;
		return;
	}
	for (int i = 0; i < md->topic_cnt; i++)
		if (only != NULL || matches(work, md->topics[i].topic))
			work->whole += (unsigned)md->topics[i].partition_cnt;
	rd_kafka_metadata_destroy(md);
}

/* Named topics are asked for by name: a cluster may have thousands of others. */
static void run_count(rd_kafka_t *rk, void *arg)
{
	struct count_work *work = arg;
	bool all = false;

	for (size_t i = 0; i < work->topic_count; i++)
		all = all || work->topics[i][0] == '^';
	if (all) {
		count_metadata(rk, work, NULL);
		return;
	}
	for (size_t i = 0; i < work->topic_count && !work->failed; i++) {
		rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, work->topics[i], NULL);

		if (topic == NULL)
			continue;
		count_metadata(rk, work, topic);
		rd_kafka_topic_destroy(topic);
	}
}

static void start_count(struct source *s)
{
	struct count_work *work = xcalloc(1, sizeof *work);

	work->topics = xcalloc(s->topic_count, sizeof *work->topics);
	work->topic_count = s->topic_count;
	for (size_t i = 0; i < s->topic_count; i++)
		work->topics[i] = xstrdup(s->topics[i]);
	s->count_at_ms = loop_now_ms(s->loop) + COUNT_EVERY_MS;
	s->count_query = kafka_query_start(s->client, run_count, free_work, work);
}

static unsigned count_assigned(const struct source *s)
{
	unsigned count = 0;

	list_foreach (node, &s->parts)
		count += !list_entry(node, struct source_part, node)->revoked;
	return count;
}

static void tell(struct source *s)
{
	unsigned assigned = count_assigned(s);
	unsigned whole = s->whole > assigned ? s->whole : assigned;

	if (assigned == s->told_assigned && whole == s->told_whole)
		return;
	s->told_assigned = assigned;
	s->told_whole = whole;
	s->cb.share_changed(s->ctx, assigned, whole);
}

static void collect(struct source *s)
{
	const struct count_work *work;

	if (s->count_query == NULL || !kafka_query_is_done(s->count_query))
		return;
	work = kafka_query_work(s->count_query);
	if (work->failed)
		s->count_at_ms = loop_now_ms(s->loop) + COUNT_AGAIN_MS;
	else
		s->whole = work->whole;
	kafka_query_free(s->count_query);
	s->count_query = NULL;
}

void source_share_update(struct source *s)
{
	collect(s);
	if (s->count_at_ms > loop_now_ms(s->loop) + COUNT_SOON_MS)
		s->count_at_ms = loop_now_ms(s->loop) + COUNT_SOON_MS;
	tell(s);
}

void source_share_tick(struct source *s)
{
	if (s->count_query != NULL) {
		collect(s);
		tell(s);
	}
	if (s->count_query == NULL && s->phase == SOURCE_RUNNING &&
		loop_now_ms(s->loop) >= s->count_at_ms &&
		kafka_client_get_state(s->client)->reachable)
		start_count(s);
}

void source_share_init(struct source *s)
{
	/* While the group gathers, so that the first assignment finds it done. */
	start_count(s);
}

void source_share_release(struct source *s)
{
	kafka_query_free(s->count_query);
}
