/* SPDX-License-Identifier: Apache-2.0 */
/* Where a value comes from: a JSON path into the event, a variable of the template, or one of
 * the reserved names (aws.events.*). Compiled once, evaluated for each event. */
#include "core/event/value.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/time_text.h"
#include "core/json/path.h"

enum source_kind {
	SOURCE_PATH,
	SOURCE_CONSTANT, /* .name */
	SOURCE_INGESTION_TIME,
	SOURCE_EVENT_WITHOUT_DETAIL,
	SOURCE_EVENT,
	SOURCE_TOPIC,
	SOURCE_PARTITION,
	SOURCE_OFFSET,
	SOURCE_TIMESTAMP,
	SOURCE_KEY,
	SOURCE_HEADER, /* of .name */
};

struct value_source {
	enum source_kind kind;
	unsigned number; /* of its spot */
	struct path *path;
	char *name;
	size_t name_len;
	char *text;
};

static const struct {
	const char *name;
	enum source_kind kind;
} kafka_names[] = {
	{"kafka.topic", SOURCE_TOPIC},
	{"kafka.partition", SOURCE_PARTITION},
	{"kafka.offset", SOURCE_OFFSET},
	{"kafka.timestamp", SOURCE_TIMESTAMP},
	{"kafka.key", SOURCE_KEY},
};

static struct value_source *source_new(enum source_kind kind, struct slice text)
{
	struct value_source *s = xcalloc(1, sizeof *s);

	s->kind = kind;
	s->text = xmemdup(text.data, text.len);
	return s;
}

static void set_name(struct value_source *s, struct slice name)
{
	s->name = xmemdup(name.data, name.len);
	s->name_len = name.len;
}

static bool starts_with(struct slice text, const char *prefix, struct slice *ret_rest)
{
	size_t len = strlen(prefix);

	if (text.len < len || memcmp(text.data, prefix, len) != 0)
		return false;
	*ret_rest = slice_of(text.data + len, text.len - len);
	return true;
}

/* "kafka.topic" and so on, or NULL. */
static struct value_source *compile_kafka(struct slice name)
{
	struct slice rest;
	struct value_source *s;

	for (size_t i = 0; i < COUNT_OF(kafka_names); i++)
		if (slice_eq(name, slice_str(kafka_names[i].name)))
			return source_new(kafka_names[i].kind, name);
	if (!starts_with(name, "kafka.headers.", &rest) || rest.len == 0)
		return NULL;
	s = source_new(SOURCE_HEADER, name);
	set_name(s, rest);
	return s;
}

/* "$kafka.…"; a header of any name may also be written $kafka.headers['any name']. */
static struct value_source *compile_dollar_kafka(struct slice text, struct err *err)
{
	struct slice name = slice_of(text.data + 1, text.len - 1), rest;
	struct value_source *s;

	if (starts_with(name, "kafka.headers['", &rest) && rest.len > 2 &&
		memcmp(rest.data + rest.len - 2, "']", 2) == 0) {
		s = source_new(SOURCE_HEADER, text);
		set_name(s, slice_of(rest.data, rest.len - 2));
		return s;
	}
	s = compile_kafka(name);
	if (s == NULL) {
		err_set(err, ERR_INVALID,
			"'%.*s' is not known: there are $kafka.topic, $kafka.partition, "
			"$kafka.offset, $kafka.timestamp, $kafka.key and $kafka.headers.NAME",
			(int)min_i64((int64_t)text.len, 256), text.data);
		return NULL;
	}
	free(s->text);
	s->text = xmemdup(text.data, text.len);
	return s;
}

bool value_source_is_dynamic(struct slice text)
{
	struct slice rest;

	return path_is_dynamic(text) || starts_with(text, "$kafka.", &rest);
}

struct value_source *value_source_compile(struct slice text, struct err *err)
{
	struct value_source *s;
	struct slice rest;
	struct path *path;

	if (starts_with(text, "$kafka.", &rest))
		return compile_dollar_kafka(text, err);
	path = path_compile(text, err);
	if (path == NULL)
		return NULL;
	s = source_new(SOURCE_PATH, text);
	s->path = path;
	return s;
}

