/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded.h - librdkafka's mock cluster as a broker inside this process, for trying things
 * out.
 *
 * It listens on 127.0.0.1 only and keeps everything in memory, 5 MiB a partition. A topic is
 * created with four partitions when a client first names it. Not for production: the log says so.
 *
 * Before librdkafka 2.6 the first member of a group waits 3 s, and every later join and leave
 * session.timeout.ms - 1 s, which must be over 3 s. It supports no static members, transactions or
 * look-up of offsets by time. Threads are librdkafka's own.
 */
#ifndef IO_KAFKA_EMBEDDED_H
#define IO_KAFKA_EMBEDDED_H

#include "base/err.h"

struct embedded;

/* One broker, on a free port that the system chooses. NULL: ERR_IO. */
struct embedded *embedded_new(struct err *err);
/* "127.0.0.1:34567", owned by @e. */
const char *embedded_bootstrap_servers(const struct embedded *e);
/* ERR_INVALID when the cluster refuses. */
int embedded_create_topic(
	struct embedded *e, const char *topic, unsigned partitions, struct err *err);
void embedded_free(struct embedded *e);

#endif
