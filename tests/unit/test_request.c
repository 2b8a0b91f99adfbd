/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/request/request.h"

#include <stdio.h>
#include <stdlib.h>

#define ENDPOINT "https://api.example.com/v1/orders"

static const char event_text[] =
	"{\"id\":\"e-1\",\"detail-type\":\"Order Placed\",\"source\":\"shop\","
	"\"time\":\"2023-04-03T09:05:04Z\",\"detail\":{\"id\":\"o 1/\\u00e9\",\"n\":1.10,"
	"\"ok\":true,\"null\":null,\"obj\":{ \"a\" : [ 1, \"b c\" ] },\"list\":[1,\"x\"],"
	"\"empty\":\"\",\"blank\":\"  \",\"dots\":\"..\",\"dot\":\".\",\"crlf\":\"a\\r\\nX: y\","
	"\"nul\":\"a\\u0000b\",\"tab\":\"a\\tb\",\"slash\":\"../../admin\",\"lf\":\"a\\nb\"}}";

static struct event *ev, *other;
static struct jx_index ix;
static struct request_work work;
static struct request req;
static struct buf complaints, body;

/* A target under test: what is set is changed from the default, a POST of the event. */
struct target {
	const char *endpoint, *method, *idempotency, *authorization;
	const char *header[8], *query[8], *body[8]; /* "name", "value" pairs up to a NULL */
	const char *connection_header[8], *connection_query[8], *connection_body[8];
	const char *path[4];
	const char *input, *input_path, *template;
	enum request_output output;
	size_t max_body;
};

static const char *body_text(void)
{
	buf_reset(&body);
	buf_add_slice(&body, req.body);
	return buf_str(&body);
}

static void complain(void *ctx, bool is_warning, const char *field, const char *text)
{
	(void)ctx;
	buf_addf(&complaints, "%s %s: %s\n", is_warning ? "warning" : "fault", field, text);
}

static struct request_parameter room[6][4];

static struct request_parameter *pairs(int which, const char *const *text, size_t *ret_count)
{
	size_t n = 0;

	for (; text[2 * n] != NULL; n++)
		room[which][n] = (struct request_parameter){
			(char *)(uintptr_t)text[2 * n], (char *)(uintptr_t)text[2 * n + 1]};
	*ret_count = n;
	return room[which];
}

static struct request_plan *compile(const struct target *t)
{
	struct request_parameters target = {0}, connection = {0};
	struct request_parameter map[] = {{(char[]){"id"}, (char[]){"$.detail.id"}},
		{(char[]){"lf"}, (char[]){"$.detail.lf"}}};
	struct request_input in = {
		.input = (char *)(uintptr_t)t->input,
		.input_path = (char *)(uintptr_t)t->input_path,
		.input_template = (char *)(uintptr_t)t->template,
		.input_paths_map = t->template ? map : NULL,
		.input_paths_count = t->template ? COUNT_OF(map) : 0,
	};
	const char *const credentials[] = {t->authorization, NULL};
	struct request_settings s = {
		.rule_name = "rule-1",
		.target_id = "target_1",
		.endpoint = t->endpoint ? t->endpoint : ENDPOINT,
		.http_method = t->method ? t->method : "POST",
		.idempotency_header = t->idempotency,
		.credential_headers = credentials,
		.connection = &connection,
		.target = &target,
		.input = &in,
		.output = t->output,
		.max_body_bytes = t->max_body,
	};

	target.header = pairs(0, t->header, &target.header_count);
	target.query = pairs(1, t->query, &target.query_count);
	target.body = pairs(2, t->body, &target.body_count);
	connection.header = pairs(3, t->connection_header, &connection.header_count);
	connection.query = pairs(4, t->connection_query, &connection.query_count);
	connection.body = pairs(5, t->connection_body, &connection.body_count);
	target.path_values = (char **)(uintptr_t)t->path;
	while (target.path_value_count < COUNT_OF(t->path) && t->path[target.path_value_count])
		target.path_value_count++;
	buf_reset(&complaints);
	return request_plan_new(&s, complain, NULL);
}

static unsigned rendered_of_spots;

