/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any template over any event: refused at load, refused when filled, or JSON, if the template
 * is a JSON one. jansson says what JSON is.
 *
 * The first byte has the flags; template, event, key and header follow, each up to a byte 0x1e.
 */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/request/template_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct request_parameter variables[] = {
	{(char[]){"a"}, (char[]){"$.a"}},
	{(char[]){"b"}, (char[]){"$.b[*]"}},
	{(char[]){"c"}, (char[]){"$"}},
	{(char[]){"d"}, (char[]){"$.*"}},
	{(char[]){"h"}, (char[]){"$kafka.headers.h"}},
};

static struct slice next_part(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *start = *at, *stop = start;

	while (stop < end && *stop != 0x1e)
		stop++;
	*at = stop < end ? stop + 1 : end;
	return slice_of((const char *)start, (size_t)(stop - start));
}

/* What jansson cannot say: it has limits that we have not. */
static bool is_limit(const json_error_t *why)
{
	enum json_error_code code = json_error_code(why);

	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
	       code == json_error_stack_overflow;
}

static void assert_json(const struct buf *body)
{
	json_error_t why;
	json_t *j = json_loadb(buf_str(body), body->len,
		JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &why);

	assert(j != NULL || is_limit(&why));
	json_decref(j);
}

/* Has this to be JSON? A string template of one string has, when inserts are escaped. */
static bool must_be_json(const struct template *t, struct slice text, bool escape)
{
	struct template_parts parts;
	bool one_string;

	if (template_kind(t) != TEMPLATE_TEXT)
		return true;
	if (!escape)
		return false;
	template_parts_scan(&parts, text);
	one_string = template_parts_check_json(&parts, text, NULL) == 0;
	template_parts_release(&parts);
	return one_string;
}

static void fill(const struct template *t, struct slice text, bool escape, struct event *ev,
	const struct jx_index *ix)
{
	struct value_context context = {.ev = ev, .ix = ix};
	struct template_work work;
	struct buf body;
	struct err err = {0};
	const char *code = NULL;
	int failed;

	buf_init(&body, 1 << 20);
	buf_init(&work.value, 1 << 20);
	jx_init(&work.ix);
	failed = template_render(t, &context, &body, &work, &code, &err);
	if (failed)
		assert(code != NULL && err.text[0] != '\0');
	else if (must_be_json(t, text, escape))
		assert_json(&body);
	assert(!failed || failed == ERR_LIMIT || !escape);
	jx_release(&work.ix);
	buf_release(&work.value);
	buf_release(&body);
}

static void run(char *text, bool escape, struct event *ev, const struct jx_index *ix)
{
	struct request_input in = {
		.input_template = text,
		.input_paths_map = variables,
		.input_paths_count = COUNT_OF(variables),
		.escape = escape,
	};
	struct request_complaints complaints = {0};
	struct template *t = template_new(&in, "rule", &complaints);

	assert((t == NULL) == (complaints.faults > 0));
	if (t != NULL)
		fill(t, slice_str(text), escape, ev, ix);
	template_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *at = data + 1, *end = data + size;
	struct slice text, value;
	struct event_header header = {SLICE("h"), {NULL, 0}};
	struct event_fields fields = {.topic = "t", .headers = &header, .header_count = 1};
	struct jx_index ix;
	struct event *ev;
	char *copy;

	if (size == 0)
		return 0;
	text = next_part(&at, end);
	value = next_part(&at, end);
	fields.value = value;
	fields.key = next_part(&at, end);
	header.value = next_part(&at, end);
	ev = event_new(&fields);
	jx_init(&ix);
	copy = xmemdup(text.data, text.len);
	if (jx_parse(&ix, ev->f.value, &jx_default_limits, NULL) == 0)
		run(copy, data[0] & 1, ev, &ix);
	else
		run(copy, data[0] & 1, ev, NULL);
	free(copy);
	jx_release(&ix);
	event_unref(ev);
	return 0;
}
