/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "io/auth/connection.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "http_script.h"
#include "io/watch.h"

#define TOKEN(name, seconds)                                                                   \
	"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"access_token\":\"" name                \
	"\",\"token_type\":\"bearer\",\"expires_in\":" seconds "}"
#define REFUSAL                                                                                \
	"HTTP/1.1 401 No\r\nConnection: close\r\n\r\n{\"error\":\"invalid_client\","           \
	"\"error_description\":\"wrong secret s3cret\"}"

static struct loop *loop;
static struct script server;
static struct connection *connection;
static struct connection_settings settings;
static struct connection_credentials credentials;
static struct err err;
static char url[128], dir[] = "/tmp/test_connection.XXXXXX", file[128];
static void give_up(struct loop_timer *t)
{
	(void)t;
	fail_msg("nothing happened for 10 s");
}

static struct loop_timer patience;

static void run(void)
{
	patience.fire = give_up;
	loop_timer_set(loop, &patience, clock_monotonic_ms() + 10000);
	loop_run(loop);
	loop_timer_cancel(loop, &patience);
}

/* Turn until @done says so, which is asked each millisecond. */
static bool (*done)(void);

static void check(struct loop_timer *t)
{
	if (done())
		loop_stop(loop);
	else
		loop_timer_set(loop, t, clock_monotonic_ms() + 1);
}

static void run_until(bool (*fn)(void))
{
	struct loop_timer checker = {.fire = check};

	done = fn;
	loop_timer_set(loop, &checker, 0);
	run();
	loop_timer_cancel(loop, &checker);
}

static void write_file(const char *text)
{
	char fresh[160];
	FILE *f;

	snprintf(fresh, sizeof fresh, "%s.new", file);
	f = fopen(fresh, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(fresh, file), 0);
}

static int set_up(void **state)
{
	static const struct script_step none[] = {{NULL, 0, SCRIPT_CLOSE}};

	(void)state;
	http_global_init();
	patience = (struct loop_timer){0};
	loop = loop_new();
	script_start(&server, loop, none, 1);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/token", server.port);
	snprintf(dir, sizeof dir, "/tmp/test_connection.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/secret", dir);
	settings = (struct connection_settings){.name = "billing", .base_dir = dir};
	connection_credentials_init(&credentials);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	connection_free(connection);
	connection = NULL;
	connection_credentials_release(&credentials);
	script_stop(&server);
	loop_free(loop);
	unlink(file);
	rmdir(dir);
	return 0;
}

static void made(enum connection_type type)
{
	settings.type = type;
	connection = connection_new(loop, &settings, &err);
	if (connection == NULL)
		fail_msg("%s", err.text);
}

static void with_tokens(const struct script_step *steps, size_t count)
{
	server.steps = steps;
	server.step_count = count;
	settings.authorization_endpoint = url;
	settings.client_id = "postrider";
	settings.client_secret = "s3cret";
	settings.oauth_http = http_default_settings;
	made(CONNECTION_OAUTH_CLIENT_CREDENTIALS);
}

static bool authorise(void)
{
	struct connection_message m = {
		.id = SLICE("msg_1"), .body = SLICE("{}"), .wall_ms = 1614265330000};

	return connection_authorise(connection, &m, &credentials);
}

static struct connection_status status(void)
{
	struct connection_status s;

	connection_get_status(connection, &s);
	return s;
}

/* --- Credentials that need no server. --- */

static void connection__none_adds_nothing(void **state)
{
	(void)state;
	made(CONNECTION_NONE);
	assert_true(authorise());
	assert_int_equal(credentials.header_count, 0);
	assert_int_equal(credentials.generation, 0);
	assert_false(connection_is_renewable(connection));
	assert_int_equal(status().state, CONNECTION_AUTHORIZED);
}

