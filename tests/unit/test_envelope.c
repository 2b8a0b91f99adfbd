/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/event/envelope.h"
#include "core/event/metadata.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_HEADERS 8

/* A record: headers as "name", "value" pairs up to a NULL. */
struct record {
	const char *value;
	const char *headers[2 * MAX_HEADERS];
};

static struct envelope_work work;
static struct jx_index ix;
static struct err err;
static struct event_header headers[MAX_HEADERS];

static struct event_fields fields_of(const struct record *r)
{
	struct event_fields f = {
		.topic = "orders",
		.partition = 3,
		.offset = 42,
		.timestamp_ms = 1680512705678,
		.taken_up_ms = 1680512760000,
		.value = slice_str(r->value),
		.headers = headers,
	};

	for (size_t i = 0; r->headers[2 * i] != NULL; i++) {
		headers[i].name = slice_str(r->headers[2 * i]);
		headers[i].value = slice_str(r->headers[2 * i + 1]);
		f.header_count++;
	}
	return f;
}

static int read_settings(const struct envelope_settings *s, const struct record *r)
{
	struct event_fields f = fields_of(r);
	struct envelope_settings settings = *s;
	struct envelope *e;
	int failed;

	settings.max_bytes = 1 << 20;
	settings.max_depth = 1000;
	e = envelope_new(&settings, &err);

	assert_non_null(e);
	failed = envelope_index(e, &f, &work, &ix, NULL, &err);
	envelope_free(e);
	return failed;
}

static int read_record(enum envelope_format format, const struct record *r)
{
	return read_settings(&(struct envelope_settings){.format = format}, r);
}

static void assert_seen(const char *expected)
{
	struct buf text;

	buf_init(&text, BUF_UNLIMITED);
	buf_add(&text, ix.text, ix.text_len);
	assert_string_equal(buf_str(&text), expected);
	buf_release(&text);
}

static void envelope__json_is_seen_as_it_is(void **state)
{
	struct record r = {" {\"a\":1.10} ", {"ce_specversion", "1.0"}};

	(void)state;
	assert_int_equal(read_record(ENVELOPE_JSON, &r), 0);
	assert_ptr_equal(ix.text, r.value);
	assert_seen(" {\"a\":1.10} ");
	assert_int_equal(
		read_record(ENVELOPE_JSON, &(struct record){"nonsense", {0}}), ERR_INVALID);
	assert_int_equal(read_record(ENVELOPE_JSON, &(struct record){"\"text\"", {0}}), 0);
}

static void envelope__anything_is_wrapped(void **state)
{
	struct record r = {"{\"type\":\"order\",\"n\":1.10}", {0}};

	(void)state;
	assert_int_equal(read_record(ENVELOPE_WRAPPED, &r), 0);
	assert_seen(
		"{\"version\":\"0\",\"id\":\"orders-3-42\",\"detail-type\":\"orders\","
		"\"source\":\"kafka\",\"account\":\"\",\"time\":\"2023-04-03T09:05:05Z\","
		"\"region\":\"\",\"resources\":[],\"detail\":{\"type\":\"order\",\"n\":1.10}}");
	r.value = "[1]";
	assert_int_equal(read_record(ENVELOPE_WRAPPED, &r), 0);
	assert_int_equal(jx_type(&ix, jx_member(&ix, 0, SLICE("detail"))), JX_ARRAY);
	r.value = "{\"a\":1} x";
	assert_int_equal(read_record(ENVELOPE_WRAPPED, &r), ERR_INVALID);
}

static void envelope__an_envelope_is_not_wrapped_again(void **state)
{
	struct record r = {"{\"detail-type\":\"x\",\"detail\":{}}", {"source", "other"}};

	(void)state;
	assert_int_equal(read_record(ENVELOPE_WRAPPED, &r), 0);
	assert_ptr_equal(ix.text, r.value);
}

