/* SPDX-License-Identifier: Apache-2.0 */
#include "attempt.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/engine/redact.h"
#include "app/engine/context.h"
#include "io/http/otlp.h"
#include "route.h"

/* Idle attempts that a pool keeps, with their buffers. More are not worth the memory. */
#define IDLE_MAX 1024
/* For the id of a signature. */
#define ID_BYTES 64

struct attempt {
	struct list node; /* in the pool, when idle */
	struct attempt_pool *pool;
	struct delivery *d;
	attempt_done_fn done;
	struct request request;
	struct connection_credentials credentials;
	struct http_request http;
	struct trace_context trace;
	size_t held_bytes; /* of the budget, for the body */
	bool reauthorise_on_403, renewable;
};

void attempt_pool_init(struct attempt_pool *p)
{
	list_init(&p->idle);
	p->idle_count = 0;
}

static void attempt_free(struct attempt *a)
{
	request_release(&a->request);
	connection_credentials_release(&a->credentials);
	free(a);
}

void attempt_pool_release(struct attempt_pool *p)
{
	struct list *node;

	while ((node = list_shift(&p->idle)) != NULL)
		attempt_free(list_entry(node, struct attempt, node));
	p->idle_count = 0;
}

static struct attempt *attempt_get(struct attempt_pool *p, struct engine_context *context)
{
	struct list *node = list_shift(&p->idle);
	struct attempt *a;

	if (node != NULL) {
		p->idle_count--;
		return list_entry(node, struct attempt, node);
	}
	a = xcalloc(1, sizeof *a);
	list_init(&a->node);
	request_init(&a->request, &context->request_work);
	connection_credentials_init(&a->credentials);
	return a;
}

static void attempt_put_back(struct attempt *a)
{
	struct attempt_pool *p = a->pool;

	budget_give_request(a->d->owner->budget, a->held_bytes);
	a->held_bytes = 0;
	request_recycle(&a->request);
	a->d->attempt = NULL;
	a->d = NULL;
	if (p->idle_count >= IDLE_MAX) {
		attempt_free(a);
		return;
	}
	list_prepend(&p->idle, &a->node);
	p->idle_count++;
}

/* Keep the first part of the body, for the dead letter, without secrets. */
static void note_body(struct attempt *a, struct delivery *d, struct slice body)
{
	size_t keep = d->target->dead_letter_response_bytes;
	struct buf masked;

	buf_init(&masked, BUF_UNLIMITED);
	redact_reply(d->conf, &a->credentials,
		slice_of(body.data, body.len < keep ? body.len : keep), &masked);
	delivery_facts_set_response(&d->facts, buf_slice(&masked));
	buf_release(&masked);
}

/* Why a reply means what its status does not tell: by which rule, or for want of a body. */
static void note_rule(struct delivery *d, const struct attempt_report *r)
{
	char *text = xasprintf(
		r->outcome.has_rule ? "response rule '%s'"
				    : "response rule '%s' looks at the body, which broke off",
		r->rule->name);

	delivery_facts_set_message(&d->facts, text);
	free(text);
}

static void note_response(struct attempt *a, struct delivery *d,
	const struct http_result *result, const struct attempt_report *report)
{
	d->facts.status = (int16_t)result->status;
	d->facts.transport = result->transport;
	delivery_facts_set_message(&d->facts, result->error);
	if (report->rule != NULL)
		note_rule(d, report);
	note_body(a, d, result->body);
}

static void judge_reply(
	struct delivery *d, const struct http_result *result, struct attempt_report *report)
{
	const struct reply reply = {
		.status = result->status,
		.head = result->head,
		.body = result->body,
		.body_is_broken = result->transport != RETRY_TRANSPORT_OK,
	};

	if (d->target->replies != NULL && result->status != 0)
		report->rule = route_judge(d->route, d, &reply, &report->outcome);
}

static int64_t tls_time(const struct http_result *r)
{
	return r->new_connection && r->tls_us > 0 ? r->tls_us - r->connect_us : 0;
}

