/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TRACE_AT  3
#define PARENT_AT 36
#define FLAGS_AT  53
#define LENGTH    55

#define KIND_CLIENT  3
#define STATUS_ERROR 2

#define NUMBER_BYTES 24

/* --- context ---------------------------------------------------------------------------- */

static bool is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
			return false;
	return true;
}

static bool is_zero(const char *text, size_t len)
{
	return strspn(text, "0") >= len;
}

/* A later version of the format may have more fields behind the flags, after a dash. */
static bool is_traceparent(struct slice s)
{
	const char *t = s.data;

	if (s.len < LENGTH || t[2] != '-' || t[PARENT_AT - 1] != '-' || t[FLAGS_AT - 1] != '-')
		return false;
	if (!is_hex(t, 2) || !is_hex(t + TRACE_AT, 32) || !is_hex(t + PARENT_AT, 16) ||
		!is_hex(t + FLAGS_AT, 2) || strncmp(t, "ff", 2) == 0)
		return false;
	return strncmp(t, "00", 2) == 0 ? s.len == LENGTH : s.len == LENGTH || t[LENGTH] == '-';
}

bool trace_begin(struct trace_context *ret, struct slice traceparent, uint64_t span_id)
{
	*ret = (struct trace_context){0};
	if (traceparent.data == NULL || !is_traceparent(traceparent))
		return false;
	memcpy(ret->parent_id, traceparent.data + PARENT_AT, 16);
	memcpy(ret->trace_id, traceparent.data + TRACE_AT, 32);
	if (is_zero(ret->trace_id, 32) || is_zero(ret->parent_id, 16)) {
		*ret = (struct trace_context){0};
		return false;
	}
	snprintf(ret->span_id, sizeof ret->span_id, "%016" PRIx64, span_id ? span_id : 1);
	/* The last bit of the flags. */
	ret->sampled = strchr("13579bdf", traceparent.data[FLAGS_AT + 1]) != NULL;
	return true;
}

void trace_format(const struct trace_context *c, char out[TRACE_PARENT_BYTES])
{
	snprintf(out, TRACE_PARENT_BYTES, "00-%s-%s-%02x", c->trace_id, c->span_id,
		c->sampled ? 1u : 0u);
}

/* --- spans ------------------------------------------------------------------------------ */

static void add_attribute(
	struct json_writer *w, const char *name, const char *type, struct slice value)
{
	jw_open(w, NULL, '{');
	jw_text(w, "key", slice_str(name));
	jw_open(w, "value", '{');
	jw_text(w, type, value);
	jw_close(w);
	jw_close(w);
}

static void add_text(struct json_writer *w, const char *name, struct slice value)
{
	add_attribute(w, name, "stringValue", value);
}

/* 64-bit integers are texts in OTLP's JSON. */
static struct slice number_text(char out[NUMBER_BYTES], int64_t value)
{
	return slice_of(out, (size_t)snprintf(out, NUMBER_BYTES, "%" PRId64, value));
}

static void add_number(struct json_writer *w, const char *name, int64_t value)
{
	char text[NUMBER_BYTES];

	add_attribute(w, name, "intValue", number_text(text, value));
}

static void add_server(struct json_writer *w, const char *url)
{
	const char *host = strstr(url, "://"), *end, *colon;
	bool secure = strncmp(url, "https", 5) == 0;

	host = host != NULL ? host + 3 : url;
	end = host + strcspn(host, "/?#");
	colon = memrchr(host, ':', (size_t)(end - host));
	if (colon != NULL && memchr(colon, ']', (size_t)(end - colon)) != NULL)
		colon = NULL; /* within an IPv6 address */
	add_text(w, "server.address",
		slice_of(host, (size_t)((colon != NULL ? colon : end) - host)));
	add_number(w, "server.port",
		colon != NULL ? strtol(colon + 1, NULL, 10)
		: secure      ? 443
			      : 80);
}

