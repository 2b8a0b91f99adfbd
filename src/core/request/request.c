/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - a request is rendered: URL, body, headers, in that order, into buffers of its own.
 */
#include "core/request/request.h"

#include "core/header/header.h"
#include "plan.h"

/* The body of an idle request that is kept, so that the next one need not allocate. */
#define KEPT_BODY_BYTES 65536

void request_work_init(struct request_work *w)
{
	buf_init(&w->rendered, REQUEST_MAX_BODY_BYTES);
	buf_init(&w->merged, REQUEST_MAX_BODY_BYTES);
	buf_init(&w->of_template.value, REQUEST_MAX_BODY_BYTES);
	jx_init(&w->of_template.ix);
}

void request_work_release(struct request_work *w)
{
	buf_release(&w->rendered);
	buf_release(&w->merged);
	buf_release(&w->of_template.value);
	jx_release(&w->of_template.ix);
}

void request_init(struct request *r, struct request_work *work)
{
	*r = (struct request){.method = "", .work = work};
	buf_init(&r->url, REQUEST_MAX_URL_BYTES);
	buf_init(&r->headers, HEADER_MAX_BYTES);
	buf_init(&r->built, REQUEST_MAX_BODY_BYTES);
}

void request_release(struct request *r)
{
	buf_release(&r->url);
	buf_release(&r->headers);
	buf_release(&r->built);
}

size_t request_body_memory(const struct request *r)
{
	return r->built.len > 0 ? r->built.cap : 0;
}

void request_recycle(struct request *r)
{
	if (r->built.cap > KEPT_BODY_BYTES)
		buf_release(&r->built);
}

static void limit(struct request *r, size_t max_bytes)
{
	r->built.max_bytes = max_bytes;
	r->work->rendered.max_bytes = max_bytes;
	r->work->merged.max_bytes = max_bytes;
	r->work->of_template.value.max_bytes = max_bytes;
}

static void reset(struct request *r)
{
	buf_reset(&r->url);
	buf_reset(&r->headers);
	buf_reset(&r->built);
	r->body = (struct slice){NULL, 0};
	r->header_count = 0;
}

int request_render(const struct request_plan *p, const struct request_context *c,
	struct request *r, const char **ret_error_code, struct err *err)
{
	struct value_context context = {.ev = c->ev, .ix = c->ix, .spots = c->spots};
	struct request_failure f = {.err = err};
	const char *content_type = NULL;
	int failed;

	reset(r);
	limit(r, p->max_body_bytes);
	r->method = p->method;
	r->has_body = p->has_body;
	failed = request_url_render(&p->url, &context, r, &f);
	if (!failed && p->has_body)
		failed = request_body_render(p, &context, r, &content_type, &f);
	if (!failed)
		failed = request_headers_render(&p->headers, &context, r, content_type, &f);
	if (failed)
		*ret_error_code = f.code;
	return failed;
}
