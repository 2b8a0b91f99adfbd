/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic.c - one dead-letter topic: which of its letters is sent when. A letter is never given up:
 * its record's offset waits until the topic has taken it. The queues and the way of a letter
 * through them are drawn in deadletter_private.h.
 */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/letter.h"
#include "deadletter_private.h"

#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 30000
/* Of a letter without its value: a key may be as large as a value. */
#define REFERENCE_KEY_BYTES 4096

/* --- Queues. --- */

static void queue_init(struct send_queue *q, void (*on_retry)(struct loop_timer *timer))
{
	list_init(&q->again);
	list_init(&q->fresh);
	q->retry.fire = on_retry;
}

static struct deadletter_job *queue_first(const struct send_queue *q)
{
	const struct list *jobs = list_is_empty(&q->again) ? &q->fresh : &q->again;

	if (list_is_empty(jobs))
		return NULL;
	return list_entry(list_first(jobs), struct deadletter_job, node);
}

static bool queue_is_empty(const struct send_queue *q)
{
	return queue_first(q) == NULL && q->in_flight == 0;
}

/* No failure of @q matters any more: its next letter is sent at once. */
static void queue_forgive(struct send_queue *q, struct loop *loop)
{
	q->backoff_ms = 0;
	loop_timer_cancel(loop, &q->retry);
}

/* Set the timer, evenly between half of the next back-off and the whole of it. */
static void queue_back_off(struct send_queue *q, struct deadletter *d)
{
	int64_t half;

	q->failing = true;
	if (loop_timer_is_set(&q->retry))
		return;
	q->backoff_ms = min_i64(max_i64(q->backoff_ms * 2, BACKOFF_MIN_MS), BACKOFF_MAX_MS);
	half = q->backoff_ms / 2;
	loop_timer_set(d->loop, &q->retry,
		loop_now_ms(d->loop) + half + (int64_t)rng_upto(&d->rng, (uint64_t)half));
}

static void on_small_retry(struct loop_timer *timer)
{
	deadletter_topic_serve(container_of(timer, struct deadletter_topic, small.retry));
}

static void on_big_retry(struct loop_timer *timer)
{
	deadletter_topic_serve(container_of(timer, struct deadletter_topic, big.retry));
}

/* --- The topic and its letters. --- */

struct deadletter_topic *deadletter_topic_find(const struct deadletter *d, const char *name)
{
	list_foreach (node, &d->topics) {
		struct deadletter_topic *t = list_entry(node, struct deadletter_topic, node);

		if (strcmp(t->name, name) == 0)
			return t;
	}
	return NULL;
}

/* This makes librdkafka look for the topic's leaders now, so that the first letter need not wait.
 * The result is NULL if Kafka refuses the name: then producing reports why. */
static void open_handle(struct deadletter_topic *t)
{
	t->handle = rd_kafka_topic_new(kafka_client_handle(t->owner->client), t->name, NULL);
}

struct deadletter_topic *deadletter_topic_obtain(struct deadletter *d, const char *name)
{
	struct deadletter_topic *t = deadletter_topic_find(d, name);

	if (t != NULL)
		return t;
	t = xcalloc(1, sizeof *t);
	t->owner = d;
	t->name = xstrdup(name);
	t->partition_limit = INT32_MAX;
	queue_init(&t->small, on_small_retry);
	queue_init(&t->big, on_big_retry);
	list_init(&t->in_flight);
	list_append(&d->topics, &t->node);
	open_handle(t);
	return t;
}

static void close_handle(struct deadletter_topic *t)
{
	if (t->handle != NULL)
		rd_kafka_topic_destroy(t->handle);
}

void deadletter_topic_change_client(struct deadletter_topic *t)
{
	close_handle(t);
	open_handle(t);
	queue_forgive(&t->small, t->owner->loop);
	queue_forgive(&t->big, t->owner->loop);
}

void deadletter_topic_add(struct deadletter_topic *t, struct deadletter_letter *letter)
{
	struct deadletter_job *job = xcalloc(1, sizeof *job);

	job->topic = t;
	job->queue = &t->small;
	job->letter = letter;
	list_init(&job->node);
	list_append(&t->small.fresh, &job->node);
	letter->job = job;
	t->pending++;
	t->owner->pending++;
}

void deadletter_job_free(struct deadletter_job *job)
{
	list_remove(&job->node);
	if (job->letter != NULL) {
		job->letter->job = NULL;
		job->topic->pending--;
		job->topic->owner->pending--;
	}
	free(job);
}

static void jobs_free(struct list *jobs)
{
	struct list *node;

	while ((node = list_first(jobs)) != NULL)
		deadletter_job_free(list_entry(node, struct deadletter_job, node));
}

static void queue_release(struct send_queue *q, struct loop *loop)
{
	loop_timer_cancel(loop, &q->retry);
	jobs_free(&q->again);
	jobs_free(&q->fresh);
}

