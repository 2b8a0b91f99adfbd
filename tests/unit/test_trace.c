/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <jansson.h>

#include "core/event/trace.h"

#define TRACE  "0af7651916cd43dd8448eb211c80319c"
#define PARENT "b7ad6b7169203331"

static void trace__a_record_s_context_becomes_the_attempt_s(void **state)
{
	static const struct {
		const char *text, *request;
	} cases[] = {
		{"00-" TRACE "-" PARENT "-01", "00-" TRACE "-00000000000000ff-01"},
		{"00-" TRACE "-" PARENT "-00", "00-" TRACE "-00000000000000ff-00"},
		{"00-" TRACE "-" PARENT "-ff", "00-" TRACE "-00000000000000ff-01"},
		{"01-" TRACE "-" PARENT "-03-what-comes", "00-" TRACE "-00000000000000ff-01"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct trace_context c;
		char text[TRACE_PARENT_BYTES];

		assert_true(trace_begin(&c, slice_str(cases[i].text), 0xff));
		assert_string_equal(c.parent_id, PARENT);
		trace_format(&c, text);
		assert_string_equal(text, cases[i].request);
	}
}

static void trace__what_is_no_traceparent_begins_nothing(void **state)
{
	static const char *const wrong[] = {"", "00", "00-" TRACE "-" PARENT "-1",
		"00-" TRACE "-" PARENT "-01-more", "00_" TRACE "-" PARENT "-01",
		"ff-" TRACE "-" PARENT "-01", "00-" TRACE "-" PARENT "-0G",
		"00-0AF7651916CD43DD8448EB211C80319C-" PARENT "-01",
		"00-00000000000000000000000000000000-" PARENT "-01",
		"00-" TRACE "-0000000000000000-01", "01-" TRACE "-" PARENT "-01more"};
	struct trace_context c;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		assert_false(trace_begin(&c, slice_str(wrong[i]), 1));
		assert_string_equal(c.trace_id, "");
		assert_false(c.sampled);
	}
	assert_false(trace_begin(&c, (struct slice){NULL, 0}, 1));
}

/* The text of an attribute, whatever its type. */
static const char *attribute(const json_t *span, const char *name)
{
	size_t i;
	json_t *a;

	json_array_foreach(json_object_get(span, "attributes"), i, a)
	{
		const json_t *value = json_object_get(a, "value");

		if (strcmp(json_string_value(json_object_get(a, "key")), name) != 0)
			continue;
		return json_string_value(json_object_get(value,
			json_object_get(value, "stringValue") ? "stringValue" : "intValue"));
	}
	return NULL;
}

static json_t *batch_of(const struct trace_span *s)
{
	struct buf out;
	struct json_writer w;
	json_t *whole;

	buf_init(&out, BUF_UNLIMITED);
	jw_init(&w, &out);
	trace_begin_batch(&w, "1.2.3");
	trace_add_span(&w, s);
	trace_end_batch(&w);
	whole = json_loadb(out.data, out.len, 0, NULL);
	assert_non_null(whole);
	buf_release(&out);
	return whole;
}

static json_t *span_of(const json_t *batch)
{
	json_t *resource = json_array_get(json_object_get(batch, "resourceSpans"), 0);
	json_t *scope = json_array_get(json_object_get(resource, "scopeSpans"), 0);

	return json_array_get(json_object_get(scope, "spans"), 0);
}

static struct trace_span example(
	const struct trace_context *c, const struct event_fields *record)
{
	return (struct trace_span){.context = c,
		.state = SLICE("vendor=\"x\""),
		.record = record,
		.method = "POST",
		.url = "https://api.example.com:8443/orders?key=s3cret",
		.destination = "api",
		.rule = "big \"orders\"",
		.target = "one",
		.end_wall_ms = 1700000000123,
		.took_us = 23456,
		.status = 503,
		.attempt = 3};
}

