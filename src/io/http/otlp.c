/* SPDX-License-Identifier: Apache-2.0 */
#include "io/http/otlp.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "core/header/header.h"
#include "io/http/http.h"

#define GATHER_MS       1000
#define TIMEOUT_MS      10000
#define BATCH_MAX_BYTES (4 * 1024 * 1024)

struct batch {
	struct buf text;
	struct json_writer json; /* into text */
	unsigned spans;
};

struct otlp {
	struct loop *loop;
	struct http_client *client;
	char *endpoint;
	struct buf headers;
	size_t header_count;
	struct batch batches[2];
	struct batch *gathered, *sending; /* sending has spans while a request is on its way */
	struct http_request request;
	struct loop_timer timer;
	struct otlp_state state;
	bool failing;
};

static int add_headers(struct otlp *o, const struct otlp_settings *s, struct err *err)
{
	struct header_writer w = {.lines = &o->headers, .count = &o->header_count};
	int code = header_add(&w, SLICE("Content-Type"), SLICE("application/json"), err);

	for (size_t i = 0; i < s->header_count && code == 0; i++)
		code = header_add(
			&w, slice_str(s->headers[i].name), slice_str(s->headers[i].value), err);
	return code;
}

static void batch_begin(struct batch *b)
{
	buf_reset(&b->text);
	b->spans = 0;
	jw_init(&b->json, &b->text);
	trace_begin_batch(&b->json, POSTRIDER_VERSION);
}

/* False: there is no room for this one. Those before it are untouched. */
static bool batch_add(struct batch *b, const struct trace_span *s)
{
	struct json_writer before = b->json;
	size_t len = b->text.len;

	trace_add_span(&b->json, s);
	if (b->text.len + JSON_WRITER_DEPTH > BATCH_MAX_BYTES) {
		buf_truncate(&b->text, len);
		b->json = before;
		return false;
	}
	b->spans++;
	return true;
}

static void note_outcome(struct otlp *o, const char *reason)
{
	bool was = o->failing;

	o->failing = reason != NULL;
	if (o->failing && !was)
		log_warn("traces_failing",
			"spans can't be sent to the collector; they are dropped, deliveries go on",
			log_str("endpoint", o->endpoint), log_str("reason", reason));
	else if (was && !o->failing)
		log_info("traces_recovered", "the collector takes spans again",
			log_str("endpoint", o->endpoint));
}

static void send_gathered(struct otlp *o);

static void sent(struct http_request *r, const struct http_result *result)
{
	struct otlp *o = container_of(r, struct otlp, request);
	bool good = result->transport == RETRY_TRANSPORT_OK && result->status / 100 == 2;
	char reason[300];

	if (result->transport != RETRY_TRANSPORT_OK)
		snprintf(reason, sizeof reason, "%s", result->error);
	else
		snprintf(reason, sizeof reason, "HTTP %d", result->status);
	note_outcome(o, good ? NULL : reason);
	*(good ? &o->state.sent : &o->state.dropped) += o->sending->spans;
	o->sending->spans = 0;
	if (o->gathered->spans >= OTLP_BATCH_SPANS)
		send_gathered(o);
}

static void send_gathered(struct otlp *o)
{
	struct batch *full = o->gathered;

	if (o->sending->spans > 0 || full->spans == 0)
		return;
	trace_end_batch(&full->json);
	o->gathered = o->sending;
	o->sending = full;
	batch_begin(o->gathered);
	o->request = (struct http_request){
		.method = "POST",
		.url = o->endpoint,
		.url_is_constant = true,
		.headers = o->headers.data,
		.header_count = o->header_count,
		.has_body = true,
		.body = buf_slice(&o->sending->text),
		.done = sent,
	};
	http_submit(o->client, &o->request);
}

static void on_timer(struct loop_timer *timer)
{
	struct otlp *o = container_of(timer, struct otlp, timer);

	send_gathered(o);
	if (o->gathered->spans > 0)
		loop_timer_set(o->loop, timer, loop_now_ms(o->loop) + GATHER_MS);
}

struct otlp *otlp_new(struct loop *l, const struct otlp_settings *s, struct err *err)
{
	struct http_settings http = http_default_settings;
	struct otlp *o;
	struct http_client *client;

	http.name = "tracing";
	http.timeout_ms = http.connect_timeout_ms = TIMEOUT_MS;
	http.ca_file = s->ca_file;
	client = http_client_new(l, &http, err);
	if (client == NULL)
		return NULL;
	o = xcalloc(1, sizeof *o);
	o->loop = l;
	o->client = client;
	o->endpoint = xstrdup(s->endpoint);
	o->timer.fire = on_timer;
	buf_init(&o->headers, BUF_UNLIMITED);
	for (size_t i = 0; i < COUNT_OF(o->batches); i++)
		buf_init(&o->batches[i].text, BUF_UNLIMITED);
	o->gathered = &o->batches[0];
	o->sending = &o->batches[1];
	batch_begin(o->gathered);
	if (add_headers(o, s, err) == 0)
		return o;
	otlp_free(o);
	return NULL;
}

void otlp_free(struct otlp *o)
{
	if (o == NULL)
		return;
	loop_timer_cancel(o->loop, &o->timer);
	http_cancel(&o->request);
	http_client_free(o->client);
	for (size_t i = 0; i < COUNT_OF(o->batches); i++)
		buf_release(&o->batches[i].text);
	explicit_bzero(o->headers.data, o->headers.len);
	buf_release(&o->headers);
	free(o->endpoint);
	free(o);
}

void otlp_add(struct otlp *o, const struct trace_span *s)
{
	if (o->gathered->spans >= OTLP_BATCH_SPANS) {
		o->state.dropped++;
		return;
	}
	if (!batch_add(o->gathered, s)) {
		o->state.dropped++;
		return;
	}
	if (o->gathered->spans == OTLP_BATCH_SPANS)
		send_gathered(o);
	else if (!loop_timer_is_set(&o->timer))
		loop_timer_set(o->loop, &o->timer, loop_now_ms(o->loop) + GATHER_MS);
}

struct otlp_state otlp_get_state(const struct otlp *o)
{
	return o->state;
}