struct value_source *value_source_reserved(struct slice name, const char *rule_name)
{
	struct value_source *s = NULL;
	char *arn;

	if (slice_eq(name, SLICE("aws.events.rule-name"))) {
		s = source_new(SOURCE_CONSTANT, name);
		set_name(s, slice_str(rule_name));
	} else if (slice_eq(name, SLICE("aws.events.rule-arn"))) {
		s = source_new(SOURCE_CONSTANT, name);
		arn = xasprintf("postrider:rule/%s", rule_name);
		set_name(s, slice_str(arn));
		free(arn);
	} else if (slice_eq(name, SLICE("aws.events.event.ingestion-time"))) {
		s = source_new(SOURCE_INGESTION_TIME, name);
	} else if (slice_eq(name, SLICE("aws.events.event"))) {
		s = source_new(SOURCE_EVENT_WITHOUT_DETAIL, name);
	} else if (slice_eq(name, SLICE("aws.events.event.json"))) {
		s = source_new(SOURCE_EVENT, name);
	} else {
		s = compile_kafka(name);
	}
	return s;
}

void value_source_free(struct value_source *s)
{
	if (s == NULL)
		return;
	path_free(s->path);
	free(s->name);
	free(s->text);
	free(s);
}

const char *value_source_text(const struct value_source *s)
{
	return s->text;
}

bool value_source_is_plain(const struct value_source *s)
{
	return s->kind == SOURCE_CONSTANT || s->kind == SOURCE_INGESTION_TIME ||
	       s->kind == SOURCE_TOPIC || s->kind == SOURCE_PARTITION ||
	       s->kind == SOURCE_OFFSET || s->kind == SOURCE_TIMESTAMP;
}

enum value_need value_source_need(const struct value_source *s)
{
	switch (s->kind) {
	case SOURCE_PATH:
		return path_has_wildcard(s->path) ? VALUE_NEEDS_INDEX : VALUE_NEEDS_SPOT;
	case SOURCE_EVENT_WITHOUT_DETAIL:
	case SOURCE_EVENT:
		return VALUE_NEEDS_INDEX;
	default:
		return VALUE_NEEDS_NO_INDEX;
	}
}

void value_source_set_number(struct value_source *s, unsigned number)
{
	s->number = number;
}

void value_source_find(
	const struct value_source *s, const struct jx_index *ix, struct value_spot *spots)
{
	struct value v = value_of_token(ix, path_find(s->path, ix, 0));

	spots[s->number] = (struct value_spot){
		.start = v.kind == VALUE_MISSING ? 0 : (uint32_t)(v.text.data - ix->text),
		.len = (uint32_t)v.text.len,
		.kind = (uint8_t)v.kind,
		.escaped = v.escaped,
	};
}

static struct value value_at(const struct value_spot *spot, struct slice text)
{
	return (struct value){
		.kind = (enum value_kind)spot->kind,
		.escaped = spot->escaped,
		.text = slice_of(text.data + spot->start, spot->len),
	};
}

static struct value made_value(enum value_kind kind, const struct buf *made)
{
	return (struct value){
		.kind = buf_failed(made) ? VALUE_MISSING : kind,
		.compact = true,
		.text = buf_slice(made),
	};
}

/* Write a token as compact JSON. A path with a wildcard gives a list of such tokens. */
static void add_compact_token(struct buf *out, const struct jx_index *ix, uint32_t t)
{
	struct value v = value_of_token(ix, t);

	if (v.kind == VALUE_COMPOSITE)
		value_add_compact(out, v.text, VALUE_QUOTES_KEPT);
	else
		value_add_json(out, &v);
}

static bool add_hit(void *ctx, const struct jx_index *ix, uint32_t t)
{
	struct buf *made = ctx;

	if (made->len > 1)
		buf_add_char(made, ',');
	add_compact_token(made, ix, t);
	return true;
}