static void trace__a_span_says_what_the_attempt_was(void **state)
{
	const struct event_fields record = {.topic = "orders", .partition = 2, .offset = 77};
	struct trace_context c = {0};
	struct trace_span s = example(&c, &record);
	json_t *batch, *span;

	(void)state;
	assert_true(trace_begin(&c, SLICE("00-" TRACE "-" PARENT "-01"), 0xff));
	batch = batch_of(&s);
	span = span_of(batch);
	assert_string_equal(json_string_value(json_object_get(span, "traceId")), TRACE);
	assert_string_equal(json_string_value(json_object_get(span, "parentSpanId")), PARENT);
	assert_string_equal(
		json_string_value(json_object_get(span, "spanId")), "00000000000000ff");
	assert_string_equal(json_string_value(json_object_get(span, "startTimeUnixNano")),
		"1700000000099544000");
	assert_string_equal(json_string_value(json_object_get(span, "endTimeUnixNano")),
		"1700000000123000000");
	assert_string_equal(attribute(span, "server.address"), "api.example.com");
	assert_string_equal(attribute(span, "server.port"), "8443");
	assert_string_equal(attribute(span, "http.response.status_code"), "503");
	assert_string_equal(attribute(span, "error.type"), "503");
	assert_string_equal(attribute(span, "http.request.resend_count"), "2");
	assert_string_equal(attribute(span, "messaging.destination.name"), "orders");
	assert_string_equal(attribute(span, "messaging.destination.partition.id"), "2");
	assert_string_equal(attribute(span, "messaging.kafka.offset"), "77");
	assert_string_equal(attribute(span, "postrider.rule"), "big \"orders\"");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(span, "status"), "code")),
		2);
	json_decref(batch);
}

static void trace__a_url_s_host_is_told_and_nothing_else_of_it(void **state)
{
	static const struct {
		const char *url, *address, *port;
	} cases[] = {
		{"http://h/x?key=s3cret", "h", "80"},
		{"https://h?key=s3cret", "h", "443"},
		{"http://[::1]:81/", "[::1]", "81"},
		{"http://[::1]/", "[::1]", "80"},
	};
	const struct event_fields record = {.topic = "t"};
	struct trace_context c = {0};

	(void)state;
	assert_true(trace_begin(&c, SLICE("00-" TRACE "-" PARENT "-01"), 1));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct trace_span s = example(&c, &record);
		json_t *batch;
		char *text;

		s.url = cases[i].url;
		s.status = 200;
		batch = batch_of(&s);
		text = json_dumps(batch, 0);
		assert_string_equal(
			attribute(span_of(batch), "server.address"), cases[i].address);
		assert_string_equal(attribute(span_of(batch), "server.port"), cases[i].port);
		assert_null(attribute(span_of(batch), "error.type"));
		assert_null(strstr(text, "s3cret"));
		free(text);
		json_decref(batch);
	}
}

static void trace__of_a_long_tracestate_the_first_members_are_told(void **state)
{
	struct event_fields record = {.topic = "orders"};
	struct trace_context c;
	struct trace_span s = example(&c, &record);
	struct buf b;
	json_t *batch;

	(void)state;
	buf_init(&b, BUF_UNLIMITED);
	for (unsigned i = 0; i < 1000; i++)
		buf_addf(&b, "%sa%u=b", i ? "," : "", i);
	s.state = buf_slice(&b);
	batch = batch_of(&s);
	assert_in_range(
		json_string_length(json_object_get(span_of(batch), "traceState")), 500, 512);
	json_decref(batch);
	memset(b.data, 'x', b.len);
	batch = batch_of(&s);
	assert_null(json_object_get(span_of(batch), "traceState"));
	json_decref(batch);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trace__a_record_s_context_becomes_the_attempt_s),
		cmocka_unit_test(trace__what_is_no_traceparent_begins_nothing),
		cmocka_unit_test(trace__a_span_says_what_the_attempt_was),
		cmocka_unit_test(trace__a_url_s_host_is_told_and_nothing_else_of_it),
		cmocka_unit_test(trace__of_a_long_tracestate_the_first_members_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