static void connection__basic_is_user_and_password(void **state)
{
	(void)state;
	settings.username = "Aladdin";
	settings.password = "open sesame";
	made(CONNECTION_BASIC);
	assert_true(authorise());
	assert_true(authorise());
	assert_int_equal(credentials.header_count, 1);
	assert_string_equal(
		credentials.headers.data, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

static void connection__an_api_key_follows_its_file(void **state)
{
	log_expected("connection_deauthorized");
	log_expected("connection_secret_kept");
	(void)state;
	write_file("f1rst\n");
	settings.api_key_name = "X-Api-Key";
	settings.api_key_value = "Key ${file:secret}";
	made(CONNECTION_API_KEY);
	assert_true(authorise());
	assert_string_equal(credentials.headers.data, "X-Api-Key: Key f1rst");
	assert_int_equal(credentials.generation, 1);
	assert_true(connection_is_renewable(connection));
	/* Refused, and nothing newer to be had: an attempt like any other. */
	assert_false(connection_rejected(connection, 1));
	assert_int_equal(status().state, CONNECTION_DEAUTHORIZED);
	assert_int_equal(log_count("connection_deauthorized"), 1);
	assert_true(authorise());
	assert_string_equal(credentials.headers.data, "X-Api-Key: Key f1rst");
	assert_int_equal(credentials.generation, 2);
	write_file("s3cond");
	assert_true(connection_rejected(connection, 2));
	assert_int_equal(status().state, CONNECTION_AUTHORIZED);
	assert_true(authorise());
	assert_string_equal(credentials.headers.data, "X-Api-Key: Key s3cond");
	assert_int_equal(credentials.generation, 3);
	/* Told so, without a refusal. */
	write_file("th1rd");
	connection_secrets_changed(connection);
	assert_true(authorise());
	assert_string_equal(credentials.headers.data, "X-Api-Key: Key th1rd");
	/* A late refusal of an old one. */
	assert_true(connection_rejected(connection, 1));
	/* What can't stand in a header does not get there; the former one stays. */
	write_file("m4rker\nX-Evil: 1");
	connection_secrets_changed(connection);
	assert_true(authorise());
	assert_string_equal(credentials.headers.data, "X-Api-Key: Key th1rd");
	assert_non_null(strstr(log_last(), "connection_secret_kept"));
	assert_null(strstr(log_last(), "m4rker"));
}

static void connection__a_bearer_token_comes_from_its_file(void **state)
{
	(void)state;
	write_file("abc");
	settings.token = "${file:secret}";
	made(CONNECTION_BEARER);
	assert_true(authorise());
	assert_string_equal(credentials.headers.data, "Authorization: Bearer abc");
}

static void connection__aws_requests_are_signed(void **state)
{
	struct connection_message m = {.method = "POST",
		.url = "https://events.eu-west-1.amazonaws.com/a%20b?b=2&a=1",
		.body = SLICE("{}"),
		.wall_ms = 1440938160000};

	(void)state;
	settings.username = "AKID";
	settings.password = "wJalr";
	settings.aws_region = "eu-west-1";
	settings.aws_service = "events";
	settings.aws_session_token = "session";
	made(CONNECTION_AWS_SIGV4);
	assert_true(connection_authorise(connection, &m, &credentials));
	assert_int_equal(credentials.header_count, 3);
	assert_string_equal(credentials.headers.data, "X-Amz-Date: 20150830T123600Z");
}

static void connection__aws_secrets_that_stay_the_same_are_no_new_credentials(void **state)
{
	log_expected("connection_deauthorized");
	(void)state;
	write_file("wJalr");
	settings.username = "AKID";
	settings.password = "${file:secret}";
	settings.aws_region = "eu-west-1";
	settings.aws_service = "events";
	made(CONNECTION_AWS_SIGV4);
	assert_false(connection_rejected(connection, 1));
	write_file("another");
	assert_true(connection_rejected(connection, 2));
}

static void connection__an_aws_key_id_that_breaks_the_header_is_refused(void **state)
{
	(void)state;
	write_file("AKID\nX-Admin: 1");
	settings.username = "${file:secret}";
	settings.password = "wJalr";
	settings.aws_region = "eu-west-1";
	settings.aws_service = "events";
	settings.type = CONNECTION_AWS_SIGV4;
	assert_null(connection_new(loop, &settings, &err));
	assert_non_null(strstr(err.text, "username: holds a line break"));
}

static void connection__each_attempt_is_signed_anew(void **state)
{
	static const char *const keys[] = {"${env:TEST_SIGNING_KEY}"};
	char first[256];
	struct connection_message later = {
		.id = SLICE("msg_1"), .body = SLICE("{}"), .wall_ms = 1614265331000};

	(void)state;
	setenv("TEST_SIGNING_KEY", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1);
	settings.signing_keys = keys;
	settings.signing_key_count = 1;
	made(CONNECTION_STANDARD_WEBHOOKS);
	assert_true(authorise());
	assert_int_equal(credentials.header_count, 3);
	assert_true(credentials.headers.len < sizeof first);
	memcpy(first, credentials.headers.data, credentials.headers.len);
	assert_true(authorise());
	assert_memory_equal(first, credentials.headers.data, credentials.headers.len);
	assert_true(connection_authorise(connection, &later, &credentials));
	assert_memory_not_equal(first, credentials.headers.data, credentials.headers.len);
}

static void connection__a_missing_secret_is_named_at_once(void **state)
{
	static const enum connection_type types[] = {CONNECTION_BASIC, CONNECTION_API_KEY,
		CONNECTION_BEARER, CONNECTION_OAUTH_CLIENT_CREDENTIALS};

	(void)state;
	settings.username = settings.client_id = settings.api_key_name = "x";
	settings.authorization_endpoint = url;
	settings.password = settings.api_key_value = settings.token = settings.client_secret =
		"${file:none}";
	settings.oauth_http = http_default_settings;
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		settings.type = types[i];
		assert_null(connection_new(loop, &settings, &err));
		assert_non_null(strstr(err.text, "${file:none}"));
	}
}

/* --- Tokens. --- */

struct waiting {
	struct connection_waiter waiter;
	unsigned called;
};

static struct waiting waiting[1000];
static unsigned awaited, order;

static void ready(struct connection_waiter *w)
{
	struct waiting *i = container_of(w, struct waiting, waiter);

	assert_null(w->connection);
	i->called = ++order;
	if (--awaited == 0)
		loop_stop(loop);
}

static void wait_for(struct waiting *w)
{
	*w = (struct waiting){.waiter = {.loop = loop, .ready = ready}};
	connection_wait(connection, &w->waiter);
	awaited++;
}

static int forget_waiting(void **state)
{
	awaited = order = 0;
	return set_up(state);
}

static void connection__a_thousand_wait_for_one_token_request_in_order(void **state)
{
	static const struct script_step steps[] = {{TOKEN("abc", "3600"), 0, SCRIPT_CLOSE}};

	(void)state;
	with_tokens(steps, 1);
	assert_int_equal(status().state, CONNECTION_AUTHORIZING);
	for (size_t i = 0; i < COUNT_OF(waiting); i++) {
		assert_false(authorise());
		wait_for(&waiting[i]);
	}
	connection_unwait(&waiting[500].waiter);
	awaited--;
	run();
	assert_int_equal(server.requests, 1);
	for (size_t i = 0; i < COUNT_OF(waiting); i++)
		assert_int_equal(waiting[i].called, i < 500 ? i + 1 : i == 500 ? 0 : i);
	assert_true(authorise());
	assert_string_equal(credentials.headers.data, "Authorization: Bearer abc");
	assert_int_equal(credentials.generation, 1);
	assert_int_equal(status().state, CONNECTION_AUTHORIZED);
	assert_int_equal(status().refreshes, 1);
	assert_in_range(status().token_expires_in_ms, 3590000, 3600000);
	assert_int_equal(log_count("connection_authorized"), 1);
	assert_non_null(strstr(buf_str(&server.last), "grant_type=client_credentials"));
	/* With a token there, waiting is over at once. */
	wait_for(&waiting[0]);
	run();
	assert_int_equal(server.requests, 1);
}

static void connection__a_waiter_may_leave_after_it_was_woken(void **state)
{
	static const struct script_step steps[] = {{TOKEN("abc", "3600"), 0, SCRIPT_CLOSE}};

	(void)state;
	with_tokens(steps, 1);
	wait_for(&waiting[0]);
	run();
	wait_for(&waiting[0]); /* posted to the loop by now */
	wait_for(&waiting[1]);
	connection_unwait(&waiting[0].waiter);
	awaited--;
	run();
	assert_int_equal(waiting[0].called, 0);
	assert_int_equal(waiting[1].called, 2);
}

static void connection__a_refused_token_is_replaced_by_one_request(void **state)
{
	static const struct script_step steps[] = {{TOKEN("first", "3600"), 0, SCRIPT_CLOSE},
		{TOKEN("second", "3600"), 0, SCRIPT_CLOSE}};

	log_expected("connection_deauthorized");
	(void)state;
	with_tokens(steps, 2);
	wait_for(&waiting[0]);
	run();
	for (unsigned i = 0; i < 100; i++)
		assert_true(connection_rejected(connection, 1));
	assert_false(authorise());
	assert_int_equal(status().state, CONNECTION_AUTHORIZING);
	wait_for(&waiting[0]);
	run();
	assert_true(authorise());
	assert_string_equal(credentials.headers.data, "Authorization: Bearer second");
	assert_int_equal(server.requests, 2);
	/* Refusals of the first one come late and mean nothing. */
	assert_true(connection_rejected(connection, 1));
	assert_true(authorise());
	/* The second is refused as well, at once: this time it is not the token. */
	assert_false(connection_rejected(connection, 2));
	assert_true(authorise());
	assert_int_equal(status().state, CONNECTION_DEAUTHORIZED);
	connection_accepted(connection, credentials.generation);
	assert_int_equal(status().state, CONNECTION_AUTHORIZED);
	assert_int_equal(server.requests, 2);
}

static bool asked_twice(void)
{
	assert_true(authorise());
	return server.requests >= 2;
}

static void connection__the_old_token_serves_while_the_new_one_is_asked_for(void **state)
{
	static const struct script_step steps[] = {
		{TOKEN("first", "0.6"), 0, SCRIPT_CLOSE}, {NULL, 0, SCRIPT_KEEP}};

	(void)state;
	with_tokens(steps, 2);
	wait_for(&waiting[0]);
	run();
	/* Deliveries all the time; half way to its end the token is asked for anew. */
	run_until(asked_twice);
	assert_true(authorise());
	assert_string_equal(credentials.headers.data, "Authorization: Bearer first");
	assert_int_equal(status().state, CONNECTION_AUTHORIZED);
	assert_in_range(status().token_age_ms, 300, 600);
}

/* --- Several loops. --- */

#define WORKERS    3
#define DELIVERIES 3000

struct worker {
	pthread_t thread;
	struct loop *loop;
	struct loop_call work;
	struct connection_waiter waiter;
	struct connection_credentials credentials;
	unsigned left, waits;
};

static struct worker workers[WORKERS];
static atomic_uint workers_left;
static struct loop_call all_done;

static void all_are_done(struct loop_call *c)
{
	(void)c;
	loop_stop(loop);
}

static void work(struct loop_call *call)
{
	struct worker *w = container_of(call, struct worker, work);
	struct connection_message m = {.id = SLICE("x")};

	if (w->left == 0) {
		loop_stop(w->loop);
		if (atomic_fetch_sub(&workers_left, 1) == 1)
			loop_post(loop, &all_done);
		return;
	}
	if (!connection_authorise(connection, &m, &w->credentials)) {
		w->waits++;
		connection_wait(connection, &w->waiter);
		if (w->waits % 3 == 0) { /* one that changes its mind */
			connection_unwait(&w->waiter);
			connection_wait(connection, &w->waiter);
		}
		return;
	}
	w->left--;
	if (w->left % 100 == 0)
		connection_rejected(connection, w->credentials.generation);
	loop_defer(w->loop, &w->work);
}

static void worker_ready(struct connection_waiter *waiter)
{
	work(&container_of(waiter, struct worker, waiter)->work);
}

static void *work_thread(void *arg)
{
	struct worker *w = arg;

	loop_run(w->loop);
	return NULL;
}

static void connection__serves_many_loops_at_once(void **state)
{
	static const struct script_step steps[] = {{TOKEN("abc", "0.05"), 0, SCRIPT_CLOSE}};

	unsigned waits = 0;

	log_allowed("connection_deauthorized");
	(void)state;
	with_tokens(steps, 1);
	atomic_store(&workers_left, WORKERS);
	loop_call_init(&all_done, all_are_done);
	for (size_t i = 0; i < WORKERS; i++) {
		struct worker *w = &workers[i];

		*w = (struct worker){.loop = loop_new(), .left = DELIVERIES};
		w->waiter = (struct connection_waiter){.loop = w->loop, .ready = worker_ready};
		connection_credentials_init(&w->credentials);
		loop_call_init(&w->work, work);
		loop_defer(w->loop, &w->work);
		pthread_create(&w->thread, NULL, work_thread, w);
	}
	run();
	for (size_t i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].left, 0);
		waits += workers[i].waits;
		connection_credentials_release(&workers[i].credentials);
		loop_free(workers[i].loop);
	}
	assert_true(waits > 0); /* the first one at least had no token */
}

