/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.h - W3C Trace Context, and spans as OpenTelemetry's OTLP has them in JSON.
 *
 * A record's traceparent names the trace it belongs to. Every attempt is a span of its own in
 * it: the request carries the attempt's span id, so that what the API does hangs below it.
 * Whoever made the record decided whether the trace is sampled.
 *
 * Sources: W3C Trace Context, level 1; OTLP 1.x (JSON); OpenTelemetry's semantic conventions
 * for HTTP clients and for Kafka.
 *
 * Pure: ids come from the caller.
 */
#ifndef CORE_EVENT_TRACE_H
#define CORE_EVENT_TRACE_H

#include "base/json_writer.h"
#include "core/event/event.h"

enum {
	TRACE_PARENT_BYTES = 56,     /* "00-<32 hex>-<16 hex>-<2 hex>" and a NUL */
	TRACE_STATE_MAX_BYTES = 512, /* of a span; W3C Trace Context, 3.3.1.5 */
};

struct trace_context {
	char trace_id[33];  /* "": there is none */
	char parent_id[17]; /* the span that wrote the record */
	char span_id[17];   /* the attempt's */
	bool sampled;
};

/* The context of one attempt on a record with this traceparent (data NULL: it has none), whose
 * span has this id. False: there is no trace, or the header is none; @ret is empty then. */
bool trace_begin(struct trace_context *ret, struct slice traceparent, uint64_t span_id);
/* What the request says: version 00, whatever the record had. */
void trace_format(const struct trace_context *c, char out[TRACE_PARENT_BYTES]);

/* One attempt that has ended. All is borrowed. */
struct trace_span {
	const struct trace_context *context;
	struct slice state; /* the record's tracestate; data NULL: none */
	const struct event_fields *record;
	const char *method,
		*url; /* of the url, only host and port are told: it may hold keys */
	const char *destination, *rule, *target;
	int64_t end_wall_ms, took_us;
	int status;        /* 0: no reply */
	const char *error; /* the transport's failure by its name; NULL: none */
	unsigned attempt;  /* 1: the first */
};

/* Write one span as a JSON object. Of a tracestate over TRACE_STATE_MAX_BYTES its first members. */
void trace_add_span(struct json_writer *w, const struct trace_span *s);
/* What stands before and behind the spans of one request to a collector. */
void trace_begin_batch(struct json_writer *w, const char *version);
void trace_end_batch(struct json_writer *w);

#endif
