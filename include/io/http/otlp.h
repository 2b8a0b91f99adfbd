/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp.h - spans to an OpenTelemetry collector: OTLP over HTTP, as JSON.
 *
 * Spans are gathered for a second, or until there are OTLP_BATCH_SPANS, and sent in one
 * request, one request at a time. Deliveries never wait for a collector: beyond one full batch
 * that waits behind the one on the wire spans are dropped and counted, and a batch that a
 * collector does not take is dropped, too. A request has at most 4 MiB: a span for which there is
 * no room in it is dropped alone.
 *
 * Log lines, once for each change: traces_failing (with the reason), traces_recovered.
 * Belongs to its loop.
 */
#ifndef IO_HTTP_OTLP_H
#define IO_HTTP_OTLP_H

#include "core/request/request.h"
#include "core/event/trace.h"
#include "io/loop.h"

#define OTLP_BATCH_SPANS 512

struct otlp_settings {
	const char *endpoint; /* "http://127.0.0.1:4318/v1/traces" */
	const struct request_parameter *headers;
	size_t header_count;
	const char *ca_file; /* NULL: the system's */
};

struct otlp;

/* Copies the settings. NULL: the authorities can't be read, or a header is none. */
struct otlp *otlp_new(struct loop *l, const struct otlp_settings *s, struct err *err);
/* What was not sent yet is forgotten. Accepts NULL. */
void otlp_free(struct otlp *o);

void otlp_add(struct otlp *o, const struct trace_span *s);

struct otlp_state {
	uint64_t sent, dropped; /* spans, so far */
};

struct otlp_state otlp_get_state(const struct otlp *o);

#endif