static void envelope__header_before_setting_before_record(void **state)
{
	struct envelope_settings s = {
		.format = ENVELOPE_WRAPPED, .source = "shop", .detail_type = "$.type"};
	struct record plain = {"{\"type\":\"a \\\"b\\\"\"}", {0}};
	struct record headed = {"{\"type\":\"x\"}",
		{"Source", "s\"1", "detail-type", "dt", "id", "i-1", "time", "then"}};
	struct record untyped = {"{}", {0}};

	(void)state;
	assert_int_equal(read_settings(&s, &plain), 0);
	assert_true(jx_equals(&ix, jx_member(&ix, 0, SLICE("source")), SLICE("shop")));
	assert_true(jx_equals(&ix, jx_member(&ix, 0, SLICE("detail-type")), SLICE("a \"b\"")));
	assert_int_equal(read_settings(&s, &headed), 0);
	assert_seen("{\"version\":\"0\",\"id\":\"i-1\",\"detail-type\":\"dt\","
		    "\"source\":\"s\\\"1\",\"account\":\"\",\"time\":\"then\","
		    "\"region\":\"\",\"resources\":[],\"detail\":{\"type\":\"x\"}}");
	assert_int_equal(read_settings(&s, &untyped), 0);
	assert_true(jx_equals(&ix, jx_member(&ix, 0, SLICE("detail-type")), SLICE("orders")));
}

static void envelope__bad_setting_is_refused(void **state)
{
	struct envelope_settings s = {.format = ENVELOPE_WRAPPED, .source = "$..x"};

	(void)state;
	assert_null(envelope_new(&s, &err));
	assert_non_null(strstr(err.text, "envelope.source: path '$..x', column 3"));
}

#define CE   "ce_specversion", "1.0", "ce_id", "1", "ce_source", "/s", "ce_type", "t"
#define SEEN "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""

/* Binary CloudEvents and the structured ones they are seen as; NULL: refused. */
static const struct {
	struct record record;
	const char *seen;
} binary[] = {
	{{"{\"n\":1.10}", {CE}}, SEEN ",\"data\":{\"n\":1.10}}"},
	{{"{\"n\":1.10}", {CE, "content-type", "application/json; charset=utf-8"}},
		SEEN ",\"datacontenttype\":\"application/json; charset=utf-8\","
		     "\"data\":{\"n\":1.10}}"},
	{{"7", {CE, "Content-Type", "application/vnd.x+json"}},
		SEEN ",\"datacontenttype\":\"application/vnd.x+json\",\"data\":7}"},
	{{"a \"b\"", {CE, "content-type", "text/plain"}},
		SEEN ",\"datacontenttype\":\"text/plain\",\"data\":\"a \\\"b\\\"\"}"},
	{{"\xff", {CE, "content-type", "text/plain"}},
		SEEN ",\"datacontenttype\":\"text/plain\",\"data_base64\":\"/w==\"}"},
	{{"abcde", {CE, "content-type", "image/png"}},
		SEEN ",\"datacontenttype\":\"image/png\",\"data_base64\":\"YWJjZGU=\"}"},
	{{"abc", {CE}}, SEEN ",\"data_base64\":\"YWJj\"}"},
	{{"", {CE}}, SEEN "}"},
	{{"1", {CE, "ce_ext", "x", "ce_dataschema", "y", "ce_data", "z"}},
		SEEN ",\"ext\":\"x\",\"dataschema\":\"y\",\"data\":1}"},
	{{"1,\"type\":\"forged\"", {CE}},
		SEEN ",\"data_base64\":\"MSwidHlwZSI6ImZvcmdlZCI=\"}"},
	{{"{", {CE, "content-type", "application/json"}}, NULL},
	{{"{}", {"ce_specversion", "1.0", "ce_id", "1", "ce_source", "/s"}}, NULL},
	{{"{}", {0}}, NULL},
	{{"nonsense", {0}}, NULL},
};