void deadletter_topic_free(struct deadletter_topic *t)
{
	queue_release(&t->small, t->owner->loop);
	queue_release(&t->big, t->owner->loop);
	jobs_free(&t->in_flight);
	close_handle(t);
	list_remove(&t->node);
	free(t->name);
	free(t);
}

static void add_header(rd_kafka_headers_t *headers, struct slice name, struct slice value)
{
	rd_kafka_header_add(
		headers, name.data, (ssize_t)name.len, value.data, (ssize_t)value.len);
}

static bool has_long_key(const struct deadletter_letter *letter)
{
	return letter->key.len > REFERENCE_KEY_BYTES;
}

/* What a reference does without. */
static void add_omitted(rd_kafka_headers_t *headers, const struct deadletter_letter *letter)
{
	char text[64];

	snprintf(text, sizeof text, "value%s%s", letter->own_headers_at > 0 ? ", headers" : "",
		has_long_key(letter) ? ", key" : "");
	add_header(headers, SLICE(LETTER_OMITTED), slice_str(text));
}

static rd_kafka_headers_t *copy_headers(const struct deadletter_job *job)
{
	const struct deadletter_letter *letter = job->letter;
	size_t first = job->form == LETTER_REFERENCE ? letter->own_headers_at : 0;
	size_t count =
		job->form == LETTER_WHOLE ? letter->header_count : letter->required_headers;
	rd_kafka_headers_t *headers = rd_kafka_headers_new(count + 1);

	for (size_t i = first; i < count; i++)
		add_header(headers, letter->headers[i].name, letter->headers[i].value);
	if (job->form == LETTER_REFERENCE)
		add_omitted(headers, letter);
	return headers;
}

static rd_kafka_resp_err_t produce(struct deadletter_job *job)
{
	const struct deadletter_letter *letter = job->letter;
	struct deadletter_topic *t = job->topic;
	bool by_key = job->by_key || letter->source_partition < 0 ||
		      letter->source_partition >= t->partition_limit;
	bool is_reference = job->form == LETTER_REFERENCE;
	struct slice key = letter->key, value = is_reference ? SLICE("") : letter->value;
	rd_kafka_headers_t *headers = copy_headers(job);
	rd_kafka_resp_err_t code;

	if (is_reference && has_long_key(letter))
		key = slice_of(NULL, 0);
	code = rd_kafka_producev(kafka_client_handle(t->owner->client),
		RD_KAFKA_V_TOPIC(t->name), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		RD_KAFKA_V_PARTITION(by_key ? RD_KAFKA_PARTITION_UA : letter->source_partition),
		RD_KAFKA_V_KEY((void *)key.data, key.len),
		RD_KAFKA_V_VALUE((void *)value.data, value.len),
		RD_KAFKA_V_TIMESTAMP(max_i64(letter->timestamp_ms, 0)),
		RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(job), RD_KAFKA_V_END);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_headers_destroy(headers);
	return code;
}

bool deadletter_topic_is_in_flight(const struct deadletter_topic *t)
{
	return t->small.in_flight + t->big.in_flight > 0;
}

static void enter_flight(struct deadletter_job *job)
{
	job->in_flight = true;
	job->queue->in_flight++;
	list_remove(&job->node);
	list_append(&job->topic->in_flight, &job->node);
}

static void leave_flight(struct deadletter_job *job)
{
	job->in_flight = false;
	job->queue->in_flight--;
	list_remove(&job->node);
}

/* @job was sent, and must be sent again: as the first of @q, or after the others of its kind. */
static void put_again(struct deadletter_job *job, struct send_queue *q, bool first)
{
	list_remove(&job->node);
	job->queue = q;
	if (first)
		list_prepend(&q->again, &job->node);
	else
		list_append(&q->again, &job->node);
}

/* --- What a failure means. --- */

static void report_failing(struct deadletter_topic *t, const char *reason)
{
	bool was = t->since_ms != 0;

	if (was && strcmp(reason, t->reason) == 0)
		return;
	if (!was)
		t->since_ms = loop_now_ms(t->owner->loop);
	snprintf(t->reason, sizeof t->reason, "%s", reason);
	log_error("dead_letter_topic_failing",
		"dead letters cannot be written; the offsets of their records wait",
		log_str("topic", t->name), log_int("pending", (int64_t)t->pending),
		log_str("reason", t->reason));
}

static void report_recovered(struct deadletter_topic *t)
{
	if (t->since_ms == 0 || t->small.failing || t->big.failing)
		return;
	log_info("dead_letter_topic_recovered", "dead letters can be written again",
		log_str("topic", t->name), log_int("pending", (int64_t)t->pending),
		log_int("failed_for_ms", loop_now_ms(t->owner->loop) - t->since_ms));
	t->since_ms = 0;
	t->reason[0] = '\0';
}

