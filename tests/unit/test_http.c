/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "http_script.h"
#include "io/http_private.h"

#define MANY 200

static struct loop *loop;
static struct script server;
static struct http_client *client;
static struct http_settings settings;
static char url[128];

/* One request and what became of it. */
struct call {
	struct http_request request;
	struct http_result result;
	char body[4096];
	unsigned done;
};

static struct call calls[MANY];
static unsigned awaited;

/* A test that waits for what never comes must fail, not hang. */
static void give_up(struct loop_timer *t)
{
	(void)t;
	fail_msg("nothing happened for 10 s");
}

static struct loop_timer patience = {.fire = give_up};

static void set_up(const struct script_step *steps, size_t count)
{
	http_global_init();
	loop = loop_new();
	script_start(&server, loop, steps, count);
	settings = http_default_settings;
	settings.name = "test";
	snprintf(url, sizeof url, "http://127.0.0.1:%u/hook", server.port);
	memset(calls, 0, sizeof calls);
	awaited = 0;
	patience = (struct loop_timer){.fire = give_up};
}

static struct http_client *client_made(void)
{
	struct err err;

	client = http_client_new(loop, &settings, &err);
	assert_non_null(client);
	return client;
}

static void tear_down(void)
{
	http_client_free(client);
	client = NULL;
	script_stop(&server);
	loop_timer_cancel(loop, &patience);
	loop_free(loop);
}

static void stop_later(struct loop_call *c)
{
	(void)c;
	loop_stop(loop);
}

static struct loop_call stopper = {{&stopper.node, &stopper.node}, stop_later};

static void on_done(struct http_request *r, const struct http_result *result)
{
	struct call *c = container_of(r, struct call, request);

	assert_null(r->transfer);
	c->result = *result;
	assert_true(result->body.len < sizeof c->body);
	if (result->body.len > 0)
		memcpy(c->body, result->body.data, result->body.len);
	c->result.body.data = c->body;
	c->done++;
	if (--awaited == 0)
		loop_defer(loop, &stopper);
}

static struct call *post(struct call *c, const char *body)
{
	c->request = (struct http_request){
		.method = "POST",
		.url = url,
		.url_is_constant = true,
		.headers = "Content-Type: application/json\0X-Order: 7\0",
		.header_count = 2,
		.has_body = true,
		.body = slice_str(body),
		.done = on_done,
	};
	awaited++;
	http_submit(client, &c->request);
	assert_int_equal(c->done, 0);
	return c;
}

/* Until all that was posted is done. */
static void run(void)
{
	loop_timer_set(loop, &patience, loop_now_ms(loop) + 10000);
	loop_run(loop);
}

static bool last_has(const char *text)
{
	return strstr(buf_str(&server.last), text) != NULL;
}

static void http__a_request_arrives_whole_and_its_reply_comes_back(void **state)
{
	static const struct script_step steps[] = {
		{"HTTP/1.1 201 Created\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nhello", 0,
			0}};
	struct call *c = &calls[0];

	(void)state;
	set_up(steps, 1);
	client_made();
	post(c, "{\"a\":1}");
	run();
	assert_int_equal(c->done, 1);
	assert_int_equal(c->result.transport, RETRY_TRANSPORT_OK);
	assert_int_equal(c->result.status, 201);
	assert_int_equal(c->result.retry_after, RETRY_AFTER_DELAY);
	assert_int_equal(c->result.retry_after_ms, 7000);
	assert_string_equal(c->body, "hello");
	assert_true(c->result.new_connection);
	assert_true(c->result.total_us >= c->result.connect_us);
	assert_true(last_has("POST /hook HTTP/1.1\r\n"));
	assert_true(last_has("\r\nContent-Type: application/json\r\n"));
	assert_true(last_has("\r\nX-Order: 7\r\n"));
	assert_true(last_has("\r\nContent-Length: 7\r\n"));
	assert_true(last_has("\r\n\r\n{\"a\":1}"));
	assert_false(last_has("Expect"));
	tear_down();
}

static const char *const *remaining_methods;

static void next_method(struct http_request *r, const struct http_result *result)
{
	char line[64];

	assert_int_equal(result->transport, RETRY_TRANSPORT_OK);
	snprintf(line, sizeof line, "%s /hook HTTP/1.1\r\n", r->method);
	assert_true(last_has(line));
	assert_int_equal(last_has("Content-Type"), false);
	if (r->has_body)
		assert_true(last_has("\r\n\r\nbody"));
	else
		assert_false(last_has("body"));
	if (*++remaining_methods == NULL) {
		loop_stop(loop);
		return;
	}
	r->method = *remaining_methods;
	r->has_body = strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0;
	http_submit(client, r);
}

