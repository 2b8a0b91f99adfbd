/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloudevents.h - an event as a CloudEvent 1.0, sent over HTTP in structured or binary mode
 * (CloudEvents, HTTP protocol binding 1.0.2).
 *
 * The attributes come from the event itself:
 *
 *   a CloudEvent            its own, extensions included, when they are strings, numbers or
 *                           booleans named in lower-case letters and digits
 *   an EventBridge          id, source and time of these names, type from detail-type; what is
 *   envelope                missing as for any other event
 *   anything else           id <topic>-<partition>-<offset>, source /kafka/<topic>, type
 *                           kafka.record, time of the record
 *
 * The data is what the target's transformation made; without one, the event's own data or
 * detail, or the whole of any other event. Pure.
 */
#ifndef CORE_EVENT_CLOUDEVENTS_H
#define CORE_EVENT_CLOUDEVENTS_H

#include "core/event/value.h"
#include "core/header/header.h"

#define CLOUDEVENTS_CONTENT_TYPE "application/cloudevents+json; charset=UTF-8"

/* Does the text look like a CloudEvent: specversion, id, source and type, all strings? */
bool cloudevents_is_one(const struct jx_index *ix);

/* The data of an event that was not transformed; token 0 when it has no data of its own, and
 * JX_NONE when it is a CloudEvent without data. */
uint32_t cloudevents_data(const struct jx_index *ix);

/* The structured form, @data being JSON text, or absent (data NULL): no data. */
void cloudevents_add_structured(
	struct buf *out, const struct value_context *c, struct slice data);
/* The same for bytes that are no JSON, as data_base64. */
void cloudevents_add_structured_bytes(
	struct buf *out, const struct value_context *c, struct slice data);
/* "ce-id: …" lines. ERR_LIMIT: more than a request may have. */
int cloudevents_add_headers(struct header_writer *headers, const struct value_context *c,
	struct err *err) ATTR_MUST_CHECK;

#endif
