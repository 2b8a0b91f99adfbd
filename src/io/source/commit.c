/* SPDX-License-Identifier: Apache-2.0 */
/* commit.c - commits. Each is an explicit list of partitions with offset and metadata: only
 * what the owner named and this process still owns is committed. */
#include <librdkafka/rdkafka.h>

#include "source_private.h"

bool source_is_committing(const struct source *s)
{
	return s->committing;
}

static void add_item(rd_kafka_topic_partition_list_t *list, const struct source_commit *item)
{
	rd_kafka_topic_partition_t *elem = rd_kafka_topic_partition_list_add(
		list, item->partition->topic, item->partition->partition);

	elem->offset = item->offset;
	if (item->metadata.len == 0)
		return;
	/* librdkafka's list frees the metadata with free(). */
	elem->metadata = xmemdup(item->metadata.data, item->metadata.len);
	elem->metadata_size = item->metadata.len;
}

/* The pointer to a lost partition is still valid, but another member owns the partition now. */
static bool is_ours(const struct source *s, const struct source_partition *p)
{
	list_foreach (node, &s->lost)
		if (&list_entry(node, struct source_part, node)->public == p)
			return false;
	return true;
}

int source_commit(struct source *s, const struct source_commit *items, size_t count)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__NO_OFFSET;

	if (s->committing || s->dead || s->phase > SOURCE_DRAINING)
		return ERR_STATE;
	list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++)
		if (is_ours(s, items[i].partition) && items[i].offset >= 0)
			add_item(list, &items[i]);
	if (list->cnt > 0)
		code = rd_kafka_commit_queue(kafka_client_handle(s->client), list,
			kafka_client_queue(s->client), NULL, s);
	rd_kafka_topic_partition_list_destroy(list);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return ERR_STATE;
	s->committing = true;
	return 0;
}

static int code_of(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		return ERR_OK;
	/* The group is rebalancing. What was settled is committed by the next list, or done
	 * again by the next owner. */
	case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
	case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
	case RD_KAFKA_RESP_ERR__FATAL:
	case RD_KAFKA_RESP_ERR__STATE:
	case RD_KAFKA_RESP_ERR__DESTROY:
		return ERR_STATE;
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		return ERR_DENIED;
	case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
	case RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE:
		return ERR_LIMIT;
	default:
		return ERR_IO;
	}
}

/* If the broker refuses one partition, the whole list has failed. */
static rd_kafka_resp_err_t worst_of(
	rd_kafka_resp_err_t code, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; code == 0 && list != NULL && i < list->cnt; i++)
		code = list->elems[i].err;
	return code;
}

void source_commit_event(struct source *s, rd_kafka_event_t *ev)
{
	rd_kafka_resp_err_t code;

	if (rd_kafka_event_opaque(ev) != s) {
		source_start_committed(s, ev);
		return;
	}
	if (!s->committing)
		return;
	code = worst_of(rd_kafka_event_error(ev), rd_kafka_event_topic_partition_list(ev));
	s->committing = false;
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		kafka_client_alive(s->client);
	s->cb.committed(s->ctx, code_of(code), code ? rd_kafka_err2str(code) : "");
}
