/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an event may cost: a piece of JSON, repeated to a quarter of a megabyte, is rendered in each
 * kind of request, and read as the headers of a dead letter. The time must be that of the bytes that
 * are read and written, and no buffer may grow beyond the limit of the body.
 *
 * Head, piece and tail follow the first byte, each up to a byte 0x1e. A '#' in the piece becomes
 * the number of its repetition, so that names differ.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/letter_view.h"
#include "core/request/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EVENT_BYTES ((size_t)256 << 10)
#define LIMIT_BYTES ((size_t)512 << 10)
#define HEADERS_MAX 20000
/* Of the event and the limit. A sanitizer's build needs less than a tenth of it. */
#define MAX_NS_PER_BYTE 1000

static struct request_parameter members[] = {{(char[]){"a"}, (char[]){"$.b"}},
	{(char[]){"k"}, (char[]){"$.*"}}, {(char[]){"1"}, (char[]){"constant"}}};
static const struct request_input thrice = {
	.input_template = (char[]){"[<aws.events.event.json>,\"<aws.events.event>\","
				   "<aws.events.event.json>]"},
	.escape = true,
};

static int64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void check_time(const char *what, int64_t began_ns, size_t bytes)
{
	int64_t took_ns = cpu_ns() - began_ns;

	if (took_ns <= (int64_t)bytes * MAX_NS_PER_BYTE)
		return;
	fprintf(stderr, "%s: %lld ms for %zu bytes\n", what, (long long)took_ns / 1000000,
		bytes);
	abort();
}

static void check_memory(const struct request *r)
{
	const struct buf *all[] = {
		&r->built, &r->work->rendered, &r->work->merged, &r->work->of_template.value};

	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (all[i]->len > LIMIT_BYTES || all[i]->cap > 2 * LIMIT_BYTES)
			abort();
}

static void render(unsigned choice, const struct event *ev, const struct jx_index *ix)
{
	struct request_parameters target = {
		.body = members, .body_count = choice & 4 ? COUNT_OF(members) : 0};
	struct request_settings s = {
		.rule_name = "r",
		.target_id = "t",
		.endpoint = "https://api.example.com/",
		.http_method = "POST",
		.target = &target,
		.input = choice & 8 ? &thrice : NULL,
		.output = (enum request_output)(choice & 3),
		.max_body_bytes = LIMIT_BYTES,
	};
	struct request_plan *p = request_plan_new(&s, NULL, NULL);
	struct request_context context = {.ev = ev, .ix = ix};
	struct request_work work;
	struct request r;
	struct err err;
	const char *code;
	int64_t began_ns;

	if (p == NULL) /* parameters need an object */
		return;
	request_work_init(&work);
	request_init(&r, &work);
	began_ns = cpu_ns();
	(void)!request_render(p, &context, &r, &code, &err);
	check_time("render", began_ns, EVENT_BYTES + LIMIT_BYTES);
	check_memory(&r);
	request_release(&r);
	request_work_release(&work);
	request_plan_free(p);
}

/* The same bytes as the headers of a letter, each with a name of ours. */
static void read_letter(struct slice text)
{
	static struct event_header headers[HEADERS_MAX];
	static const char *const names[] = {"ERROR_CODE", "SOURCE_TOPIC", "SOURCE_PARTITION",
		"SOURCE_OFFSET", "RULE_NAME", "X"};
	struct event_fields record = {
		.topic = "dead", .value = SLICE("{}"), .headers = headers};
	struct letter_view v;
	int64_t began_ns;

	for (size_t at = 0; at + 8 <= text.len && record.header_count < HEADERS_MAX; at += 8)
		headers[record.header_count++] = (struct event_header){
			.name = slice_str(
				names[(unsigned char)text.data[at] % COUNT_OF(names)]),
			.value = slice_of(text.data + at, 8),
		};
	began_ns = cpu_ns();
	(void)!letter_view_read(&v, &record);
	check_time("letter", began_ns, EVENT_BYTES);
}

static struct slice next_part(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *start = *at, *stop = start;

	while (stop < end && *stop != 0x1e)
		stop++;
	*at = stop < end ? stop + 1 : end;
	return slice_of((const char *)start, (size_t)(stop - start));
}

static void add_piece(struct buf *text, struct slice piece, unsigned number)
{
	for (size_t i = 0; i < piece.len; i++)
		if (piece.data[i] == '#')
			buf_addf(text, "%u", number);
		else
			buf_add_char(text, piece.data[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *at = data + 1, *end = data + size;
	struct slice head, piece, tail;
	struct event_fields f = {.topic = "t"};
	struct jx_index ix;
	struct event *ev;
	struct buf text;
	int64_t began_ns;

	if (size < 2)
		return 0;
	head = next_part(&at, end);
	piece = next_part(&at, end);
	tail = next_part(&at, end);
	buf_init(&text, EVENT_BYTES);
	buf_add_slice(&text, head);
	for (unsigned i = 0;
		piece.len > 0 && text.len + 2 * piece.len + tail.len < EVENT_BYTES - 1000; i++)
		add_piece(&text, piece, i);
	buf_add_slice(&text, tail);
	f.value = buf_slice(&text);
	read_letter(f.value);
	ev = event_new(&f);
	jx_init(&ix);
	began_ns = cpu_ns();
	if (jx_parse(&ix, ev->f.value, &jx_default_limits, NULL) == 0) {
		check_time("index", began_ns, EVENT_BYTES);
		render(data[0], ev, &ix);
	}
	jx_release(&ix);
	event_unref(ev);
	buf_release(&text);
	return 0;
}
