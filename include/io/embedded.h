/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embedded.h - librdkafka's mock cluster as a broker inside this process, for trying things
 * out.
 *
 * Listens on 127.0.0.1 only; keeps everything in memory, 5 MiB a partition; topics come into
 * being when they are named, with four partitions. Not for production: the log says so.
 */
#ifndef IO_EMBEDDED_H
#define IO_EMBEDDED_H

#include "base/err.h"

struct embedded;

/* @port: of the first broker, 0 for any. */
struct embedded *embedded_new(unsigned brokers, unsigned port, struct err *err);
/* "127.0.0.1:34567", owned by @e. */
const char *embedded_bootstrap_servers(const struct embedded *e);
/* ERR_INVALID when the cluster refuses. */
int embedded_create_topic(
	struct embedded *e, const char *topic, unsigned partitions, struct err *err);
void embedded_free(struct embedded *e);

#endif