/* What was found beforehand must make the same request as the index has made. */
static void check_spots(
	const struct request_plan *p, int failed, const char *code, const struct err *err)
{
	struct value_spot spots[REQUEST_MAX_SPOTS];
	struct request_context context = {.ev = ev, .spots = spots};
	struct request again;
	struct err again_err = {0};
	const char *again_code = "";

	if (request_plan_spot_count(p) < 0 || ix.text != ev->f.value.data)
		return;
	rendered_of_spots++;
	request_plan_find(p, &ix, spots);
	request_init(&again, &work);
	assert_int_equal(request_render(p, &context, &again, &again_code, &again_err), failed);
	if (failed) {
		assert_string_equal(again_code, code);
		if (err != NULL)
			assert_string_equal(again_err.text, err->text);
	} else {
		assert_string_equal(buf_str(&again.url), buf_str(&req.url));
		assert_int_equal(again.headers.len, req.headers.len);
		assert_memory_equal(again.headers.data, req.headers.data, req.headers.len);
		assert_true(slice_eq(again.body, req.body));
	}
	request_release(&again);
}

static int render(const struct target *t, const char **ret_code, struct err *err)
{
	struct request_context context = {.ev = ev, .ix = &ix};
	struct request_plan *p = compile(t);
	int failed;

	if (p == NULL)
		fail_msg("%s", buf_str(&complaints));
	failed = request_render(p, &context, &req, ret_code, err);
	check_spots(p, failed, *ret_code, err);
	request_plan_free(p);
	return failed;
}

static void render_well(const struct target *t)
{
	const char *code = "";
	struct err err = {0};

	if (render(t, &code, &err) != 0)
		fail_msg("%s: %s", code, err.text);
}

/* The value of the one header of that name, or NULL; its lines are counted on the way. */
static const char *header(const char *name)
{
	const char *line = buf_str(&req.headers), *found = NULL;
	size_t len = strlen(name);

	for (size_t i = 0; i < req.header_count; i++, line += strlen(line) + 1) {
		if (strncasecmp(line, name, len) != 0 || strncmp(line + len, ": ", 2) != 0)
			continue;
		assert_null(found);
		found = line + len + 2;
	}
	assert_ptr_equal(line, req.headers.data + req.headers.len);
	return found;
}

static void assert_header(const char *name, const char *value)
{
	if (header(name) == NULL)
		fail_msg("no header %s", name);
	assert_string_equal(header(name), value);
}

static void assert_complaint(const char *text)
{
	if (strstr(buf_str(&complaints), text) == NULL)
		fail_msg("'%s' is not in:\n%s", text, buf_str(&complaints));
}

static void request__event_is_posted_as_it_is(void **state)
{
	(void)state;
	render_well(&(struct target){0});
	assert_string_equal(buf_str(&complaints), "");
	assert_string_equal(req.method, "POST");
	assert_string_equal(buf_str(&req.url), ENDPOINT);
	assert_true(req.has_body);
	assert_string_equal(body_text(), event_text);
	assert_header("Content-Type", "application/json; charset=utf-8");
	assert_header("User-Agent", "postrider/" POSTRIDER_VERSION);
	assert_header("Idempotency-Key", "orders-3-42-rule-1-target_1");
	assert_header("traceparent", "00-0af7-b7ad-01");
	assert_header("tracestate", "vendor=1");
	assert_int_equal(req.header_count, 5);
}

static void request__same_event_same_bytes(void **state)
{
	struct buf first;

	(void)state;
	buf_init(&first, BUF_UNLIMITED);
	render_well(&(struct target){.template = "[<aws.events.event.ingestion-time>,<id>]"});
	buf_add_slice(&first, buf_slice(&req.headers));
	buf_add_slice(&first, req.body);
	render_well(&(struct target){.template = "[<aws.events.event.ingestion-time>,<id>]"});
	assert_memory_equal(first.data, req.headers.data, req.headers.len);
	assert_memory_equal(first.data + req.headers.len, req.body.data, req.body.len);
	buf_release(&first);
}

static void request__body_by_method(void **state)
{
	static const struct {
		const char *method;
		bool has_body;
	} methods[] = {{"POST", true}, {"PUT", true}, {"PATCH", true}, {"DELETE", true},
		{"OPTIONS", true}, {"GET", false}, {"HEAD", false}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		render_well(&(struct target){.method = methods[i].method});
		assert_string_equal(req.method, methods[i].method);
		assert_int_equal(req.has_body, methods[i].has_body);
		assert_int_equal(req.body.len > 0, methods[i].has_body);
	}
	assert_null(compile(&(struct target){.method = "TRACE"}));
	assert_complaint("fault http_method: 'TRACE' is not one of");
	assert_null(compile(&(struct target){.method = "post"}));
}

