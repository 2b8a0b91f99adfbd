/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what a request is compiled into.
 *
 * Used by core/request alone: plan.c, url.c and headers.c compile
 * and render one part each, body.c renders, request.c puts them together.
 */
#ifndef CORE_REQUEST_PLAN_H
#define CORE_REQUEST_PLAN_H

#include "core/request/request.h"

/* A dynamic value, with literal text before it (of a URL) or its name (elsewhere). */
struct request_part {
	struct buf before;
	struct value_source *source;
	char *field; /* for messages */
};

struct request_url {
	struct request_part *parts; /* stars */
	size_t part_count;
	struct buf tail;            /* what follows the last star, and all constant queries */
	struct request_part *query; /* dynamic; .before is the encoded name and '=' */
	size_t query_count;
	size_t path_at;      /* where the path begins: behind the authority */
	bool has_query;      /* the next parameter needs '&' */
	bool check_segments; /* an event's value stands in the path */
	bool is_constant;
	struct buf constant;
};

struct request_headers {
	struct buf lines; /* constant ones, ready */
	size_t line_count;
	struct request_part *dynamic; /* .before is the name */
	size_t dynamic_count;
	char *idempotency;        /* "Idempotency-Key" */
	char *idempotency_suffix; /* "-rule-target" */
	bool has_content_type, has_traceparent, has_tracestate;
};

/* A member of the body: .before is the key as JSON with its colon. */
struct request_member {
	struct request_part part; /* source NULL: constant */
	struct buf json;          /* the constant value */
	char *key;
};

struct request_plan {
	const char *method;
	bool has_body;
	enum request_output output;
	size_t max_body_bytes;
	struct request_url url;
	struct request_headers headers;
	struct request_member *members;
	size_t member_count;
	struct template *template;
	struct value_source **spots; /* that need one, by number */
	int spot_count;              /* -1: the index is needed */
};

/* One parameter after the merge of connection and target. */
struct request_entry {
	const char *name, *value;
	bool dynamic;
	char *field; /* owned */
};

struct request_entries {
	struct request_entry *entries;
	size_t count;
};

enum request_parameter_kind {
	REQUEST_HEADER_PARAMETERS,
	REQUEST_QUERY_PARAMETERS,
	REQUEST_BODY_PARAMETERS,
};

/* Connection's and target's parameters of one kind, the connection's winning. */
void request_entries_merge(struct request_entries *e, const struct request_settings *s,
	enum request_parameter_kind kind, struct request_complaints *c);
void request_entries_release(struct request_entries *e);
/* The source of a dynamic entry; NULL (and a complaint) when its path is bad. */
struct value_source *request_entry_compile(
	const struct request_entry *e, struct request_complaints *c);

/* part.c */
void request_part_release(struct request_part *p);

/* The context of a failed request, for request_render() and what it calls. */
struct request_failure {
	const char *code;
	struct err *err;
};

int request_fail_parameter(
	struct request_failure *f, const struct request_part *part, const char *why);
int request_fail_limit(struct request_failure *f, const char *what, size_t max);
/* Read the part's value into *ret, with the work's value as its room. ERR_LIMIT. */
int request_read_part(const struct request_part *part, const struct value_context *c,
	struct request *r, struct value *ret, struct request_failure *f);

void request_url_compile(
	struct request_url *u, const struct request_settings *s, struct request_complaints *c);
void request_url_release(struct request_url *u);
int request_url_render(const struct request_url *u, const struct value_context *c,
	struct request *r, struct request_failure *f);

void request_headers_compile(struct request_headers *h, const struct request_settings *s,
	struct request_complaints *c);
void request_headers_release(struct request_headers *h);
/* @content_type is of the body; NULL: JSON. */
int request_headers_render(const struct request_headers *h, const struct value_context *c,
	struct request *r, const char *content_type, struct request_failure *f);

/* *ret_content_type as above. */
int request_body_render(const struct request_plan *p, const struct value_context *c,
	struct request *r, const char **ret_content_type, struct request_failure *f);

#endif
