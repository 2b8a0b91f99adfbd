/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request: what the template, input or input_path makes of the event, with
 * body parameters merged in, as JSON or as a form. */
#include "plan.h"

#include "core/event/cloudevents.h"
#include "core/header/header.h"
#include "core/request/form.h"

static const struct jx_limits body_limits = {
	.max_bytes = UINT32_MAX - 1,
	.max_depth = 2 * JX_MAX_DEPTH, /* of the event, and what is around it */
	.max_tokens = 1U << 24,
};

#define OCTETS "application/octet-stream"

/* Where a body that is on its way stands: in `text`, indexed by the work's index when it is
 * JSON. */
struct stage {
	const struct request_plan *plan;
	const struct value_context *context;
	struct request *r;
	struct request_failure *f;
	struct slice text;
	bool is_json;
};

static int transform(struct stage *s, struct buf *out)
{
	const struct template *t = s->plan->template;
	int failed = template_render(
		t, s->context, out, &s->r->work->of_template, &s->f->code, s->f->err);

	s->text = slice_of(buf_str(out), out->len);
	s->is_json = template_is_json(t, s->context);
	return failed;
}

/* The index over the text; a string template's is only now seen to be JSON or not. */
static int index_text(struct stage *s, const char *what)
{
	struct err why;

	if (jx_parse(&s->r->work->of_template.ix, s->text, &body_limits, &why) == 0) {
		s->is_json = true;
		return 0;
	}
	s->f->code = "INVALID_PARAMETER";
	return err_set(s->f->err, ERR_INVALID,
		"%s needs a JSON object, and the body is not JSON: %s", what, why.text);
}

static int render_member(
	const struct request_member *m, struct stage *s, struct buf *out, bool *ret_first)
{
	struct value v = {.kind = VALUE_NULL};
	int failed;

	if (m->part.source != NULL) {
		failed = request_read_part(&m->part, s->context, s->r, &v, s->f);
		if (failed)
			return failed;
		if (v.kind == VALUE_MISSING || v.kind == VALUE_NULL)
			return 0;
	}
	if (!*ret_first)
		buf_add_char(out, ',');
	*ret_first = false;
	buf_add_slice(out, buf_slice(&m->part.before));
	if (m->part.source != NULL)
		value_add_json(out, &v);
	else
		buf_add_slice(out, buf_slice(&m->json));
	return 0;
}

/* Hide the members that a parameter replaces. Each is looked up once, so that the work grows
 * with the members and not with their square. */
static void hide_replaced(const struct request_plan *p, struct jx_index *ix)
{
	for (size_t i = 0; i < p->member_count; i++) {
		uint32_t t = jx_member(ix, 0, slice_str(p->members[i].key));

		if (t != JX_NONE)
			ix->tokens[t].shadowed = true;
	}
}

/* Body parameters become members of the object, in the place of those with the same key. */
static int merge_members(struct stage *s, struct buf *out)
{
	const struct request_plan *p = s->plan;
	struct jx_index *ix = &s->r->work->of_template.ix;
	bool first = true;
	int failed = index_text(s, "body_parameters");

	if (failed)
		return failed;
	if (jx_type(ix, 0) != JX_OBJECT) {
		s->f->code = "INVALID_PARAMETER";
		return err_set(s->f->err, ERR_INVALID,
			"body_parameters need a JSON object to be merged into, and the body is "
			"none");
	}
	hide_replaced(p, ix);
	buf_add_char(out, '{');
	for (uint32_t t = 1; t < jx_next(ix, 0); t = jx_next(ix, t)) {
		if (ix->tokens[t].shadowed)
			continue;
		if (!first)
			buf_add_char(out, ',');
		first = false;
		buf_add_char(out, '"');
		buf_add_slice(out, jx_key(ix, t));
		buf_add(out, "\":", 2);
		buf_add_slice(out, jx_text(ix, t));
	}
	for (size_t i = 0; i < p->member_count && !failed; i++)
		failed = render_member(&p->members[i], s, out, &first);
	buf_add_char(out, '}');
	return failed;
}

static int write_form(struct stage *s, const char **ret_content_type)
{
	int failed = index_text(s, "output_format = \"form\"");

	if (failed)
		return failed;
	*ret_content_type = "application/x-www-form-urlencoded";
	failed = form_add_object(&s->r->built, &s->r->work->of_template.ix, 0, s->f->err);
	if (failed)
		s->f->code =
			failed == ERR_LIMIT ? "RESOURCE_LIMIT_EXCEEDED" : "INVALID_PARAMETER";
	return failed;
}

