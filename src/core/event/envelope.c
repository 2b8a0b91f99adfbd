/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/base64.h"
#include "base/time_text.h"
#include "core/event/cloudevents.h"
#include "core/event/value.h"
#include "base/utf8.h"

/* A setting: a constant, or a path to read it from. */
struct choice {
	char *constant;
	struct value_source *source;
};

struct envelope {
	enum envelope_format format;
	struct choice source, detail_type;
	struct jx_limits limits;
};

/* What is needed while one record is made into an index. */
struct reading {
	const struct envelope *envelope;
	const struct event_fields *f;
	struct envelope_work *w;
	struct jx_index *ix;
	const struct jx_limits *limits;
	struct err *err;
};

static int compile_choice(
	struct choice *c, const char *setting, const char *name, struct err *err)
{
	if (setting == NULL)
		return 0;
	if (!value_source_is_dynamic(slice_str(setting))) {
		c->constant = xstrdup(setting);
		return 0;
	}
	c->source = value_source_compile(slice_str(setting), err);
	return c->source != NULL ? 0 : err_wrap(err, "%s", name);
}

static void choice_release(struct choice *c)
{
	free(c->constant);
	value_source_free(c->source);
}

struct envelope *envelope_new(const struct envelope_settings *s, struct err *err)
{
	struct envelope *e = xcalloc(1, sizeof *e);

	e->format = s->format;
	e->limits = jx_default_limits;
	e->limits.max_bytes = s->max_bytes;
	e->limits.max_depth = s->max_depth;
	if (compile_choice(&e->source, s->source, "envelope.source", err) == 0 &&
		compile_choice(&e->detail_type, s->detail_type, "envelope.detail_type", err) ==
			0)
		return e;
	envelope_free(e);
	return NULL;
}

void envelope_free(struct envelope *e)
{
	if (e == NULL)
		return;
	choice_release(&e->source);
	choice_release(&e->detail_type);
	free(e);
}

void envelope_work_init(struct envelope_work *w)
{
	buf_init(&w->text, BUF_UNLIMITED);
	buf_init(&w->value, BUF_UNLIMITED);
}

void envelope_work_release(struct envelope_work *w)
{
	buf_release(&w->text);
	buf_release(&w->value);
}

/* Index the record's own value. */
static int index_value(const struct reading *r)
{
	return jx_parse(r->ix, r->f->value, r->limits, r->err);
}

/* Index the text that was made around a value. The value has been checked against the
 * limits; the text around it may be longer, and one level deeper. */
static int index_made(const struct reading *r)
{
	struct jx_limits limits = *r->limits;

	limits.max_bytes = r->w->text.len;
	limits.max_depth++;
	if (limits.max_tokens < UINT32_MAX / 2)
		limits.max_tokens += (uint32_t)r->f->header_count + 16;
	return jx_parse(r->ix, buf_slice(&r->w->text), &limits, r->err);
}

static struct slice find_header(const struct event_fields *f, const char *name)
{
	for (size_t i = 0; i < f->header_count; i++)
		if (slice_ieq(f->headers[i].name, slice_str(name)))
			return f->headers[i].value;
	return (struct slice){NULL, 0};
}

static void add_string(struct buf *out, struct slice text)
{
	buf_add_char(out, '"');
	value_add_utf8(out, text, true);
	buf_add_char(out, '"');
}

static void add_member(struct buf *out, const char *prefix, struct slice text)
{
	buf_add_str(out, prefix);
	add_string(out, text);
}

/* A field of the envelope: the record's header, or the setting, or @fallback. */
static void add_field(const struct reading *r, const char *prefix, const char *header,
	const struct choice *c, const char *fallback)
{
	struct slice text = find_header(r->f, header);
	struct event view = {.f = *r->f};
	struct value_context context = {.ev = &view, .ix = r->ix};

	if (text.len == 0 && c != NULL && c->source != NULL) {
		struct value v = value_read(c->source, &context, &r->w->value);

		text = value_characters(&v, &r->w->value);
	} else if (text.len == 0 && c != NULL) {
		text = slice_str(c->constant);
	}
	add_member(&r->w->text, prefix, text.len > 0 ? text : slice_str(fallback));
}

/* Whole seconds, as EventBridge writes it. */
static void format_time(const struct event_fields *f, char out[TIME_TEXT_ISO8601_BYTES])
{
	char *dot;

	time_text_format_iso8601(f->timestamp_ms >= 0 ? f->timestamp_ms : f->taken_up_ms, out);
	dot = strchr(out, '.');
	if (dot != NULL)
		memcpy(dot, "Z", 2);
}

static bool is_envelope(const struct jx_index *ix)
{
	return jx_type(ix, 0) == JX_OBJECT && jx_member(ix, 0, SLICE("detail")) != JX_NONE &&
	       jx_member(ix, 0, SLICE("detail-type")) != JX_NONE;
}

static int read_wrapped(const struct reading *r)
{
	char id[320], now[TIME_TEXT_ISO8601_BYTES];
	struct buf *text = &r->w->text;
	int failed = index_value(r);

	if (failed || is_envelope(r->ix))
		return failed;
	snprintf(id, sizeof id, "%s-%d-%lld", r->f->topic, r->f->partition,
		(long long)r->f->offset);
	format_time(r->f, now);
	buf_reset(text);
	buf_add_str(text, "{\"version\":\"0\"");
	add_field(r, ",\"id\":", "id", NULL, id);
	add_field(
		r, ",\"detail-type\":", "detail-type", &r->envelope->detail_type, r->f->topic);
	add_field(r, ",\"source\":", "source", &r->envelope->source, "kafka");
	buf_add_str(text, ",\"account\":\"\"");
	add_field(r, ",\"time\":", "time", NULL, now);
	buf_add_str(text, ",\"region\":\"\",\"resources\":[],\"detail\":");
	buf_add_slice(text, r->f->value);
	buf_add_char(text, '}');
	return index_made(r);
}

