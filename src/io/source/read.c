/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the assigned partitions: each has a queue in librdkafka that wakes the loop;
 * source_next() takes from them in turn. */
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "source_private.h"

struct source_part *source_part_of(struct source_partition *p)
{
	return container_of(p, struct source_part, public);
}

static void make_ready(struct source_part *part)
{
	struct source *s = part->source;

	if (part->held || part->revoked || !part->has_records || s->phase != SOURCE_RUNNING)
		return;
	if (!list_is_linked(&part->ready))
		list_append(&s->ready, &part->ready);
	loop_defer(s->loop, &s->tell_readable);
}

/* Called on a thread of librdkafka that holds the queue's lock: only note the partition and
 * wake the loop. */
static void on_records(rd_kafka_t *rk, void *opaque)
{
	struct source_part *part = opaque;
	struct source *s = part->source;
	uint64_t one = 1;

	(void)rk;
	pthread_mutex_lock(&s->wake_lock);
	if (!list_is_linked(&part->signalled)) {
		if (list_is_empty(&s->signalled))
			(void)!write(s->wake.fd, &one, sizeof one);
		list_append(&s->signalled, &part->signalled);
	}
	pthread_mutex_unlock(&s->wake_lock);
}

static void on_wake(struct loop_fd *w, unsigned events)
{
	struct source *s = container_of(w, struct source, wake);
	struct list *node;
	uint64_t count;

	(void)events;
	(void)!read(w->fd, &count, sizeof count);
	pthread_mutex_lock(&s->wake_lock);
	while ((node = list_shift(&s->signalled)) != NULL) {
		struct source_part *part = list_entry(node, struct source_part, signalled);

		part->has_records = true;
		make_ready(part);
	}
	pthread_mutex_unlock(&s->wake_lock);
}

static void on_tell_readable(struct loop_call *c)
{
	struct source *s = container_of(c, struct source, tell_readable);

	if (!list_is_empty(&s->ready))
		s->cb.readable(s->ctx);
}

int source_read_init(struct source *s, struct err *err)
{
	list_init(&s->parts);
	list_init(&s->lost);
	list_init(&s->ready);
	list_init(&s->signalled);
	pthread_mutex_init(&s->wake_lock, NULL);
	loop_call_init(&s->tell_readable, on_tell_readable);
	s->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake.fd < 0)
		return err_set(
			err, ERR_IO, "no file descriptor: raise the limit (LimitNOFILE)");
	s->wake.events = LOOP_READ;
	s->wake.ready = on_wake;
	loop_watch(s->loop, &s->wake);
	return 0;
}

static void drop_message(struct source *s)
{
	if (s->message != NULL)
		rd_kafka_message_destroy(s->message);
	s->message = NULL;
}

static void free_parts(struct list *parts)
{
	struct list *node;

	while ((node = list_first(parts)) != NULL)
		source_part_free(list_entry(node, struct source_part, node));
}

void source_read_release(struct source *s)
{
	drop_message(s);
	free_parts(&s->parts);
	free_parts(&s->lost);
	loop_undefer(&s->tell_readable);
	if (s->wake.fd >= 0) {
		loop_unwatch(s->loop, &s->wake);
		close(s->wake.fd);
	}
	pthread_mutex_destroy(&s->wake_lock);
	free(s->headers);
}

static struct source_part *part_alloc(struct source *s, const char *topic, int32_t partition)
{
	struct source_part *part = xcalloc(1, sizeof *part);

	part->public.topic = xstrdup(topic);
	part->public.partition = partition;
	part->source = s;
	part->next = -1;
	list_init(&part->ready);
	list_init(&part->signalled);
	list_init(&part->node);
	list_append(&s->parts, &part->node);
	return part;
}

struct source_part *source_part_new(struct source *s, const char *topic, int32_t partition)
{
	struct source_part *part = part_alloc(s, topic, partition);

	part->queue =
		rd_kafka_queue_get_partition(kafka_client_handle(s->client), topic, partition);
	if (part->queue != NULL) {
		rd_kafka_queue_forward(part->queue, NULL);
		rd_kafka_queue_cb_event_enable(part->queue, on_records, part);
	}
	return part;
}

struct source_part *source_part_find(
	const struct source *s, const char *topic, int32_t partition)
{
	list_foreach (node, &s->parts) {
		struct source_part *part = list_entry(node, struct source_part, node);

		if (part->public.partition == partition &&
			strcmp(part->public.topic, topic) == 0)
			return part;
	}
	return NULL;
}

