/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - from an event to the HTTP request that a target wants, byte for byte.
 *
 * A plan is compiled at load from the settings of connection, destination and target
 * (doc/eventbridge.md); everything that can be refused is refused there. Rendering
 * fills a struct request whose buffers are kept from one use to the next: warm, it
 * allocates nothing. The credentials themselves (Authorization, signatures) are
 * not rendered here: io adds them at each attempt.
 *
 * A request depends on nothing but the plan and the event, so that it may be rendered
 * again for every attempt: the time in it is the record's, or the one at which the record
 * was first taken up.
 *
 * URL. The stars in the endpoint's path and query are replaced in order by
 * path_parameter_values, everything but unreserved characters (RFC 3986, 2.3) percent-encoded.
 * No value reaches the host, and none may make a segment "." or ".." of its own. Query
 * parameters are added behind what the endpoint has.
 *
 * Headers. Connection over target, names compared without case. What EventBridge removes is
 * removed, with a warning. Always there: Content-Type (application/json; charset=utf-8 unless
 * given or the output is of another kind; application/octet-stream for bytes that
 * are no JSON), User-Agent: postrider/VERSION, and Idempotency-Key:
 * <topic>-<partition>-<offset>-<rule>-<target>. The record's traceparent and tracestate are
 * passed on, unless a parameter of that name is configured.
 *
 * Dynamic values. Strings as their characters, numbers and booleans as JSON text, arrays and
 * objects as compact JSON. Missing or null: a header, query or body parameter is left out; a
 * path value makes the request impossible, and so does a blank one.
 *
 * Body. Of POST, PUT, PATCH, DELETE and OPTIONS; GET and HEAD have none. Body parameters
 * become members of a JSON object, in the place of those that had the same key.
 *
 * What is made of an event has the limit of the plan at every step, and is checked while it is
 * written: a small event can ask for much (a form repeats names, a template the event). So the time
 * of a rendering is that of the event and of that limit.
 *
 * A plan is immutable and shared by threads; a struct request belongs to one.
 */
#ifndef CORE_REQUEST_REQUEST_H
#define CORE_REQUEST_REQUEST_H

#include "base/buf.h"
#include "base/err.h"
#include "core/event/event.h"
#include "core/event/trace.h"
#include "core/json/json.h"
#include "core/request/settings.h"
#include "core/request/template.h"

#define REQUEST_MAX_ENDPOINT_BYTES 2048
#define REQUEST_MAX_URL_BYTES      16384
#define REQUEST_MAX_HEADER_BYTES   8192 /* of one value */
/* No limit of a body can be larger. */
#define REQUEST_MAX_BODY_BYTES ((size_t)64 << 20)

struct request_settings {
	const char *rule_name, *target_id;
	const char *endpoint; /* with its stars */
	const char *http_method;
	const char *idempotency_header;              /* NULL: Idempotency-Key */
	const struct request_parameters *connection; /* wins over the target's; NULL: none */
	const struct request_parameters *target;     /* NULL: none */
	const struct request_input *input;           /* NULL: the whole event */
	enum request_output output;
	const char *const *credential_headers; /* those that the connection sets itself, and
						  so no parameter may; behind the last a NULL */
	size_t max_body_bytes; /* checked while a body is written; 0: REQUEST_MAX_BODY_BYTES */
};

struct request_plan;

/*
 * Compile. All faults are reported at once: one call of @complain each (see
 * core/request/settings.h). Returns NULL when one of them was not a warning. Whether an http:
 * endpoint is allowed is the caller's to say.
 */
struct request_plan *request_plan_new(
	const struct request_settings *s, request_complain_fn complain, void *ctx);
/* Accepts NULL. */
void request_plan_free(struct request_plan *p);
/* Is the URL the same for every event? Then it may be parsed once. */
bool request_plan_has_constant_url(const struct request_plan *p);
/* That URL, or NULL when it is not constant. The plan's. */
const char *request_plan_url(const struct request_plan *p);

/* Each delivery has room for them while it waits; with more the event is indexed again. */
#define REQUEST_MAX_SPOTS 32
/*
 * How many values of an event it needs, when it needs nothing else of it: found once, they are
 * enough to render. -1: it needs the event's index each time.
 */
int request_plan_spot_count(const struct request_plan *p);
/* Find them in the event that @ix is of. */
void request_plan_find(
	const struct request_plan *p, const struct jx_index *ix, struct value_spot *ret_spots);

/* Check an endpoint by itself: http or https, a host, no user, no fragment, stars in path and
 * query only, not too long. */
int request_check_endpoint(const char *endpoint, struct err *err) ATTR_MUST_CHECK;

/* What a request is made with and has no more use for when it is made: one for all requests of
 * a thread, and warm. */
struct request_work {
	struct buf rendered, merged; /* a body that is not finished */
	struct template_work of_template;
};

void request_work_init(struct request_work *w);
void request_work_release(struct request_work *w);

struct request {
	const char *method; /* a literal: "POST" */
	struct buf url;     /* NUL behind it */
	struct buf headers; /* "Name: value" lines, each with a NUL behind it */
	size_t header_count;
	struct slice body; /* in `built`, or the event's own value: lives as long as that */
	bool has_body;     /* GET and HEAD have none */
	/* The caller's: sent in the place of the record's own; "": that one as it is. */
	char traceparent[TRACE_PARENT_BYTES];

	struct buf built; /* private from here */
	struct request_work *work;
};

/* @work outlives @r. */
void request_init(struct request *r, struct request_work *work);
void request_release(struct request *r);
/* Memory that its body takes while it is sent: 0 when it is the event's own value. */
size_t request_body_memory(const struct request *r);
/* It has been sent. What it holds is kept for the next one, unless that is much. */
void request_recycle(struct request *r);

struct request_context {
	const struct event *ev;
	/* of ev's value as patterns see it; NULL: bytes that are no JSON */
	const struct jx_index *ix;
	const struct value_spot *spots; /* or what request_plan_find() found in ev's value */
};

/*
 * Fill @r. On failure the event can never be sent so, and the error says where:
 *  ERR_INVALID, *ret_error_code "INVALID_JSON" or "INVALID_PARAMETER";
 *  ERR_LIMIT, "RESOURCE_LIMIT_EXCEEDED": the body is over the limit of the plan, or the
 *  headers are over those of core/header/header.h.
 */
int request_render(const struct request_plan *p, const struct request_context *c,
	struct request *r, const char **ret_error_code, struct err *err) ATTR_MUST_CHECK;

#endif
