/* SPDX-License-Identifier: Apache-2.0 */
/* One dead-letter topic: which letter is sent next, retries with back-off, and letters that
 * are too large for it. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "deadletter_private.h"

#define BACKOFF_MIN_MS 500
#define BACKOFF_MAX_MS 30000
#define FULL_AGAIN_MS  100

static void on_retry(struct loop_timer *timer)
{
	deadletter_topic_serve(container_of(timer, struct deadletter_topic, retry));
}

static void on_big_retry(struct loop_timer *timer)
{
	deadletter_topic_serve(container_of(timer, struct deadletter_topic, big_retry));
}

struct deadletter_topic *deadletter_topic_find(const struct deadletter *d, const char *name)
{
	list_foreach (node, &d->topics) {
		struct deadletter_topic *t = list_entry(node, struct deadletter_topic, node);

		if (strcmp(t->name, name) == 0)
			return t;
	}
	return NULL;
}

/* It asks for the topic's leaders now, so that the first letter need not wait. NULL for a name
 * that Kafka refuses; producing tells the reason then. */
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
	t->retry.fire = on_retry;
	t->big_retry.fire = on_big_retry;
	list_init(&t->again);
	list_init(&t->queued);
	list_init(&t->big);
	list_init(&t->flying);
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
	t->backoff_ms = t->big_backoff_ms = 0;
	loop_timer_cancel(t->owner->loop, &t->retry);
	loop_timer_cancel(t->owner->loop, &t->big_retry);
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

static void free_jobs(struct list *jobs)
{
	struct list *node;

	while ((node = list_first(jobs)) != NULL)
		deadletter_job_free(list_entry(node, struct deadletter_job, node));
}

void deadletter_topic_free(struct deadletter_topic *t)
{
	free_jobs(&t->again);
	free_jobs(&t->queued);
	free_jobs(&t->big);
	free_jobs(&t->flying);
	loop_timer_cancel(t->owner->loop, &t->retry);
	loop_timer_cancel(t->owner->loop, &t->big_retry);
	close_handle(t);
	list_remove(&t->node);
	free(t->name);
	free(t);
}

static rd_kafka_headers_t *copy_headers(const struct deadletter_letter *letter, size_t count)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(count);

	for (size_t i = 0; i < count; i++) {
		const struct event_header *h = &letter->headers[i];

		rd_kafka_header_add(headers, h->name.data, (ssize_t)h->name.len, h->value.data,
			(ssize_t)h->value.len);
	}
	return headers;
}

static rd_kafka_resp_err_t produce(struct deadletter_job *job)
{
	const struct deadletter_letter *letter = job->letter;
	struct deadletter_topic *t = job->topic;
	bool by_key = job->by_key || letter->source_partition < 0 ||
		      letter->source_partition >= t->partition_limit;
	rd_kafka_headers_t *headers = copy_headers(
		letter, job->reduced ? letter->required_headers : letter->header_count);
	rd_kafka_resp_err_t code = rd_kafka_producev(kafka_client_handle(t->owner->client),
		RD_KAFKA_V_TOPIC(t->name), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		RD_KAFKA_V_PARTITION(by_key ? RD_KAFKA_PARTITION_UA : letter->source_partition),
		RD_KAFKA_V_KEY((void *)letter->key.data, letter->key.len),
		RD_KAFKA_V_VALUE((void *)letter->value.data, letter->value.len),
		RD_KAFKA_V_TIMESTAMP(max_i64(letter->timestamp_ms, 0)),
		RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(job), RD_KAFKA_V_END);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_headers_destroy(headers);
	return code;
}

static void put(struct deadletter_job *job, enum deadletter_place place, bool first)
{
	struct deadletter_topic *t = job->topic;
	struct list *to[] = {
		[DEADLETTER_QUEUED] = &t->again,
		[DEADLETTER_BIG] = &t->big,
		[DEADLETTER_FLYING] = &t->flying,
	};

	t->flying_count -= job->place == DEADLETTER_FLYING;
	t->flying_count += place == DEADLETTER_FLYING;
	list_remove(&job->node);
	if (first)
		list_prepend(to[place], &job->node);
	else
		list_append(to[place], &job->node);
	job->place = place;
}

/* Evenly between half of the next back-off and the whole of it. */
static void back_off(struct deadletter_topic *t, int64_t *backoff_ms, struct loop_timer *timer)
{
	struct deadletter *d = t->owner;
	int64_t half;

	*backoff_ms = min_i64(max_i64(*backoff_ms * 2, BACKOFF_MIN_MS), BACKOFF_MAX_MS);
	half = *backoff_ms / 2;
	loop_timer_set(d->loop, timer,
		loop_now_ms(d->loop) + half + (int64_t)rng_upto(&d->rng, (uint64_t)half));
}

static void begin_failing(struct deadletter_topic *t, const char *reason)
{
	bool was = t->since_ms != 0;

	if (was && strcmp(reason, t->reason) == 0)
		return;
	if (!was)
		t->since_ms = loop_wall_ms(t->owner->loop);
	snprintf(t->reason, sizeof t->reason, "%s", reason);
	log_error("dead_letter_topic_failing",
		"dead letters cannot be written; the offsets of their records wait",
		log_str("topic", t->name), log_int("pending", (int64_t)t->pending),
		log_str("reason", t->reason));
}

static void end_failing(struct deadletter_topic *t)
{
	if (t->since_ms == 0 || t->holding || t->big_holding)
		return;
	log_info("dead_letter_topic_recovered", "dead letters can be written again",
		log_str("topic", t->name), log_int("pending", (int64_t)t->pending),
		log_int("failed_for_ms", loop_wall_ms(t->owner->loop) - t->since_ms));
	t->since_ms = 0;
	t->reason[0] = '\0';
}