/* Endpoint, path values, and the URL they make; NULL: INVALID_PARAMETER. */
static const struct {
	const char *endpoint, *path[3], *url;
} urls[] = {
	{"https://h/a/*/b/*", {"T000", "$.detail.id"}, "https://h/a/T000/b/o%201%2F%C3%A9"},
	{"https://h/*", {"a/b?c#d"}, "https://h/a%2Fb%3Fc%23d"},
	{"https://h/*", {"id-$.detail.id"}, "https://h/id-%24.detail.id"},
	{"https://h/*", {"$.detail.n"}, "https://h/1.10"},
	{"https://h/*", {"$.detail.ok"}, "https://h/true"},
	{"https://h/*", {"$.detail.obj"}, "https://h/%7B%22a%22%3A%5B1%2C%22b%20c%22%5D%7D"},
	{"https://h/*", {"$.detail.list[*]"}, "https://h/%5B1%2C%22x%22%5D"},
	{"https://h/*", {"$kafka.topic"}, "https://h/orders"},
	{"https://h/*", {"$kafka.headers['traceparent']"}, "https://h/00-0af7-b7ad-01"},
	{"https://h/*", {"$.detail.slash"}, "https://h/..%2F..%2Fadmin"},
	{"https://h/*", {"$.detail.crlf"}, "https://h/a%0D%0AX%3A%20y"},
	{"https://h/*", {"$.detail.nul"}, "https://h/a%00b"},
	{"https://h/p?a=*&b=*", {"x y", "$.detail.dots"}, "https://h/p?a=x%20y&b=.."},
	{"https://h/v*.json", {"$.detail.dot"}, "https://h/v..json"},
	{"https://h/x*", {"$.detail.empty"}, NULL},
	{"https://h/*", {"$.detail.blank"}, NULL},
	{"https://h/*", {"$.detail.null"}, NULL},
	{"https://h/*", {"$.detail.absent"}, NULL},
	{"https://h/*", {"$.detail.dots"}, NULL},
	{"https://h/*/x", {"$.detail.dot"}, NULL},
	{"https://h/.*?q", {"$.detail.dot"}, NULL},
	{"https://h/%2E*?q", {"$.detail.dot"}, NULL},
	{"https://h/*/*", {"..", "$.detail.id"}, NULL},
};

static void request__path_values_stay_in_their_segment(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		struct target t = {.endpoint = urls[i].endpoint};
		const char *code = "";
		struct err err = {0};
		int failed;

		memcpy(t.path, urls[i].path, sizeof urls[i].path);
		failed = render(&t, &code, &err);
		if (urls[i].url != NULL && failed)
			fail_msg("%s: %s", urls[i].endpoint, err.text);
		else if (urls[i].url != NULL)
			assert_string_equal(buf_str(&req.url), urls[i].url);
		else if (!failed)
			fail_msg("%s %s gave %s", urls[i].endpoint, urls[i].path[0],
				buf_str(&req.url));
		else
			assert_string_equal(code, "INVALID_PARAMETER");
	}
}

static void request__missing_path_value_is_named(void **state)
{
	const char *code;
	struct err err;

	(void)state;
	render(&(struct target){.endpoint = "https://h/*/*", .path = {"a", "$.detail.absent"}},
		&code, &err);
	assert_string_equal(
		err.text, "path_parameter_values[1]: $.detail.absent is not in the event");
}

static void request__stars_and_values_have_to_match(void **state)
{
	(void)state;
	assert_null(compile(&(struct target){.endpoint = "https://h/*/*", .path = {"a"}}));
	assert_complaint("fault path_parameter_values: there are 1 values for the 2 stars");
	assert_null(compile(&(struct target){.path = {"a"}}));
	assert_complaint("there are 1 values for the 0 stars");
	assert_null(compile(&(struct target){.endpoint = "https://h/*", .path = {" "}}));
	assert_complaint("fault path_parameter_values[0]: a path value cannot be blank");
	assert_null(compile(&(struct target){.endpoint = "https://h/*", .path = {".."}}));
	assert_null(compile(&(struct target){.endpoint = "https://h/*", .path = {"$..x"}}));
	assert_complaint("fault path_parameter_values[0]: path '$..x', column 3");
}

