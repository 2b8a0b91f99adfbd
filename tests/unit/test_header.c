/* SPDX-License-Identifier: Apache-2.0 */
/* Header lines, wherever they are made: none can become two, and there are not too many. */
#include "unit.h"
#include "core/auth/webhook.h"
#include "core/header/header.h"
#include "core/request/request.h"
#include "io/auth/oauth.h"
#include "io/http/otlp.h"

#include <stdlib.h>

/* What must stand in no line. */
static const struct slice bad_values[] = {SLICE("a\r\nX-Injected: yes"), SLICE("a\nb"),
	SLICE("a\rb"), SLICE("a\0b"), SLICE("\0"), SLICE("a\x1b[2Jb"), SLICE("\x7f"),
	SLICE("a\x01"), SLICE("\n")};
static const struct slice good_values[] = {
	SLICE(""), SLICE("a\tb"), SLICE("a: b"), SLICE("caf\xc3\xa9"), SLICE("\x80\xff")};
static const struct slice bad_names[] = {SLICE(""), SLICE("a b"), SLICE("a:b"), SLICE("a\r\nb"),
	SLICE("a\0"), SLICE("caf\xc3\xa9"), SLICE("(x)"), SLICE("x\t")};

static struct buf lines;
static size_t count;
static struct header_writer writer = {.lines = &lines, .count = &count};
static struct err err;

static int set_up(void **state)
{
	(void)state;
	buf_init(&lines, BUF_UNLIMITED);
	count = 0;
	err = (struct err){0};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_release(&lines);
	return 0;
}

static void header__line_that_could_break_out_is_taken_out_again(void **state)
{
	(void)state;
	assert_int_equal(header_add(&writer, SLICE("X-First"), SLICE("1"), &err), 0);
	for (size_t i = 0; i < COUNT_OF(bad_values); i++) {
		assert_int_equal(
			header_add(&writer, SLICE("X-Bad"), bad_values[i], &err), ERR_INVALID);
		assert_non_null(strstr(err.text, "header X-Bad: its value"));
		assert_false(header_is_value(bad_values[i]));
	}
	for (size_t i = 0; i < COUNT_OF(bad_names); i++) {
		assert_int_equal(
			header_add(&writer, bad_names[i], SLICE("v"), &err), ERR_INVALID);
		assert_false(header_is_name(bad_names[i]));
	}
	assert_int_equal(count, 1);
	assert_int_equal(lines.len, sizeof "X-First: 1");
	for (size_t i = 0; i < COUNT_OF(good_values); i++)
		assert_int_equal(header_add(&writer, SLICE("X"), good_values[i], &err), 0);
	assert_int_equal(count, 1 + COUNT_OF(good_values));
}

static void header__lines_and_bytes_are_bounded(void **state)
{
	char *big = xcalloc(1, HEADER_MAX_BYTES);

	(void)state;
	memset(big, 'x', HEADER_MAX_BYTES);
	assert_int_equal(
		header_add(&writer, SLICE("X"), slice_of(big, HEADER_MAX_BYTES - 3), &err),
		ERR_LIMIT);
	assert_int_equal(
		header_add(&writer, SLICE("X"), slice_of(big, HEADER_MAX_BYTES / 2), &err), 0);
	assert_int_equal(
		header_add(&writer, SLICE("X"), slice_of(big, HEADER_MAX_BYTES / 2), &err),
		ERR_LIMIT);
	while (count < HEADER_MAX_LINES)
		assert_int_equal(header_add(&writer, SLICE("Y"), SLICE("1"), &err), 0);
	assert_int_equal(header_add(&writer, SLICE("Y"), SLICE("1"), &err), ERR_LIMIT);
	assert_false(buf_failed(&lines));
	assert_int_equal(count, HEADER_MAX_LINES);
	free(big);
}

static void header__line_is_known_again(void **state)
{
	(void)state;
	assert_true(header_is_line(SLICE("X: 1")));
	assert_true(header_is_line(SLICE("X:")));
	assert_false(header_is_line(SLICE("X")));
	assert_false(header_is_line(SLICE("")));
	assert_false(header_is_line(SLICE(": 1")));
	assert_false(header_is_line(SLICE("X: a\r\nY: b")));
	assert_false(header_is_line(SLICE("POST / HTTP/1.1\nHost: x")));
}

static void header__names_of_the_transport_are_known_in_any_case(void **state)
{
	(void)state;
	assert_true(header_is_transport("Content-Length"));
	assert_true(header_is_transport("transfer-encoding"));
	assert_true(header_is_transport("KEEP-ALIVE"));
	assert_false(header_is_transport("Content-Type"));
	assert_false(header_is_transport("X-Host"));
	assert_false(header_is_transport(""));
}

/* --- those who make lines ----------------------------------------------------------------- */

static void ignore(void *ctx, bool is_warning, const char *field, const char *text)
{
	(void)ctx;
	if (!is_warning)
		fail_msg("%s: %s", field, text);
}

