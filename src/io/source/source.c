/* SPDX-License-Identifier: Apache-2.0 */
#include "io/source/source.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "source_private.h"

#define MIB                 ((size_t)1 << 20)
#define DEFAULT_PREFETCH    (32 * MIB)
#define EXPECTED_PARTITIONS 8
#define NUMBER_BYTES        24

static void on_event(void *ctx, rd_kafka_event_t *ev)
{
	struct source *s = ctx;

	if (rd_kafka_event_type(ev) == RD_KAFKA_EVENT_OFFSET_COMMIT)
		source_commit_event(s, ev);
	else
		source_group_event(s, ev);
}

static void on_error(void *ctx, int code, bool fatal, const char *text)
{
	struct source *s = ctx;

	if (fatal && !s->dead) {
		s->dead = true;
		s->cb.fenced(s->ctx, text);
	} else if (!fatal) {
		log_warn("kafka_error", text,
			log_str("error", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
			log_str("group", s->group_id));
	}
}

static void on_tick(void *ctx)
{
	struct source *s = ctx;

	source_ends_tick(s); /* before read_tick(), which takes every queue for filled */
	source_read_tick(s);
	source_share_tick(s);
}

struct prefetch_texts {
	char kbytes[NUMBER_BYTES], messages[NUMBER_BYTES];
};

/* source.h has the reasons. */
static void divide_prefetch(size_t prefetch_bytes, struct prefetch_texts *ret)
{
	size_t bytes =
		(prefetch_bytes ? prefetch_bytes : DEFAULT_PREFETCH) / EXPECTED_PARTITIONS;
	size_t messages;

	if (bytes < MIB)
		bytes = MIB;
	if (bytes > 1024 * MIB)
		bytes = 1024 * MIB;
	messages = bytes / 64;
	if (messages > 100000)
		messages = 100000;
	snprintf(ret->kbytes, sizeof ret->kbytes, "%zu", bytes / 1024);
	snprintf(ret->messages, sizeof ret->messages, "%zu", messages);
}

/* This is for partitions with committed offsets. They are reset only when the log begins
 * later than these, and then its beginning is right, whatever the user chose for a new
 * group: see gap.c. */
static const char *reset_policy(const struct source *s)
{
	return strcmp(s->auto_offset_reset, "error") == 0 ? "error" : "earliest";
}

static struct kafka_client *make_client(
	struct source *s, const struct source_settings *settings, struct err *err)
{
	struct prefetch_texts prefetch;
	const struct kafka_property defaults[] = {
		{"client.id", "postrider", NULL},
		{"partition.assignment.strategy", "range,roundrobin", NULL},
		{"isolation.level", "read_committed", NULL},
		{"session.timeout.ms", "45000", NULL},
		{"fetch.wait.max.ms", "100", NULL},
		{"fetch.queue.backoff.ms", "20", NULL},
		{"queued.max.messages.kbytes", prefetch.kbytes, NULL},
		{"queued.min.messages", prefetch.messages, NULL},
		{"reconnect.backoff.max.ms", "2000", NULL},
		{"socket.connection.setup.timeout.ms", "10000", NULL},
		{"socket.nagle.disable", "true", NULL},
		{"socket.keepalive.enable", "true", NULL},
		{"topic.metadata.refresh.interval.ms", "30000", NULL},
		{NULL, NULL, NULL},
	};
	const struct kafka_property fixed[] = {
		{"group.id", s->group_id, "the group is named by the consumer's group_id"},
		{"auto.offset.reset", reset_policy(s), "use auto_offset_reset of the consumer"},
		{"enable.auto.commit", "false",
			"offsets are committed when their deliveries are settled, not before"},
		{"enable.auto.offset.store", "false",
			"offsets are committed when their deliveries are settled, not before"},
		{"enable.partition.eof", "true",
			"the ends of partitions tell where transactions were aborted"},
		{"log.queue", "true", "librdkafka's log goes into this log"},
		{"group.protocol", "classic", "the new group protocol is not supported yet"},
		{settings->instance_id ? "group.instance.id" : NULL, settings->instance_id,
			"use instance_id of the consumer"},
		{NULL, NULL, NULL},
	};
	const struct kafka_client_settings client = {
		.name = s->name,
		.defaults = defaults,
		.fixed = fixed,
		.properties = settings->properties,
		.property_count = settings->property_count,
		.events = RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT |
			  RD_KAFKA_EVENT_FETCH,
		.on_event = on_event,
		.on_error = on_error,
		.on_tick = on_tick,
		.ctx = s,
	};

	divide_prefetch(settings->prefetch_bytes, &prefetch);
	return kafka_client_new(s->loop, &client, err);
}

static void warn_of_cooperative(const struct source *s, const struct source_settings *settings)
{
	bool cooperative = false;

	for (size_t i = 0; i < settings->property_count; i++)
		cooperative = cooperative ||
			      strstr(settings->properties[i], "cooperative-sticky") != NULL;
	if (cooperative && !kafka_is_version(2, 6, 1))
		log_warn("kafka_cooperative_old_library",
			"this librdkafka can rebalance for ever with cooperative-sticky; use "
			"range,roundrobin, or librdkafka 2.6.1 or newer",
			log_str("lane", s->name),
			log_str("librdkafka", rd_kafka_version_str()));
}

static int subscribe(struct source *s, struct err *err)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new((int)s->topic_count);
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < s->topic_count; i++)
		rd_kafka_topic_partition_list_add(list, s->topics[i], RD_KAFKA_PARTITION_UA);
	code = rd_kafka_subscribe(kafka_client_handle(s->client), list);
	rd_kafka_topic_partition_list_destroy(list);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return 0;
	return err_set(err, ERR_INVALID, "%s: its topics are refused: %s", s->name,
		rd_kafka_err2str(code));
}

