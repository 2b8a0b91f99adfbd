/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - from an event to the HTTP request that a target wants, byte for byte.
 *
 * A plan is compiled at load from the settings of connection, destination and target
 * (specification 3 to 6); everything that can be refused is refused there. Rendering
 * fills a struct request whose buffers are kept from one use to the next: warm, it
 * allocates nothing. The credentials themselves (Authorization, signatures) are
 * not rendered here: io adds them at each attempt.
 *
 * A plan is immutable and shared by threads; a struct request belongs to one.
 */
#ifndef CORE_REQUEST_H
#define CORE_REQUEST_H

#include "base/buf.h"
#include "base/err.h"
#include "core/event.h"
#include "core/json.h"

/* "name" and its value: a constant, or a dynamic $.path / $kafka.… (never for a connection). */
struct request_parameter {
	char *name;
	char *value;
};

struct request_parameters {
	struct request_parameter *header, *query, *body;
	size_t header_count, query_count, body_count;
	char **path_values; /* path_parameter_values, in order; of a target only */
	size_t path_value_count;
};

enum request_output {
	REQUEST_JSON,
	REQUEST_FORM,
	REQUEST_CLOUDEVENTS_STRUCTURED,
	REQUEST_CLOUDEVENTS_BINARY,
};

/* One of input, input_path, input_template; none: the whole event. */
struct request_input {
	char *input; /* constant JSON text */
	char *input_path;
	char *input_template;
	struct request_parameter *input_paths_map; /* variable -> path */
	size_t input_paths_count;
	bool escape;
};

struct request_settings {
	const char *rule_name, *target_id;
	const char *endpoint; /* with its stars */
	const char *http_method;
	const char *idempotency_header;              /* NULL: Idempotency-Key */
	const struct request_parameters *connection; /* wins over the target's */
	const struct request_parameters *target;
	const struct request_input *input;
	enum request_output output;
	const char *authorization_header; /* the header the connection sets itself, which no
					     parameter may; NULL: none */
};

struct request_plan;

/*
 * Compile. All faults are reported at once: one call of @complain each (field names the
 * setting, e.g. "input_template"), warning or not; the text says what is wrong and what to do.
 * Returns NULL when one of them was not a warning.
 */
typedef void (*request_complain_fn)(
	void *ctx, bool is_warning, const char *field, const char *text);
struct request_plan *request_plan_new(
	const struct request_settings *s, request_complain_fn complain, void *ctx);
void request_plan_free(struct request_plan *p);
/* Is the URL the same for every event? Then it may be parsed once. */
bool request_plan_has_constant_url(const struct request_plan *p);

struct request {
	const char *method; /* a literal: "POST" */
	struct buf url;     /* NUL behind it */
	struct buf headers; /* "Name: value" lines, each with a NUL behind it */
	size_t header_count;
	struct buf body;
	bool has_body;      /* GET and HEAD have none */
	struct buf scratch; /* the plan's own */
};

void request_init(struct request *r, size_t max_body_bytes);
void request_release(struct request *r);

struct request_context {
	const struct event *ev;
	const struct jx_index
		*ix; /* of ev's value as patterns see it; NULL: bytes that are no JSON */
};

/*
 * Fill @r. On failure the event can never be sent so: ERR_INVALID, *ret_error_code is
 * "INVALID_JSON" or "INVALID_PARAMETER", and the error says where.
 * Idempotency-Key: <topic>-<partition>-<offset>-<rule>-<target>, User-Agent:
 * postrider/VERSION, traceparent and tracestate of the record are always among the headers.
 */
int request_render(const struct request_plan *p, const struct request_context *c,
	struct request *r, const char **ret_error_code, struct err *err) ATTR_MUST_CHECK;

#endif
