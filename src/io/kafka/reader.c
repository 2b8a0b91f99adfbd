/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kafka/reader.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "properties.h"

/* Turns in which librdkafka's own errors are looked at, while nothing comes. */
#define TURN_MS 100

struct reader_topic {
	char *name;
	rd_kafka_topic_t *handle;
};

struct reader {
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	int timeout_ms;
	struct reader_topic **topics;
	size_t topic_count;
	struct reader_part *parts;
	size_t part_count;
	size_t started, ended; /* of the parts */
	bool *over;            /* which of the parts have ended */
	bool follow;

	rd_kafka_message_t *message; /* what the last record points into */
	struct event_header *headers;
	size_t header_cap;
	char last_error[512];
};

static const struct kafka_property defaults[] = {
	{"fetch.wait.max.ms", "100", NULL},
	{"socket.keepalive.enable", "true", NULL},
	{"isolation.level", "read_committed", NULL},
	{"queued.max.messages.kbytes", "16384", NULL},
	{NULL, NULL, NULL},
};

static const struct kafka_property fixed[] = {
	{"enable.auto.commit", "false", "this command commits nothing"},
	{"enable.partition.eof", "true", "this command ends at the topic's end"},
	{NULL, NULL, NULL},
};

/* --- making ----------------------------------------------------------------------------- */

/* librdkafka's complaints are kept for the sentence in which we give up. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
	(void)rk;
	(void)level;
	(void)facility;
	(void)text;
}

static void on_error(rd_kafka_t *rk, int code, const char *text, void *ctx)
{
	struct reader *r = ctx;

	(void)rk;
	if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || r->last_error[0] == '\0')
		snprintf(r->last_error, sizeof r->last_error, "%s", text);
}

static rd_kafka_conf_t *configure(
	struct reader *r, const struct reader_settings *s, struct err *err)
{
	struct kafka_client_settings client = {
		.name = s->name,
		.defaults = defaults,
		.fixed = fixed,
		.properties = s->properties,
		.property_count = s->property_count,
	};
	rd_kafka_conf_t *conf = kafka_conf_new(&client, err);

	if (conf == NULL)
		return NULL;
	rd_kafka_conf_set(conf, "log.queue", "false", NULL, 0);
	if (s->group_id != NULL)
		rd_kafka_conf_set(conf, "group.id", s->group_id, NULL, 0);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_opaque(conf, r);
	return conf;
}

struct reader *reader_new(const struct reader_settings *s, struct err *err)
{
	struct reader *r = xcalloc(1, sizeof *r);
	rd_kafka_conf_t *conf = configure(r, s, err);
	char text[512];

	if (conf == NULL) {
		free(r);
		return NULL;
	}
	r->timeout_ms = (int)s->timeout_ms;
	r->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
	if (r->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		free(r);
		err_set(err, ERR_INVALID, "%s: %s", s->name, text);
		return NULL;
	}
	r->queue = rd_kafka_queue_new(r->rk);
	return r;
}

static struct reader_topic *topic_find(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->topic_count; i++)
		if (strcmp(r->topics[i]->name, name) == 0)
			return r->topics[i];
	return NULL;
}

static void drop_message(struct reader *r)
{
	if (r->message != NULL)
		rd_kafka_message_destroy(r->message);
	r->message = NULL;
}

void reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	drop_message(r);
	for (size_t i = 0; i < r->started; i++)
		rd_kafka_consume_stop(
			topic_find(r, r->parts[i].topic)->handle, r->parts[i].partition);
	rd_kafka_queue_destroy(r->queue);
	for (size_t i = 0; i < r->topic_count; i++) {
		rd_kafka_topic_destroy(r->topics[i]->handle);
		free(r->topics[i]->name);
		free(r->topics[i]);
	}
	rd_kafka_destroy_flags(r->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	free(r->topics);
	free(r->parts);
	free(r->over);
	free(r->headers);
	free(r);
}

/* --- where things stand ----------------------------------------------------------------- */

static int fail(struct reader *r, rd_kafka_resp_err_t code, const char *topic, struct err *err)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		return err_set(err, ERR_NOT_FOUND, "topic '%s' does not exist", topic);
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		return err_set(err, ERR_DENIED,
			"topic '%s': Kafka denies reading it: the user needs READ and DESCRIBE",
			topic);
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
		return err_set(
			err, ERR_DENIED, "Kafka denies the group: the user needs READ on it");
	default:
		rd_kafka_poll(r->rk, 0);
		return err_set(err, ERR_IO, "topic '%s': %s%s%s", topic, rd_kafka_err2str(code),
			r->last_error[0] ? ": " : "", r->last_error);
	}
}

