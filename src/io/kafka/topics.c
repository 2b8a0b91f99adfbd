/* SPDX-License-Identifier: Apache-2.0 */
#include "io/kafka/topics.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/kafka/kafka.h"
#include "topics_ask.h"

#define LOOK_EVERY_MS 10

struct topics {
	struct loop *loop;
	struct kafka_client *client;
	struct kafka_query *query;
	struct loop_timer look;
	topics_done_fn done;
	void *ctx;
};

static void on_event(void *ctx, struct rd_kafka_op_s *ev)
{
	(void)ctx;
	(void)ev;
}

static void on_error(void *ctx, int code, bool fatal, const char *text)
{
	(void)ctx;
	(void)code;
	(void)fatal;
	(void)text; /* the questions fail, and say why */
}

static void on_tick(void *ctx)
{
	(void)ctx;
}

static const struct kafka_property defaults[] = {
	{"client.id", "postrider", NULL},
	{"reconnect.backoff.max.ms", "2000", NULL},
	{NULL, NULL, NULL},
};

static const struct kafka_property fixed[] = {
	{"log.queue", "true", "librdkafka's log goes into this log"},
	{NULL, NULL, NULL},
};

static void free_work(void *arg)
{
	struct topics_work *work = arg;

	for (size_t i = 0; i < work->count; i++)
		free((char *)work->infos[i].name);
	free(work->infos);
	free(work->bootstrap_servers);
	free(work);
}

static struct topics_work *work_new(const struct topics_settings *s)
{
	struct topics_work *work = xcalloc(1, sizeof *work);

	work->infos = xcalloc(s->name_count, sizeof *work->infos);
	work->count = s->name_count;
	for (size_t i = 0; i < s->name_count; i++) {
		work->infos[i].name = xstrdup(s->names[i]);
		work->infos[i].max_message_bytes = -1;
		work->infos[i].retention_ms = -1;
		work->infos[i].deletes = true;
	}
	work->create_wanted = s->create != NULL;
	if (s->create != NULL)
		work->create = *s->create;
	work->timeout_ms = (int)s->timeout_ms;
	work->bootstrap_servers = kafka_bootstrap_servers(s->properties, s->property_count);
	return work;
}

static void run(struct rd_kafka_s *rk, void *work)
{
	topics_ask(rk, work);
}

/* The client knows better why Kafka did not answer: a refused password, say. */
static void explain(const struct topics *t, struct topics_work *work)
{
	const char *why = kafka_client_get_state(t->client)->last_error;

	for (size_t i = 0; i < work->count && why[0] != '\0'; i++)
		if (work->infos[i].presence == TOPICS_NOT_KNOWN)
			snprintf(
				work->infos[i].reason, sizeof work->infos[i].reason, "%s", why);
}

static void on_look(struct loop_timer *timer)
{
	struct topics *t = container_of(timer, struct topics, look);
	struct topics_work *work = kafka_query_work(t->query);

	if (!kafka_query_is_done(t->query)) {
		loop_timer_set(t->loop, timer, loop_now_ms(t->loop) + LOOK_EVERY_MS);
		return;
	}
	explain(t, work);
	t->done(t->ctx, work->infos, work->count);
}

struct topics *topics_look_up(struct loop *l, const struct topics_settings *s,
	topics_done_fn done, void *ctx, struct err *err)
{
	const struct kafka_client_settings client = {
		.name = "topic look-up",
		.producer = true,
		.defaults = defaults,
		.fixed = fixed,
		.properties = s->properties,
		.property_count = s->property_count,
		.on_event = on_event,
		.on_error = on_error,
		.on_tick = on_tick,
	};
	struct kafka_client *k = kafka_client_new(l, &client, err);
	struct topics *t;

	if (k == NULL)
		return NULL;
	t = xcalloc(1, sizeof *t);
	t->loop = l;
	t->client = k;
	t->done = done;
	t->ctx = ctx;
	t->query = kafka_query_start(k, run, free_work, work_new(s));
	t->look.fire = on_look;
	loop_timer_set(l, &t->look, loop_now_ms(l) + LOOK_EVERY_MS);
	return t;
}

void topics_free(struct topics *t)
{
	if (t == NULL)
		return;
	loop_timer_cancel(t->loop, &t->look);
	kafka_query_free(t->query);
	kafka_client_free(t->client);
	free(t);
}
