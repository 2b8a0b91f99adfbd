/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadletter.c - the producer of dead letters: its client and that client's successor, and the
 * reports of what was written. What is sent when is each topic's own affair: topic.c.
 */
#include "io/deadletter/deadletter.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#include "deadletter_private.h"

static void serve_all(struct deadletter *d)
{
	d->full = false;
	list_foreach (node, &d->topics)
		deadletter_topic_serve(list_entry(node, struct deadletter_topic, node));
}

static bool is_in_flight(const struct deadletter *d)
{
	list_foreach (node, &d->topics)
		if (deadletter_topic_is_in_flight(
			    list_entry(node, struct deadletter_topic, node)))
			return true;
	return false;
}

static void change_client(struct deadletter *d)
{
	struct kafka_client *old = d->client;

	if (d->next == NULL || is_in_flight(d))
		return;
	d->client = d->next;
	d->next = NULL;
	list_foreach (node, &d->topics)
		deadletter_topic_change_client(list_entry(node, struct deadletter_topic, node));
	kafka_client_free(old);
}

static void on_event(void *ctx, rd_kafka_event_t *ev)
{
	struct deadletter *d = ctx;
	const rd_kafka_message_t *m;

	if (rd_kafka_event_type(ev) != RD_KAFKA_EVENT_DR)
		return;
	while ((m = rd_kafka_event_message_next(ev)) != NULL)
		deadletter_topic_report(m->_private, m->err);
	/* Not from here: this event belongs to the old client. */
	if (d->next != NULL)
		loop_defer(d->loop, &d->change);
	serve_all(d);
}

static void on_error(void *ctx, int code, bool fatal, const char *text)
{
	(void)ctx;
	(void)code;
	(void)fatal;
	(void)text; /* each letter's report says it too */
}

static void on_tick(void *ctx)
{
	serve_all(ctx);
}

/* A failure must come back within a second or so, with its reason, because the topic's state is
 * shown and topic.c tries again anyway. See also deadletter.h. */
static const struct kafka_property defaults[] = {
	{"client.id", "postrider", NULL},
	{"linger.ms", "5", NULL},
	{"compression.type", "lz4", NULL},
	{"batch.size", "65536", NULL}, /* below the smallest max.message.bytes in use */
	{"message.max.bytes", "1000000000", NULL}, /* the topic's limit decides */
	{"message.timeout.ms", "30000", NULL},
	{"retries", "2", NULL},
	{"retry.backoff.ms", "100", NULL},
	{"partitioner", "murmur2_random", NULL}, /* that of Java producers */
	{"queue.buffering.max.kbytes", "65536", NULL},
	{"reconnect.backoff.max.ms", "2000", NULL},
	{"socket.connection.setup.timeout.ms", "10000", NULL},
	{"socket.nagle.disable", "true", NULL},
	{"socket.keepalive.enable", "true", NULL},
	{"topic.metadata.propagation.max.ms", "2000", NULL},
	{NULL, NULL, NULL},
};

static const struct kafka_property fixed[] = {
	{"acks", "all", "a dead letter counts only when all in-sync replicas have it"},
	{"enable.idempotence", "false",
		"an idempotent producer can fail for good when a connection breaks"},
	{"delivery.report.only.error", "false", "every acknowledgement is waited for"},
	{"log.queue", "true", "librdkafka's log goes into this log"},
	{NULL, NULL, NULL},
};

static struct kafka_client *open_client(
	struct deadletter *d, const struct deadletter_settings *s, struct err *err)
{
	const struct kafka_client_settings client = {
		.name = "dead-letter producer",
		.producer = true,
		.defaults = defaults,
		.fixed = fixed,
		.properties = s->properties,
		.property_count = s->property_count,
		.events = RD_KAFKA_EVENT_DR,
		.on_event = on_event,
		.on_error = on_error,
		.on_tick = on_tick,
		.ctx = d,
	};

	return kafka_client_new(d->loop, &client, err);
}

static void change_run(struct loop_call *call)
{
	struct deadletter *d = container_of(call, struct deadletter, change);

	change_client(d);
	serve_all(d);
}

struct deadletter *deadletter_new(
	struct loop *l, const struct deadletter_settings *s, struct err *err)
{
	struct deadletter *d = xcalloc(1, sizeof *d);

	d->loop = l;
	list_init(&d->topics);
	rng_seed_random(&d->rng);
	loop_call_init(&d->change, change_run);
	d->bootstrap_servers = kafka_bootstrap_servers(s->properties, s->property_count);
	d->client = open_client(d, s, err);
	if (d->client == NULL) {
		deadletter_free(d);
		return NULL;
	}
	return d;
}

int deadletter_reconfigure(
	struct deadletter *d, const struct deadletter_settings *s, struct err *err)
{
	struct kafka_client *fresh = open_client(d, s, err);

	if (fresh == NULL)
		return ERR_INVALID;
	kafka_client_free(d->next);
	d->next = fresh;
	free(d->bootstrap_servers);
	d->bootstrap_servers = kafka_bootstrap_servers(s->properties, s->property_count);
	loop_defer(d->loop, &d->change);
	return 0;
}

void deadletter_free(struct deadletter *d)
{
	struct list *node;

	if (d == NULL)
		return;
	while ((node = list_first(&d->topics)) != NULL)
		deadletter_topic_free(list_entry(node, struct deadletter_topic, node));
	loop_undefer(&d->change);
	kafka_client_free(d->next);
	kafka_client_free(d->client);
	free(d->bootstrap_servers);
	free(d);
}

void deadletter_prepare(struct deadletter *d, const char *topic)
{
	deadletter_topic_obtain(d, topic);
}

void deadletter_submit(struct deadletter *d, struct deadletter_letter *letter)
{
	struct deadletter_topic *t = deadletter_topic_obtain(d, letter->topic);

	deadletter_topic_add(t, letter);
	if (!d->full)
		deadletter_topic_serve(t);
}

void deadletter_cancel(struct deadletter_letter *letter)
{
	struct deadletter_job *job = letter != NULL ? letter->job : NULL;

	if (job == NULL)
		return;
	if (!job->in_flight) {
		deadletter_job_free(job);
		return;
	}
	/* librdkafka still reports it; the job waits for that. */
	letter->job = NULL;
	job->letter = NULL;
	job->topic->pending--;
	job->topic->owner->pending--;
}

static void describe(const struct deadletter_topic *t, struct deadletter_topic_state *ret)
{
	ret->topic = t->name;
	ret->pending = t->pending;
	ret->holding = t->since_ms != 0;
	ret->since_ms = t->since_ms;
	ret->failures = t->failures;
	memcpy(ret->reason, t->reason, sizeof ret->reason);
}

bool deadletter_get_state(
	const struct deadletter *d, const char *topic, struct deadletter_topic_state *ret)
{
	const struct deadletter_topic *t = deadletter_topic_find(d, topic);

	if (t == NULL)
		return false;
	describe(t, ret);
	return true;
}

void deadletter_visit(const struct deadletter *d,
	void (*visit)(void *ctx, const struct deadletter_topic_state *s), void *ctx)
{
	list_foreach (node, &d->topics) {
		struct deadletter_topic_state s;

		describe(list_entry(node, struct deadletter_topic, node), &s);
		visit(ctx, &s);
	}
}

size_t deadletter_pending(const struct deadletter *d)
{
	return d->pending;
}