/* Endpoints that are refused, and a part of the reason. */
static const struct {
	const char *endpoint, *reason;
} bad_endpoints[] = {
	{"ftp://h/", "has to begin with https://"},
	{"api.example.com", "has to begin with https://"},
	{"", "has to begin with https://"},
	{"https://", "no host"},
	{"https:///x", "no host"},
	{"https://:443/x", "no host"},
	{"https://*.example.com/", "star cannot stand in the host"},
	{"https://*", "star cannot stand in the host"},
	{"https://h:*/", "star cannot stand in the host"},
	{"https://user:secret@h/", "user or password"},
	{"https://h/#top", "fragment"},
	{"https://h/a b", "byte 12 (0x20)"},
	{"https://h/\xc3\xa9", "byte 11 (0xc3)"},
	{"https://h\\x/", "byte 10 (0x5c)"},
	{"https://h/\r\nX: y", "byte 11 (0x0d)"},
	{"https://h:0/", "port '0'"},
	{"https://h:65536/", "port '65536'"},
	{"https://h:/", "port ''"},
	{"https://h:8o/", "port '8o'"},
	{"https://[::1/", "brackets"},
	{"https://[::1]x/", "brackets"},
	{"https://h/a/../b", "segment of dots"},
	{"https://h/%2e%2E", "segment of dots"},
};

static void request__bad_endpoints_are_refused(void **state)
{
	char *long_endpoint = xmalloc(REQUEST_MAX_ENDPOINT_BYTES + 2);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad_endpoints); i++) {
		assert_null(compile(&(struct target){.endpoint = bad_endpoints[i].endpoint}));
		assert_complaint("fault endpoint: ");
		assert_complaint(bad_endpoints[i].reason);
	}
	memset(long_endpoint, 'x', REQUEST_MAX_ENDPOINT_BYTES + 1);
	memcpy(long_endpoint, "https://h/", 10);
	long_endpoint[REQUEST_MAX_ENDPOINT_BYTES + 1] = '\0';
	assert_null(compile(&(struct target){.endpoint = long_endpoint}));
	long_endpoint[REQUEST_MAX_ENDPOINT_BYTES] = '\0';
	render_well(&(struct target){.endpoint = long_endpoint});
	free(long_endpoint);
}

static void request__good_endpoints_are_taken(void **state)
{
	static const char *const good[] = {"https://h", "HTTP://h:80", "https://[::1]:8443/x",
		"https://h?a=b", "http://127.0.0.1:8080/x/?y=@:..", "https://h/~a/(b);c=1,2"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct request_plan *p = compile(&(struct target){.endpoint = good[i]});

		assert_non_null(p);
		assert_true(request_plan_has_constant_url(p));
		assert_string_equal(request_plan_url(p), good[i]);
		request_plan_free(p);
	}
}

static void request__query_parameters_are_added(void **state)
{
	(void)state;
	render_well(&(struct target){
		.endpoint = "https://h/p?x=1",
		.query = {"a b", "c&d", "id", "$.detail.id", "gone", "$.detail.absent", "key",
			"mine"},
		.connection_query = {"key", "theirs"},
	});
	assert_string_equal(
		buf_str(&req.url), "https://h/p?x=1&key=theirs&a%20b=c%26d&id=o%201%2F%C3%A9");
	render_well(&(struct target){
		.endpoint = "https://h", .query = {"n", "$.detail.null", "t", "$kafka.topic"}});
	assert_string_equal(buf_str(&req.url), "https://h?t=orders");
}

static void request__long_url_is_refused(void **state)
{
	char *value = xmalloc(REQUEST_MAX_URL_BYTES + 1);
	const char *code = "";

	(void)state;
	memset(value, 'x', REQUEST_MAX_URL_BYTES);
	value[REQUEST_MAX_URL_BYTES] = '\0';
	assert_null(compile(&(struct target){.query = {"q", value}}));
	assert_int_equal(
		render(&(struct target){.query = {"q", value, "i", "$.id"}}, &code, NULL),
		ERR_INVALID);
	assert_string_equal(code, "INVALID_PARAMETER");
	free(value);
}

