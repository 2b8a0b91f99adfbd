/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a compiled template for one event. Which quoting applies where stands in
 * core/request/template.h. */
#include "template_parts.h"

#include "core/json/scan.h"

static const struct jx_limits check_limits = {
	.max_bytes = UINT32_MAX - 1,
	.max_depth = 2 * JX_MAX_DEPTH, /* of the event, and what is around it */
	.max_tokens = 1U << 24,
};

static int full(const struct buf *b, const char **ret_error_code, struct err *err)
{
	*ret_error_code = "RESOURCE_LIMIT_EXCEEDED";
	return err_set(
		err, ERR_LIMIT, "the body is larger than the limit of %zu bytes", b->max_bytes);
}

/* Is there anything behind @from that means something between the quotes of JSON? */
static bool is_dirty(const struct buf *out, size_t from)
{
	const char *p = out->data + from, *end = out->data + out->len;

	while ((p = jx_skip_plain(p, end)) < end && (unsigned char)*p >= 0x80)
		p++;
	return p < end;
}

/* Between quotes, by the rules of the original; true when it may not stand there. */
static bool add_raw(const struct template *t, struct buf *out, const struct value *v)
{
	size_t from = out->len;
	bool text = t->kind == TEMPLATE_TEXT;

	if (v->kind == VALUE_COMPOSITE)
		value_add_compact(
			out, v->text, text ? VALUE_QUOTES_REMOVED : VALUE_QUOTES_KEPT);
	else if (v->kind == VALUE_BYTES)
		value_add_utf8(out, v->text, false);
	else
		value_add_characters(out, v);
	if (text || v->kind == VALUE_LITERAL || (v->kind == VALUE_STRING && !v->escaped))
		return false;
	return out->len > from && is_dirty(out, from);
}

/* Between quotes, so that it is always characters of a JSON string. */
static void add_escaped(const struct template *t, struct buf *out, const struct value *v)
{
	if (v->kind == VALUE_COMPOSITE)
		value_add_compact(out, v->text,
			t->kind == TEMPLATE_TEXT ? VALUE_QUOTES_REMOVED_ESCAPED
						 : VALUE_QUOTES_ESCAPED);
	else if (v->kind == VALUE_BYTES)
		value_add_utf8(out, v->text, true);
	else if (v->kind == VALUE_STRING)
		buf_add_slice(out, v->text); /* as it stands between the event's own quotes */
	else
		value_add_characters(out, v);
}

/* True when what was put in may have broken the template. */
static bool fill_hole(const struct template *t, const struct template_hole *h,
	const struct value *v, struct buf *out)
{
	if (!h->in_quotes)
		value_add_json(out, v);
	else if (t->escape)
		add_escaped(t, out, v);
	else
		return add_raw(t, out, v);
	return false;
}

/* Only what was put in can be to blame, and @suspect is where that began. */
static int check_filled(const struct template_hole *suspect, struct slice body,
	struct template_work *w, const char **ret_error_code, struct err *err)
{
	if (jx_parse(&w->ix, body, &check_limits, err) == 0)
		return 0;
	*ret_error_code = "INVALID_JSON";
	err_wrap(err,
		"the filled input_template is not JSON, since <%.*s> put a quote, a backslash "
		"or a control character between quotes (escape = true would escape it)",
		(int)min_i64((int64_t)suspect->name.len, 256), suspect->name.data);
	return ERR_INVALID;
}

static int fill(const struct template *t, const struct value_context *c, struct buf *out,
	struct template_work *w, const char **ret_error_code, struct err *err)
{
	const struct template_hole *suspect = NULL;
	size_t from = out->len;

	for (size_t i = 0; i < t->parts.count; i++) {
		const struct template_hole *h = &t->parts.holes[i];
		struct value v;

		buf_add_slice(out, h->before);
		v = value_read(h->source, c, &w->value);
		if (buf_failed(&w->value))
			return full(&w->value, ret_error_code, err);
		if (fill_hole(t, h, &v, out) && suspect == NULL)
			suspect = h;
		if (buf_failed(out)) /* the other holes would be work for nothing */
			break;
	}
	buf_add_slice(out, t->parts.after);
	if (buf_failed(out))
		return full(out, ret_error_code, err);
	if (suspect == NULL)
		return 0;
	return check_filled(
		suspect, slice_of(out->data + from, out->len - from), w, ret_error_code, err);
}

static int select_part(const struct template *t, const struct value_context *c, struct buf *out,
	struct template_work *w, const char **ret_error_code, struct err *err)
{
	struct value v = value_read(t->path, c, &w->value);

	if (buf_failed(&w->value))
		return full(&w->value, ret_error_code, err);
	if (v.kind == VALUE_MISSING) {
		*ret_error_code = "INVALID_PARAMETER";
		return err_set(err, ERR_INVALID, "input_path: %s is not in the event",
			value_source_text(t->path));
	}
	value_add_json(out, &v);
	return buf_failed(out) ? full(out, ret_error_code, err) : 0;
}

int template_render(const struct template *t, const struct value_context *c, struct buf *out,
	struct template_work *w, const char **ret_error_code, struct err *err)
{
	switch (t->kind) {
	case TEMPLATE_EVENT:
		buf_add_slice(
			out, c->ix ? slice_of(c->ix->text, c->ix->text_len) : c->ev->f.value);
		break;
	case TEMPLATE_CONSTANT:
		buf_add(out, t->text, t->text_len);
		break;
	case TEMPLATE_PATH:
		return select_part(t, c, out, w, ret_error_code, err);
	case TEMPLATE_JSON:
	case TEMPLATE_TEXT:
		return fill(t, c, out, w, ret_error_code, err);
	}
	return buf_failed(out) ? full(out, ret_error_code, err) : 0;
}
