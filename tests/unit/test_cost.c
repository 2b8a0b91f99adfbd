/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a delivery may cost: the time to make a request grows with the event and with what is
 * written, never with their square, and no buffer grows beyond the limit of the body. The events
 * are the worst that a producer can think of within the default max_record_size.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/request/form.h"
#include "core/request/request.h"

/* Thirty times what a plain build needs; the sanitizers take a part of that. A scan of all members
 * for every member needs a thousand times as much. */
#define MAX_NS_PER_BYTE 1000
#define EVENT_BYTES     810000
#define LIMIT_BYTES     ((size_t)2 << 20)

static struct buf text;
static struct jx_index ix;
static struct request_work work;
static struct request req;

/* {"d":1,"k0":1,"k1":1,...}: as many members as fit. */
static void many_members(void)
{
	buf_add_str(&text, "{\"d\":1");
	for (unsigned i = 0; text.len < EVENT_BYTES; i++)
		buf_addf(&text, ",\"k%u\":1", i);
	buf_add_char(&text, '}');
}

/* Names that have to be decoded before they can be compared. */
static void many_escaped_members(void)
{
	buf_add_str(&text, "{\"d\":1");
	for (unsigned i = 0; text.len < EVENT_BYTES; i++)
		buf_addf(&text, ",\"\\u006b%u\":1", i);
	buf_add_char(&text, '}');
}

/* Attributes of a CloudEvent. */
static void many_attributes(void)
{
	buf_add_str(
		&text, "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/\",\"type\":\"t\"");
	for (unsigned i = 0; text.len < EVENT_BYTES; i++)
		buf_addf(&text, ",\"k%u\":1", i);
	buf_add_char(&text, '}');
}

/* A form repeats the long name for each of the elements. */
static void one_long_name(const char *letter, unsigned length, unsigned elements)
{
	buf_add_str(&text, "{\"d\":1,\"");
	for (unsigned i = 0; i < length; i++)
		buf_add_str(&text, letter);
	buf_add_str(&text, "\":[1");
	for (unsigned i = 1; i < elements; i++)
		buf_add_str(&text, ",1");
	buf_add_str(&text, "]}");
}

static void a_long_name(void)
{
	one_long_name("k", 2000, 24000);
}

static void a_long_escaped_name(void)
{
	one_long_name("\\u006b", 20000, 24000);
}

/* Names within names, each written again for what is in it. */
static void nested_names(void)
{
	buf_add_str(&text, "{\"d\":1,\"a\":");
	for (unsigned i = 0; i < FORM_MAX_DEPTH - 2; i++)
		buf_add_str(&text, "{\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\":");
	buf_add_str(&text, "[1");
	while (text.len < EVENT_BYTES)
		buf_add_str(&text, ",1");
	buf_add_char(&text, ']');
	for (unsigned i = 0; i < FORM_MAX_DEPTH - 2; i++)
		buf_add_char(&text, '}');
	buf_add_char(&text, '}');
}

static struct request_parameter parameters[] = {{(char[]){"order"}, (char[]){"$.d"}},
	{(char[]){"k1"}, (char[]){"$.k2"}}, {(char[]){"k3"}, (char[]){"$.none"}},
	{(char[]){"x"}, (char[]){"constant"}}, {(char[]){"k79999"}, (char[]){"$.k4"}}};
static const struct request_input thrice = {
	.input_template = (char[]){"[<aws.events.event.json>,<aws.events.event.json>,"
				   "<aws.events.event.json>]"},
};

#define WITH_PARAMETERS true, NULL
#define WITH_TEMPLATE   false, &thrice
#define PLAIN           false, NULL

static const struct {
	const char *name;
	void (*make)(void);
	enum request_output output;
	bool has_parameters;
	const struct request_input *input;
	int code; /* of request_render() */
} cases[] = {
	{"body parameters", many_members, REQUEST_JSON, WITH_PARAMETERS, 0},
	{"body parameters, escaped names", many_escaped_members, REQUEST_JSON, WITH_PARAMETERS,
		0},
	{"form", many_members, REQUEST_FORM, PLAIN, 0},
	{"form with body parameters", many_members, REQUEST_FORM, WITH_PARAMETERS, 0},
	{"form, long name", a_long_name, REQUEST_FORM, PLAIN, ERR_LIMIT},
	{"form, long escaped name", a_long_escaped_name, REQUEST_FORM, PLAIN, ERR_LIMIT},
	{"form, nested names", nested_names, REQUEST_FORM, PLAIN, ERR_LIMIT},
	{"template with the event three times", many_members, REQUEST_JSON, WITH_TEMPLATE,
		ERR_LIMIT},
	{"structured CloudEvent", many_members, REQUEST_CLOUDEVENTS_STRUCTURED, PLAIN, 0},
	{"structured CloudEvent, body parameters", many_members, REQUEST_CLOUDEVENTS_STRUCTURED,
		WITH_PARAMETERS, 0},
	{"structured CloudEvent of a CloudEvent", many_attributes,
		REQUEST_CLOUDEVENTS_STRUCTURED, WITH_PARAMETERS, 0},
};

static int64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static struct request_plan *compile(size_t i)
{
	struct request_parameters target = {
		.body = parameters,
		.body_count = cases[i].has_parameters ? COUNT_OF(parameters) : 0,
	};
	struct request_settings s = {
		.rule_name = "r",
		.target_id = "t",
		.endpoint = "https://api.example.com/",
		.http_method = "POST",
		.target = &target,
		.input = cases[i].input,
		.output = cases[i].output,
		.max_body_bytes = LIMIT_BYTES,
	};

	return request_plan_new(&s, NULL, NULL);
}

static void check_case(size_t i)
{
	struct event_fields fields = {.topic = "t"};
	struct request_plan *p = compile(i);
	struct request_context context;
	struct event *ev;
	const char *code = NULL;
	struct err err;
	int64_t began_ns, took_ns;
	size_t max_bytes = 2 * LIMIT_BYTES;

	buf_reset(&text);
	cases[i].make();
	fields.value = buf_slice(&text);
	ev = event_new(&fields);
	assert_int_equal(jx_parse(&ix, ev->f.value, &jx_default_limits, NULL), 0);
	context = (struct request_context){.ev = ev, .ix = &ix};
	began_ns = cpu_ns();
	assert_int_equal(request_render(p, &context, &req, &code, &err), cases[i].code);
	took_ns = cpu_ns() - began_ns;
	if (took_ns > (int64_t)text.len * MAX_NS_PER_BYTE)
		fail_msg("%s: %lld ms for %zu bytes", cases[i].name,
			(long long)took_ns / 1000000, text.len);
	if (cases[i].code == ERR_LIMIT)
		assert_string_equal(code, "RESOURCE_LIMIT_EXCEEDED");
	assert_true(req.built.cap <= max_bytes && work.rendered.cap <= max_bytes &&
		    work.merged.cap <= max_bytes && work.of_template.value.cap <= max_bytes);
	event_unref(ev);
	request_plan_free(p);
}

static void cost__grows_with_the_event_and_what_is_written(void **state)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		check_case(i);
}

static int set_up(void **state)
{
	buf_init(&text, BUF_UNLIMITED);
	jx_init(&ix);
	request_work_init(&work);
	request_init(&req, &work);
	return 0;
}

static int tear_down(void **state)
{
	buf_release(&text);
	jx_release(&ix);
	request_release(&req);
	request_work_release(&work);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cost__grows_with_the_event_and_what_is_written),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
