/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kafka/embedded.h"

#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

#include "base/log.h"

#define NEW_GROUP_WAIT_MS 100

struct embedded {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
};

static void pass_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	log_debug("embedded_broker", text, log_str("facility", facility));
}

static rd_kafka_t *make_client(struct err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char text[256];

	rd_kafka_conf_set_log_cb(conf, pass_log);
	rd_kafka_conf_set(conf, "client.id", "postrider-embedded", NULL, 0);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	if (rk == NULL) {
		rd_kafka_conf_destroy(conf);
		err_set(err, ERR_IO, "embedded broker: %s", text);
	}
	return rk;
}

/*
 * A new group's first join waits 3 s by default. The function that sets it came with librdkafka
 * 2.6.0, so it is looked up at run time.
 */
static void shorten_first_join(rd_kafka_mock_cluster_t *cluster)
{
	void (*set_delay_ms)(rd_kafka_mock_cluster_t *, int32_t) =
		(void (*)(rd_kafka_mock_cluster_t *, int32_t))dlsym(
			RTLD_DEFAULT, "rd_kafka_mock_group_initial_rebalance_delay_ms");

	if (set_delay_ms != NULL)
		set_delay_ms(cluster, NEW_GROUP_WAIT_MS);
}

struct embedded *embedded_new(struct err *err)
{
	struct embedded *e = xcalloc(1, sizeof *e);

	e->rk = make_client(err);
	if (e->rk != NULL) {
		e->cluster = rd_kafka_mock_cluster_new(e->rk, 1);
		if (e->cluster == NULL)
			err_set(err, ERR_IO, "embedded broker: cannot start it");
	}
	if (e->cluster == NULL) {
		embedded_free(e);
		return NULL;
	}
	shorten_first_join(e->cluster);
	return e;
}

const char *embedded_bootstrap_servers(const struct embedded *e)
{
	return rd_kafka_mock_cluster_bootstraps(e->cluster);
}

int embedded_create_topic(
	struct embedded *e, const char *topic, unsigned partitions, struct err *err)
{
	rd_kafka_resp_err_t code =
		rd_kafka_mock_topic_create(e->cluster, topic, (int)partitions, 1);

	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	return err_set(err, ERR_INVALID, "embedded broker: topic '%s' with %u partitions: %s",
		topic, partitions, rd_kafka_err2str(code));
}

void embedded_free(struct embedded *e)
{
	if (e == NULL)
		return;
	if (e->cluster != NULL)
		rd_kafka_mock_cluster_destroy(e->cluster);
	if (e->rk != NULL)
		rd_kafka_destroy(e->rk);
	free(e);
}