static void request__headers_of_connection_win(void **state)
{
	(void)state;
	render_well(&(struct target){
		.header = {"x-key", "target", "X-Order", "$.detail.id", "X-None",
			"$.detail.absent", "Accept", "text/plain"},
		.connection_header = {"X-Key", "connection", "X-Path", "$.detail.id"},
	});
	assert_header("X-Key", "connection");
	assert_header("X-Order", "o 1/\xc3\xa9");
	assert_header("X-Path", "$.detail.id");
	assert_header("Accept", "text/plain");
	assert_null(header("X-None"));
}

static void request__what_the_original_removes_is_removed(void **state)
{
	(void)state;
	render_well(&(struct target){
		.idempotency = "X-Request-Id",
		.authorization = "Authorization",
		.header = {"referer", "evil", "content-md5", "1", "x-request-id", "x",
			"AUTHORIZATION", "x"},
		.connection_header = {"User-Agent", "x"},
	});
	assert_complaint("warning header_parameters.referer: the header is not sent");
	assert_complaint("warning header_parameters.content-md5");
	assert_complaint("warning header_parameters.x-request-id");
	assert_complaint("warning header_parameters.AUTHORIZATION");
	assert_complaint("warning invocation_http_parameters.header_parameters.User-Agent");
	assert_header("X-Request-Id", "orders-3-42-rule-1-target_1");
	assert_int_equal(req.header_count, 5);
}

static void request__own_content_type_and_trace_are_kept(void **state)
{
	(void)state;
	render_well(&(struct target){
		.header = {"content-type", "application/x", "Traceparent", "mine"}});
	assert_header("Content-Type", "application/x");
	assert_header("traceparent", "mine");
}

static void request__bad_headers_are_refused_at_load(void **state)
{
	(void)state;
	assert_null(compile(&(struct target){.header = {"X Y", "1", "X", "a\r\nb"}}));
	assert_complaint("fault header_parameters.X Y: 'X Y' is not the name of a header");
	assert_complaint("fault header_parameters.X: control characters");
	assert_null(compile(&(struct target){.header = {"", "1"}}));
	assert_null(compile(&(struct target){.header = {"X", "$.a["}}));
	assert_null(compile(&(struct target){.header = {"X", "$kafka.nothing"}}));
	assert_complaint("$kafka.headers.NAME");
	assert_null(compile(&(struct target){.header = {"X", "1", "x", "2"}}));
	assert_complaint("fault header_parameters.x: 'x' is given twice");
	assert_null(compile(&(struct target){.idempotency = "a:b"}));
	assert_complaint("fault idempotency_header");
	assert_null(compile(&(struct target){.header = {"content-length", "3"}}));
	assert_complaint("fault header_parameters.content-length: 'content-length' belongs to");
	assert_null(compile(&(struct target){.authorization = "idempotency-key"}));
	assert_complaint("fault idempotency_header: 'Idempotency-Key' is set already");
}

static void request__event_cannot_end_a_header_line(void **state)
{
	static const char *const paths[] = {
		"$.detail.crlf", "$.detail.lf", "$.detail.nul", "$kafka.headers.bad"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		const char *code = "";
		struct err err = {0};

		assert_int_equal(
			render(&(struct target){.header = {"X", paths[i]}}, &code, &err),
			ERR_INVALID);
		assert_string_equal(code, "INVALID_PARAMETER");
		assert_non_null(strstr(err.text, "header_parameters.X: "));
		assert_non_null(strstr(err.text, "line break"));
	}
	render_well(&(struct target){.header = {"X", "$.detail.tab"}});
	assert_header("X", "a\tb");
	render_well(&(struct target){.header = {"X", "$.detail.obj"}});
	assert_header("X", "{\"a\":[1,\"b c\"]}");
}

static void request__constant_that_looks_like_a_path_is_warned_of(void **state)
{
	(void)state;
	render_well(&(struct target){.header = {"X", "id-$.detail.id"}});
	assert_complaint("warning header_parameters.X: it is sent as it is");
	assert_header("X", "id-$.detail.id");
}

