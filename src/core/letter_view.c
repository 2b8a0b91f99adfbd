/* SPDX-License-Identifier: Apache-2.0 */
#include "core/letter_view.h"

#include "base/time_text.h"
#include "core/letter.h"

/* Digits with an optional sign, and nothing else. */
static bool parse_number(struct slice s, int64_t max, int64_t *ret)
{
	int64_t value = 0;

	if (s.len == 0 || s.len > 19)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9' ||
			value > (max - (s.data[i] - '0')) / 10)
			return false;
		value = value * 10 + (s.data[i] - '0');
	}
	*ret = value;
	return true;
}

static int64_t number_or(struct slice s, int64_t max, int64_t otherwise)
{
	int64_t value;

	return parse_number(s, max, &value) ? value : otherwise;
}

static int64_t time_or(struct slice s, int64_t otherwise)
{
	int64_t wall_ms;

	return time_text_parse_iso8601(s, &wall_ms) ? wall_ms : otherwise;
}

/* Where ours begin; @f->header_count when there are none. */
static size_t find_ours(const struct event_fields *f)
{
	for (size_t i = f->header_count; i-- > 0;)
		if (slice_eq(f->headers[i].name, SLICE("ERROR_CODE")))
			return i;
	return f->header_count;
}

/* Of ours, the one of that name. */
static struct slice get(const struct event_fields *f, size_t ours, const char *name)
{
	for (size_t i = ours; i < f->header_count; i++)
		if (slice_eq(f->headers[i].name, slice_str(name)))
			return f->headers[i].value;
	return slice_of(NULL, 0);
}

static bool read_place(struct letter_view *v, const struct event_fields *f, size_t ours)
{
	struct slice topic = get(f, ours, "SOURCE_TOPIC");
	int64_t partition;

	if (!event_is_topic_name(topic) ||
		!parse_number(get(f, ours, "SOURCE_PARTITION"), INT32_MAX, &partition) ||
		!parse_number(get(f, ours, "SOURCE_OFFSET"), INT64_MAX, &v->offset))
		return false;
	memcpy(v->topic, topic.data, topic.len);
	v->topic[topic.len] = '\0';
	v->partition = (int32_t)partition;
	v->timestamp_ms = time_or(get(f, ours, "SOURCE_TIMESTAMP"), -1);
	return true;
}

bool letter_view_read(struct letter_view *v, const struct event_fields *record)
{
	size_t ours = find_ours(record);

	*v = (struct letter_view){.header_count = ours};
	if (ours == record->header_count || !read_place(v, record, ours))
		return false;
	v->code = get(record, ours, "ERROR_CODE");
	v->message = get(record, ours, "ERROR_MESSAGE");
	v->exhausted = get(record, ours, "EXHAUSTED_RETRY_CONDITION");
	v->rule = get(record, ours, "RULE_NAME");
	v->target = get(record, ours, "TARGET_ID");
	v->destination = get(record, ours, "DESTINATION");
	v->response = get(record, ours, "RESPONSE_BODY");
	v->omitted = get(record, ours, LETTER_OMITTED);
	v->status = (int)number_or(get(record, ours, "HTTP_STATUS"), 999, 0);
	v->retries = (unsigned)number_or(get(record, ours, "RETRY_ATTEMPTS"), UINT32_MAX, 0);
	v->redrives = (unsigned)number_or(get(record, ours, "REDRIVE_COUNT"), UINT32_MAX, 0);
	v->first_attempt_ms = time_or(get(record, ours, "FIRST_ATTEMPT_TIME"), 0);
	v->last_attempt_ms = time_or(get(record, ours, "LAST_ATTEMPT_TIME"), 0);
	return true;
}

struct event_fields letter_view_event(
	const struct letter_view *v, const struct event_fields *record)
{
	struct event_fields event = *record;

	event.topic = v->topic;
	event.partition = v->partition;
	event.offset = v->offset;
	event.timestamp_ms = v->timestamp_ms;
	event.header_count = v->header_count;
	return event;
}
