/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_world.h"

#include "io/kafka/embedded.h"
#include "io/kafka/topics.h"

struct look {
	struct topics_info infos[4];
	size_t count;
	bool done;
};

static void on_topics(void *ctx, const struct topics_info *infos, size_t count)
{
	struct look *look = ctx;

	memcpy(look->infos, infos, count * sizeof *infos);
	look->count = count;
	look->done = true;
}

static bool is_looked_up(void *ctx)
{
	return ((struct look *)ctx)->done;
}

static void look_up(struct world *w, const char *const *properties, const char *const *names,
	size_t count, const struct topics_create *create, struct look *ret)
{
	const struct topics_settings s = {
		.properties = properties,
		.property_count = 1,
		.names = names,
		.name_count = count,
		.create = create,
		.timeout_ms = 5000,
	};
	struct err err;
	struct topics *t;

	memset(ret, 0, sizeof *ret);
	t = topics_look_up(w->loop, &s, on_topics, ret, &err);
	assert_non_null(t);
	world_wait(w, is_looked_up, ret);
	topics_free(t);
}

static void embedded__makes_topics_with_the_partitions_asked_for(void **state)
{
	static const char *const names[] = {"seven", "none"};
	const struct topics_create create = {-1, -1, -1};
	struct world *w = world_new();
	struct embedded *e;
	struct look look;
	struct err err;
	char bootstrap[128];
	const char *properties[] = {bootstrap};

	(void)state;
	e = embedded_new(&err);
	assert_non_null(e);
	assert_int_equal(embedded_create_topic(e, "seven", 7, &err), 0);
	assert_int_equal(embedded_create_topic(e, "seven", 7, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "seven"));
	snprintf(bootstrap, sizeof bootstrap, "bootstrap.servers=%s",
		embedded_bootstrap_servers(e));
	look_up(w, properties, names, 2, NULL, &look);
	assert_int_equal(look.infos[0].presence, TOPICS_THERE);
	assert_int_equal(look.infos[0].partitions, 7);
	assert_int_equal(look.infos[0].max_message_bytes, -1);
	assert_int_equal(look.infos[1].presence, TOPICS_MISSING);
	assert_non_null(strstr(look.infos[1].reason, "kafka-topics"));
	look_up(w, properties, names, 2, &create, &look);
	assert_int_equal(look.infos[0].presence, TOPICS_THERE);
	assert_int_equal(look.infos[1].presence, TOPICS_MADE);
	assert_int_equal(look.infos[1].partitions, 4);
	assert_true(kafka_reap(10000));
	embedded_free(e);
	world_free(w);
}

static void topics__no_answer_is_not_an_absence(void **state)
{
	static const char *const names[] = {"any"};
	static const char *const properties[] = {"bootstrap.servers=127.0.0.1:1"};
	const struct topics_settings s = {properties, 1, names, 1, NULL, 200};
	struct world *w = world_new();
	struct look look = {.done = false};
	struct topics *t;
	struct err err;

	(void)state;
	t = topics_look_up(w->loop, &s, on_topics, &look, &err);
	assert_non_null(t);
	world_wait(w, is_looked_up, &look);
	assert_int_equal(look.infos[0].presence, TOPICS_NOT_KNOWN);
	assert_true(look.infos[0].reason[0] != '\0');
	topics_free(t);
	t = topics_look_up(w->loop, &s, on_topics, &look, &err);
	topics_free(t); /* before it is done: the thread cleans up */
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(embedded__makes_topics_with_the_partitions_asked_for),
		cmocka_unit_test(topics__no_answer_is_not_an_absence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
