/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle.h - a shared librdkafka instance. The last reference destroys it, in a thread of its
 * own, because rd_kafka_destroy() may hang when a broker or a reference is lost.
 *
 * Any thread may call these functions.
 */
#ifndef IO_KAFKA_HANDLE_H
#define IO_KAFKA_HANDLE_H

#include "base/util.h"
#include "io/kafka/kafka.h"

struct kafka_handle {
	struct rd_kafka_s *rk;
	bool consumer;
	unsigned refs; /* under the lock of handle.c */
};

/* Takes over @rk; one reference. */
struct kafka_handle *kafka_handle_new(struct rd_kafka_s *rk, bool consumer);
struct kafka_handle *kafka_handle_ref(struct kafka_handle *h);
void kafka_handle_unref(struct kafka_handle *h);

/* The client's handle, with a reference of the caller's own. */
struct kafka_handle *kafka_client_share(struct kafka_client *k);

#endif