static void request__body_parameters_are_merged(void **state)
{
	(void)state;
	render_well(&(struct target){
		.template = "{\"a\": <id>, \"k\":1, \"a\": 1.10, \"k\\u0065y\":\"old\" }",
		.body = {"who", "$.detail.n", "none", "$.detail.null", "key", "mine"},
		.connection_body = {"key", "s\"1"},
	});
	assert_string_equal(
		body_text(), "{\"k\":1,\"a\":1.10,\"key\":\"s\\\"1\",\"who\":1.10}");
	render_well(&(struct target){.input = "{}", .connection_body = {"routing_key", "R"}});
	assert_string_equal(body_text(), "{\"routing_key\":\"R\"}");
}

static void request__body_parameters_need_an_object(void **state)
{
	struct target t = {.input = "[1]", .connection_body = {"k", "v"}};
	const char *code = "";

	(void)state;
	assert_null(compile(&t));
	assert_complaint(
		"fault invocation_http_parameters.body_parameters.k: a body parameter");
	t.input = NULL;
	t.template = "\"text\"";
	assert_null(compile(&t));
	t.template = "[<id>]";
	assert_null(compile(&t));
	t.template = NULL;
	t.input_path = "$.detail.list";
	assert_int_equal(render(&t, &code, NULL), ERR_INVALID);
	assert_string_equal(code, "INVALID_PARAMETER");
	t.method = "GET";
	render_well(&t);
	assert_complaint("a GET request has no body");
}

static void request__bad_json_is_not_sent(void **state)
{
	const char *code = "";
	struct err err;

	(void)state;
	assert_int_equal(render(&(struct target){.template = "{\"a\":\"<lf>\"}"}, &code, &err),
		ERR_INVALID);
	assert_string_equal(code, "INVALID_JSON");
	render_well(&(struct target){.template = "{\"a\":\"<lf>\"}", .method = "GET"});
}

static void request__form_is_made_from_the_transformed_object(void **state)
{
	const char *code = "";

	(void)state;
	render_well(&(struct target){.output = REQUEST_FORM,
		.template = "{\"id\":<id>,\"m\":{\"x\":1}}",
		.connection_body = {"key", "a b"}});
	assert_string_equal(body_text(), "id=o+1%2F%C3%A9&m%5Bx%5D=1&key=a+b");
	assert_header("Content-Type", "application/x-www-form-urlencoded");
	assert_null(compile(&(struct target){.output = REQUEST_FORM, .input = "1"}));
	assert_int_equal(
		render(&(struct target){.output = REQUEST_FORM, .input_path = "$.detail.n"},
			&code, NULL),
		ERR_INVALID);
	assert_string_equal(code, "INVALID_PARAMETER");
}

static void request__cloudevent_is_made_from_an_envelope(void **state)
{
	(void)state;
	render_well(&(struct target){
		.output = REQUEST_CLOUDEVENTS_STRUCTURED, .template = "{\"o\":<id>}"});
	assert_string_equal(body_text(),
		"{\"specversion\":\"1.0\",\"id\":\"e-1\",\"source\":\"shop\","
		"\"type\":\"Order Placed\",\"time\":\"2023-04-03T09:05:04Z\","
		"\"datacontenttype\":\"application/json\",\"data\":{\"o\":\"o 1/\\u00e9\"}}");
	assert_header("Content-Type", "application/cloudevents+json; charset=UTF-8");
	render_well(&(struct target){
		.output = REQUEST_CLOUDEVENTS_BINARY, .template = "{\"o\":<id>}"});
	assert_string_equal(body_text(), "{\"o\":\"o 1/\\u00e9\"}");
	assert_header("Content-Type", "application/json; charset=utf-8");
	assert_header("ce-specversion", "1.0");
	assert_header("ce-id", "e-1");
	assert_header("ce-type", "Order%20Placed");
	assert_header("ce-source", "shop");
	assert_header("ce-time", "2023-04-03T09:05:04Z");
	render_well(&(struct target){.output = REQUEST_CLOUDEVENTS_BINARY});
	assert_memory_equal(body_text(), "{\"id\":\"o 1", 10);
}