static bool starts_with(struct slice text, const char *prefix)
{
	return text.len >= strlen(prefix) &&
	       strncasecmp(text.data, prefix, strlen(prefix)) == 0;
}

/* application/json, text/json, …+json, with or without parameters. No content type means
 * JSON, too. */
static bool is_json_type(struct slice type)
{
	const char *end = type.len > 0 ? memchr(type.data, ';', type.len) : NULL;

	if (end != NULL)
		type.len = (size_t)(end - type.data);
	while (type.len > 0 && type.data[type.len - 1] == ' ')
		type.len--;
	return type.len == 0 ||
	       (type.len >= 5 &&
		       (slice_ieq(slice_of(type.data + type.len - 5, 5), SLICE("/json")) ||
			       slice_ieq(
				       slice_of(type.data + type.len - 5, 5), SLICE("+json"))));
}

static bool is_utf8(struct slice text)
{
	const char *end = text.data + text.len;
	uint32_t code;
	unsigned len;

	for (const char *p = text.data; p < end; p += len) {
		len = utf8_decode(p, end, &code);
		if (len == 0)
			return false;
	}
	return true;
}

/* "data" or "data_base64" of a binary CloudEvent. */
static int add_data(const struct reading *r, struct slice type)
{
	struct buf *text = &r->w->text;

	if (r->f->value.len == 0)
		return 0;
	if (is_json_type(type)) {
		int failed = index_value(r);

		if (failed && type.len > 0)
			return failed;
		if (!failed) {
			buf_add_str(text, ",\"data\":");
			buf_add_slice(text, r->f->value);
			return 0;
		}
	} else if (starts_with(type, "text/") && is_utf8(r->f->value)) {
		add_member(text, ",\"data\":", r->f->value);
		return 0;
	}
	buf_add_str(text, ",\"data_base64\":\"");
	base64_encode(text, r->f->value);
	buf_add_char(text, '"');
	return 0;
}

/* The ce_ headers as members, in their order. */
static void add_attributes(const struct reading *r)
{
	struct buf *text = &r->w->text;

	for (size_t i = 0; i < r->f->header_count; i++) {
		struct slice name = r->f->headers[i].name;

		if (!starts_with(name, "ce_") || r->f->headers[i].value.data == NULL)
			continue;
		name = slice_of(name.data + 3, name.len - 3);
		if (slice_eq(name, SLICE("data")) || slice_eq(name, SLICE("data_base64")) ||
			slice_eq(name, SLICE("datacontenttype")))
			continue;
		buf_add_char(text, text->len > 0 ? ',' : '{');
		add_string(text, name);
		add_member(text, ":", r->f->headers[i].value);
	}
}

static int read_binary(const struct reading *r)
{
	struct slice type = find_header(r->f, "content-type");
	int failed;

	buf_reset(&r->w->text);
	add_attributes(r);
	if (type.len > 0)
		add_member(&r->w->text, ",\"datacontenttype\":", type);
	failed = add_data(r, type);
	if (failed)
		return err_wrap(r->err, "its content-type says JSON, and it is not");
	buf_add_char(&r->w->text, '}');
	failed = index_made(r);
	if (failed || cloudevents_is_one(r->ix))
		return failed;
	r->ix->count = 0;
	return err_set(r->err, ERR_INVALID,
		"no CloudEvent: of the headers ce_specversion, ce_id, ce_source and ce_type at "
		"least one is missing");
}

static int read_cloudevent(const struct reading *r)
{
	int failed;

	if (find_header(r->f, "ce_specversion").len > 0 &&
		!starts_with(find_header(r->f, "content-type"), "application/cloudevents"))
		return read_binary(r);
	failed = index_value(r);
	if (failed || cloudevents_is_one(r->ix))
		return failed;
	r->ix->count = 0;
	return err_set(r->err, ERR_INVALID,
		"no CloudEvent: it has neither the members specversion, id, source and type nor "
		"ce_ headers");
}

static int read_bytes(const struct reading *r)
{
	if (r->f->value.len > r->limits->max_bytes)
		return index_value(r);
	if (jx_parse(r->ix, r->f->value, r->limits, NULL) != 0)
		r->ix->count = 0;
	return 0;
}

int envelope_index(const struct envelope *e, const struct event_fields *f,
	struct envelope_work *w, struct jx_index *ix, const struct jx_key_set *fold_except,
	struct err *err)
{
	struct jx_limits limits = e->limits;
	struct reading r = {e, f, w, ix, &limits, err};

	/* Arrays may be searched in what is made of the value. */
	if (e->format == ENVELOPE_JSON)
		limits.fold_except = fold_except;
	switch (e->format) {
	case ENVELOPE_CLOUDEVENTS:
		return read_cloudevent(&r);
	case ENVELOPE_WRAPPED:
		return read_wrapped(&r);
	case ENVELOPE_BYTES:
		return read_bytes(&r);
	case ENVELOPE_JSON:
		break;
	}
	return index_value(&r);
}

const struct jx_index *envelope_pattern_index(const struct jx_index *ix)
{
	static const struct jx_token object = {
		.len = 2, .next = 1, .type = JX_OBJECT, .parent = JX_NONE};
	static const struct jx_index no_members = {.text = "{}",
		.text_len = 2,
		.tokens = (struct jx_token *)&object,
		.count = 1,
		.cap = 1};

	return ix->count > 0 ? ix : &no_members;
}