/* The topic can't be written: @job waits, and so do all behind it. */
static void hold(struct deadletter_job *job, rd_kafka_resp_err_t code)
{
	struct deadletter_topic *t = job->topic;
	char reason[512];

	/* What flew comes back in order; a letter that was tried alone stays the first. */
	put(job, DEADLETTER_QUEUED, t->holding && t->flying_count == 0);
	t->holding = true;
	if (!loop_timer_is_set(&t->retry))
		back_off(t, &t->backoff_ms, &t->retry);
	deadletter_reason(t, job->letter, code, reason);
	begin_failing(t, reason);
}

/* One letter does not fit. The broker counts a batch as one message, so a refusal means
 * something only for a letter that was alone in its batch. */
static void take_too_large(struct deadletter_job *job)
{
	struct deadletter_topic *t = job->topic;
	char reason[512];

	if (!job->alone) {
		put(job, DEADLETTER_BIG, false);
		return;
	}
	if (!job->reduced && job->letter->required_headers < job->letter->header_count) {
		job->reduced = true;
		put(job, DEADLETTER_BIG, true);
		return;
	}
	/* Whole again next time: the limit may have been raised for that. */
	job->reduced = false;
	put(job, DEADLETTER_BIG, false);
	t->big_holding = true;
	back_off(t, &t->big_backoff_ms, &t->big_retry);
	deadletter_reason(t, job->letter, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, reason);
	begin_failing(t, reason);
}

static bool is_no_partition(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
	       code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

/* True when it is sent again by key, because the topic has fewer partitions. */
static bool try_by_key(struct deadletter_job *job, rd_kafka_resp_err_t code)
{
	struct deadletter_topic *t = job->topic;
	int32_t partition = job->letter->source_partition;

	if (code != RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || partition < 0 || job->by_key)
		return false;
	job->by_key = true;
	if (partition > 0 && partition < t->partition_limit)
		t->partition_limit = partition;
	put(job, DEADLETTER_QUEUED, false);
	return true;
}

static void take_failure(struct deadletter_job *job, rd_kafka_resp_err_t code)
{
	if (try_by_key(job, code))
		return;
	job->topic->failures++;
	if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
		take_too_large(job);
	else
		hold(job,
			is_no_partition(code) ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : code);
}

/* False when librdkafka has no room: its reports make some. */
static bool send_job(struct deadletter_job *job, bool alone)
{
	struct deadletter_topic *t = job->topic;
	rd_kafka_resp_err_t code;

	job->alone = alone;
	code = produce(job);
	if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
		t->owner->full = true;
		loop_timer_set(
			t->owner->loop, &t->retry, loop_now_ms(t->owner->loop) + FULL_AGAIN_MS);
		return false;
	}
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		take_failure(job, code);
		return true;
	}
	put(job, DEADLETTER_FLYING, false);
	t->alone = alone;
	return true;
}

static struct deadletter_job *first_of(const struct list *jobs)
{
	return list_entry(list_first(jobs), struct deadletter_job, node);
}

/* The next letter that is not big, or NULL. */
static struct deadletter_job *next_job(const struct deadletter_topic *t)
{
	if (!list_is_empty(&t->again))
		return first_of(&t->again);
	return list_is_empty(&t->queued) ? NULL : first_of(&t->queued);
}

/* True when nothing else may be sent: a big one flies, or waits for the sky to clear. */
static bool serve_big(struct deadletter_topic *t)
{
	if (list_is_empty(&t->big) || loop_timer_is_set(&t->big_retry) || t->holding)
		return false;
	if (t->flying_count > 0)
		return true;
	send_job(first_of(&t->big), true);
	return t->alone;
}

void deadletter_topic_serve(struct deadletter_topic *t)
{
	struct deadletter_job *job = next_job(t);

	if (t->holding && job == NULL && t->flying_count == 0)
		t->holding = false; /* all that it held was cancelled */
	if (t->owner->next != NULL || t->alone || serve_big(t))
		return;
	if (t->holding) {
		if (job != NULL && t->flying_count == 0 && !loop_timer_is_set(&t->retry))
			send_job(job, false);
		return;
	}
	while (!t->holding && (job = next_job(t)) != NULL)
		if (!send_job(job, false))
			return;
}

static void take_success(struct deadletter_job *job)
{
	struct deadletter_topic *t = job->topic;
	struct deadletter_letter *letter = job->letter;

	kafka_client_alive(t->owner->client);
	t->holding = false;
	t->backoff_ms = 0;
	loop_timer_cancel(t->owner->loop, &t->retry);
	if (job->alone) {
		/* It fits now, so try the others of its kind at once. */
		t->big_backoff_ms = 0;
		loop_timer_cancel(t->owner->loop, &t->big_retry);
	}
	deadletter_job_free(job);
	if (list_is_empty(&t->big))
		t->big_holding = false;
	end_failing(t);
	if (letter != NULL)
		letter->done(letter);
}

void deadletter_topic_report(struct deadletter_job *job, int code)
{
	struct deadletter_topic *t = job->topic;

	t->flying_count--;
	job->place = DEADLETTER_QUEUED; /* for put(): it has landed */
	if (job->alone)
		t->alone = false;
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		take_success(job);
	else if (job->letter == NULL)
		deadletter_job_free(job);
	else
		take_failure(job, (rd_kafka_resp_err_t)code);
}