static bool has_failed(void)
{
	return status().refresh_failures >= 1;
}

static bool has_failed_twice(void)
{
	return status().refresh_failures >= 2;
}

static void connection__what_is_wrong_is_said_once_and_deliveries_wait(void **state)
{
	static const struct script_step steps[] = {{REFUSAL, 0, SCRIPT_CLOSE},
		{"HTTP/1.1 200 OK\r\n\r\n<html>", 0, SCRIPT_CLOSE},
		{TOKEN("abc", "3600"), 0, SCRIPT_CLOSE}};

	log_expected("connection_deauthorized");
	(void)state;
	with_tokens(steps, 3);
	wait_for(&waiting[0]);
	run_until(has_failed);
	assert_int_equal(status().state, CONNECTION_DEAUTHORIZED);
	assert_string_equal(status().reason,
		"the token server refuses with status 401: invalid_client: wrong secret ***");
	assert_null(strstr(log_last(), "s3cret"));
	assert_false(authorise());
	assert_int_equal(waiting[0].called, 0);
	/* A changed secret is tried at once; this time the reply is nonsense. */
	connection_secrets_changed(connection);
	run_until(has_failed_twice);
	assert_non_null(strstr(status().reason, "not a JSON object"));
	connection_secrets_changed(connection);
	run();
	assert_int_equal(server.requests, 3);
	assert_int_equal(waiting[0].called, 1);
	assert_int_equal(log_count("connection_deauthorized"), 1);
	assert_int_equal(log_count("connection_authorized"), 1);
	assert_int_equal(status().state, CONNECTION_AUTHORIZED);
}