/* Without a transformation the data of a CloudEvent is the event's own. */
static struct slice cloudevent_data(const struct stage *s)
{
	const struct jx_index *ix = s->context->ix;
	bool untouched = template_kind(s->plan->template) == TEMPLATE_EVENT &&
			 s->plan->member_count == 0;
	uint32_t data;

	if (!untouched || ix == NULL)
		return s->text;
	data = cloudevents_data(ix);
	return data == JX_NONE ? (struct slice){NULL, 0} : jx_text(ix, data);
}

static int write_structured(struct stage *s, const char **ret_content_type)
{
	struct buf *out = &s->r->built;
	bool untouched = template_kind(s->plan->template) == TEMPLATE_EVENT &&
			 s->plan->member_count == 0;

	*ret_content_type = CLOUDEVENTS_CONTENT_TYPE;
	if (untouched && cloudevents_is_one(s->context->ix)) {
		buf_add_slice(out, s->text);
	} else if (untouched && s->context->ix == NULL) {
		cloudevents_add_structured_bytes(out, s->context, s->text);
	} else {
		if (!s->is_json &&
			index_text(s, "output_format = \"cloudevents-structured\"") != 0)
			return ERR_INVALID;
		cloudevents_add_structured(out, s->context, cloudevent_data(s));
	}
	return 0;
}

/* An event that is sent as it is may be anything. */
static void name_octets(const struct stage *s, const char **ret_content_type)
{
	if (!s->is_json && template_kind(s->plan->template) == TEMPLATE_EVENT)
		*ret_content_type = OCTETS;
}

/* Attributes are percent-encoded, so that only their number and length can be wrong. */
static int write_attributes(struct stage *s)
{
	struct header_writer w = {.lines = &s->r->headers, .count = &s->r->header_count};

	if (cloudevents_add_headers(&w, s->context, s->f->err) == 0)
		return 0;
	s->f->code = "RESOURCE_LIMIT_EXCEEDED";
	return ERR_LIMIT;
}

static int write_output(struct stage *s, const char **ret_content_type)
{
	switch (s->plan->output) {
	case REQUEST_FORM:
		return write_form(s, ret_content_type);
	case REQUEST_CLOUDEVENTS_STRUCTURED:
		return write_structured(s, ret_content_type);
	case REQUEST_CLOUDEVENTS_BINARY:
		s->text = cloudevent_data(s);
		if (write_attributes(s) != 0)
			return ERR_LIMIT;
		break;
	case REQUEST_JSON:
		break;
	}
	name_octets(s, ret_content_type);
	buf_add_slice(&s->r->built, s->text);
	return 0;
}

/* The long way: what was rendered has to be read and written again. */
static int render_staged(struct stage *s, const char **ret_content_type)
{
	struct buf *merged = &s->r->work->merged;
	int failed;

	buf_reset(&s->r->work->rendered);
	failed = transform(s, &s->r->work->rendered);
	if (failed)
		return failed;
	if (s->plan->member_count > 0) {
		buf_reset(merged);
		failed = merge_members(s, merged);
		if (failed)
			return failed;
		if (buf_failed(merged))
			return request_fail_limit(s->f, "body", merged->max_bytes);
		s->text = buf_slice(merged);
	}
	return write_output(s, ret_content_type);
}

/* The event's value, not copied. (What an index is over may be what an envelope made of it, and
 * soon be gone.) */
static bool is_the_event(const struct stage *s)
{
	const struct value_context *c = s->context;

	return template_kind(s->plan->template) == TEMPLATE_EVENT &&
	       (c->ix == NULL || c->ix->text == c->ev->f.value.data);
}

static int render_plain(struct stage *s, const char **ret_content_type)
{
	int failed = 0;

	if (is_the_event(s)) {
		s->text = s->context->ev->f.value;
		s->is_json = template_is_json(s->plan->template, s->context);
	} else {
		failed = transform(s, &s->r->built);
	}
	name_octets(s, ret_content_type);
	s->r->body = s->text;
	return failed;
}

int request_body_render(const struct request_plan *p, const struct value_context *c,
	struct request *r, const char **ret_content_type, struct request_failure *f)
{
	struct stage s = {.plan = p, .context = c, .r = r, .f = f};
	size_t max_bytes = r->built.max_bytes;
	int failed;

	*ret_content_type = NULL;
	if (p->output == REQUEST_JSON && p->member_count == 0) {
		failed = render_plain(&s, ret_content_type);
	} else {
		failed = render_staged(&s, ret_content_type);
		r->body = buf_slice(&r->built);
	}
	if (!failed && (buf_failed(&r->built) || r->body.len > max_bytes))
		return request_fail_limit(f, "body", max_bytes);
	return failed;
}