static void add_outcome(struct json_writer *w, const struct trace_span *s)
{
	char status[16];

	snprintf(status, sizeof status, "%d", s->status);
	if (s->status != 0)
		add_number(w, "http.response.status_code", s->status);
	if (s->error != NULL)
		add_text(w, "error.type", slice_str(s->error));
	else if (s->status >= 400)
		add_text(w, "error.type", slice_str(status));
	if (s->attempt > 1)
		add_number(w, "http.request.resend_count", s->attempt - 1);
}

static void add_attributes(struct json_writer *w, const struct trace_span *s)
{
	char partition[NUMBER_BYTES];

	jw_open(w, "attributes", '[');
	add_text(w, "http.request.method", slice_str(s->method));
	add_server(w, s->url);
	add_outcome(w, s);
	add_text(w, "messaging.system", SLICE("kafka"));
	add_text(w, "messaging.destination.name", slice_str(s->record->topic));
	add_text(w, "messaging.destination.partition.id",
		number_text(partition, s->record->partition));
	add_number(w, "messaging.kafka.offset", s->record->offset);
	add_text(w, "postrider.destination", slice_str(s->destination));
	add_text(w, "postrider.rule", slice_str(s->rule));
	add_text(w, "postrider.target", slice_str(s->target));
	jw_close(w);
}

static void add_time(struct json_writer *w, const char *name, int64_t wall_us)
{
	char text[NUMBER_BYTES];

	jw_text(w, name, number_text(text, wall_us * 1000));
}

/* Whole members up to the length that everybody has to take; data NULL: there is none. */
static struct slice bounded_state(struct slice state)
{
	const char *comma;

	if (state.data == NULL || state.len <= TRACE_STATE_MAX_BYTES)
		return state;
	comma = memrchr(state.data, ',', TRACE_STATE_MAX_BYTES + 1);
	return comma != NULL ? slice_of(state.data, (size_t)(comma - state.data))
			     : slice_of(NULL, 0);
}

void trace_add_span(struct json_writer *w, const struct trace_span *s)
{
	const struct trace_context *c = s->context;
	struct slice state = bounded_state(s->state);
	int64_t end_us = s->end_wall_ms * 1000;

	jw_open(w, NULL, '{');
	jw_text(w, "traceId", slice_str(c->trace_id));
	jw_text(w, "spanId", slice_str(c->span_id));
	jw_text(w, "parentSpanId", slice_str(c->parent_id));
	if (state.data != NULL)
		jw_text(w, "traceState", state);
	jw_int(w, "flags", c->sampled);
	jw_text(w, "name", slice_str(s->method));
	jw_int(w, "kind", KIND_CLIENT);
	add_time(w, "startTimeUnixNano", end_us - s->took_us);
	add_time(w, "endTimeUnixNano", end_us);
	add_attributes(w, s);
	jw_open(w, "status", '{');
	if (s->error != NULL || s->status >= 400)
		jw_int(w, "code", STATUS_ERROR);
	jw_close(w);
	jw_close(w);
}

void trace_begin_batch(struct json_writer *w, const char *version)
{
	jw_open(w, NULL, '{');
	jw_open(w, "resourceSpans", '[');
	jw_open(w, NULL, '{');
	jw_open(w, "resource", '{');
	jw_open(w, "attributes", '[');
	add_text(w, "service.name", SLICE("postrider"));
	add_text(w, "service.version", slice_str(version));
	jw_close(w);
	jw_close(w);
	jw_open(w, "scopeSpans", '[');
	jw_open(w, NULL, '{');
	jw_open(w, "scope", '{');
	jw_text(w, "name", SLICE("postrider"));
	jw_text(w, "version", slice_str(version));
	jw_close(w);
	jw_open(w, "spans", '[');
}

void trace_end_batch(struct json_writer *w)
{
	while (w->depth > 0)
		jw_close(w);
}