/* A record as a dead letter or a broker might name its place. */
static int render(
	const char *topic, const char *text, enum request_output output, const char **ret_code)
{
	const struct event_fields f = {.topic = topic, .value = slice_str(text)};
	const struct request_settings s = {.rule_name = "r",
		.target_id = "t",
		.endpoint = "https://api.example.com/",
		.http_method = "POST",
		.output = output};
	struct request_plan *p = request_plan_new(&s, ignore, NULL);
	struct event *ev = event_new(&f);
	struct jx_index ix;
	struct request_context c = {.ev = ev, .ix = &ix};
	struct request_work work;
	struct request r;
	int code;

	jx_init(&ix);
	assert_int_equal(jx_parse(&ix, ev->f.value, &jx_default_limits, NULL), 0);
	request_work_init(&work);
	request_init(&r, &work);
	*ret_code = "";
	code = request_render(p, &c, &r, ret_code, &err);
	assert_true(r.headers.len <= HEADER_MAX_BYTES && r.header_count <= HEADER_MAX_LINES);
	request_release(&r);
	request_work_release(&work);
	jx_release(&ix);
	event_unref(ev);
	request_plan_free(p);
	return code;
}

static void header__topic_cannot_break_out_of_the_idempotency_key(void **state)
{
	const char *code;

	(void)state;
	assert_int_equal(render("orders", "{}", REQUEST_JSON, &code), 0);
	assert_int_equal(
		render("x\r\nX-Injected: yes", "{}", REQUEST_JSON, &code), ERR_INVALID);
	assert_string_equal(code, "INVALID_PARAMETER");
}

/* A CloudEvent with @n extensions of @bytes each. */
static char *cloudevent(size_t n, size_t bytes)
{
	struct buf b;

	buf_init(&b, BUF_UNLIMITED);
	buf_add_str(
		&b, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\"");
	for (size_t i = 0; i < n; i++) {
		buf_addf(&b, ",\"a%zu\":\"", i);
		for (size_t k = 0; k < bytes; k++)
			buf_add_char(&b, 'x');
		buf_add_char(&b, '"');
	}
	buf_add_char(&b, '}');
	return b.data;
}

static void header__event_with_too_many_attributes_is_its_own_fault(void **state)
{
	static const struct {
		size_t count, bytes;
		int code;
	} table[] = {{100, 10, 0}, {190, 10, 0}, {300, 1, ERR_LIMIT}, {90000, 1, ERR_LIMIT},
		{10, 7000, ERR_LIMIT}, {1, 900000, ERR_LIMIT}};
	const char *code;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		char *text = cloudevent(table[i].count, table[i].bytes);

		assert_int_equal(render("orders", text, REQUEST_CLOUDEVENTS_BINARY, &code),
			table[i].code);
		assert_string_equal(code, table[i].code ? "RESOURCE_LIMIT_EXCEEDED" : "");
		free(text);
	}
}

static void header__secret_cannot_break_out_of_a_token_request(void **state)
{
	struct request_parameter h = {(char *)"X-Tenant", NULL};
	const struct request_parameters p = {.header = &h, .header_count = 1};
	const struct connection_settings s = {.name = "c",
		.type = CONNECTION_OAUTH_CLIENT_CREDENTIALS,
		.authorization_endpoint = "https://login.example.com/",
		.client_id = "id",
		.client_secret = "secret",
		.oauth_parameters = &p};
	struct oauth_request r = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad_values); i++) {
		h.value = (char *)(uintptr_t)bad_values[i].data;
		if (strlen(h.value) == bad_values[i].len)
			assert_int_equal(oauth_request_render(&r, &s, &err), ERR_INVALID);
	}
	h.value = (char *)"7";
	assert_int_equal(oauth_request_render(&r, &s, &err), 0);
	oauth_request_release(&r);
}

static void header__secret_cannot_break_out_of_an_export_of_spans(void **state)
{
	struct request_parameter h = {(char *)"Authorization", NULL};
	const struct otlp_settings s = {
		.endpoint = "http://127.0.0.1:9/v1/traces", .headers = &h, .header_count = 1};
	struct loop *loop = loop_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad_values); i++) {
		h.value = (char *)(uintptr_t)bad_values[i].data;
		if (strlen(h.value) == bad_values[i].len)
			assert_null(otlp_new(loop, &s, &err));
	}
	loop_free(loop);
}

static void header__id_cannot_break_out_of_a_signature(void **state)
{
	const struct slice key = SLICE("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	struct webhook_signer *s = webhook_signer_new(&key, 1, NULL);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad_values); i++) {
		count = 0;
		buf_reset(&lines);
		webhook_sign(s, bad_values[i], 0, SLICE("{}"), &writer);
		assert_int_equal(count, 2);
		assert_null(memchr(lines.data, '\n', lines.len));
		assert_true(strncmp(lines.data, "webhook-timestamp: ", 19) == 0);
	}
	webhook_signer_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		CASE(header__line_that_could_break_out_is_taken_out_again),
		CASE(header__lines_and_bytes_are_bounded),
		CASE(header__line_is_known_again),
		CASE(header__names_of_the_transport_are_known_in_any_case),
		CASE(header__topic_cannot_break_out_of_the_idempotency_key),
		CASE(header__event_with_too_many_attributes_is_its_own_fault),
		CASE(header__secret_cannot_break_out_of_a_token_request),
		CASE(header__secret_cannot_break_out_of_an_export_of_spans),
		CASE(header__id_cannot_break_out_of_a_signature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
