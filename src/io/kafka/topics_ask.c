/* SPDX-License-Identifier: Apache-2.0 */
#include "topics_ask.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* What was just made is known to all brokers only a little later. */
#define SEE_TRIES   20
#define SEE_WAIT_MS 100

static struct topics_info *info_find(struct topics_work *work, const char *name)
{
	for (size_t i = 0; i < work->count; i++)
		if (strcmp(work->infos[i].name, name) == 0)
			return &work->infos[i];
	return NULL;
}

static void fail_all(struct topics_work *work, const char *text)
{
	for (size_t i = 0; i < work->count; i++)
		if (work->infos[i].presence == TOPICS_NOT_KNOWN)
			snprintf(work->infos[i].reason, sizeof work->infos[i].reason, "%s",
				text);
}

static void say_missing(struct topics_work *work, struct topics_info *info, const char *why)
{
	char partitions[16] = "<n>", replicas[16] = "<n>";

	if (work->create.partitions > 0)
		snprintf(partitions, sizeof partitions, "%d", work->create.partitions);
	if (work->create.replication_factor > 0)
		snprintf(replicas, sizeof replicas, "%d", work->create.replication_factor);
	info->presence = TOPICS_MISSING;
	snprintf(info->reason, sizeof info->reason,
		"%s: kafka-topics --bootstrap-server %s --create --topic %s --partitions %s "
		"--replication-factor %s",
		why, work->bootstrap_servers, info->name, partitions, replicas);
}

static void take_metadata(struct topics_work *work, const struct rd_kafka_metadata_topic *topic)
{
	struct topics_info *info = info_find(work, topic->topic);

	if (info == NULL)
		return;
	if (topic->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
		topic->err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
		if (info->presence != TOPICS_MADE)
			info->presence = TOPICS_THERE;
		info->partitions = (unsigned)topic->partition_cnt;
	} else if (topic->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
		snprintf(info->reason, sizeof info->reason, "%s", rd_kafka_err2str(topic->err));
	}
}

/* The embedded broker names a controller that is not there: requests to it would only time
 * out. */
static bool has_controller(rd_kafka_t *rk, const struct rd_kafka_metadata *md)
{
	int32_t id = rd_kafka_controllerid(rk, 0);

	for (int i = 0; i < md->broker_cnt; i++)
		if (md->brokers[i].id == id)
			return true;
	return false;
}

/* All topics are asked for and not ours by name: asking by name could make them. */
static rd_kafka_resp_err_t look(rd_kafka_t *rk, struct topics_work *work)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 1, NULL, &md, work->timeout_ms);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return code;
	for (int i = 0; i < md->topic_cnt; i++)
		take_metadata(work, &md->topics[i]);
	work->has_controller = has_controller(rk, md);
	rd_kafka_metadata_destroy(md);
	return code;
}

/* The embedded broker has no other way, and makes a topic that is named. */
static void create_by_naming(rd_kafka_t *rk, struct topics_work *work, struct topics_info *info)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, info->name, NULL);
	const struct rd_kafka_metadata *md;

	if (topic == NULL)
		return;
	if (rd_kafka_metadata(rk, 0, topic, &md, work->timeout_ms) ==
		RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (md->topic_cnt == 1 && md->topics[0].partition_cnt > 0)
			info->presence = TOPICS_MADE;
		rd_kafka_metadata_destroy(md);
	}
	if (info->presence == TOPICS_MADE)
		info->reason[0] = '\0';
	rd_kafka_topic_destroy(topic);
}

static rd_kafka_NewTopic_t *new_topic(const struct topics_create *c, const char *name)
{
	rd_kafka_NewTopic_t *topic =
		rd_kafka_NewTopic_new(name, c->partitions, c->replication_factor, NULL, 0);
	char text[24];

	if (topic != NULL && c->retention_ms >= 0) {
		snprintf(text, sizeof text, "%lld", (long long)c->retention_ms);
		rd_kafka_NewTopic_set_config(topic, "retention.ms", text);
	}
	return topic;
}

static rd_kafka_AdminOptions_t *options_new(
	rd_kafka_t *rk, const struct topics_work *work, rd_kafka_admin_op_t op)
{
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, op);

	rd_kafka_AdminOptions_set_request_timeout(options, work->timeout_ms, NULL, 0);
	return options;
}

static void take_created(
	struct topics_work *work, struct topics_info *info, rd_kafka_event_t *ev)
{
	const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(ev);
	const rd_kafka_topic_result_t **topics = NULL;
	rd_kafka_resp_err_t code = rd_kafka_event_error(ev);
	const char *text = rd_kafka_event_error_string(ev);
	size_t count = 0;

	if (result != NULL && code == RD_KAFKA_RESP_ERR_NO_ERROR)
		topics = rd_kafka_CreateTopics_result_topics(result, &count);
	if (count > 0) {
		code = rd_kafka_topic_result_error(topics[0]);
		text = rd_kafka_topic_result_error_string(topics[0]);
	}
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		info->presence = TOPICS_MADE;
	else if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		info->presence = TOPICS_THERE; /* another instance was faster */
	if (info->presence != TOPICS_MISSING)
		info->reason[0] = '\0';
	else
		say_missing(work, info, text ? text : rd_kafka_err2str(code));
}