void source_part_silence(struct source_part *part)
{
	struct source *s = part->source;

	part->revoked = true;
	list_remove(&part->ready);
	if (part->queue == NULL)
		return;
	/* This takes the queue's lock, so no call of on_records() is running when it
	 * returns. */
	rd_kafka_queue_cb_event_enable(part->queue, NULL, NULL);
	rd_kafka_queue_destroy(part->queue);
	part->queue = NULL;
	pthread_mutex_lock(&s->wake_lock);
	list_remove(&part->signalled);
	pthread_mutex_unlock(&s->wake_lock);
}

struct source_part *source_part_replace(struct source_part *part)
{
	struct source *s = part->source;
	struct source_part *fresh = part_alloc(s, part->public.topic, part->public.partition);
	rd_kafka_queue_t *queue = part->queue;

	part->queue = NULL;
	part->revoked = true;
	rd_kafka_queue_cb_event_enable(queue, on_records, fresh);
	pthread_mutex_lock(&s->wake_lock);
	list_remove(&part->signalled);
	pthread_mutex_unlock(&s->wake_lock);
	list_remove(&part->ready);
	list_remove(&part->node);
	list_append(&s->lost, &part->node);
	fresh->queue = queue;
	fresh->has_records = true;
	make_ready(fresh);
	return fresh;
}

void source_part_free(struct source_part *part)
{
	source_part_silence(part);
	list_remove(&part->node);
	source_problem_clear(part);
	free((char *)part->public.topic);
	free(part);
}

void source_read_tick(struct source *s)
{
	list_foreach (node, &s->parts) {
		struct source_part *part = list_entry(node, struct source_part, node);

		part->has_records = true;
		make_ready(part);
	}
}

void source_hold(struct source *s, struct source_partition *p, bool held)
{
	struct source_part *part = source_part_of(p);

	(void)s;
	part->held = held;
	if (held)
		list_remove(&part->ready);
	else
		make_ready(part);
}

static void view_headers(struct source *s, struct event_fields *f)
{
	rd_kafka_headers_t *headers;
	size_t count = 0;

	f->headers = NULL;
	f->header_count = 0;
	if (rd_kafka_message_headers(s->message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	if (rd_kafka_header_cnt(headers) > s->header_cap) {
		s->header_cap = rd_kafka_header_cnt(headers) * 2;
		s->headers = xreallocarray(s->headers, s->header_cap, sizeof *s->headers);
	}
	for (;; count++) {
		const char *name;
		const void *value;
		size_t len;

		if (rd_kafka_header_get_all(headers, count, &name, &value, &len) != 0)
			break;
		s->headers[count].name = slice_str(name);
		s->headers[count].value = slice_of(value, value ? len : 0);
	}
	f->headers = s->headers;
	f->header_count = count;
}

static void view_message(struct source *s, struct source_part *part, struct event_fields *f)
{
	rd_kafka_message_t *m = s->message;
	rd_kafka_timestamp_type_t type;
	int64_t timestamp_ms = rd_kafka_message_timestamp(m, &type);

	f->topic = part->public.topic;
	f->partition = part->public.partition;
	f->offset = m->offset;
	f->timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp_ms;
	f->taken_up_ms = loop_wall_ms(s->loop);
	f->key = slice_of(m->key, m->key ? m->key_len : 0);
	f->value = slice_of(m->payload, m->payload ? m->len : 0);
	view_headers(s, f);
}

/* The next record in the queue of @part, or NULL when it is empty now. */
static rd_kafka_message_t *take_record(struct source_part *part)
{
	rd_kafka_message_t *m;

	while ((m = rd_kafka_consume_queue(part->queue, 0)) != NULL) {
		if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			source_gap_end(part, m->offset);
		else
			source_gap_error(part, m);
		rd_kafka_message_destroy(m);
	}
	if (m != NULL)
		source_problem_clear(part);
	return m;
}

bool source_next(struct source *s, struct source_partition **ret_p, struct event_fields *ret)
{
	struct list *node;

	drop_message(s);
	while (s->phase == SOURCE_RUNNING && (node = list_first(&s->ready)) != NULL) {
		struct source_part *part = list_entry(node, struct source_part, ready);

		list_remove(node);
		s->message = part->queue ? take_record(part) : NULL;
		if (s->message == NULL) {
			part->has_records = false;
			source_nudge_empty(part);
			continue;
		}
		list_append(&s->ready, node);
		part = source_gap_check(part, s->message->offset);
		if (part == NULL) {
			drop_message(s);
			continue;
		}
		part->next = s->message->offset + 1;
		view_message(s, part, ret);
		*ret_p = &part->public;
		return true;
	}
	return false;
}