static rd_kafka_resp_err_t count_partitions(
	struct reader *r, struct reader_topic *topic, int *ret_count)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_resp_err_t code =
		rd_kafka_metadata(r->rk, 0, topic->handle, &md, r->timeout_ms);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return code;
	if (md->topic_cnt != 1)
		code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	else if (md->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
		code = md->topics[0].err;
	else
		*ret_count = md->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(md);
	return code;
}

/* Which offset each partition has for @time: a wall time, or one of the logical offsets. */
static rd_kafka_resp_err_t ask_offsets(struct reader *r, const char *topic, int count,
	int64_t time, rd_kafka_topic_partition_list_t **ret)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
	rd_kafka_resp_err_t code;

	for (int p = 0; p < count; p++)
		rd_kafka_topic_partition_list_add(list, topic, p)->offset = time;
	code = rd_kafka_offsets_for_times(r->rk, list, r->timeout_ms);
	for (int p = 0; p < count && code == RD_KAFKA_RESP_ERR_NO_ERROR; p++)
		code = list->elems[p].err;
	*ret = list;
	return code;
}

static void add_parts(struct reader *r, const struct reader_topic *topic, int count,
	rd_kafka_topic_partition_list_t *const lists[3])
{
	r->parts = xreallocarray(r->parts, r->part_count + (size_t)count, sizeof *r->parts);
	for (int p = 0; p < count; p++) {
		int64_t since = lists[2] ? lists[2]->elems[p].offset : -1;
		struct reader_part part = {
			.topic = topic->name,
			.partition = p,
			.low = lists[0]->elems[p].offset,
			.end = lists[1]->elems[p].offset,
		};

		part.from = part.low;
		if (lists[2] != NULL) /* none is that young: nothing is wanted */
			part.from = since >= 0 ? since : part.end;
		r->parts[r->part_count++] = part;
	}
}

static rd_kafka_resp_err_t find_bounds(
	struct reader *r, struct reader_topic *topic, int64_t since_ms)
{
	rd_kafka_topic_partition_list_t *lists[3] = {NULL};
	int64_t times[] = {RD_KAFKA_OFFSET_BEGINNING, RD_KAFKA_OFFSET_END, since_ms};
	int count = 0;
	rd_kafka_resp_err_t code = count_partitions(r, topic, &count);

	for (size_t i = 0; i < (since_ms >= 0 ? 3 : 2) && code == 0; i++)
		code = ask_offsets(r, topic->name, count, times[i], &lists[i]);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		add_parts(r, topic, count, lists);
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		if (lists[i] != NULL)
			rd_kafka_topic_partition_list_destroy(lists[i]);
	return code;
}

/* Of a topic just made, or one whose leader moves, brokers and metadata know different things
 * for a moment. librdkafka asks again for some of these, by version. */
static bool is_passing(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
	case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
	case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
	case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
	case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
		return true;
	default:
		return false;
	}
}

static rd_kafka_resp_err_t look_until_known(
	struct reader *r, struct reader_topic *topic, int64_t since_ms)
{
	int64_t until_ms = clock_monotonic_ms() + r->timeout_ms;
	rd_kafka_resp_err_t code = find_bounds(r, topic, since_ms);

	while (is_passing(code) && clock_monotonic_ms() < until_ms) {
		rd_kafka_poll(r->rk, TURN_MS);
		code = find_bounds(r, topic, since_ms);
	}
	return code;
}

int reader_add(struct reader *r, const char *name, int64_t since_ms, struct err *err)
{
	struct reader_topic *topic;
	rd_kafka_resp_err_t code;

	if (topic_find(r, name) != NULL)
		return 0;
	topic = xcalloc(1, sizeof *topic);
	topic->name = xstrdup(name);
	topic->handle = rd_kafka_topic_new(r->rk, name, NULL);
	r->topics = xreallocarray(r->topics, r->topic_count + 1, sizeof *r->topics);
	r->topics[r->topic_count++] = topic;
	code = look_until_known(r, topic, since_ms);
	return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : fail(r, code, name, err);
}

struct reader_part *reader_parts(struct reader *r, size_t *ret_count)
{
	*ret_count = r->part_count;
	return r->parts;
}

int reader_committed(struct reader *r, const struct reader_part *part, int64_t *ret_offset,
	struct buf *metadata, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *p =
		rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
	rd_kafka_resp_err_t code = rd_kafka_committed(r->rk, list, r->timeout_ms);

	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		code = p->err;
	*ret_offset = p->offset >= 0 ? p->offset : -1;
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR && p->metadata_size > 0)
		buf_add(metadata, p->metadata, p->metadata_size);
	rd_kafka_topic_partition_list_destroy(list);
	return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : fail(r, code, part->topic, err);
}

