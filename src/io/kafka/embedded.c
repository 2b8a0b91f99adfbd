/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kafka/embedded.h"

#include <dlfcn.h>
#include <errno.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

#define NEW_GROUP_WAIT_MS 100

struct embedded {
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *cluster;
};

/* While a cluster is being made, in the thread that makes it: the port of its next broker. */
static _Thread_local unsigned next_port;

static int bind_to_port(int fd, const struct sockaddr *address, unsigned port)
{
	struct sockaddr_in with_port;

	memcpy(&with_port, address, sizeof with_port);
	with_port.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	return (int)syscall(SYS_bind, fd, &with_port, sizeof with_port);
}

/*
 * In place of the C library's. The mock cluster always asks for any port of 127.0.0.1, and
 * has no setting; where we want a certain one, it gets that.
 */
int bind(int fd, const struct sockaddr *address, socklen_t len)
{
	if (next_port != 0 && address->sa_family == AF_INET &&
		len >= sizeof(struct sockaddr_in))
		return bind_to_port(fd, address, next_port++);
	return (int)syscall(SYS_bind, fd, address, len);
}

/* The mock cluster ends the process when a port is taken, so that is found out before. */
static int check_port(unsigned port, struct err *err)
{
	struct sockaddr_in loopback = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int failed, reason;

	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	failed = bind_to_port(fd, (struct sockaddr *)&loopback, port);
	reason = errno;
	close(fd);
	if (!failed)
		return 0;
	return err_set(err, ERR_IO, "embedded broker: port %u of 127.0.0.1: %s", port,
		strerror(reason));
}

static int check_ports(unsigned first, unsigned count, struct err *err)
{
	if (first == 0)
		return 0;
	if (first + count > UINT16_MAX + 1)
		return err_set(err, ERR_INVALID,
			"embedded broker: there are no %u ports from %u on", count, first);
	for (unsigned i = 0; i < count; i++)
		if (check_port(first + i, err) != 0)
			return ERR_IO;
	return 0;
}

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

/* 3 s by default, and no setting before librdkafka 2.6.0. */
static void shorten_first_join(rd_kafka_mock_cluster_t *cluster)
{
	void (*set_delay_ms)(rd_kafka_mock_cluster_t *, int32_t) =
		(void (*)(rd_kafka_mock_cluster_t *, int32_t))dlsym(
			RTLD_DEFAULT, "rd_kafka_mock_group_initial_rebalance_delay_ms");

	if (set_delay_ms != NULL)
		set_delay_ms(cluster, NEW_GROUP_WAIT_MS);
}

struct embedded *embedded_new(unsigned brokers, unsigned port, struct err *err)
{
	struct embedded *e;

	if (check_ports(port, brokers, err) != 0)
		return NULL;
	e = xcalloc(1, sizeof *e);
	e->rk = make_client(err);
	if (e->rk != NULL) {
		next_port = port;
		e->cluster = rd_kafka_mock_cluster_new(e->rk, (int)brokers);
		next_port = 0;
		if (e->cluster == NULL)
			err_set(err, ERR_IO, "embedded broker: cannot start %u brokers",
				brokers);
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