static void http__every_method_is_sent_as_it_is_named(void **state)
{
	static const char *const methods[] = {
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "GET", NULL};
	static const struct script_step steps[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 0}};
	struct http_request r = {
		.method = "GET", .url = url, .body = SLICE("body"), .done = next_method};

	(void)state;
	set_up(steps, 1);
	client_made();
	remaining_methods = methods;
	http_submit(client, &r);
	run();
	assert_null(*remaining_methods);
	assert_int_equal(server.requests, 8);
	assert_int_equal(server.accepted, 1);
	tear_down();
}

static void http__headers_without_a_value_are_sent(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	struct call *c = &calls[0];

	(void)state;
	set_up(steps, 1);
	client_made();
	c->request = (struct http_request){.method = "GET",
		.url = url,
		.headers = "X-Empty: \0X-Full: a:b\0",
		.header_count = 2,
		.more_headers = "X-Bare:\0Authorization: Bearer t\0",
		.more_header_count = 2,
		.done = on_done};
	awaited++;
	http_submit(client, &c->request);
	run();
	assert_true(last_has("\r\nX-Empty:\r\n"));
	assert_true(last_has("\r\nX-Full: a:b\r\n"));
	assert_true(last_has("\r\nX-Bare:\r\n"));
	assert_true(last_has("\r\nAuthorization: Bearer t\r\n"));
	tear_down();
}

static void http__a_body_may_hold_any_byte(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	struct call *c = &calls[0];

	(void)state;
	set_up(steps, 1);
	client_made();
	post(c, "");
	http_cancel(&c->request);
	c->request.body = slice_of("a\0b\r\n", 5);
	http_submit(client, &c->request);
	run();
	assert_true(last_has("\r\nContent-Length: 5\r\n"));
	assert_memory_equal(server.last.data + server.last.len - 5, "a\0b\r\n", 5);
	tear_down();
}

static unsigned repeats;

static void again(struct http_request *r, const struct http_result *result)
{
	assert_int_equal(result->status, 200);
	if (repeats-- > 0)
		http_submit(client, r);
	else
		loop_stop(loop);
}

static void http__connections_are_kept_and_the_one_used_last_is_taken(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	struct call *c = &calls[0];

	(void)state;
	set_up(steps, 1);
	client_made();
	repeats = 50;
	post(c, "x");
	c->request.done = again;
	run();
	assert_int_equal(server.requests, 51);
	assert_int_equal(server.accepted, 1);
	assert_int_equal(http_client_get_state(client).connections_opened, 1);
	assert_int_equal(http_client_get_state(client).in_flight, 0);
	tear_down();
}

static void http__many_at_once_take_many_multis_and_then_reuse_their_connections(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};

	(void)state;
	set_up(steps, 1);
	client_made();
	for (size_t i = 0; i < MANY; i++)
		post(&calls[i], "x");
	assert_int_equal(http_client_get_state(client).in_flight, MANY);
	run();
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(calls[i].result.status, 200);
	assert_int_equal(server.accepted, MANY);
	assert_int_equal(http_client_get_state(client).connections_open, MANY);
	for (size_t i = 0; i < MANY; i++) {
		calls[i].done = 0;
		post(&calls[i], "x");
	}
	run();
	assert_int_equal(server.requests, 2 * MANY);
	assert_int_equal(server.accepted, MANY);
	tear_down();
}

/* The first request is answered; each further one on that connection is read and dropped. */
static void http__a_request_is_sent_once_when_the_server_closes_after_taking_it(void **state)
{
	static const struct script_step steps[] = {
		{SCRIPT_OK, 0, 0}, {NULL, 0, SCRIPT_CLOSE}, {SCRIPT_OK, 0, 0}};
	static const char *const methods[] = {"POST", "GET", "DELETE", "HEAD"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		struct call *c = &calls[1];

		set_up(steps, 3);
		client_made();
		post(&calls[0], "x");
		run();
		post(c, "");
		http_cancel(&c->request);
		c->request.method = methods[i];
		c->request.has_body = i == 0;
		http_submit(client, &c->request);
		run();
		assert_int_equal(server.accepted, 2); /* what was cancelled, opened one too */
		assert_int_equal(c->done, 1);
		assert_int_equal(c->result.transport, RETRY_TRANSPORT_RESET);
		assert_int_equal(server.requests, 2);
		assert_non_null(strstr(c->result.error, "closed before a reply"));
		tear_down();
	}
}