/* --- reading ---------------------------------------------------------------------------- */

static void part_ends(struct reader *r, size_t i)
{
	if (!r->over[i]) {
		r->over[i] = true;
		r->ended++;
	}
}

int reader_start(struct reader *r, bool follow, struct err *err)
{
	r->follow = follow;
	r->over = xcalloc(r->part_count, sizeof *r->over);
	for (; r->started < r->part_count; r->started++) {
		const struct reader_part *part = &r->parts[r->started];

		if (part->from >= part->end)
			part_ends(r, r->started);
		if (rd_kafka_consume_start_queue(topic_find(r, part->topic)->handle,
			    part->partition, part->from, r->queue) != 0)
			return fail(r, rd_kafka_last_error(), part->topic, err);
	}
	return 0;
}

static size_t part_of(const struct reader *r, const rd_kafka_message_t *m)
{
	const char *topic = rd_kafka_topic_name(m->rkt);

	for (size_t i = 0; i < r->part_count; i++)
		if (r->parts[i].partition == m->partition &&
			strcmp(r->parts[i].topic, topic) == 0)
			return i;
	return r->part_count;
}

static void view_headers(struct reader *r, struct event_fields *f)
{
	rd_kafka_headers_t *headers;
	const char *name;
	const void *value;
	size_t len;

	f->headers = NULL;
	f->header_count = 0;
	if (rd_kafka_message_headers(r->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	if (rd_kafka_header_cnt(headers) > r->header_cap) {
		r->header_cap = rd_kafka_header_cnt(headers) * 2;
		r->headers = xreallocarray(r->headers, r->header_cap, sizeof *r->headers);
	}
	while (rd_kafka_header_get_all(headers, f->header_count, &name, &value, &len) == 0)
		r->headers[f->header_count++] = (struct event_header){
			slice_str(name), slice_of(value, value ? len : 0)};
	f->headers = r->headers;
}

static void view(struct reader *r, size_t part, struct event_fields *f)
{
	rd_kafka_message_t *m = r->message;
	rd_kafka_timestamp_type_t type;
	int64_t timestamp_ms = rd_kafka_message_timestamp(m, &type);

	f->topic = r->parts[part].topic;
	f->partition = m->partition;
	f->offset = m->offset;
	f->timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms;
	f->taken_up_ms = clock_wall_ms();
	f->key = slice_of(m->key, m->key ? m->key_len : 0);
	f->value = slice_of(m->payload, m->payload ? m->len : 0);
	view_headers(r, f);
}

/* What is no record: the end, or an error, of which most pass. */
static enum reader_result take_error(struct reader *r, struct err *err)
{
	rd_kafka_message_t *m = r->message;
	size_t part = part_of(r, m);

	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		if (part < r->part_count && m->offset >= r->parts[part].end)
			part_ends(r, part);
		return READER_NOTHING;
	}
	if (m->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		m->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		m->err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
		m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
		fail(r, m->err, rd_kafka_topic_name(m->rkt), err);
		return READER_FAILED;
	}
	snprintf(r->last_error, sizeof r->last_error, "%s", rd_kafka_message_errstr(m));
	return READER_NOTHING;
}

static enum reader_result take(struct reader *r, struct event_fields *ret, struct err *err)
{
	size_t part;

	if (r->message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return take_error(r, err);
	part = part_of(r, r->message);
	if (part == r->part_count)
		return READER_NOTHING;
	if (r->message->offset >= r->parts[part].end - 1)
		part_ends(r, part);
	if (r->message->offset < r->parts[part].from ||
		(!r->follow && r->message->offset >= r->parts[part].end))
		return READER_NOTHING;
	view(r, part, ret);
	return READER_RECORD;
}

enum reader_result reader_next(
	struct reader *r, int64_t timeout_ms, struct event_fields *ret, struct err *err)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	enum reader_result result = READER_NOTHING;

	for (;;) {
		drop_message(r);
		/* What is fetched already comes before the end is told. */
		if (!r->follow && r->ended == r->part_count)
			return READER_END;
		r->message = rd_kafka_consume_queue(
			r->queue, (int)min_i64(TURN_MS, max_i64(timeout_ms, 0)));
		if (r->message != NULL)
			result = take(r, ret, err);
		else
			rd_kafka_poll(r->rk, 0);
		if (result != READER_NOTHING || clock_monotonic_ms() >= until_ms)
			return result;
	}
}