static struct value read_path(
	const struct value_source *s, const struct value_context *c, struct buf *made)
{
	const struct jx_index *ix = c->ix;

	if (c->spots != NULL)
		return value_at(&c->spots[s->number], c->ev->f.value);
	if (ix == NULL)
		return (struct value){.kind = VALUE_MISSING};
	if (!path_has_wildcard(s->path))
		return value_of_token(ix, path_find(s->path, ix, 0));
	buf_add_char(made, '[');
	path_visit(s->path, ix, 0, add_hit, made);
	buf_add_char(made, ']');
	return made_value(VALUE_COMPOSITE, made);
}

/* The event without its detail, and detail-type in camel case: recordings of EventBridge
 * show both. */
static struct value read_event_without_detail(const struct jx_index *ix, struct buf *made)
{
	uint32_t detail, detail_type;

	if (ix == NULL || jx_type(ix, 0) != JX_OBJECT)
		return ix ? value_of_token(ix, 0) : (struct value){.kind = VALUE_MISSING};
	detail = jx_member(ix, 0, SLICE("detail"));
	detail_type = jx_member(ix, 0, SLICE("detail-type"));
	buf_add_char(made, '{');
	for (uint32_t m = 1; m < jx_next(ix, 0); m = jx_next(ix, m)) {
		if (m == detail || ix->tokens[m].shadowed)
			continue;
		if (made->len > 1)
			buf_add_char(made, ',');
		buf_add_char(made, '"');
		buf_add_slice(made, m == detail_type ? SLICE("detailType") : jx_key(ix, m));
		buf_add(made, "\":", 2);
		add_compact_token(made, ix, m);
	}
	buf_add_char(made, '}');
	return made_value(VALUE_COMPOSITE, made);
}

static struct value read_time(int64_t wall_ms, struct buf *made)
{
	char text[TIME_TEXT_ISO8601_BYTES];

	if (wall_ms < 0)
		return (struct value){.kind = VALUE_MISSING};
	time_text_format_iso8601(wall_ms, text);
	buf_add_str(made, text);
	return made_value(VALUE_BYTES, made);
}

static struct value read_number(int64_t number, struct buf *made)
{
	buf_add_int(made, number);
	return made_value(VALUE_LITERAL, made);
}

static struct value bytes_value(struct slice bytes, enum value_kind absent)
{
	return (struct value){
		.kind = bytes.data == NULL ? absent : VALUE_BYTES,
		.text = bytes,
	};
}

static struct value read_header(const struct value_source *s, const struct event *ev)
{
	const struct event_header *h = event_find_header(ev, slice_of(s->name, s->name_len));

	if (h == NULL)
		return (struct value){.kind = VALUE_MISSING};
	return bytes_value(h->value, VALUE_NULL);
}

struct value value_read(
	const struct value_source *s, const struct value_context *c, struct buf *made)
{
	const struct event_fields *f = &c->ev->f;

	buf_reset(made);
	switch (s->kind) {
	case SOURCE_PATH:
		return read_path(s, c, made);
	case SOURCE_CONSTANT:
		return bytes_value(slice_of(s->name, s->name_len), VALUE_MISSING);
	case SOURCE_INGESTION_TIME:
		return read_time(f->timestamp_ms >= 0 ? f->timestamp_ms : f->taken_up_ms, made);
	case SOURCE_EVENT_WITHOUT_DETAIL:
		return read_event_without_detail(c->ix, made);
	case SOURCE_EVENT:
		return value_of_token(c->ix, c->ix ? 0 : JX_NONE);
	case SOURCE_TOPIC:
		return bytes_value(slice_str(f->topic), VALUE_MISSING);
	case SOURCE_PARTITION:
		return read_number(f->partition, made);
	case SOURCE_OFFSET:
		return read_number(f->offset, made);
	case SOURCE_TIMESTAMP:
		return read_time(f->timestamp_ms, made);
	case SOURCE_KEY:
		return bytes_value(f->key, VALUE_MISSING);
	case SOURCE_HEADER:
		return read_header(s, c->ev);
	}
	return (struct value){.kind = VALUE_MISSING};
}
