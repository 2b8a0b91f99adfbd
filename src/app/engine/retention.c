/* SPDX-License-Identifier: Apache-2.0 */
#include "retention.h"

#include <stdlib.h>

#include "io/kafka/topics.h"

#define ANSWER_WITHIN_MS 10000
/* When Kafka did not say. */
#define AGAIN_MS 30000

struct topic {
	char *name;
	int64_t retention_ms; /* -1: not known */
};

struct retention {
	struct loop *loop;
	struct conf *conf;
	struct topic *topics;
	size_t count;
	struct topics *look_up; /* under way; NULL: none */
	struct loop_timer timer;
};

static void query_retention(struct loop_timer *timer);

struct retention *retention_new(struct loop *loop)
{
	struct retention *r = xcalloc(1, sizeof *r);

	r->loop = loop;
	r->timer.fire = query_retention;
	return r;
}

static void ask_at(struct retention *r, int64_t in_ms)
{
	int64_t at_ms = loop_now_ms(r->loop) + in_ms;

	if (!loop_timer_is_set(&r->timer) || r->timer.node.at_ms > at_ms)
		loop_timer_set(r->loop, &r->timer, at_ms);
}

void retention_configure(struct retention *r, struct conf *conf)
{
	conf_ref(conf);
	conf_unref(r->conf);
	r->conf = conf;
	if (r->count > 0)
		ask_at(r, 0);
}

void retention_free(struct retention *r)
{
	if (r == NULL)
		return;
	loop_timer_cancel(r->loop, &r->timer);
	topics_free(r->look_up);
	for (size_t i = 0; i < r->count; i++)
		free(r->topics[i].name);
	free(r->topics);
	conf_unref(r->conf);
	free(r);
}

static struct topic *find(const struct retention *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->topics[i].name, name) == 0)
			return &r->topics[i];
	return NULL;
}

static void answered(void *ctx, const struct topics_info *infos, size_t count)
{
	struct retention *r = ctx;
	bool all = count == r->count; /* some may have been met meanwhile */

	for (size_t i = 0; i < count; i++) {
		find(r, infos[i].name)->retention_ms =
			infos[i].deletes ? infos[i].retention_ms : INT64_MAX;
		all = all && infos[i].presence != TOPICS_NOT_KNOWN;
	}
	topics_free(r->look_up);
	r->look_up = NULL;
	loop_timer_cancel(r->loop, &r->timer);
	ask_at(r, all ? RETENTION_ASK_MS : AGAIN_MS);
}

static void query_retention(struct loop_timer *timer)
{
	struct retention *r = container_of(timer, struct retention, timer);
	struct topics_settings s = {
		.name_count = r->count,
		.timeout_ms = ANSWER_WITHIN_MS,
	};
	const char **names;
	char **properties;
	struct err err;

	if (r->look_up != NULL)
		return; /* answered() asks for those that came meanwhile */
	/* Should this come to nothing; whoever needs the properties says what is wrong. */
	ask_at(r, AGAIN_MS);
	if (conf_kafka_properties(r->conf, NULL, &properties, &s.property_count, &err) != 0)
		return;
	names = xcalloc(r->count + 1, sizeof *names);
	for (size_t i = 0; i < r->count; i++)
		names[i] = r->topics[i].name;
	s.names = names;
	s.properties = (const char *const *)properties;
	r->look_up = topics_look_up(r->loop, &s, answered, r, &err);
	conf_free_properties(properties, s.property_count);
	free(names);
}

int64_t retention_of(struct retention *r, const char *topic)
{
	struct topic *t = find(r, topic);

	if (t != NULL)
		return t->retention_ms;
	r->topics = xreallocarray(r->topics, r->count + 1, sizeof *r->topics);
	r->topics[r->count++] = (struct topic){.name = xstrdup(topic), .retention_ms = -1};
	/* Those that are met together are asked for together. */
	ask_at(r, 100);
	return -1;
}