/* For log.deliveries. Lines are suppressed by their first field: this one is never the same. */
static void log_attempt(const struct delivery *d, const struct attempt_report *r)
{
	const struct event_fields *f = &d->ev->f;
	const struct conf_target *t = d->target;
	const char *transport = retry_transport_name(r->outcome.transport);
	char *name = xasprintf("%s/%s %s/%d/%lld #%u", t->rule->name, t->id, f->topic,
		(int)f->partition, (long long)f->offset, d->facts.attempts);

	log_info("attempt", "a request has ended", log_str("attempt", name),
		log_str("destination", t->destination->name),
		log_int("status", r->outcome.status),
		log_str("transport",
			r->outcome.transport == RETRY_TRANSPORT_OK ? "ok" : transport),
		log_str("response_rule", r->rule ? r->rule->name : NULL),
		log_int("took_us", r->latency_us));
	free(name);
}

static struct slice record_header(const struct delivery *d, const char *name)
{
	const struct event_header *h =
		d->ev->f.header_count > 0 ? event_find_header(d->ev, slice_str(name)) : NULL;

	return h != NULL ? h->value : (struct slice){NULL, 0};
}

/* Each attempt is a span of its own in the trace of the record. */
static void begin_span(struct attempt *a, const struct delivery *d)
{
	a->request.traceparent[0] = '\0';
	if (trace_begin(&a->trace, record_header(d, "traceparent"),
		    rng_next(&d->owner->context->rng)))
		trace_format(&a->trace, a->request.traceparent);
}

static void report_span(
	const struct attempt *a, const struct delivery *d, const struct http_result *result)
{
	struct otlp *traces = d->owner->context->traces;
	const struct conf_target *t = d->target;
	struct trace_span span;

	if (traces == NULL || !a->trace.sampled)
		return;
	span = (struct trace_span){
		.context = &a->trace,
		.state = record_header(d, "tracestate"),
		.record = &d->ev->f,
		.method = a->request.method,
		.url = a->request.url.data,
		.destination = t->destination->name,
		.rule = t->rule->name,
		.target = t->id,
		.end_wall_ms = d->facts.last_attempt_ms,
		.took_us = result->total_us,
		.status = result->status,
		.error = result->transport != RETRY_TRANSPORT_OK
				 ? retry_transport_name(result->transport)
				 : NULL,
		.attempt = d->facts.attempts,
	};

	otlp_add(traces, &span);
}

static bool is_logged(struct engine_context *context)
{
	return context->log_sample > 0 && context->log_seen++ % context->log_sample == 0;
}

/* When the reply says to come back. */
static void read_wait(struct retry_outcome *o, const struct conf_destination *dest,
	struct slice head, int64_t wall_ms)
{
	const struct retry_after_names more = {
		(const char *const *)dest->retry_after_headers, dest->retry_after_header_count};

	o->retry_after = retry_after_read(
		head, &more, retry_is_throttled(o), wall_ms, &o->retry_after_ms);
}

static void attempt_ended(struct http_request *r, const struct http_result *result)
{
	struct attempt *a = container_of(r, struct attempt, http);
	struct delivery *d = a->d;
	struct loop *loop = d->owner->context->loop;
	attempt_done_fn done = a->done;
	struct attempt_report report = {
		.outcome =
			{
				.transport = result->transport,
				.status = result->status,
				.fresh_token =
					d->rejected_generation != 0 &&
					a->credentials.generation > d->rejected_generation,
				.can_reauthorise = a->renewable,
				.reauthorise_on_403 = a->reauthorise_on_403,
			},
		.generation = a->credentials.generation,
		.was_resent = result->was_resent,
		.latency_us = result->total_us,
		.first_byte_us = result->first_byte_us,
		.connect_us = result->new_connection ? result->connect_us : 0,
		.tls_us = tls_time(result),
	};

	d->facts.last_attempt_ms = loop_wall_ms(loop);
	judge_reply(d, result, &report);
	if (!retry_is_delivered(&report.outcome)) {
		read_wait(&report.outcome, d->target->destination, result->head,
			loop_wall_ms(loop));
		note_response(a, d, result, &report);
	}
	report_span(a, d, result);
	attempt_put_back(a);
	if (is_logged(d->owner->context))
		log_attempt(d, &report);
	done(d, &report);
}