/* Render an event other than the usual one; @text is JSON unless @bytes. */
static void render_other(const char *text, bool bytes, const struct target *t)
{
	struct request_plan *p = compile(t);
	struct jx_index index;
	struct request_context context = {.ix = bytes ? NULL : &index};
	const char *code = "";
	struct err err = {0};

	event_unref(other);
	context.ev = other = event_new(&(struct event_fields){.topic = "t",
		.partition = 1,
		.offset = 2,
		.timestamp_ms = -1,
		.taken_up_ms = 0,
		.value = slice_str(text)});
	jx_init(&index);
	if (!bytes)
		assert_int_equal(jx_parse(&index, other->f.value, &jx_default_limits, &err), 0);
	if (request_render(p, &context, &req, &code, &err) != 0)
		fail_msg("%s: %s", code, err.text);
	jx_release(&index);
	request_plan_free(p);
}

static void request__cloudevent_keeps_its_attributes(void **state)
{
	static const char cloudevent[] =
		"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\","
		"\"ext\":7,\"Bad_Name\":\"x\",\"data\":{\"a\":1}}";

	(void)state;
	render_other(
		cloudevent, false, &(struct target){.output = REQUEST_CLOUDEVENTS_STRUCTURED});
	assert_string_equal(body_text(), cloudevent);
	render_other(cloudevent, false,
		&(struct target){.output = REQUEST_CLOUDEVENTS_STRUCTURED, .input = "[]"});
	assert_string_equal(body_text(),
		"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"ext\":7,"
		"\"datacontenttype\":\"application/json\",\"data\":[]}");
	render_other(cloudevent, false, &(struct target){.output = REQUEST_CLOUDEVENTS_BINARY});
	assert_string_equal(body_text(), "{\"a\":1}");
	assert_header("ce-ext", "7");
	assert_null(header("ce-data"));
	render_other("[1]", false, &(struct target){.output = REQUEST_CLOUDEVENTS_STRUCTURED});
	assert_string_equal(body_text(),
		"{\"specversion\":\"1.0\",\"id\":\"t-1-2\",\"source\":\"/kafka/t\","
		"\"type\":\"kafka.record\",\"time\":\"1970-01-01T00:00:00.000Z\","
		"\"datacontenttype\":\"application/json\",\"data\":[1]}");
}

static void request__bytes_that_are_no_json_are_sent_as_they_are(void **state)
{
	(void)state;
	render_other("\x01\x02", true, &(struct target){0});
	assert_string_equal(body_text(), "\x01\x02");
	assert_header("Content-Type", "application/octet-stream");
	render_other("abc", true, &(struct target){.output = REQUEST_CLOUDEVENTS_STRUCTURED});
	assert_non_null(strstr(body_text(), "\"data_base64\":\"YWJj\"}"));
	render_other("abc", true, &(struct target){.output = REQUEST_CLOUDEVENTS_BINARY});
	assert_header("Content-Type", "application/octet-stream");
	render_other("abc", true, &(struct target){.template = "[<id>,<kafka.topic>]"});
	assert_string_equal(body_text(), "[\"\",\"t\"]");
}

