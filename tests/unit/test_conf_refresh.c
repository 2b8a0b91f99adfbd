/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/conf/conf.h"
#include "base/buf.h"

static char dir[] = "/tmp/postrider-refresh-XXXXXX";

static const char text[] =
	"kafka = { bootstrap_servers = \"k:9092\"; "
	"properties = [ \"sasl.password=${file:kafka}\" ]; };\n"
	"consumers = { shop = { topics = [ \"orders\" ]; group_id = \"g\"; }; };\n"
	"connections = { login = { authorization_type = \"BASIC\"; username = \"joe\"; "
	"password = \"${file:password}\"; }; };\n"
	"destinations = { api = { connection = \"login\"; "
	"endpoint = \"https://api.example.com/\"; }; };\n"
	"rules = { one = { consumer = \"shop\"; event_pattern_file = \"pattern\"; "
	"targets = ( { id = \"a\"; destination = \"api\"; }, { id = \"b\"; destination = \"api\"; "
	"http_parameters = { header_parameters = { X-Key = \"${file:key}\"; }; }; } ); }; };\n";

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void write_file(const char *name, const char *content)
{
	char *path = path_of(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(content, f);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
	free(path);
}

static void note(void *ctx, enum conf_severity severity, const char *line)
{
	(void)severity;
	buf_addf(ctx, "%s\n", line);
}

static struct conf *load(void)
{
	const struct conf_options options = {.generation = 1};
	char *path = path_of("conf");
	struct buf said;
	struct conf *c;

	write_file("conf", text);
	write_file("pattern", "{\"kind\": [\"x\"]}");
	write_file("kafka", "k1");
	write_file("password", "p1");
	write_file("key", "first");
	buf_init(&said, BUF_UNLIMITED);
	c = conf_load(path, &options, note, &said);
	if (c == NULL || said.len > 0)
		fail_msg("%s", buf_str(&said));
	buf_release(&said);
	free(path);
	return c;
}

static struct conf *refresh(const struct conf *c, struct buf *said)
{
	const struct conf_options options = {.generation = 2};

	buf_init(said, BUF_UNLIMITED);
	return conf_refresh(c, &options, note, said);
}

static const char *header_of(const struct conf *c)
{
	return c->rules[0].targets[1].parameters.header[0].value;
}

static void conf_refresh__takes_secrets_anew_and_nothing_else(void **state)
{
	struct conf *c = load(), *fresh;
	struct buf said;

	(void)state;
	write_file("key", "second");
	write_file("conf", "half a sent");
	write_file("pattern", "{");
	fresh = refresh(c, &said);
	assert_non_null(fresh);
	assert_string_equal(header_of(c), "first");
	assert_string_equal(header_of(fresh), "second");
	assert_string_equal(fresh->rules[0].event_pattern, "{\"kind\": [\"x\"]}");
	assert_int_equal(fresh->generation, 2);
	conf_unref(c); /* the other lives on */
	assert_string_equal(fresh->rules[0].name, "one");
	conf_unref(fresh);
	buf_release(&said);
}

static void conf_refresh__without_the_secret_changes_nothing(void **state)
{
	struct conf *c = load();
	char *path = path_of("key");
	struct buf said;

	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_null(refresh(c, &said));
	assert_non_null(strstr(buf_str(&said), "/key"));
	assert_string_equal(header_of(c), "first");
	buf_release(&said);
	conf_unref(c);
	free(path);
}

static void conf__a_target_has_a_counterpart_in_what_was_refreshed_and_nowhere_else(
	void **state)
{
	struct conf *c = load(), *fresh, *other;
	struct buf said;

	(void)state;
	fresh = refresh(c, &said);
	other = load();
	for (size_t i = 0; i < 2; i++) {
		const struct conf_target *t = &c->rules[0].targets[i];
		const struct conf_target *u = &fresh->rules[0].targets[i];

		assert_ptr_equal(conf_counterpart(c, t, fresh), u);
		assert_ptr_equal(conf_counterpart(fresh, u, c), t);
		assert_null(conf_counterpart(c, t, other));
	}
	conf_unref(c);
	conf_unref(fresh);
	conf_unref(other);
	buf_release(&said);
}

static void conf__another_kafka_secret_is_another_digest(void **state)
{
	struct conf *c = load(), *same, *changed;
	struct buf said;

	(void)state;
	same = refresh(c, &said);
	buf_release(&said);
	write_file("kafka", "k2");
	changed = refresh(c, &said);
	buf_release(&said);
	assert_true(c->kafka_digest != 0 && c->kafka_digest == same->kafka_digest);
	assert_true(c->consumers[0].kafka_digest == same->consumers[0].kafka_digest);
	assert_true(c->kafka_digest != changed->kafka_digest);
	assert_true(c->consumers[0].kafka_digest != changed->consumers[0].kafka_digest);
	conf_unref(c);
	conf_unref(same);
	conf_unref(changed);
}

static void conf_secret_files__are_those_that_no_connection_looks_after(void **state)
{
	struct conf *c = load();
	char **paths;
	size_t count = conf_secret_files(c, &paths);
	bool key = false, kafka = false;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		key = key || strstr(paths[i], "/key") != NULL;
		kafka = kafka || strstr(paths[i], "/kafka") != NULL;
		free(paths[i]);
	}
	free(paths);
	assert_int_equal(count, 2);
	assert_true(key && kafka);
	conf_unref(c);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	char *command = xasprintf("rm -rf %s", dir);
	int status = system(command);

	(void)state;
	free(command);
	return status;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conf_refresh__takes_secrets_anew_and_nothing_else),
		cmocka_unit_test(conf_refresh__without_the_secret_changes_nothing),
		cmocka_unit_test(
			conf__a_target_has_a_counterpart_in_what_was_refreshed_and_nowhere_else),
		cmocka_unit_test(conf__another_kafka_secret_is_another_digest),
		cmocka_unit_test(conf_secret_files__are_those_that_no_connection_looks_after),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
