/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded.h - librdkafka's mock cluster as a broker inside this process, for trying things
 * out.
 *
 * Listens on 127.0.0.1 only; keeps everything in memory, 5 MiB a partition; topics come into
 * being when they are named, with four partitions. Not for production: the log says so.
 *
 * Before librdkafka 2.6 the first member of a group waits 3 s, and every later join and leave
 * session.timeout.ms - 1 s, which must be over 3 s. It knows no static members, transactions or
 * offsets by time. Threads are librdkafka's own.
 *
 * This file also defines bind(), because the mock cluster has no setting for its ports.
 */
#ifndef IO_KAFKA_EMBEDDED_H
#define IO_KAFKA_EMBEDDED_H

#include "base/err.h"

struct embedded;

/* @port: of the first broker, the others follow; 0 for any. ERR_IO names a taken port. */
struct embedded *embedded_new(unsigned brokers, unsigned port, struct err *err);
/* "127.0.0.1:34567", owned by @e. */
const char *embedded_bootstrap_servers(const struct embedded *e);
/* ERR_INVALID when the cluster refuses. */
int embedded_create_topic(
	struct embedded *e, const char *topic, unsigned partitions, struct err *err);
void embedded_free(struct embedded *e);

#endif
