/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any record, in any event format, sent to targets of every kind: the host and the number of
 * path segments are those of the endpoint, no header has a line break, and what claims to
 * be JSON is. jansson says what JSON is.
 *
 * The first byte chooses format and output; value, key and three header values follow, each up
 * to a byte 0x1e.
 */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/event/envelope.h"
#include "core/request/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ORIGIN "https://api.example.com"

static struct request_parameter headers[] = {
	{(char[]){"X-A"}, (char[]){"$.a"}}, {(char[]){"X-K"}, (char[]){"$kafka.key"}}};
static struct request_parameter queries[] = {
	{(char[]){"a"}, (char[]){"$.a"}}, {(char[]){"all"}, (char[]){"$.*"}}};
static struct request_parameter members[] = {
	{(char[]){"a"}, (char[]){"$.b"}}, {(char[]){"k"}, (char[]){"constant"}}};
static char *paths[] = {(char[]){"$.a"}, (char[]){"$kafka.key"}, (char[]){"$.b"}};

static struct request_parameter variables[] = {
	{(char[]){"a"}, (char[]){"$.a"}}, {(char[]){"b"}, (char[]){"$.b.c"}}};
static const struct request_input input = {
	.input_template = (char[]){"{\"a\": <a>, \"b\": \"b <b>\"}"},
	.input_paths_map = variables,
	.input_paths_count = COUNT_OF(variables),
	.escape = true,
};

static struct request_plan *make_plan(unsigned choice)
{
	struct request_parameters target = {
		.header = headers,
		.query = queries,
		.body = members,
		.path_values = paths,
		.header_count = COUNT_OF(headers),
		.query_count =
			choice & 64 ? 1 : COUNT_OF(queries), /* the second is a wildcard */
		.body_count = choice & 32 ? COUNT_OF(members) : 0,
		.path_value_count = choice & 16 ? COUNT_OF(paths) : 0,
	};
	struct request_settings s = {
		.rule_name = "r",
		.target_id = "t",
		.endpoint = choice & 16 ? ORIGIN "/*/x*y?q=*" : ORIGIN "/x/y",
		.http_method = "POST",
		.target = &target,
		.input = choice & 64 ? &input : NULL,
		.output = (enum request_output)(choice >> 2 & 3),
	};

	return request_plan_new(&s, NULL, NULL);
}

static void check_url(const char *url)
{
	size_t slashes = 0;

	assert(strncmp(url, ORIGIN "/", sizeof ORIGIN) == 0);
	for (const char *p = url + sizeof ORIGIN - 1; *p != '\0' && *p != '?'; p++) {
		slashes += *p == '/';
		assert(strncmp(p, "/../", 4) != 0 && strcmp(p, "/..") != 0);
	}
	assert(slashes == 2);
	for (const char *p = url; *p != '\0'; p++)
		assert(*p > ' ' && *p < 0x7f);
}

static void check_headers(const struct request *r)
{
	const char *line = r->headers.data;

	for (size_t i = 0; i < r->header_count; i++, line += strlen(line) + 1) {
		assert(strstr(line, ": ") != NULL);
		assert(strpbrk(line, "\r\n") == NULL);
	}
	assert(line == r->headers.data + r->headers.len);
}

static bool is_limit(const json_error_t *why)
{
	enum json_error_code code = json_error_code(why);

	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
	       code == json_error_stack_overflow;
}

static void check_json(struct slice text)
{
	json_error_t why;
	json_t *j = json_loadb(text.data, text.len,
		JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &why);

	assert(j != NULL || is_limit(&why));
	json_decref(j);
}

static void check(const struct request *r)
{
	check_url(buf_str(&r->url));
	check_headers(r);
	if (strstr(r->headers.data, "json") != NULL && r->body.len > 0)
		check_json(r->body);
}

/* What was found beforehand must make the same request as the index has made. */
static void check_spots(const struct request_plan *p, const struct event *ev,
	const struct jx_index *ix, const struct request *r)
{
	struct value_spot spots[REQUEST_MAX_SPOTS];
	struct request_context context = {.ev = ev, .spots = spots};
	struct request again;
	const char *code = NULL;

	if (ix == NULL || ix->text != ev->f.value.data || request_plan_spot_count(p) < 0)
		return;
	request_plan_find(p, ix, spots);
	request_init(&again, r->work);
	assert(request_render(p, &context, &again, &code, NULL) == 0);
	assert(slice_eq(buf_slice(&again.url), buf_slice(&r->url)));
	assert(slice_eq(buf_slice(&again.headers), buf_slice(&r->headers)));
	assert(slice_eq(again.body, r->body));
	request_release(&again);
}

static void send(unsigned choice, const struct event *ev, const struct jx_index *ix)
{
	struct request_plan *p = make_plan(choice);
	struct request_context context = {.ev = ev, .ix = ix};
	struct request_work work;
	struct request r;
	struct err err = {0};
	const char *code = NULL;

	assert(p != NULL);
	request_work_init(&work);
	request_init(&r, &work);
	if (request_render(p, &context, &r, &code, &err) == 0) {
		check(&r);
		check_spots(p, ev, ix, &r);
	} else {
		assert(code != NULL && err.text[0] != '\0');
	}
	request_release(&r);
	request_work_release(&work);
	request_plan_free(p);
}

static struct slice next_part(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *start = *at, *stop = start;

	while (stop < end && *stop != 0x1e)
		stop++;
	*at = stop < end ? stop + 1 : end;
	return slice_of((const char *)start, (size_t)(stop - start));
}

static void receive(unsigned choice, const struct event_fields *f)
{
	struct envelope *e = envelope_new(
		&(struct envelope_settings){.format = (enum envelope_format)(choice & 3),
			.source = "$.a",
			.detail_type = "x",
			.max_bytes = jx_default_limits.max_bytes,
			.max_depth = jx_default_limits.max_depth},
		NULL);
	struct event *ev = event_new(f);
	struct envelope_work work;
	struct jx_index ix;

	envelope_work_init(&work);
	jx_init(&ix);
	if (envelope_index(e, &ev->f, &work, &ix, NULL, NULL) == 0) {
		if (ix.count > 0)
			check_json(slice_of(ix.text, ix.text_len));
		send(choice, ev, ix.count > 0 ? &ix : NULL);
	}
	jx_release(&ix);
	envelope_work_release(&work);
	event_unref(ev);
	envelope_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_header record_headers[] = {{SLICE("ce_specversion"), {NULL, 0}},
		{SLICE("ce_id"), SLICE("1")}, {SLICE("ce_source"), SLICE("/")},
		{SLICE("ce_type"), {NULL, 0}}, {SLICE("content-type"), {NULL, 0}}};
	struct event_fields f = {.topic = "t",
		.headers = record_headers,
		.header_count = COUNT_OF(record_headers)};
	const uint8_t *at = data + 1, *end = data + size;

	if (size == 0)
		return 0;
	f.value = next_part(&at, end);
	f.key = next_part(&at, end);
	record_headers[0].value = next_part(&at, end);
	record_headers[3].value = next_part(&at, end);
	record_headers[4].value = next_part(&at, end);
	receive(data[0], &f);
	return 0;
}