static void request__what_needs_the_index_each_time_is_known(void **state)
{
	static const struct {
		struct target target;
		int spots;
	} table[] = {
		{{0}, -1}, /* the whole event */
		{{.input = "{}"}, 0},
		{{.input_path = "$.detail"}, 1},
		{{.input_path = "$.detail.*"}, -1},
		{{.input = "{}", .header = {"X", "$.detail.id"}}, 1},
		{{.input = "{}", .header = {"X", "$kafka.topic"}}, 0},
		{{.input = "{}",
			 .endpoint = "https://h/*",
			 .path = {"$.detail.id"},
			 .query = {"q", "$.detail.obj"},
			 .header = {"X", "$.detail.id"}},
			3},
		{{.template = "{\"all\": <aws.events.event>}"}, -1},
		{{.input = "{}", .output = REQUEST_FORM}, 0},
		{{.input = "{}", .output = REQUEST_CLOUDEVENTS_BINARY}, -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct request_plan *p = compile(&table[i].target);

		if (p == NULL)
			fail_msg("%zu: %s", i, buf_str(&complaints));
		if (request_plan_spot_count(p) != table[i].spots)
			fail_msg("%zu: %d spots", i, request_plan_spot_count(p));
		request_plan_free(p);
	}
	assert_true(rendered_of_spots > 0);
}

static void request__nothing_is_allocated_once_warm(void **state)
{
	struct request_plan *p = compile(&(struct target){.endpoint = "https://h/*",
		.path = {"$.detail.id"},
		.header = {"X", "$.detail.tab"},
		.query = {"q", "$.detail.obj"},
		.template = "{\"a\":<id>,\"b\":\"<kafka.offset>\"}"});
	struct request_context context = {.ev = ev, .ix = &ix};
	const char *code;

	(void)state;
	assert_int_equal(request_render(p, &context, &req, &code, NULL), 0);
	util_fail_allocation(1); /* would abort */
	assert_int_equal(request_render(p, &context, &req, &code, NULL), 0);
	util_fail_allocation(0);
	request_plan_free(p);
}

static void request__an_event_that_is_sent_as_it_is_is_not_copied(void **state)
{
	(void)state;
	render_well(&(struct target){0});
	assert_ptr_equal(req.body.data, ev->f.value.data);
	assert_int_equal(req.body.len, ev->f.value.len);
	render_well(&(struct target){.template = "[<id>]"});
	assert_ptr_equal(req.body.data, req.built.data);
}

static void request__body_over_the_limit_is_refused(void **state)
{
	struct request_context context = {.ev = ev, .ix = &ix};
	struct request_plan *p = compile(&(struct target){.max_body = 100});
	struct request small;
	const char *code = "";

	(void)state;
	request_init(&small, &work);
	assert_int_equal(request_render(p, &context, &small, &code, NULL), ERR_LIMIT);
	assert_string_equal(code, "RESOURCE_LIMIT_EXCEEDED");
	request_release(&small);
	request_plan_free(p);
}

static int set_up(void **state)
{
	static const struct event_header headers[] = {
		{{"traceparent", 11}, {"00-0af7-b7ad-01", 15}},
		{{"tracestate", 10}, {"vendor=1", 8}}, {{"bad", 3}, {"a\nb", 3}}};

	(void)state;
	ev = event_new(&(struct event_fields){
		.topic = "orders",
		.partition = 3,
		.offset = 42,
		.timestamp_ms = 1680512705678,
		.value = SLICE(event_text),
		.headers = headers,
		.header_count = COUNT_OF(headers),
	});
	jx_init(&ix);
	request_work_init(&work);
	request_init(&req, &work);
	buf_init(&complaints, BUF_UNLIMITED);
	buf_init(&body, BUF_UNLIMITED);
	return jx_parse(&ix, ev->f.value, &jx_default_limits, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	event_unref(ev);
	event_unref(other);
	other = NULL;
	jx_release(&ix);
	request_release(&req);
	request_work_release(&work);
	buf_release(&body);
	buf_release(&complaints);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request__event_is_posted_as_it_is),
		cmocka_unit_test(request__same_event_same_bytes),
		cmocka_unit_test(request__body_by_method),
		cmocka_unit_test(request__path_values_stay_in_their_segment),
		cmocka_unit_test(request__missing_path_value_is_named),
		cmocka_unit_test(request__stars_and_values_have_to_match),
		cmocka_unit_test(request__bad_endpoints_are_refused),
		cmocka_unit_test(request__good_endpoints_are_taken),
		cmocka_unit_test(request__query_parameters_are_added),
		cmocka_unit_test(request__long_url_is_refused),
		cmocka_unit_test(request__headers_of_connection_win),
		cmocka_unit_test(request__what_the_original_removes_is_removed),
		cmocka_unit_test(request__own_content_type_and_trace_are_kept),
		cmocka_unit_test(request__bad_headers_are_refused_at_load),
		cmocka_unit_test(request__event_cannot_end_a_header_line),
		cmocka_unit_test(request__constant_that_looks_like_a_path_is_warned_of),
		cmocka_unit_test(request__body_parameters_are_merged),
		cmocka_unit_test(request__body_parameters_need_an_object),
		cmocka_unit_test(request__bad_json_is_not_sent),
		cmocka_unit_test(request__form_is_made_from_the_transformed_object),
		cmocka_unit_test(request__cloudevent_is_made_from_an_envelope),
		cmocka_unit_test(request__cloudevent_keeps_its_attributes),
		cmocka_unit_test(request__bytes_that_are_no_json_are_sent_as_they_are),
		cmocka_unit_test(request__what_needs_the_index_each_time_is_known),
		cmocka_unit_test(request__nothing_is_allocated_once_warm),
		cmocka_unit_test(request__an_event_that_is_sent_as_it_is_is_not_copied),
		cmocka_unit_test(request__body_over_the_limit_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