static void connection__rude_token_servers_cost_nothing_but_time(void **state)
{
	static const struct {
		struct script_step step;
		const char *reason;
	} table[] = {
		{{"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n", 0, SCRIPT_CLOSE},
			"status 500"},
		{{"HTTP/1.1 200 OK\r\n\r\n<html>", 0, SCRIPT_CLOSE}, "not a JSON object"},
		{{"HTTP/1.1 200 OK\r\n\r\n", 1000000, SCRIPT_CLOSE}, "longer than 65536"},
		{{TOKEN("a\\r\\nX: y", "1"), 0, SCRIPT_CLOSE}, "a character (at 1)"},
		{{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"acc", 0, SCRIPT_CLOSE},
			"can't be asked"},
		{{NULL, 0, SCRIPT_RESET}, "can't be asked"},
		{{NULL, 0, SCRIPT_KEEP}, "no complete reply within 30 ms"},
		{{"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 0, 0},
			"status 302"},
	};

	log_expected("connection_deauthorized");
	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct connection_settings s;

		with_tokens(&table[i].step, 1);
		s = settings;
		/* Short for the server that never answers; a slow machine reads the others' replies. */
		s.oauth_http.timeout_ms = table[i].step.then == SCRIPT_KEEP ? 30 : 5000;
		connection_free(connection);
		connection = connection_new(loop, &s, &err);
		wait_for(&waiting[0]);
		run_until(has_failed);
		if (strstr(status().reason, table[i].reason) == NULL)
			fail_msg("%zu: %s", i, status().reason);
		assert_int_equal(status().state, CONNECTION_DEAUTHORIZED);
		assert_false(authorise());
		connection_unwait(&waiting[0].waiter);
		connection_free(connection);
		connection = NULL;
		server.requests = 0;
	}
}

