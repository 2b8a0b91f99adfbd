/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/cloudevents.h"

#include <stdio.h>

#include "base/base64.h"
#include "base/time_text.h"

/* The four attributes that every CloudEvent has, and time. */
enum attribute {
	ID,
	SOURCE,
	TYPE,
	TIME,
	NR_ATTRIBUTES
};

static const char *const attribute_names[] = {
	[ID] = "id", [SOURCE] = "source", [TYPE] = "type", [TIME] = "time"};
static const char *const envelope_names[] = {
	[ID] = "id", [SOURCE] = "source", [TYPE] = "detail-type", [TIME] = "time"};

/* How a mode (binary: headers; structured: JSON members) writes one attribute. */
struct writer {
	struct buf *out; /* structured: the text; binary: the name of one header */
	size_t count;
	struct header_writer *headers; /* binary */
	struct err *err;
	int failed;
	void (*add)(struct writer *w, struct slice name, const struct value *v);
};

static bool has_string(const struct jx_index *ix, const char *name)
{
	uint32_t t = jx_member(ix, 0, slice_str(name));

	return t != JX_NONE && jx_type(ix, t) == JX_STRING;
}

bool cloudevents_is_one(const struct jx_index *ix)
{
	return ix != NULL && has_string(ix, "specversion") && has_string(ix, "id") &&
	       has_string(ix, "source") && has_string(ix, "type");
}

static bool is_envelope(const struct jx_index *ix)
{
	return ix != NULL && has_string(ix, "detail-type") &&
	       jx_member(ix, 0, SLICE("detail")) != JX_NONE;
}

uint32_t cloudevents_data(const struct jx_index *ix)
{
	if (cloudevents_is_one(ix))
		return jx_member(ix, 0, SLICE("data"));
	return is_envelope(ix) ? jx_member(ix, 0, SLICE("detail")) : 0;
}

/* What an event has that says nothing of itself. */
static struct value default_value(
	enum attribute a, const struct event_fields *f, char *room, size_t size)
{
	switch (a) {
	case ID:
		snprintf(
			room, size, "%s-%d-%lld", f->topic, f->partition, (long long)f->offset);
		break;
	case SOURCE:
		snprintf(room, size, "/kafka/%s", f->topic);
		break;
	case TYPE:
		snprintf(room, size, "kafka.record");
		break;
	default:
		time_text_format_iso8601(
			f->timestamp_ms >= 0 ? f->timestamp_ms : f->taken_up_ms, room);
		break;
	}
	return (struct value){.kind = VALUE_BYTES, .text = slice_str(room)};
}

static void add_known(struct writer *w, const struct value_context *c, const char *const *names)
{
	char room[512];

	for (int a = 0; a < NR_ATTRIBUTES; a++) {
		struct value v = {.kind = VALUE_MISSING};

		if (names != NULL && has_string(c->ix, names[a]))
			v = value_of_token(c->ix, jx_member(c->ix, 0, slice_str(names[a])));
		if (v.kind == VALUE_MISSING || v.text.len == 0)
			v = default_value((enum attribute)a, &c->ev->f, room, sizeof room);
		w->add(w, slice_str(attribute_names[a]), &v);
	}
}

/* May a CloudEvent carry it as an attribute, and has it not been written yet? */
static bool is_attribute(const struct jx_index *ix, uint32_t m)
{
	struct slice key = jx_key(ix, m);
	struct value v = value_of_token(ix, m);

	if (ix->tokens[m].shadowed || key.len == 0 ||
		(v.kind != VALUE_STRING && v.kind != VALUE_LITERAL))
		return false;
	for (size_t i = 0; i < key.len; i++)
		if (!((key.data[i] >= 'a' && key.data[i] <= 'z') ||
			    (key.data[i] >= '0' && key.data[i] <= '9')))
			return false;
	return !slice_eq(key, SLICE("data")) && !slice_eq(key, SLICE("specversion")) &&
	       !slice_eq(key, SLICE("datacontenttype"));
}

/* All attributes but datacontenttype, which each mode writes by itself. */
static void add_attributes(struct writer *w, const struct value_context *c)
{
	struct value version = {.kind = VALUE_BYTES, .text = SLICE("1.0")};
	struct value v;

	w->add(w, SLICE("specversion"), &version);
	if (!cloudevents_is_one(c->ix)) {
		add_known(w, c, is_envelope(c->ix) ? envelope_names : NULL);
		return;
	}
	for (uint32_t m = 1; m < jx_next(c->ix, 0); m = jx_next(c->ix, m)) {
		if (!is_attribute(c->ix, m))
			continue;
		v = value_of_token(c->ix, m);
		w->add(w, jx_key(c->ix, m), &v);
	}
}

static void add_member(struct writer *w, struct slice name, const struct value *v)
{
	buf_add_char(w->out, w->count++ == 0 ? '{' : ',');
	buf_add_char(w->out, '"');
	buf_add_slice(w->out, name);
	buf_add(w->out, "\":", 2);
	value_add_json(w->out, v);
}

static void add_structured(
	struct buf *out, const struct value_context *c, const char *content_type)
{
	struct writer w = {.out = out, .add = add_member};
	struct value type = {.kind = VALUE_BYTES, .text = slice_str(content_type)};

	add_attributes(&w, c);
	if (content_type != NULL)
		add_member(&w, SLICE("datacontenttype"), &type);
}

void cloudevents_add_structured(
	struct buf *out, const struct value_context *c, struct slice data)
{
	add_structured(out, c, data.data != NULL ? "application/json" : NULL);
	if (data.data != NULL) {
		buf_add_str(out, ",\"data\":");
		buf_add_slice(out, data);
	}
	buf_add_char(out, '}');
}

void cloudevents_add_structured_bytes(
	struct buf *out, const struct value_context *c, struct slice data)
{
	add_structured(out, c, "application/octet-stream");
	buf_add_str(out, ",\"data_base64\":\"");
	base64_encode(out, data);
	buf_add_str(out, "\"}");
}

/* Characters in a header: what is not printable ASCII, and blank, quote and percent sign,
 * percent-encoded (HTTP protocol binding, 3.1.3.2). */
static void add_header_characters(struct buf *out, struct slice text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c > ' ' && c < 0x7f && c != '"' && c != '%')
			buf_add_char(out, (char)c);
		else
			buf_add(out, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
	}
}

static void add_header(struct writer *w, struct slice name, const struct value *v)
{
	struct buf room;

	if (w->failed != 0)
		return;
	buf_init(&room, BUF_UNLIMITED);
	buf_reset(w->out);
	buf_add_str(w->out, "ce-");
	buf_add_slice(w->out, name);
	header_begin(w->headers, buf_slice(w->out));
	add_header_characters(w->headers->lines, value_characters(v, &room));
	w->failed = header_end(w->headers, w->err);
	buf_release(&room);
}

int cloudevents_add_headers(
	struct header_writer *headers, const struct value_context *c, struct err *err)
{
	struct buf name;
	struct writer w = {.out = &name, .headers = headers, .err = err, .add = add_header};

	buf_init(&name, BUF_UNLIMITED);
	add_attributes(&w, c);
	buf_release(&name);
	return w.failed;
}