static bool render(struct attempt *a, struct delivery *d)
{
	struct request_context context = {.ev = d->ev};
	const struct envelope *envelope = d->target->rule->consumer->envelope;
	/* An event that was one when it was matched may be none for a redrive, if its consumer's
	 * format or limits have changed since. */
	const char *code = "INVALID_EVENT";
	struct err err;
	int failed = 0;

	if (d->is_found)
		context.spots = d->spots;
	else
		failed = engine_context_index(
			d->owner->context, d->ev, envelope, &context.ix, &err);
	if (failed == 0 &&
		request_render(d->target->plan, &context, &a->request, &code, &err) == 0) {
		a->held_bytes = request_body_memory(&a->request);
		budget_take_request(d->owner->budget, a->held_bytes);
		return true;
	}
	d->facts.error_code = code;
	delivery_facts_set_message(&d->facts, err.text);
	return false;
}

/* The id of a signature has to be the same in every attempt: topic, partition, offset, target. */
static struct slice make_id(const struct delivery *d, char id[ID_BYTES])
{
	const struct event_fields *f = &d->ev->f;

	return slice_of(id,
		(size_t)snprintf(id, ID_BYTES, "msg_%08x_%x_%llx_%08x",
			(unsigned)util_hash(f->topic, strlen(f->topic)), (unsigned)f->partition,
			(unsigned long long)f->offset, (unsigned)d->target->identity));
}

static bool authorise(struct attempt *a, struct delivery *d, struct connection *connection)
{
	char id[ID_BYTES];
	struct connection_message m = {
		.body = a->request.has_body ? a->request.body : SLICE(""),
		.wall_ms = loop_wall_ms(d->owner->context->loop),
		.method = a->request.method,
		.url = a->request.url.data,
		.headers = a->request.headers.data,
		.header_count = a->request.header_count,
	};

	if (d->target->destination->connection->settings.type == CONNECTION_STANDARD_WEBHOOKS)
		m.id = make_id(d, id);
	return connection_authorise(connection, &m, &a->credentials);
}

static void fill(struct attempt *a, const struct request_plan *plan)
{
	a->http.method = a->request.method;
	a->http.url = a->request.url.data;
	a->http.url_is_constant = request_plan_has_constant_url(plan);
	a->http.headers = a->request.headers.data;
	a->http.header_count = a->request.header_count;
	a->http.more_headers = a->credentials.headers.data;
	a->http.more_header_count = a->credentials.header_count;
	a->http.has_body = a->request.has_body;
	a->http.body = a->request.body;
	a->http.may_be_resent = true; /* every delivery has an idempotency key */
	a->http.done = attempt_ended;
}

enum attempt_begun attempt_begin(struct attempt_pool *p, struct delivery *d,
	struct connection *connection, struct http_client *client, attempt_done_fn done)
{
	struct attempt *a = attempt_get(p, d->owner->context);
	struct loop *loop = d->owner->context->loop;

	a->pool = p;
	a->d = d;
	a->done = done;
	d->attempt = a;
	begin_span(a, d);
	if (!render(a, d)) {
		attempt_put_back(a);
		return ATTEMPT_IMPOSSIBLE;
	}
	if (!authorise(a, d, connection)) {
		attempt_put_back(a);
		return ATTEMPT_UNAUTHORISED;
	}
	fill(a, d->target->plan);
	a->reauthorise_on_403 = d->target->destination->connection->reauthorize_on_403;
	a->renewable = connection_is_renewable(connection);
	if (d->facts.first_attempt_ms == 0)
		d->facts.first_attempt_ms = loop_wall_ms(loop);
	d->facts.attempts++;
	http_submit(client, &a->http);
	return ATTEMPT_SENT;
}

void attempt_cancel(struct delivery *d)
{
	struct attempt *a = d->attempt;

	if (a == NULL)
		return;
	http_cancel(&a->http);
	attempt_put_back(a);
}