/* --- Files that change. --- */

struct watched {
	struct watch_file file;
	unsigned changes;
};

static void on_changed(struct watch_file *f)
{
	struct watched *w = container_of(f, struct watched, file);

	w->changes++;
	loop_stop(loop);
}

static void watch__a_replaced_file_is_noticed_also_behind_a_swapped_link(void **state)
{
	struct watch *watch = watch_new(loop);
	struct watched plain = {.file.changed = on_changed},
		       linked = {.file.changed = on_changed};
	char path[1024], target[256];

	(void)state;
	write_file("one");
	watch_add(watch, &plain.file, file);
	write_file("two");
	run();
	assert_int_equal(plain.changes, 1);
	/* Kubernetes: secret -> ..data/secret, ..data -> a directory, replaced by rename. */
	snprintf(path, sizeof path,
		"mkdir -p %s/k/..1 %s/k/..2 && echo 1 >%s/k/..1/s && echo 22 "
		">%s/k/..2/s && ln -s ..1 %s/k/..data && ln -s ..data/s %s/k/s",
		dir, dir, dir, dir, dir, dir);
	assert_int_equal(system(path), 0);
	snprintf(target, sizeof target, "%s/k/s", dir);
	watch_add(watch, &linked.file, target);
	snprintf(path, sizeof path, "cd %s/k && ln -s ..2 ..tmp && mv -T ..tmp ..data", dir);
	assert_int_equal(system(path), 0);
	run();
	assert_int_equal(linked.changes, 1);
	assert_int_equal(plain.changes, 1);
	watch_remove(&linked.file);
	watch_remove(&plain.file);
	watch_remove(&plain.file);
	watch_free(watch);
	snprintf(path, sizeof path, "rm -r %s/k", dir);
	assert_int_equal(system(path), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, forget_waiting, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(connection__none_adds_nothing),
		TEST(connection__basic_is_user_and_password),
		TEST(connection__an_api_key_follows_its_file),
		TEST(connection__a_bearer_token_comes_from_its_file),
		TEST(connection__aws_requests_are_signed),
		TEST(connection__aws_secrets_that_stay_the_same_are_no_new_credentials),
		TEST(connection__an_aws_key_id_that_breaks_the_header_is_refused),
		TEST(connection__each_attempt_is_signed_anew),
		TEST(connection__a_missing_secret_is_named_at_once),
		TEST(connection__a_thousand_wait_for_one_token_request_in_order),
		TEST(connection__a_waiter_may_leave_after_it_was_woken),
		TEST(connection__a_refused_token_is_replaced_by_one_request),
		TEST(connection__the_old_token_serves_while_the_new_one_is_asked_for),
		TEST(connection__serves_many_loops_at_once),
		TEST(connection__what_is_wrong_is_said_once_and_deliveries_wait),
		TEST(connection__rude_token_servers_cost_nothing_but_time),
		TEST(watch__a_replaced_file_is_noticed_also_behind_a_swapped_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