static void copy_settings(struct source *s, const struct source_settings *settings)
{
	s->name = xasprintf("consumer of lane '%s'", settings->name);
	s->group_id = xstrdup(settings->group_id);
	s->auto_offset_reset =
		xstrdup(settings->auto_offset_reset ? settings->auto_offset_reset : "earliest");
	s->topics = xcalloc(settings->topic_count, sizeof *s->topics);
	s->topic_count = settings->topic_count;
	for (size_t i = 0; i < s->topic_count; i++)
		s->topics[i] = xstrdup(settings->topics[i]);
}

struct source *source_new(struct loop *l, const struct source_settings *settings,
	const struct source_callbacks *cb, void *ctx, struct err *err)
{
	struct source *s = xcalloc(1, sizeof *s);

	s->loop = l;
	s->cb = *cb;
	s->ctx = ctx;
	copy_settings(s, settings);
	source_group_init(s);
	source_nudge_init(s);
	if (source_read_init(s, err) == 0) {
		warn_of_cooperative(s, settings);
		s->client = make_client(s, settings, err);
	}
	if (s->client == NULL || subscribe(s, err) != 0) {
		source_free(s);
		return NULL;
	}
	source_share_init(s);
	return s;
}

void source_free(struct source *s)
{
	if (s == NULL)
		return;
	source_share_release(s);
	source_ends_release(s);
	source_group_release(s);
	source_nudge_release(s);
	source_read_release(s);
	kafka_client_free(s->client);
	for (size_t i = 0; i < s->topic_count; i++)
		free(s->topics[i]);
	free(s->topics);
	free(s->auto_offset_reset);
	free(s->group_id);
	free(s->name);
	free(s);
}

void source_get_state(const struct source *s, struct source_state *ret)
{
	const struct kafka_client_state *client = kafka_client_get_state(s->client);

	memset(ret, 0, sizeof *ret);
	ret->reachable = client->reachable;
	ret->joined = s->joined;
	ret->unreachable_since_ms = client->unreachable_since_ms;
	memcpy(ret->last_error, client->last_error, sizeof ret->last_error);
	ret->assigned = s->told_assigned;
	ret->whole = s->told_whole;
	ret->rebalances = s->rebalances;
}

void source_watermarks(const struct source *s, const struct source_partition *p,
	int64_t *ret_low, int64_t *ret_high)
{
	int64_t low = -1, high = -1;

	rd_kafka_get_watermark_offsets(
		kafka_client_handle(s->client), p->topic, p->partition, &low, &high);
	*ret_low = max_i64(low, -1);
	*ret_high = max_i64(high, -1);
}

const char *source_library_version(void)
{
	static char text[64];

	snprintf(text, sizeof text, "librdkafka %s", rd_kafka_version_str());
	return text;
}
