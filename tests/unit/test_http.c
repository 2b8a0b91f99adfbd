/* SPDX-License-Identifier: Apache-2.0 */
#include "http_case.h"

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
	assert_string_equal(c->head, "Retry-After: 7\r\n");
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

/* All who make headers check them; this is for those who would not. */
static void http__nothing_is_sent_when_a_header_line_is_none(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	static const char *const bad[] = {
		"X: a\r\nY: b", "X: a\nY: b", "X", "X Y: a", ": a", ""};
	struct call *c = &calls[0];

	(void)state;
	set_up(steps, 1);
	client_made();
	for (size_t i = 0; i < 2 * COUNT_OF(bad); i++) {
		c->request =
			(struct http_request){.method = "GET", .url = url, .done = on_done};
		if (i % 2 == 0) {
			c->request.headers = bad[i / 2];
			c->request.header_count = 1;
		} else {
			c->request.more_headers = bad[i / 2];
			c->request.more_header_count = 1;
		}
		awaited++;
		http_submit(client, &c->request);
		run();
		assert_int_equal(c->result.transport, RETRY_TRANSPORT_INTERNAL);
	}
	assert_int_equal(server.requests, 0);
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

static void http__a_reply_that_begins_with_a_continued_header_harms_nothing(void **state)
{
	static const struct script_step steps[] = {
		{"HTTP/1.1 200 OK\r\nX-Long-Enough: to be found\r\nContent-Length: 2\r\n\r\nok",
			0, 0},
		{"HTTP/1.1 200 OK\r\n\tContinued: none\r\nContent-Length: 2\r\n\r\nok", 0, 0}};

	(void)state;
	set_up(steps, 2);
	client_made();
	post(&calls[0], "x");
	run();
	assert_int_equal(calls[0].result.transport, RETRY_TRANSPORT_OK);
	post(&calls[1], "x");
	run();
	/* Older libcurls refuse it, newer ones are lenient. */
	if (calls[1].result.transport == RETRY_TRANSPORT_OK)
		assert_int_equal(calls[1].result.status, 200);
	else
		assert_int_equal(calls[1].result.transport, RETRY_TRANSPORT_PROTOCOL);
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

/* The same for a request that may be sent once more: on a new connection, and only once. */
static void http__what_may_be_resent_is_sent_once_more_on_a_new_connection(void **state)
{
	static const struct script_step answered[] = {
		{SCRIPT_OK, 0, 0}, {NULL, 0, SCRIPT_CLOSE}, {SCRIPT_OK, 0, 0}};
	static const struct script_step dropped[] = {
		{SCRIPT_OK, 0, 0}, {NULL, 0, SCRIPT_CLOSE}, {NULL, 0, SCRIPT_CLOSE}};

	(void)state;
	for (int is_dropped = 0; is_dropped < 2; is_dropped++) {
		struct call *c = &calls[1];

		set_up(is_dropped ? dropped : answered, 3);
		client_made();
		post(&calls[0], "x");
		run();
		post(c, "x");
		c->request.may_be_resent = true;
		run();
		assert_int_equal(c->done, 1);
		assert_int_equal(server.requests, 3);
		assert_true(c->result.was_resent);
		assert_int_equal(c->result.status, is_dropped ? 0 : 200);
		tear_down();
	}
}

/* --- Bad URLs. --- */

static void http__only_urls_of_http_are_asked(void **state)
{
	static const char *const urls[] = {"ftp://127.0.0.1/", "file:///etc/passwd",
		"httpx://127.0.0.1/", "127.0.0.1/hook", "http://", "https://[::1/", "http", ""};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		struct call *c = &calls[0];

		set_up(NULL, 0);
		client_made();
		snprintf(url, sizeof url, "%s", urls[i]);
		post(c, "x");
		run();
		assert_int_equal(c->result.transport, RETRY_TRANSPORT_DNS);
		assert_string_equal(c->result.error, "not a URL of http or https");
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
			"headers"}, /* libcurl has a limit of its own, and later ones two */
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
		/* From its line on the status counts, whatever becomes of the rest. */
		assert_int_equal(c->result.status,
			table[i].step.reply != NULL &&
					strncmp(table[i].step.reply, "HTTP/", 5) == 0
				? 200
				: 0);
		tear_down();
	}
}

static void http__a_reply_without_a_status_is_none(void **state)
{
	static const char *const lines[] = {"HTTP/200 OK", "HTTP/1.1 OK", "HTTP/1.1 20 OK",
		"HTTP/1.1 2000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1 -200 OK",
		"HTTP/1.1200 OK", "HTTP/1.x 200 OK", "HTTP/11 200 OK", "HTTP/ 200 OK",
		"HTTP/211080.390 OK", "HTTP/1.1", "HTTP/", "http/1.1 200 OK"};
	static char reply[100];
	static struct script_step step = {.reply = reply, .then = SCRIPT_CLOSE};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct call *c = &calls[0];

		snprintf(reply, sizeof reply, "%s\r\nContent-Length: 2\r\n\r\nok", lines[i]);
		set_up(&step, 1);
		client_made();
		post(c, "x");
		run();
		if (c->result.transport != RETRY_TRANSPORT_PROTOCOL || c->result.status != 0)
			fail_msg("%s: %d, %d", lines[i], c->result.transport, c->result.status);
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
		{{"HTTP/1.1 204\r\n\r\n", 0, 0}, 204, ""},
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
		assert_string_equal(c->head, "");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http__a_request_arrives_whole_and_its_reply_comes_back),
		cmocka_unit_test(http__every_method_is_sent_as_it_is_named),
		cmocka_unit_test(http__headers_without_a_value_are_sent),
		cmocka_unit_test(http__nothing_is_sent_when_a_header_line_is_none),
		cmocka_unit_test(http__a_body_may_hold_any_byte),
		cmocka_unit_test(
			http__a_reply_that_begins_with_a_continued_header_harms_nothing),
		cmocka_unit_test(http__connections_are_kept_and_the_one_used_last_is_taken),
		cmocka_unit_test(
			http__many_at_once_take_many_multis_and_then_reuse_their_connections),
		cmocka_unit_test(
			http__a_request_is_sent_once_when_the_server_closes_after_taking_it),
		cmocka_unit_test(
			http__what_may_be_resent_is_sent_once_more_on_a_new_connection),
		cmocka_unit_test(http__only_urls_of_http_are_asked),
		cmocka_unit_test(http__bad_replies_are_named),
		cmocka_unit_test(http__a_reply_without_a_status_is_none),
		cmocka_unit_test(http__good_replies_of_every_form_are_read),
		cmocka_unit_test(http__only_the_first_bytes_of_a_long_reply_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