/* --- Bad replies. --- */

struct bad_reply {
	struct script_step step;
	enum retry_transport transport;
	const char *error;
};

static char many_headers[80000];

static void http__bad_replies_are_named(void **state)
{
	size_t len = (size_t)sprintf(many_headers, "HTTP/1.1 200 OK\r\n");

	static const struct bad_reply table[] = {
		{{NULL, 0, SCRIPT_CLOSE}, RETRY_TRANSPORT_RESET, "Empty reply"},
		{{NULL, 0, SCRIPT_RESET}, RETRY_TRANSPORT_RESET, "reset"},
		{{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", 0, SCRIPT_RESET},
			RETRY_TRANSPORT_RESET, "reset"},
		{{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", 0, SCRIPT_CLOSE},
			RETRY_TRANSPORT_RESET, "97 bytes"},
		{{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0,
			 SCRIPT_CLOSE},
			RETRY_TRANSPORT_RESET, "outstanding"},
		{{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", 0,
			 SCRIPT_CLOSE},
			RETRY_TRANSPORT_RESET, "hunk"},
		{{"SSH-2.0-OpenSSH_9.2\r\n", 0, SCRIPT_CLOSE}, RETRY_TRANSPORT_PROTOCOL,
			"HTTP/0.9"},
		{{"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 5000, SCRIPT_KEEP},
			RETRY_TRANSPORT_PROTOCOL, "longer than 4000 bytes"},
		{{"HTTP/1.1 200 OK\r\n\r\n", 5000, SCRIPT_CLOSE}, RETRY_TRANSPORT_PROTOCOL,
			"longer than 4000 bytes"},
		{{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Cut: ", 7, SCRIPT_CLOSE},
			RETRY_TRANSPORT_RESET, "amid"},
		{{many_headers, 0, SCRIPT_CLOSE}, RETRY_TRANSPORT_PROTOCOL,
			"headers are longer"},
	};

	(void)state;
	while (len < sizeof many_headers - 20)
		len += (size_t)sprintf(many_headers + len, "X-One: more\r\n");
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct call *c = &calls[0];

		set_up(&table[i].step, 1);
		settings.response_max_bytes = 4000;
		client_made();
		post(c, "x");
		run();
		if (c->result.transport != table[i].transport ||
			strstr(c->result.error, table[i].error) == NULL)
			fail_msg("reply %zu: %d '%s'", i, c->result.transport, c->result.error);
		assert_int_equal(c->result.status, 0);
		assert_int_equal(c->result.body.len, 0);
		tear_down();
	}
}

static void http__good_replies_of_every_form_are_read(void **state)
{
	static const struct {
		struct script_step step;
		int status;
		const char *body;
	} table[] = {
		{{"HTTP/1.1 204 No Content\r\n\r\n", 0, 0}, 204, ""},
		{{"HTTP/1.0 200 OK\r\n\r\nto the end", 0, SCRIPT_CLOSE}, 200, "to the end"},
		{{"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n"
		  "0\r\nX-Trailer: 1\r\n\r\n",
			 0, 0},
			503, "abcde"},
		{{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nRetry-After: "
		  "9\r\n\r\n" SCRIPT_OK,
			 0, 0},
			200, "ok"},
		{{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: "
		  "0\r\n\r\n",
			 0, 0},
			302, ""},
		{{"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", 0,
			 0},
			401, ""},
		{{"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", 0, 0}, 999, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct call *c = &calls[0];

		set_up(&table[i].step, 1);
		client_made();
		post(c, "x");
		run();
		assert_int_equal(c->result.transport, RETRY_TRANSPORT_OK);
		assert_int_equal(c->result.status, table[i].status);
		assert_string_equal(c->body, table[i].body);
		assert_int_equal(c->result.retry_after, RETRY_AFTER_NONE);
		assert_int_equal(server.requests, 1);
		tear_down();
	}
}

static void http__only_the_first_bytes_of_a_long_reply_are_kept(void **state)
{
	static const struct script_step steps[] = {
		{"HTTP/1.1 500 No\r\nContent-Length: 100003\r\n\r\nabc", 100000, 0}};
	struct call *c = &calls[0];

	(void)state;
	set_up(steps, 1);
	settings.response_keep_bytes = 1000;
	client_made();
	post(c, "x");
	run();
	assert_int_equal(c->result.status, 500);
	assert_int_equal(c->result.body.len, 1000);
	assert_memory_equal(c->body, "abcxxx", 6);
	/* The whole reply was read, so the connection is good for more. */
	assert_int_equal(http_client_get_state(client).connections_open, 1);
	tear_down();
}

/* --- Limits of time, refusals, shortages. --- */

static void http__a_refused_connection_is_a_failure_to_connect(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	struct call *c = &calls[0];

	(void)state;
	set_up(steps, 1);
	client_made();
	loop_unwatch(loop, &server.listener);
	close(server.listener.fd);
	server.listener.fd = -1;
	post(c, "x");
	run();
	assert_int_equal(c->result.transport, RETRY_TRANSPORT_CONNECT);
	assert_int_equal(http_client_get_state(client).connections_open, 0);
	tear_down();
}

static void http__a_silent_server_runs_into_the_time_limit(void **state)
{
	static const struct script_step steps[] = {{NULL, 0, 0}};
	struct call *c = &calls[0];

	(void)state;
	set_up(steps, 1);
	settings.timeout_ms = 30;
	client_made();
	post(c, "x");
	run();
	assert_int_equal(c->result.transport, RETRY_TRANSPORT_TIMEOUT);
	assert_string_equal(c->result.error, "no complete reply within 30 ms");
	assert_int_equal(http_client_get_state(client).connections_open, 0);
	tear_down();
}

static void http__no_progress_ends_a_request_before_its_time(void **state)
{
	static const struct script_step steps[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 0, 0}};
	struct call *c = &calls[0];

	(void)state;
	set_up(steps, 1);
	settings.no_progress_timeout_ms = 40;
	client_made();
	post(c, "x");
	run();
	assert_int_equal(c->result.transport, RETRY_TRANSPORT_TIMEOUT);
	assert_string_equal(c->result.error, "not a byte in either direction within 40 ms");
	tear_down();
}

static void http__a_connection_that_is_not_made_has_its_own_limit(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	struct call *c = &calls[0];
	int plugs[2];

	(void)state;
	set_up(steps, 1);
	settings.connect_timeout_ms = 30;
	client_made();
	/* A listener whose backlog is full does not answer a SYN. */
	loop_unwatch(loop, &server.listener);
	listen(server.listener.fd, 0);
	for (size_t i = 0; i < COUNT_OF(plugs); i++) {
		struct sockaddr_in in = {.sin_family = AF_INET,
			.sin_port = htons((uint16_t)server.port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

		plugs[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(plugs[i], (struct sockaddr *)&in, sizeof in);
	}
	post(c, "x");
	run();
	assert_int_equal(c->result.transport, RETRY_TRANSPORT_TIMEOUT);
	assert_string_equal(c->result.error, "no connection within 30 ms");
	assert_int_equal(http_client_get_state(client).connections_open, 0);
	for (size_t i = 0; i < COUNT_OF(plugs); i++)
		close(plugs[i]);
	tear_down();
}

static void http__a_shortage_of_descriptors_is_our_own_fault(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	struct call *c = &calls[0];
	struct rlimit before, none;

	(void)state;
	set_up(steps, 1);
	client_made();
	getrlimit(RLIMIT_NOFILE, &before);
	none = before;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	post(c, "x");
	run();
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(c->result.transport, RETRY_TRANSPORT_INTERNAL);
	assert_non_null(strstr(c->result.error, "LimitNOFILE"));
	tear_down();
}

static void http__an_impossible_url_is_no_address(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	struct call *c = &calls[0];

	(void)state;
	set_up(steps, 1);
	client_made();
	snprintf(url, sizeof url, "http://user:pa55word@:0:/");
	post(c, "x");
	run();
	assert_int_equal(c->result.transport, RETRY_TRANSPORT_DNS);
	assert_null(strstr(c->result.error, "pa55word"));
	tear_down();
}

static void http__errors_show_no_credentials(void **state)
{
	char text[] = "proxy http://me:pa55@word@proxy:3128/ and https://a@b/ refused";

	(void)state;
	http_error_mask(text);
	assert_string_equal(text, "proxy http://proxy:3128/ and https://b/ refused");
}

/* --- Cancelling. --- */

static void cancel_first(struct script *s)
{
	http_cancel(&calls[0].request);
	s->on_request = NULL;
}

static void http__a_cancelled_request_never_calls_back(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};

	(void)state;
	set_up(steps, 1);
	client_made();
	/* At once. */
	post(&calls[0], "x");
	http_cancel(&calls[0].request);
	http_cancel(&calls[0].request);
	assert_null(calls[0].request.transfer);
	/* While its reply is on the way. */
	post(&calls[0], "x");
	server.on_request = cancel_first;
	post(&calls[1], "x");
	awaited = 1;
	run();
	assert_int_equal(calls[0].done, 0);
	assert_int_equal(calls[1].done, 1);
	assert_int_equal(calls[1].result.status, 200);
	assert_int_equal(http_client_get_state(client).in_flight, 0);
	tear_down();
}

static void cancel_all_others(struct http_request *r, const struct http_result *result)
{
	(void)result;
	for (size_t i = 0; i < MANY; i++)
		if (&calls[i].request != r)
			http_cancel(&calls[i].request);
	awaited = 1;
	on_done(r, result);
}

/* While its name is asked for; and when its end is known but not told. */
static void http__a_request_off_the_wire_can_be_cancelled_too(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};

	(void)state;
	set_up(steps, 1);
	client_made();
	snprintf(url, sizeof url, "http://no-such-name.invalid:1/");
	post(&calls[0], "x");
	http_cancel(&calls[0].request);
	snprintf(url, sizeof url, "http://:::/");
	post(&calls[1], "x");
	http_cancel(&calls[1].request);
	assert_int_equal(http_client_get_state(client).in_flight, 0);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/hook", server.port);
	post(&calls[2], "x");
	awaited = 1;
	run();
	assert_int_equal(calls[0].done + calls[1].done, 0);
	assert_int_equal(calls[2].result.status, 200);
	tear_down();
}

static void http__the_environment_names_no_proxy(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	set_up(steps, 1);
	client_made();
	post(&calls[0], "x");
	run();
	assert_int_equal(calls[0].result.status, 200);
	tear_down();
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void http__a_configured_proxy_is_used_and_its_refusal_told(void **state)
{
	static const struct script_step steps[] = {
		{"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", 0,
			SCRIPT_CLOSE}};
	char proxy[96];

	(void)state;
	set_up(steps, 1);
	snprintf(proxy, sizeof proxy, "http://me:pa55@127.0.0.1:%u", server.port);
	settings.proxy = proxy;
	client_made();
	snprintf(url, sizeof url, "http://no-such-name.invalid:81/hook");
	post(&calls[0], "x");
	run();
	assert_int_equal(calls[0].result.transport, RETRY_TRANSPORT_CONNECT);
	assert_string_equal(calls[0].result.error, "the proxy refuses with status 407");
	assert_int_equal(calls[0].result.status, 0);
	assert_true(last_has("CONNECT no-such-name.invalid:81 HTTP/1.1\r\n"));
	assert_false(last_has("X-Order"));
	tear_down();
}

static void http__one_callback_may_cancel_all_others(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	unsigned sum = 0;

	(void)state;
	set_up(steps, 1);
	client_made();
	for (size_t i = 0; i < MANY; i++) {
		post(&calls[i], "x");
		calls[i].request.done = cancel_all_others;
	}
	run();
	for (size_t i = 0; i < MANY; i++)
		sum += calls[i].done;
	assert_int_equal(sum, 1);
	assert_int_equal(http_client_get_state(client).in_flight, 0);
	tear_down();
}

static void free_client(struct http_request *r, const struct http_result *result)
{
	http_client_free(client);
	client = NULL;
	on_done(r, result);
}

static void http__the_last_callback_may_free_the_client(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};

	(void)state;
	set_up(steps, 1);
	client_made();
	post(&calls[0], "x");
	calls[0].request.done = free_client;
	run();
	assert_int_equal(calls[0].done, 1);
	tear_down();
}

/* --- Names. --- */

static int lookup_code;
static struct resolver_answer lookup_answer;

static int lookup(void *ctx, const char *host, struct resolver_answer *ret, struct err *err)
{
	(void)ctx;
	if (lookup_code != 0)
		return err_set(err, lookup_code, "the name '%s' does not resolve", host);
	*ret = lookup_answer;
	return 0;
}

static void answer_with(size_t count, uint32_t first)
{
	lookup_answer = (struct resolver_answer){.count = count};
	for (size_t i = 0; i < count; i++)
		lookup_answer.addresses[i].in = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_addr.s_addr = htonl(first + (uint32_t)i)};
}

static void with_lookup(struct resolver **ret_before)
{
	*ret_before = http_resolver;
	http_resolver = resolver_new(lookup, NULL);
	snprintf(url, sizeof url, "http://api.test:%u/hook", server.port);
}

static void without_lookup(struct resolver *before)
{
	resolver_free(http_resolver);
	http_resolver = before;
}

static void http__requests_wait_for_the_first_answer_about_the_name(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	struct resolver *before;

	(void)state;
	set_up(steps, 1);
	lookup_code = 0;
	answer_with(1, INADDR_LOOPBACK);
	with_lookup(&before);
	client_made();
	for (size_t i = 0; i < MANY; i++)
		post(&calls[i], "x");
	run();
	for (size_t i = 0; i < MANY; i++)
		assert_int_equal(calls[i].result.status, 200);
	assert_true(last_has("\r\nHost: api.test:"));
	tear_down();
	without_lookup(before);
}

static void http__a_name_that_does_not_resolve_says_so(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	struct resolver *before;

	(void)state;
	set_up(steps, 1);
	lookup_code = ERR_NOT_FOUND;
	with_lookup(&before);
	client_made();
	post(&calls[0], "x");
	post(&calls[1], "x");
	run();
	assert_int_equal(calls[0].result.transport, RETRY_TRANSPORT_DNS);
	assert_string_equal(calls[1].result.error, "the name 'api.test' does not resolve");
	/* Later it does. */
	lookup_code = 0;
	calls[0].done = 0;
	answer_with(1, INADDR_LOOPBACK);
	post(&calls[0], "x");
	run();
	assert_int_equal(calls[0].result.status, 200);
	tear_down();
	without_lookup(before);
}

static void http__connections_are_spread_over_the_addresses_of_a_name(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	struct script second = {0};
	struct resolver *before;

	(void)state;
	set_up(steps, 1);
	second = (struct script){.loop = loop, .steps = steps, .step_count = 1};
	buf_init(&second.last, BUF_UNLIMITED);
	list_init(&second.connections);
	script_listen(&second, INADDR_LOOPBACK + 1, server.port);
	lookup_code = 0;
	/* Three addresses, of which the last refuses: it is passed over. */
	answer_with(3, INADDR_LOOPBACK);
	with_lookup(&before);
	client_made();
	for (size_t i = 0; i < 60; i++)
		post(&calls[i], "x");
	run();
	for (size_t i = 0; i < 60; i++)
		assert_int_equal(calls[i].result.status, 200);
	assert_int_equal(server.accepted, 40);
	assert_int_equal(second.accepted, 20);
	script_stop(&second);
	tear_down();
	without_lookup(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http__a_request_arrives_whole_and_its_reply_comes_back),
		cmocka_unit_test(http__every_method_is_sent_as_it_is_named),
		cmocka_unit_test(http__headers_without_a_value_are_sent),
		cmocka_unit_test(http__a_body_may_hold_any_byte),
		cmocka_unit_test(http__connections_are_kept_and_the_one_used_last_is_taken),
		cmocka_unit_test(
			http__many_at_once_take_many_multis_and_then_reuse_their_connections),
		cmocka_unit_test(
			http__a_request_is_sent_once_when_the_server_closes_after_taking_it),
		cmocka_unit_test(http__bad_replies_are_named),
		cmocka_unit_test(http__good_replies_of_every_form_are_read),
		cmocka_unit_test(http__only_the_first_bytes_of_a_long_reply_are_kept),
		cmocka_unit_test(http__a_refused_connection_is_a_failure_to_connect),
		cmocka_unit_test(http__a_silent_server_runs_into_the_time_limit),
		cmocka_unit_test(http__no_progress_ends_a_request_before_its_time),
		cmocka_unit_test(http__a_connection_that_is_not_made_has_its_own_limit),
		cmocka_unit_test(http__a_shortage_of_descriptors_is_our_own_fault),
		cmocka_unit_test(http__an_impossible_url_is_no_address),
		cmocka_unit_test(http__errors_show_no_credentials),
		cmocka_unit_test(http__a_cancelled_request_never_calls_back),
		cmocka_unit_test(http__a_request_off_the_wire_can_be_cancelled_too),
		cmocka_unit_test(http__the_environment_names_no_proxy),
		cmocka_unit_test(http__a_configured_proxy_is_used_and_its_refusal_told),
		cmocka_unit_test(http__one_callback_may_cancel_all_others),
		cmocka_unit_test(http__the_last_callback_may_free_the_client),
		cmocka_unit_test(http__requests_wait_for_the_first_answer_about_the_name),
		cmocka_unit_test(http__a_name_that_does_not_resolve_says_so),
		cmocka_unit_test(http__connections_are_spread_over_the_addresses_of_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