static void back_off(
	struct deadletter_job *job, struct send_queue *q, bool first, rd_kafka_resp_err_t code)
{
	struct deadletter_topic *t = job->topic;
	char reason[512];

	put_again(job, q, first);
	queue_back_off(q, t->owner);
	deadletter_reason(t, job->letter, code, reason);
	report_failing(t, reason);
}

static enum letter_form next_form(const struct deadletter_job *job)
{
	bool has_optional = job->letter->required_headers < job->letter->header_count;

	return job->form == LETTER_WHOLE && has_optional ? LETTER_REDUCED : LETTER_REFERENCE;
}

/* A refusal for size means this letter only if it was alone in its batch, so it came from big. */
static void take_too_large(struct deadletter_job *job)
{
	struct deadletter_topic *t = job->topic;

	if (job->queue == &t->small) {
		put_again(job, &t->big, false);
	} else if (job->form != LETTER_REFERENCE) {
		job->form = next_form(job);
		put_again(job, &t->big, true);
	} else {
		/* Next time as a whole: somebody may have raised the limit. */
		job->form = LETTER_WHOLE;
		back_off(job, &t->big, false, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	}
}

static bool is_no_partition(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
	       code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

/* True if it is sent again by key, because the topic has fewer partitions than the source. */
static bool try_by_key(struct deadletter_job *job, rd_kafka_resp_err_t code)
{
	struct deadletter_topic *t = job->topic;
	int32_t partition = job->letter->source_partition;

	if (code != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || partition < 0 || job->by_key)
		return false;
	job->by_key = true;
	if (partition > 0 && partition < t->partition_limit)
		t->partition_limit = partition;
	put_again(job, &t->small, false);
	return true;
}

static void take_failure(struct deadletter_job *job, rd_kafka_resp_err_t code)
{
	struct deadletter_topic *t = job->topic;

	if (try_by_key(job, code))
		return;
	t->failures++;
	if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
		take_too_large(job);
		return;
	}
	if (is_no_partition(code))
		code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	/* A probe stays the first. Others come back in the order in which they were sent. */
	back_off(job, &t->small, job->is_probe && job->queue == &t->small, code);
}

/* --- Sending. --- */

/* False if librdkafka has no room: its reports make some, and then topics are served again. */
static bool send_job(struct deadletter_job *job)
{
	rd_kafka_resp_err_t code;

	job->is_probe = job->queue->failing;
	code = produce(job);
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
		job->topic->owner->full = true;
		return false;
	}
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		enter_flight(job);
	else
		take_failure(job, code);
	return true;
}

/* True if nothing else may be sent: a big letter is in flight, or waits until nothing is. */
static bool serve_big(struct deadletter_topic *t)
{
	struct deadletter_job *job = queue_first(&t->big);

	if (t->big.in_flight > 0)
		return true;
	if (job == NULL || loop_timer_is_set(&t->big.retry) || t->small.failing)
		return false;
	if (t->small.in_flight > 0)
		return true;
	send_job(job);
	return t->big.in_flight > 0;
}

static bool may_probe(const struct deadletter_topic *t)
{
	return !loop_timer_is_set(&t->small.retry) && !deadletter_topic_is_in_flight(t);
}

static void serve_small(struct deadletter_topic *t)
{
	struct deadletter_job *job;

	while ((job = queue_first(&t->small)) != NULL)
		if ((t->small.failing && !may_probe(t)) || !send_job(job))
			return;
}

/* The letters that failed may all have been cancelled. */
static void forget_failure(struct send_queue *q)
{
	if (queue_is_empty(q))
		q->failing = false;
}

void deadletter_topic_serve(struct deadletter_topic *t)
{
	forget_failure(&t->small);
	forget_failure(&t->big);
	if (t->owner->next == NULL && !serve_big(t))
		serve_small(t);
}

static void take_success(struct deadletter_job *job)
{
	struct deadletter_topic *t = job->topic;
	struct deadletter_letter *letter = job->letter;

	kafka_client_alive(t->owner->client);
	t->small.failing = false;
	queue_forgive(&t->small, t->owner->loop);
	if (job->queue == &t->big) /* one fits now, so the others are tried at once */
		queue_forgive(&t->big, t->owner->loop);
	if (letter != NULL)
		letter->is_reference = job->form == LETTER_REFERENCE;
	deadletter_job_free(job);
	forget_failure(&t->big);
	report_recovered(t);
	if (letter != NULL)
		letter->done(letter);
}

void deadletter_topic_report(struct deadletter_job *job, int code)
{
	leave_flight(job);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		take_success(job);
	else if (job->letter == NULL)
		deadletter_job_free(job);
	else
		take_failure(job, (rd_kafka_resp_err_t)code);
}
