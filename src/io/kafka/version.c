/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version.c - which librdkafka is loaded, for what older ones cannot do.
 */
#include <librdkafka/rdkafka.h>

#include "io/kafka/kafka.h"

const char *kafka_library_version(void)
{
	return rd_kafka_version_str();
}

bool kafka_is_version(unsigned major, unsigned minor, unsigned patch)
{
	return (unsigned)rd_kafka_version() >> 8 >= (major << 16 | minor << 8 | patch);
}
