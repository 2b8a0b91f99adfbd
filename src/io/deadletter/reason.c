/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason.c - why a dead-letter topic cannot be written, with the command that mends it.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>

#include "deadletter_private.h"

/* The broker adds a little to the sum of the parts before it compares it with its limit. */
#define LETTER_OVERHEAD_BYTES 128
#define HEADER_OVERHEAD_BYTES 8

static size_t letter_bytes(const struct deadletter_letter *letter)
{
	size_t bytes = letter->key.len + letter->value.len + LETTER_OVERHEAD_BYTES;

	for (size_t i = 0; i < letter->header_count; i++)
		bytes += letter->headers[i].name.len + letter->headers[i].value.len +
			 HEADER_OVERHEAD_BYTES;
	return bytes;
}

static void too_large(
	const struct deadletter_topic *t, const struct deadletter_letter *letter, char out[512])
{
	size_t bytes = letter != NULL ? letter_bytes(letter) : 0;

	snprintf(out, 512,
		"a letter of %zu bytes is over the topic's max.message.bytes (by default the "
		"broker's message.max.bytes): kafka-configs --bootstrap-server %s --alter "
		"--entity-type topics --entity-name %s --add-config max.message.bytes=%zu",
		bytes, t->owner->bootstrap_servers, t->name, bytes * 2);
}

void deadletter_reason(const struct deadletter_topic *t, const struct deadletter_letter *letter,
	int code, char out[512])
{
	const char *servers = t->owner->bootstrap_servers;
	const char *text = rd_kafka_err2str((rd_kafka_resp_err_t)code);

	switch (code) {
	case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		too_large(t, letter, out);
		break;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
		snprintf(out, 512,
			"%s: kafka-acls --bootstrap-server %s --add --allow-principal "
			"User:<name> --operation Write --operation Describe --topic %s",
			text, servers, t->name);
		break;
	case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
	case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
		snprintf(out, 512,
			"%s: bring the missing brokers back, or lower the topic's "
			"min.insync.replicas: kafka-configs --bootstrap-server %s --alter "
			"--entity-type topics --entity-name %s --add-config "
			"min.insync.replicas=1",
			text, servers, t->name);
		break;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		snprintf(out, 512,
			"the topic does not exist: kafka-topics --bootstrap-server %s --create "
			"--topic %s --partitions <n> --replication-factor <n>",
			servers, t->name);
		break;
	case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TRANSPORT:
		snprintf(out, 512, "Kafka did not answer in time (%s): see kafka_unreachable",
			text);
		break;
	default:
		snprintf(out, 512, "%s", text);
	}
}
