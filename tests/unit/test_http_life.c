/* SPDX-License-Identifier: Apache-2.0 */
/* What ends a request, and where it goes: limits, cancelling, proxies, names. */
#include "http_case.h"

#include <sys/resource.h>

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

/* Ask for the name of the client's only origin again. */
static void ask_again(void)
{
	struct http_origin *o = list_entry(client->origins.next, struct http_origin, node);
	uint64_t generation = o->name.generation;

	o->name.ask_at_ms = 0;
	while (o->name.generation == generation) {
		awaited = 1;
		calls[0].done = 0;
		post(&calls[0], "x");
		awaited = 1;
		run();
	}
}

static void http__a_name_that_moves_is_followed_by_new_connections(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	struct script second = {0};
	struct resolver *before;
	size_t requests;

	(void)state;
	set_up(steps, 1);
	second = (struct script){.loop = loop, .steps = steps, .step_count = 1};
	buf_init(&second.last, BUF_UNLIMITED);
	list_init(&second.connections);
	script_listen(&second, INADDR_LOOPBACK + 1, server.port);
	lookup_code = 0;
	answer_with(1, INADDR_LOOPBACK);
	with_lookup(&before);
	client_made();
	post(&calls[0], "x");
	run();
	assert_int_equal(server.accepted, 1);
	answer_with(1, INADDR_LOOPBACK + 1);
	ask_again();
	requests = server.requests;
	for (size_t i = 1; i < 10; i++)
		post(&calls[i], "x");
	run();
	assert_int_equal(server.requests, requests);
	assert_int_equal(second.requests, 9);
	/* What is retired is closed by the next round of housekeeping. */
	http_shards_sweep(client, false);
	assert_int_equal(http_client_get_state(client).connections_open, 9);
	script_stop(&second);
	tear_down();
	without_lookup(before);
}

/* Twenty at once: libcurl by itself would give up after five dead ones. */
static void http__connections_the_server_has_closed_cost_no_attempt(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};

	(void)state;
	set_up(steps, 1);
	client_made();
	for (size_t round = 1; round <= 3; round++) {
		for (size_t i = 0; i < 20; i++)
			post(&calls[i], "x");
		run();
		for (size_t i = 0; i < 20; i++)
			assert_int_equal(calls[i].result.status, 200);
		assert_int_equal(server.requests, round * 20);
		while (!list_is_empty(&server.connections))
			script_drop(list_entry(
				server.connections.next, struct script_connection, node));
		for (size_t i = 0; i < 20; i++)
			calls[i].done = 0;
	}
	assert_int_equal(server.accepted, 60);
	tear_down();
}

static void http__idle_connections_are_closed_in_time(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};

	(void)state;
	set_up(steps, 1);
	settings.idle_timeout_ms = 60000;
	client_made();
	for (size_t i = 0; i < MANY; i++)
		post(&calls[i], "x");
	run();
	http_shards_sweep(client, false);
	assert_int_equal(http_client_get_state(client).connections_open, MANY);
	client->settings.idle_timeout_ms = 0;
	http_shards_sweep(client, false);
	assert_int_equal(http_client_get_state(client).connections_open, 0);
	calls[0].done = 0;
	post(&calls[0], "x");
	run();
	assert_int_equal(calls[0].result.status, 200);
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
		cmocka_unit_test(http__a_name_that_moves_is_followed_by_new_connections),
		cmocka_unit_test(http__connections_the_server_has_closed_cost_no_attempt),
		cmocka_unit_test(http__idle_connections_are_closed_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