static void envelope__binary_cloudevents_are_seen_as_structured(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(binary); i++) {
		int failed = read_record(ENVELOPE_CLOUDEVENTS, &binary[i].record);

		if (binary[i].seen == NULL) {
			assert_int_equal(failed, ERR_INVALID);
			assert_int_equal(ix.count, 0);
			continue;
		}
		if (failed)
			fail_msg("%s: %s", binary[i].seen, err.text);
		assert_seen(binary[i].seen);
	}
}

static void envelope__structured_cloudevents_are_seen_as_they_are(void **state)
{
	struct record r = {
		"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}",
		{"content-type", "application/cloudevents+json; charset=UTF-8"}};

	(void)state;
	assert_int_equal(read_record(ENVELOPE_CLOUDEVENTS, &r), 0);
	assert_ptr_equal(ix.text, r.value);
}

static void envelope__bytes_need_not_be_json(void **state)
{
	struct record r = {"\x01\x02", {0}};

	(void)state;
	assert_int_equal(read_record(ENVELOPE_BYTES, &r), 0);
	assert_int_equal(ix.count, 0);
	r.value = "{}";
	assert_int_equal(read_record(ENVELOPE_BYTES, &r), 0);
	assert_int_equal(ix.count, 1);
}

static void envelope__a_value_at_the_limits_may_be_wrapped(void **state)
{
	struct envelope_settings settings = {
		.format = ENVELOPE_WRAPPED, .max_bytes = 8, .max_depth = 2};
	struct record r = {"[[1   ]]", {0}};
	struct event_fields f = fields_of(&r);
	struct envelope *e = envelope_new(&settings, &err);

	(void)state;
	assert_int_equal(envelope_index(e, &f, &work, &ix, NULL, &err), 0);
	envelope_free(e);
	settings.max_bytes = 7;
	e = envelope_new(&settings, &err);
	assert_int_equal(envelope_index(e, &f, &work, &ix, NULL, &err), ERR_LIMIT);
	envelope_free(e);
}

static void metadata__is_the_kafka_side_of_a_record(void **state)
{
	static const struct event_header given[] = {
		{SLICE("kind"), SLICE("x\"y")}, {SLICE("none"), {NULL, 0}}};
	struct event_fields f = {.topic = "orders",
		.partition = 3,
		.headers = given,
		.header_count = COUNT_OF(given)};
	struct metadata m;

	(void)state;
	metadata_init(&m);
	assert_int_equal(jx_type(metadata_index(&m, &f), 0), JX_OBJECT);
	assert_string_equal(m.text.data, "{\"topic\":\"orders\",\"partition\":3,\"key\":null,"
					 "\"headers\":{\"kind\":\"x\\\"y\",\"none\":null}}");
	f.key = SLICE("o-1");
	f.header_count = 0;
	metadata_index(&m, &f);
	assert_string_equal(m.text.data,
		"{\"topic\":\"orders\",\"partition\":3,\"key\":\"o-1\",\"headers\":{}}");
	metadata_release(&m);
}

static int set_up(void **state)
{
	(void)state;
	envelope_work_init(&work);
	jx_init(&ix);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	envelope_work_release(&work);
	jx_release(&ix);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(envelope__json_is_seen_as_it_is),
		cmocka_unit_test(envelope__anything_is_wrapped),
		cmocka_unit_test(envelope__an_envelope_is_not_wrapped_again),
		cmocka_unit_test(envelope__header_before_setting_before_record),
		cmocka_unit_test(envelope__bad_setting_is_refused),
		cmocka_unit_test(envelope__binary_cloudevents_are_seen_as_structured),
		cmocka_unit_test(envelope__structured_cloudevents_are_seen_as_they_are),
		cmocka_unit_test(envelope__bytes_need_not_be_json),
		cmocka_unit_test(envelope__a_value_at_the_limits_may_be_wrapped),
		cmocka_unit_test(metadata__is_the_kafka_side_of_a_record),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
