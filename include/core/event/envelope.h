/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope.h - a Kafka record as the JSON text that patterns and paths see.
 *
 * The event_format of a consumer says what its records hold:
 *
 *   json         any JSON value, seen as it is
 *   cloudevents  CloudEvents 1.0 (Kafka protocol binding 1.0.2): structured ones as they are,
 *                binary ones (ce_ headers) as if they had been structured: "data" is the
 *                value when it is JSON, a string when its content-type is text, else
 *                "data_base64"
 *   envelope     the value as "detail" of an EventBridge envelope; one that is an envelope
 *                already (an object with detail and detail-type) as it is
 *   bytes        anything; what happens to be JSON is seen as it is, the rest has no
 *                members, so that only rules that look at Kafka's side match it
 *
 * What an envelope's fields are, the first that there is:
 *
 *   id           header "id"           -                 <topic>-<partition>-<offset>
 *   detail-type  header "detail-type"  the setting       the topic
 *   source       header "source"       the setting       "kafka"
 *   time         header "time"         -                 the record's time, or of taking up
 *   account, region  ""      resources  []      version  "0"
 *
 * A setting is a constant or dynamic: "$.type" of the value, "$kafka.headers.kind".
 *
 * Nothing is copied where the text is the record's own. Deterministic: the same record gives
 * the same text every time. Immutable, any thread; a struct envelope_work belongs to one.
 */
#ifndef CORE_EVENT_ENVELOPE_H
#define CORE_EVENT_ENVELOPE_H

#include "base/buf.h"
#include "base/err.h"
#include "core/event/event.h"
#include "core/json/json.h"

enum envelope_format {
	ENVELOPE_JSON,
	ENVELOPE_CLOUDEVENTS,
	ENVELOPE_WRAPPED,
	ENVELOPE_BYTES,
};

struct envelope_settings {
	enum envelope_format format;
	const char *source, *detail_type; /* of ENVELOPE_WRAPPED; NULL: not set */
	size_t max_bytes;                 /* of a record's value */
	unsigned max_depth;               /* of what it holds, see struct jx_limits */
};

struct envelope;

/* NULL with ERR_INVALID when a dynamic setting is no path. Copies the settings. */
struct envelope *envelope_new(const struct envelope_settings *s, struct err *err);
/* Accepts NULL. */
void envelope_free(struct envelope *e);

/* Room for texts that are made. An index may borrow it. */
struct envelope_work {
	struct buf text, value;
};

void envelope_work_init(struct envelope_work *w);
void envelope_work_release(struct envelope_work *w);

/*
 * Index the record @f, whose value is not NULL, within the envelope's limits. The text of @ix is
 * the record's value, or stands in @w until the next call with it (then ix->text !=
 * f->value.data). Arrays of numbers may be folded where the format is json: @fold_except, see
 * struct jx_limits; NULL: none is.
 *
 * Returns 0; ix->count is 0 when the format is bytes and the value is no JSON. ERR_INVALID or
 * ERR_LIMIT: it is no event of this format, and the error says why.
 */
int envelope_index(const struct envelope *e, const struct event_fields *f,
	struct envelope_work *w, struct jx_index *ix, const struct jx_key_set *fold_except,
	struct err *err) ATTR_MUST_CHECK;
/* What patterns see of a record that was indexed: bytes that are no JSON are an object without
 * members. */
const struct jx_index *envelope_pattern_index(const struct jx_index *ix);

#endif
