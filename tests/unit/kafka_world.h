/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_world.h - a mock cluster and a loop in one process, for tests of what talks to Kafka.
 *
 * Tests wait for conditions, never for time; one that does not come within
 * WORLD_PATIENCE_MS fails.
 */
#ifndef TESTS_KAFKA_WORLD_H
#define TESTS_KAFKA_WORLD_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/log.h"
#include "base/util.h"
#include "io/kafka/kafka.h"
#include "io/loop.h"

#define WORLD_PATIENCE_MS 30000
#define API_PRODUCE       0
#define API_LIST_OFFSETS  2
#define API_OFFSET_COMMIT 8
#define API_OFFSET_FETCH  9

struct world {
	struct loop *loop;
	rd_kafka_t *rk; /* carries the cluster, and is a producer for the tests */
	rd_kafka_mock_cluster_t *cluster;
	char bootstrap[256];
	const char *properties[8];
	size_t property_count;

	struct loop_timer look;
	bool (*is_true)(void *ctx);
	void *ctx;
	int64_t until_ms;
	bool came;
};

static inline void world_look(struct loop_timer *t)
{
	struct world *w = container_of(t, struct world, look);

	w->came = w->is_true(w->ctx);
	if (w->came || loop_now_ms(w->loop) > w->until_ms)
		loop_stop(w->loop);
	else
		loop_timer_set(w->loop, t, loop_now_ms(w->loop) + 2);
}

/* Turn the loop until @is_true. */
static inline void world_wait(struct world *w, bool (*is_true)(void *ctx), void *ctx)
{
	w->is_true = is_true;
	w->ctx = ctx;
	w->until_ms = loop_now_ms(w->loop) + WORLD_PATIENCE_MS;
	w->look.fire = world_look;
	loop_timer_set(w->loop, &w->look, 0);
	loop_run(w->loop);
	assert_true(w->came);
}

static inline void world_add_property(struct world *w, const char *property)
{
	assert_true(w->property_count < COUNT_OF(w->properties));
	w->properties[w->property_count++] = property;
}

static inline void world_create_topic(struct world *w, const char *topic, int partitions)
{
	assert_int_equal(rd_kafka_mock_topic_create(w->cluster, topic, partitions, 1), 0);
}

static inline void world_drop_log(
	const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

static inline struct world *world_new(void)
{
	struct world *w = xcalloc(1, sizeof *w);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	log_allowed("kafka_client"); /* librdkafka's own warnings hang on time */
	w->loop = loop_new();
	rd_kafka_conf_set_log_cb(conf, world_drop_log);
	w->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
	w->cluster = rd_kafka_mock_cluster_new(w->rk, 1);
	snprintf(w->bootstrap, sizeof w->bootstrap, "bootstrap.servers=%s",
		rd_kafka_mock_cluster_bootstraps(w->cluster));
	rd_kafka_brokers_add(w->rk, rd_kafka_mock_cluster_bootstraps(w->cluster));
	world_add_property(w, w->bootstrap);
	return w;
}

/* A producer of the world's own, blocking. */
static inline void world_produce(struct world *w, const char *topic, int32_t partition,
	const char *key, const char *value, size_t value_len, rd_kafka_headers_t *headers)
{
	rd_kafka_resp_err_t code = rd_kafka_producev(w->rk, RD_KAFKA_V_TOPIC(topic),
		RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		RD_KAFKA_V_KEY((void *)key, key ? strlen(key) : 0),
		RD_KAFKA_V_VALUE((void *)value, value_len),
		RD_KAFKA_V_HEADERS(headers ? headers : rd_kafka_headers_new(1)),
		RD_KAFKA_V_END);

	assert_int_equal(code, 0);
}

static inline void world_flush(struct world *w)
{
	assert_int_equal(rd_kafka_flush(w->rk, 10000), 0);
}

/* All clients have been freed before, and librdkafka must let go of them. */
static inline void world_free(struct world *w)
{
	assert_true(kafka_reap(10000));
	rd_kafka_mock_cluster_destroy(w->cluster);
	rd_kafka_destroy(w->rk);
	loop_free(w->loop);
	free(w);
}

#endif
