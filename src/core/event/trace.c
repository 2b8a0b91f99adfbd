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

/* A later version may have more behind the flags, after a dash. */
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

static void begin_attribute(struct buf *out, const char *name, const char *type)
{
	if (out->len > 0 && out->data[out->len - 1] != '[')
		buf_add_char(out, ',');
	buf_addf(out, "{\"key\":\"%s\",\"value\":{\"%s\":", name, type);
}

static void add_text(struct buf *out, const char *name, struct slice value)
{
	begin_attribute(out, name, "stringValue");
	buf_add_json_string(out, value);
	buf_add_str(out, "}}");
}

/* 64-bit integers are texts in OTLP's JSON. */
static void add_number(struct buf *out, const char *name, int64_t value)
{
	begin_attribute(out, name, "intValue");
	buf_addf(out, "\"%" PRId64 "\"}}", value);
}

static void add_server(struct buf *out, const char *url)
{
	const char *host = strstr(url, "://"), *end, *colon;
	bool secure = strncmp(url, "https", 5) == 0;

	host = host != NULL ? host + 3 : url;
	end = host + strcspn(host, "/?#");
	colon = memrchr(host, ':', (size_t)(end - host));
	if (colon != NULL && memchr(colon, ']', (size_t)(end - colon)) != NULL)
		colon = NULL; /* within an IPv6 address */
	add_text(out, "server.address",
		slice_of(host, (size_t)((colon != NULL ? colon : end) - host)));
	add_number(out, "server.port",
		colon != NULL ? strtol(colon + 1, NULL, 10)
		: secure      ? 443
			      : 80);
}

static void add_outcome(struct buf *out, const struct trace_span *s)
{
	char status[16];

	snprintf(status, sizeof status, "%d", s->status);
	if (s->status != 0)
		add_number(out, "http.response.status_code", s->status);
	if (s->error != NULL)
		add_text(out, "error.type", slice_str(s->error));
	else if (s->status >= 400)
		add_text(out, "error.type", slice_str(status));
	if (s->attempt > 1)
		add_number(out, "http.request.resend_count", s->attempt - 1);
}

static void add_attributes(struct buf *out, const struct trace_span *s)
{
	buf_add_str(out, "\"attributes\":[");
	add_text(out, "http.request.method", slice_str(s->method));
	add_server(out, s->url);
	add_outcome(out, s);
	add_text(out, "messaging.system", SLICE("kafka"));
	add_text(out, "messaging.destination.name", slice_str(s->record->topic));
	begin_attribute(out, "messaging.destination.partition.id", "stringValue");
	buf_addf(out, "\"%d\"}}", (int)s->record->partition);
	add_number(out, "messaging.kafka.offset", s->record->offset);
	add_text(out, "postrider.destination", slice_str(s->destination));
	add_text(out, "postrider.rule", slice_str(s->rule));
	add_text(out, "postrider.target", slice_str(s->target));
	buf_add_str(out, "],");
}

void trace_add_span(struct buf *out, const struct trace_span *s)
{
	const struct trace_context *c = s->context;
	int64_t end_us = s->end_wall_ms * 1000;

	buf_addf(out, "{\"traceId\":\"%s\",\"spanId\":\"%s\",\"parentSpanId\":\"%s\",",
		c->trace_id, c->span_id, c->parent_id);
	if (s->state.data != NULL) {
		buf_add_str(out, "\"traceState\":");
		buf_add_json_string(out, s->state);
		buf_add_char(out, ',');
	}
	buf_addf(out, "\"flags\":%d,\"name\":\"%s\",\"kind\":%d,", c->sampled, s->method,
		KIND_CLIENT);
	buf_addf(out,
		"\"startTimeUnixNano\":\"%" PRId64 "000\",\"endTimeUnixNano\":\"%" PRId64
		"000\",",
		end_us - s->took_us, end_us);
	add_attributes(out, s);
	if (s->error != NULL || s->status >= 400)
		buf_addf(out, "\"status\":{\"code\":%d}}", STATUS_ERROR);
	else
		buf_add_str(out, "\"status\":{}}");
}

void trace_begin_batch(struct buf *out, const char *version)
{
	buf_add_str(out, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
	add_text(out, "service.name", SLICE("postrider"));
	add_text(out, "service.version", slice_str(version));
	buf_addf(out,
		"]},\"scopeSpans\":[{\"scope\":{\"name\":\"postrider\",\"version\":\"%s\"},"
		"\"spans\":[",
		version);
}

void trace_end_batch(struct buf *out)
{
	buf_add_str(out, "]}]}]}");
}
