/* SPDX-License-Identifier: Apache-2.0 */
/* The header lines of a request: which may be set, which EventBridge removes, those that
 * Postrider adds (idempotency key, trace context), and the check that none can be broken. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/header/header.h"

/* What EventBridge removes (doc/eventbridge.md, Removed headers) besides the names of the transport,
 * which may not be configured at all. */
static const char *const removed_names[] = {"A-IM", "Accept-Charset", "Accept-Datetime",
	"Accept-Encoding", "Cache-Control", "Content-Encoding", "Content-MD5", "Date",
	"Forwarded", "From", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range",
	"If-Unmodified-Since", "Max-Forwards", "Origin", "Pragma", "Range", "Referer",
	"User-Agent", "Via", "Warning"};

static bool same_name(const char *a, const char *b)
{
	return slice_ieq(slice_str(a), slice_str(b));
}

static bool is_removed(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(removed_names); i++)
		if (same_name(name, removed_names[i]))
			return true;
	return false;
}

/* Does the connection set it itself? */
static bool is_credential(const struct request_settings *s, const char *name)
{
	for (const char *const *p = s->credential_headers; p != NULL && *p != NULL; p++)
		if (same_name(name, *p))
			return true;
	return false;
}

/* May a parameter set this header? Complains when not. */
static bool may_set(const struct request_entry *e, const struct request_settings *s,
	const char *idempotency, struct request_complaints *c)
{
	if (!header_is_name(slice_str(e->name))) {
		request_fault(c, e->field, "'%s' is not the name of a header", e->name);
		return false;
	}
	if (header_is_transport(e->name))
		request_fault(c, e->field,
			"'%s' belongs to the transport, which sets it itself; leave it out",
			e->name);
	else if (is_removed(e->name))
		request_warn(c, e->field,
			"the header is not sent: EventBridge removes it, and so does Postrider");
	else if (is_credential(s, e->name))
		request_warn(c, e->field,
			"the header is not sent: the connection sets it with its credentials");
	else if (same_name(e->name, idempotency))
		request_warn(c, e->field,
			"the header is not sent: it carries the idempotency key of the delivery");
	else
		return true;
	return false;
}

static void note_special(struct request_headers *h, const char *name)
{
	h->has_content_type = h->has_content_type || same_name(name, "Content-Type");
	h->has_traceparent = h->has_traceparent || same_name(name, "traceparent");
	h->has_tracestate = h->has_tracestate || same_name(name, "tracestate");
}

static void add_constant(struct request_headers *h, const char *field, const char *name,
	const char *value, struct request_complaints *c)
{
	struct header_writer w = {.lines = &h->lines, .count = &h->line_count};
	struct err err;

	if (header_add(&w, slice_str(name), slice_str(value), &err) != 0)
		request_fault(c, field, "%s", err.text);
}

static void compile_header(
	struct request_headers *h, const struct request_entry *e, struct request_complaints *c)
{
	struct request_part *part;

	note_special(h, e->name);
	if (!e->dynamic) {
		add_constant(h, e->field, e->name, e->value, c);
		return;
	}
	part = &h->dynamic[h->dynamic_count++];
	buf_init(&part->before, BUF_UNLIMITED);
	buf_add_str(&part->before, e->name);
	part->field = xstrdup(e->field);
	part->source = request_entry_compile(e, c);
}

/* Rule and target stand in a header; what could break it out is refused. */
static void check_identity(const char *text, const char *field, struct request_complaints *c)
{
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f) {
			request_fault(c, field,
				"'%s' holds blanks or characters other than ASCII; it is part of "
				"the idempotency key, which is a header",
				text);
			return;
		}
}

static void check_idempotency(
	const struct request_settings *s, const char *name, struct request_complaints *c)
{
	static const char field[] = "idempotency_header";

	if (!header_is_name(slice_str(name)))
		request_fault(c, field, "'%s' is not the name of a header", name);
	else if (header_is_transport(name) || is_removed(name))
		request_fault(c, field,
			"'%s' belongs to the transport or is never sent; name another header, "
			"such as Idempotency-Key",
			name);
	else if (header_is_ours(name) || is_credential(s, name))
		request_fault(c, field,
			"'%s' is set already, by Postrider or with the connection's credentials; "
			"name another header, such as Idempotency-Key",
			name);
}

void request_headers_compile(struct request_headers *h, const struct request_settings *s,
	struct request_complaints *c)
{
	const char *idempotency =
		s->idempotency_header ? s->idempotency_header : "Idempotency-Key";
	struct request_entries merged;

