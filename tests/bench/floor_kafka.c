/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor_kafka.c - what reading from Kafka costs when nothing is done with the records: a bare
 * librdkafka consumer with a queue for each partition, blocking, with a commit at the end. The
 * floor under everything that is built on it.
 *
 *   floor_kafka BOOTSTRAP TOPIC COUNT [name=value...]
 *
 * Reads COUNT records from the beginning, as a group of its own, and prints one line:
 *
 *   records=200000 bytes=... seconds=... per_s=... cpu_us_per_record=... peak_mib=...
 *
 * CPU is that of the whole process, librdkafka's threads included, without the first tenth of
 * the records; what it fetches ahead is what Postrider does.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAX_PARTITIONS 1024
#define IDLE_WAIT_MS   5

struct bench {
	rd_kafka_t *rk;
	rd_kafka_queue_t *main_queue;
	rd_kafka_queue_t *queues[MAX_PARTITIONS];
	int64_t next[MAX_PARTITIONS];
	int count; /* of partitions */
	rd_kafka_topic_partition_list_t *partitions;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "floor_kafka: %s: %s\n", what, why);
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
		fprintf(stderr, "floor_kafka: %s\n", rd_kafka_event_error_string(ev));
	}
	rd_kafka_event_destroy(ev);
}

static long read_partition(struct bench *b, int i, long most, unsigned long long *bytes)
{
	rd_kafka_message_t *m;
	long count = 0;

	while (count < most && (m = rd_kafka_consume_queue(b->queues[i], 0)) != NULL) {
		if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
			count++;
			*bytes += m->len;
			b->next[i] = m->offset + 1;
		}
		rd_kafka_message_destroy(m);
	}
	return count;
}

static void commit(struct bench *b)
{
	for (int i = 0; i < b->count; i++)
		b->partitions->elems[i].offset =
			b->next[i] > 0 ? b->next[i] : RD_KAFKA_OFFSET_INVALID;
	rd_kafka_commit(b->rk, b->partitions, 0);
}

static void finish(struct bench *b)
{
	for (int i = 0; i < b->count; i++)
		rd_kafka_queue_destroy(b->queues[i]);
	if (b->partitions != NULL)
		rd_kafka_topic_partition_list_destroy(b->partitions);
	rd_kafka_queue_destroy(b->main_queue);
	rd_kafka_consumer_close(b->rk);
	rd_kafka_destroy(b->rk);
}

int main(int argc, char **argv)
{
	struct bench b = {.count = 0};
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	double began_s = 0, began_cpu_s = 0, for_s, used_s;
	unsigned long long bytes = 0;
	struct rusage usage;
	long wanted, got = 0, counted_from = 0;

	if (argc < 4)
		fail("usage", "floor_kafka BOOTSTRAP TOPIC COUNT [name=value...]");
	wanted = atol(argv[3]);
	b.rk = make_consumer(argv[1], argv + 4, argc - 4);
	b.main_queue = rd_kafka_queue_get_consumer(b.rk);
	rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
	rd_kafka_subscribe(b.rk, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	while (got < wanted) {
		long before = got;

		for (int i = 0; i < b.count; i++)
			got += read_partition(&b, i, wanted - got, &bytes);
		if (counted_from == 0 && got >= wanted / 10 && got > 0) {
			counted_from = got;
			began_s = now_s();
			began_cpu_s = cpu_s();
		}
		serve_main(&b, got == before ? IDLE_WAIT_MS : 0);
	}
	commit(&b);
	for_s = now_s() - began_s;
	used_s = cpu_s() - began_cpu_s;
	getrusage(RUSAGE_SELF, &usage);
	printf("records=%ld bytes=%llu seconds=%.2f per_s=%.0f cpu_us_per_record=%.2f "
	       "peak_mib=%ld\n",
		got, bytes, for_s, (double)(got - counted_from) / for_s,
		used_s * 1e6 / (double)(got - counted_from), usage.ru_maxrss / 1024);
	finish(&b);
	return 0;
}
