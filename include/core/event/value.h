/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.h - one value out of an event, and where such values come from.
 *
 * A source is compiled from a JSON path, from $kafka.NAME, or from the name of a reserved
 * variable; reading it gives a value whose text is a slice of the event wherever that is
 * possible, so that 1.10 stays 1.10. What cannot be a slice (a list of hits, the
 * event without its detail, a formatted time) is made in a buffer of the caller's.
 *
 * Reserved variables, with our choice where EventBridge's meaning does not fit:
 *
 *   aws.events.rule-arn              postrider:rule/NAME
 *   aws.events.rule-name             NAME
 *   aws.events.event.ingestion-time  the record's timestamp, or without one the time it
 *                                    was first taken up: the same at every attempt
 *   aws.events.event                 the event without "detail", and "detail-type" called
 *                                    "detailType" (so AWS was recorded to do)
 *   aws.events.event.json            the whole event
 *
 *   kafka.topic kafka.key kafka.headers.NAME    strings; no key, no such header: missing
 *   kafka.partition kafka.offset                numbers
 *   kafka.timestamp                             ISO 8601, UTC; none: missing
 *
 * Sources are immutable: any thread may read them, each with its own buffer.
 */
#ifndef CORE_EVENT_VALUE_H
#define CORE_EVENT_VALUE_H

#include "base/buf.h"
#include "base/err.h"
#include "core/event/event.h"
#include "core/json/json.h"

enum value_kind {
	VALUE_MISSING,   /* the path selects nothing */
	VALUE_NULL,      /* JSON's null, or a Kafka header without a value */
	VALUE_LITERAL,   /* a number, true or false, as text */
	VALUE_STRING,    /* between the quotes of a JSON string, escapes as they stand */
	VALUE_BYTES,     /* characters that were never JSON, hopefully UTF-8 */
	VALUE_COMPOSITE, /* an array or object, as JSON text */
};

struct value {
	enum value_kind kind;
	bool escaped; /* a VALUE_STRING with a backslash in it */
	bool compact; /* a VALUE_COMPOSITE known to have no white space between tokens */
	struct slice text;
};

/*
 * Where the value of a path stands in the event's text. Found once, when the event is indexed
 * anyhow, so that no attempt needs the index again; values that are made, not found, do.
 */
struct value_spot {
	uint32_t start, len;
	uint8_t kind; /* enum value_kind */
	bool escaped;
};

/* What values are read from. */
struct value_context {
	const struct event *ev;
	/* NULL: the event is no JSON, and every path finds nothing */
	const struct jx_index *ix;
	const struct value_spot *spots; /* or, not NULL, of all paths, by their numbers */
};

struct value_source;

/* A path or "$kafka.…". NULL with ERR_INVALID. */
struct value_source *value_source_compile(struct slice text, struct err *err);
/* The reserved variable @name of the rule @rule_name, or NULL when there is none of that
 * name. */
struct value_source *value_source_reserved(struct slice name, const char *rule_name);
/* Accepts NULL. */
void value_source_free(struct value_source *s);
/* Does a parameter with this text mean a value of the event, rather than itself? */
bool value_source_is_dynamic(struct slice text);
/* The text it was compiled from, for messages. */
const char *value_source_text(const struct value_source *s);
/* Is what it gives always harmless between quotes: a number, a time, a topic's name? */
bool value_source_is_plain(const struct value_source *s);

enum value_need {
	VALUE_NEEDS_NO_INDEX,
	VALUE_NEEDS_SPOT, /* or the index */
	VALUE_NEEDS_INDEX,
};

enum value_need value_source_need(const struct value_source *s);
/* Before it is shared: its place among the spots. */
void value_source_set_number(struct value_source *s, unsigned number);
/* Of a source that needs one: its spot in the event that @ix is of. */
void value_source_find(
	const struct value_source *s, const struct jx_index *ix, struct value_spot *spots);
/* Called with each source of something that has several. */
typedef void (*value_source_fn)(void *ctx, struct value_source *s);

/* @made is reset and may be written to. The value lives as long as the event, its index and
 * @made, and until the source is freed. */
struct value value_read(
	const struct value_source *s, const struct value_context *c, struct buf *made);

/* Token @t as a value. */
struct value value_of_token(const struct jx_index *ix, uint32_t t);
/* The value as one JSON value; what is missing becomes "" (as in EventBridge). */
void value_add_json(struct buf *out, const struct value *v);
/*
 * The value's characters, as they go into a URL, a header or a form: strings decoded,
 * arrays and objects as compact JSON, null and what is missing nothing.
 */
void value_add_characters(struct buf *out, const struct value *v);
/* The same as a slice. Where the value has to be rewritten for that, @room is reset and holds
 * it; a value that value_read() made in @room is right as well. */
struct slice value_characters(const struct value *v, struct buf *room);

/* How the text of an array or object goes between the quotes of a string. */
enum value_quotes {
	VALUE_QUOTES_KEPT,    /* compact JSON as it is */
	VALUE_QUOTES_ESCAPED, /* compact JSON, escaped: the characters of a JSON string */
	VALUE_QUOTES_REMOVED, /* compact JSON without any '"' (string templates) */
	VALUE_QUOTES_REMOVED_ESCAPED, /* the same, and \" as a whole, so that it stays
					 characters of a JSON string */
};

/* Append the JSON text @json, which is valid, without the white space between its tokens. */
void value_add_compact(struct buf *out, struct slice json, enum value_quotes quotes);
/* Append bytes that should be UTF-8; what is not becomes U+FFFD. With @escape as characters
 * of a JSON string. */
void value_add_utf8(struct buf *out, struct slice bytes, bool escape);

#endif