	check_idempotency(s, idempotency, c);
	check_identity(s->rule_name, "rule", c);
	check_identity(s->target_id, "id", c);
	h->idempotency = xstrdup(idempotency);
	h->idempotency_suffix = xasprintf("-%s-%s", s->rule_name, s->target_id);
	buf_init(&h->lines, BUF_UNLIMITED);
	add_constant(h, "header_parameters", "User-Agent", "postrider/" POSTRIDER_VERSION, c);
	request_entries_merge(&merged, s, REQUEST_HEADER_PARAMETERS, c);
	h->dynamic = xcalloc(merged.count + 1, sizeof *h->dynamic);
	for (size_t i = 0; i < merged.count; i++)
		if (may_set(&merged.entries[i], s, idempotency, c))
			compile_header(h, &merged.entries[i], c);
	request_entries_release(&merged);
}

void request_headers_release(struct request_headers *h)
{
	for (size_t i = 0; i < h->dynamic_count; i++)
		request_part_release(&h->dynamic[i]);
	free(h->dynamic);
	free(h->idempotency);
	free(h->idempotency_suffix);
	buf_release(&h->lines);
}

/* The delivery fails: the code says whether of a character or of too many. */
static int fail_line(struct request_failure *f, int code)
{
	f->code = code == ERR_LIMIT ? "RESOURCE_LIMIT_EXCEEDED" : "INVALID_PARAMETER";
	return code;
}

static int add_line(
	struct request *r, struct slice name, struct slice value, struct request_failure *f)
{
	struct header_writer w = {.lines = &r->headers, .count = &r->header_count};
	int code = header_add(&w, name, value, f->err);

	return code == 0 ? 0 : fail_line(f, code);
}

static int render_dynamic(const struct request_part *part, const struct value_context *c,
	struct request *r, struct request_failure *f)
{
	struct value v;
	struct slice text;
	int failed = request_read_part(part, c, r, &v, f);

	if (failed)
		return failed;
	if (v.kind == VALUE_MISSING || v.kind == VALUE_NULL)
		return 0;
	text = value_characters(&v, &r->work->of_template.value);
	if (text.len > REQUEST_MAX_HEADER_BYTES)
		return request_fail_parameter(f, part, "is too long for a header");
	if (!header_is_value(text))
		return request_fail_parameter(f, part,
			"holds a line break or another control character, which a header cannot");
	return add_line(r, buf_slice(&part->before), text, f);
}

static int add_idempotency(const struct request_headers *h, const struct event_fields *fields,
	struct request *r, struct request_failure *f)
{
	struct header_writer w = {.lines = &r->headers, .count = &r->header_count};
	int code;

	header_begin(&w, slice_str(h->idempotency));
	buf_add_str(w.lines, fields->topic);
	buf_add_char(w.lines, '-');
	buf_add_int(w.lines, fields->partition);
	buf_add_char(w.lines, '-');
	buf_add_int(w.lines, fields->offset);
	buf_add_str(w.lines, h->idempotency_suffix);
	code = header_end(&w, f->err);
	return code == 0 ? 0 : fail_line(f, code);
}

/* A header of the record that is passed on as it is. One that could not be a header, or for
 * which there is no room, is not: it is for tracing, and no reason to fail. */
static void pass_on(const struct event *ev, const char *name, struct request *r)
{
	struct header_writer w = {.lines = &r->headers, .count = &r->header_count};
	const struct event_header *header = event_find_header(ev, slice_str(name));

	if (header != NULL && header->value.len > 0 &&
		header->value.len <= REQUEST_MAX_HEADER_BYTES)
		(void)!header_add(&w, slice_str(name), header->value, NULL);
}

static int add_constants(
	const struct request_headers *h, struct request *r, struct request_failure *f)
{
	if (r->header_count + h->line_count > HEADER_MAX_LINES ||
		r->headers.len + h->lines.len > HEADER_MAX_BYTES)
		return request_fail_limit(f, "part of the headers", HEADER_MAX_BYTES);
	buf_add_slice(&r->headers, buf_slice(&h->lines));
	r->header_count += h->line_count;
	return 0;
}

static void add_trace(
	const struct request_headers *h, const struct event *ev, struct request *r)
{
	struct header_writer w = {.lines = &r->headers, .count = &r->header_count};

	if (!h->has_traceparent && r->traceparent[0] != '\0')
		(void)!header_add(&w, SLICE("traceparent"), slice_str(r->traceparent), NULL);
	else if (!h->has_traceparent)
		pass_on(ev, "traceparent", r);
	if (!h->has_tracestate)
		pass_on(ev, "tracestate", r);
}

int request_headers_render(const struct request_headers *h, const struct value_context *c,
	struct request *r, const char *content_type, struct request_failure *f)
{
	int failed = 0;

	if (!h->has_content_type)
		failed = add_line(r, SLICE("Content-Type"),
			slice_str(content_type ? content_type
					       : "application/json; charset=utf-8"),
			f);
	if (!failed)
		failed = add_idempotency(h, &c->ev->f, r, f);
	if (!failed)
		failed = add_constants(h, r, f);
	for (size_t i = 0; i < h->dynamic_count && !failed; i++)
		failed = render_dynamic(&h->dynamic[i], c, r, f);
	if (!failed && c->ev->f.header_count > 0)
		add_trace(h, c->ev, r);
	return failed;
}
