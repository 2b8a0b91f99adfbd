/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare_kafka.h - a librdkafka consumer and nothing else: a group of its own that reads a topic
 * from the beginning, with a queue for each partition. What it fetches ahead is what Postrider
 * does.
 */
#ifndef TESTS_BENCH_BARE_KAFKA_H
#define TESTS_BENCH_BARE_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_PARTITIONS 1024

struct bench {
	rd_kafka_t *rk;
	rd_kafka_queue_t *main_queue;
	rd_kafka_queue_t *queues[MAX_PARTITIONS];
	int64_t next[MAX_PARTITIONS]; /* what a commit would say */
	int count;                    /* of partitions */
	int wake_fd; /* gets a byte when a queue is no longer empty; -1: none */
	rd_kafka_topic_partition_list_t *partitions;
};

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[256];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK)
		fail(name, text);
}

static rd_kafka_t *make_consumer(const char *bootstrap, char **properties, int count)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char text[256];

	set(conf, "bootstrap.servers", bootstrap);
	snprintf(text, sizeof text, "postrider-floor-%d", (int)getpid());
	set(conf, "group.id", text);
	set(conf, "enable.auto.commit", "false");
	set(conf, "enable.auto.offset.store", "false");
	set(conf, "auto.offset.reset", "earliest");
	set(conf, "isolation.level", "read_committed");
	set(conf, "queued.max.messages.kbytes", "4096");
	set(conf, "queued.min.messages", "65536");
	/* Older ones do not know it, and Postrider leaves it out then. */
	(void)rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "20", NULL, 0);
	set(conf, "fetch.wait.max.ms", "100");
	for (int i = 0; i < count; i++) {
		char *equals = strchr(properties[i], '=');

		if (equals == NULL)
			fail(properties[i], "not of the form name=value");
		*equals = '\0';
		set(conf, properties[i], equals + 1);
	}
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR);
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (rk == NULL)
		fail("consumer", text);
	rd_kafka_poll_set_consumer(rk);
	return rk;
}

static void take_partitions(struct bench *b, const rd_kafka_topic_partition_list_t *list)
{
	b->partitions = rd_kafka_topic_partition_list_copy(list);
	b->count = list->cnt;
	if (b->count > MAX_PARTITIONS)
		fail("assignment", "too many partitions");
	for (int i = 0; i < b->count; i++) {
		b->queues[i] = rd_kafka_queue_get_partition(
			b->rk, list->elems[i].topic, list->elems[i].partition);
		rd_kafka_queue_forward(b->queues[i], NULL);
		if (b->wake_fd >= 0)
			rd_kafka_queue_io_event_enable(b->queues[i], b->wake_fd, "x", 1);
	}
	rd_kafka_assign(b->rk, list);
}

static void serve_main(struct bench *b, int wait_ms)
{
	rd_kafka_event_t *ev = rd_kafka_queue_poll(b->main_queue, wait_ms);

	if (ev == NULL)
		return;
	if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_REBALANCE) {
		if (rd_kafka_event_error(ev) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
			take_partitions(b, rd_kafka_event_topic_partition_list(ev));
		else
			rd_kafka_assign(b->rk, NULL);
	} else if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_ERROR) {
		fprintf(stderr, "%s\n", rd_kafka_event_error_string(ev));
	}
	rd_kafka_event_destroy(ev);
}

static void bare_kafka_open(
	struct bench *b, const char *bootstrap, const char *topic, char **properties, int count)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);

	b->rk = make_consumer(bootstrap, properties, count);
	b->main_queue = rd_kafka_queue_get_consumer(b->rk);
	rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
	rd_kafka_subscribe(b->rk, topics);
	rd_kafka_topic_partition_list_destroy(topics);
}

static void commit(struct bench *b, int async)
{
	for (int i = 0; i < b->count; i++)
		b->partitions->elems[i].offset =
			b->next[i] > 0 ? b->next[i] : RD_KAFKA_OFFSET_INVALID;
	rd_kafka_commit(b->rk, b->partitions, async);
}

static void bare_kafka_close(struct bench *b)
{
	for (int i = 0; i < b->count; i++)
		rd_kafka_queue_destroy(b->queues[i]);
	if (b->partitions != NULL)
		rd_kafka_topic_partition_list_destroy(b->partitions);
	rd_kafka_queue_destroy(b->main_queue);
	rd_kafka_consumer_close(b->rk);
	rd_kafka_destroy(b->rk);
}

#endif