static void create_one(rd_kafka_t *rk, struct topics_work *work, struct topics_info *info)
{
	rd_kafka_NewTopic_t *topic = new_topic(&work->create, info->name);
	rd_kafka_AdminOptions_t *options;
	rd_kafka_queue_t *queue;
	rd_kafka_event_t *ev;

	if (topic == NULL) {
		say_missing(work, info, "Kafka allows no topic of that name");
		return;
	}
	options = options_new(rk, work, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_AdminOptions_set_operation_timeout(options, work->timeout_ms, NULL, 0);
	queue = rd_kafka_queue_new(rk);
	rd_kafka_CreateTopics(rk, &topic, 1, options, queue);
	ev = rd_kafka_queue_poll(queue, -1); /* the request's own timeout ends it */
	take_created(work, info, ev);
	rd_kafka_event_destroy(ev);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_NewTopic_destroy(topic);
}

static bool has_unseen(const struct topics_work *work)
{
	for (size_t i = 0; i < work->count; i++)
		if ((work->infos[i].presence == TOPICS_MADE ||
			    work->infos[i].presence == TOPICS_THERE) &&
			work->infos[i].partitions == 0)
			return true;
	return false;
}

static void create_missing(rd_kafka_t *rk, struct topics_work *work)
{
	struct timespec pause = {0, SEE_WAIT_MS * 1000000L};

	for (size_t i = 0; i < work->count; i++) {
		if (work->infos[i].presence != TOPICS_MISSING)
			continue;
		if (work->has_controller)
			create_one(rk, work, &work->infos[i]);
		else
			create_by_naming(rk, work, &work->infos[i]);
	}
	for (int i = 0; i < SEE_TRIES && has_unseen(work); i++) {
		nanosleep(&pause, NULL); /* this thread has nothing else to do */
		look(rk, work);
	}
}

static void take_entry(struct topics_info *info, const rd_kafka_ConfigEntry_t *entry)
{
	const char *name = rd_kafka_ConfigEntry_name(entry);
	const char *value = rd_kafka_ConfigEntry_value(entry);

	if (value == NULL)
		return;
	if (strcmp(name, "max.message.bytes") == 0) {
		info->max_message_bytes = strtoll(value, NULL, 10);
	} else if (strcmp(name, "retention.ms") == 0) {
		info->retention_ms = strtoll(value, NULL, 10);
		if (info->retention_ms < 0)
			info->retention_ms = INT64_MAX;
	} else if (strcmp(name, "cleanup.policy") == 0) {
		info->compacted = strstr(value, "compact") != NULL;
		info->deletes = strstr(value, "delete") != NULL;
	}
}

static void take_described(struct topics_work *work, rd_kafka_event_t *ev)
{
	const rd_kafka_DescribeConfigs_result_t *result =
		rd_kafka_event_DescribeConfigs_result(ev);
	const rd_kafka_ConfigResource_t **resources;
	size_t count;

	if (result == NULL || rd_kafka_event_error(ev) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	resources = rd_kafka_DescribeConfigs_result_resources(result, &count);
	for (size_t i = 0; i < count; i++) {
		struct topics_info *info =
			info_find(work, rd_kafka_ConfigResource_name(resources[i]));
		size_t entries;
		const rd_kafka_ConfigEntry_t **entry =
			rd_kafka_ConfigResource_configs(resources[i], &entries);

		for (size_t j = 0; info != NULL && j < entries; j++)
			take_entry(info, entry[j]);
	}
}

static void describe(rd_kafka_t *rk, struct topics_work *work)
{
	rd_kafka_ConfigResource_t **resources = xcalloc(work->count, sizeof *resources);
	rd_kafka_AdminOptions_t *options =
		options_new(rk, work, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	size_t count = 0;

	for (size_t i = 0; i < work->count; i++)
		if (work->infos[i].partitions > 0)
			resources[count++] = rd_kafka_ConfigResource_new(
				RD_KAFKA_RESOURCE_TOPIC, work->infos[i].name);
	if (count > 0) {
		rd_kafka_event_t *ev;

		rd_kafka_DescribeConfigs(rk, resources, count, options, queue);
		ev = rd_kafka_queue_poll(queue, -1);
		take_described(work, ev);
		rd_kafka_event_destroy(ev);
	}
	rd_kafka_ConfigResource_destroy_array(resources, count);
	free(resources);
	rd_kafka_queue_destroy(queue);
	rd_kafka_AdminOptions_destroy(options);
}

void topics_ask(rd_kafka_t *rk, struct topics_work *work)
{
	rd_kafka_resp_err_t code = look(rk, work);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		fail_all(work, rd_kafka_err2str(code));
		return;
	}
	for (size_t i = 0; i < work->count; i++)
		if (work->infos[i].presence == TOPICS_NOT_KNOWN &&
			work->infos[i].reason[0] == '\0')
			say_missing(work, &work->infos[i], "the topic does not exist");
	if (work->create_wanted)
		create_missing(rk, work);
	if (work->has_controller)
		describe(rk, work);
}
