/* SPDX-License-Identifier: Apache-2.0 */
/*
 * properties.h - librdkafka's configuration object from our three layers of properties
 * (kafka.h); for kafka.c.
 */
#ifndef IO_KAFKA_PROPERTIES_H
#define IO_KAFKA_PROPERTIES_H

#include "io/kafka/kafka.h"

struct rd_kafka_conf_s;

/* NULL, and ERR_INVALID whose text names the property and never shows a secret's value. */
struct rd_kafka_conf_s *kafka_conf_new(const struct kafka_client_settings *s, struct err *err);

#endif
