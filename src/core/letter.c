/* SPDX-License-Identifier: Apache-2.0 */
#include "core/letter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/time_text.h"

#define OUR_HEADERS_MAX 20

const char *const letter_error_codes[] = {"TIMEOUT", "CONNECTION_FAILURE", "SDK_CLIENT_ERROR",
	"THROTTLING", "NO_PERMISSIONS", "ERROR_FROM_TARGET", "INVALID_JSON",
	"INVALID_PARAMETER", "RESOURCE_LIMIT_EXCEEDED", "INTERNAL_ERROR", "INVALID_EVENT",
	NULL};

/* Values are appended to one buffer, which moves as it grows: until the end a header's value is
 * only known by where it begins. */
struct draft {
	struct letter *l;
	size_t first; /* of our headers, behind the event's own */
	size_t starts[OUR_HEADERS_MAX + 1];
	size_t count;
};

static struct buf *begin(struct draft *d, const char *name)
{
	d->l->headers[d->first + d->count].name = slice_str(name);
	d->starts[d->count++] = d->l->text.len;
	return &d->l->text;
}

static void add_text(struct draft *d, const char *name, const char *value)
{
	if (value != NULL)
		buf_add_printable(begin(d, name), slice_str(value));
}

static void add_number(struct draft *d, const char *name, int64_t value)
{
	buf_add_int(begin(d, name), value);
}

static void add_time(struct draft *d, const char *name, int64_t wall_ms)
{
	char text[TIME_TEXT_ISO8601_BYTES];

	if (wall_ms <= 0)
		return;
	time_text_format_iso8601(wall_ms, text);
	add_text(d, name, text);
}

/* One sentence for a person on call: what was tried, what came back, when, and why it ended
 * there. */
static void add_message(struct draft *d, const struct letter_facts *f)
{
	const struct delivery_facts *facts = f->delivery;
	struct buf *b = begin(d, "ERROR_MESSAGE");
	char when[TIME_TEXT_ISO8601_BYTES], tried[32] = "a probe";

	time_text_format_iso8601(facts->last_attempt_ms, when);
	if (facts->attempts > 0)
		snprintf(tried, sizeof tried, "attempt %u", facts->attempts);
	if (facts->attempts == 0 && facts->last_attempt_ms == 0) {
		buf_addf(b, "Not sent%s%s%s: ", f->destination ? " to destination '" : "",
			f->destination ? f->destination : "", f->destination ? "'" : "");
		buf_add_printable(
			b, slice_str(facts->error_message ? facts->error_message : "unknown"));
	} else if (facts->status != 0) {
		buf_addf(b, "Destination '%s' answered HTTP %d to %s at %s", f->destination,
			facts->status, tried, when);
		if (facts->error_message != NULL) {
			buf_add_str(b, ": ");
			buf_add_printable(b, slice_str(facts->error_message));
		}
	} else {
		tried[0] = (char)(tried[0] & ~0x20);
		buf_addf(b, "%s at destination '%s' failed at %s: ", tried, f->destination,
			when);
		buf_add_printable(b,
			slice_str(facts->error_message ? facts->error_message : "no answer"));
	}
	if (facts->exhausted == RETRY_MAXIMUM_RETRY_ATTEMPTS)
		buf_add_str(b, "; no retries are left");
	else if (facts->exhausted == RETRY_MAXIMUM_EVENT_AGE)
		buf_add_str(b, "; the event has reached its maximum age");
}

static void add_ours(struct draft *d, const struct event *ev, const struct letter_facts *f)
{
	const struct delivery_facts *facts = f->delivery;

	add_text(d, "ERROR_CODE", facts->error_code ? facts->error_code : "UNKNOWN");
	add_message(d, f);
	add_text(d, "EXHAUSTED_RETRY_CONDITION", retry_exhausted_name(facts->exhausted));
	add_number(d, "RETRY_ATTEMPTS", facts->attempts > 0 ? facts->attempts - 1 : 0);
	add_text(d, "RULE_NAME", f->rule_name);
	add_text(d, "TARGET_ID", f->target_id);
	add_text(d, "DESTINATION", f->destination);
	if (facts->status != 0)
		add_number(d, "HTTP_STATUS", facts->status);
	add_text(d, "SOURCE_TOPIC", ev->f.topic);
	add_number(d, "SOURCE_PARTITION", ev->f.partition);
	add_number(d, "SOURCE_OFFSET", ev->f.offset);
	add_time(d, "SOURCE_TIMESTAMP", ev->f.timestamp_ms);
	add_time(d, "FIRST_ATTEMPT_TIME", facts->first_attempt_ms);
	add_time(d, "LAST_ATTEMPT_TIME", facts->last_attempt_ms);
	if (f->redrive_count > 0)
		add_number(d, "REDRIVE_COUNT", f->redrive_count);
	d->l->required_count = d->first + d->count;
	if (facts->response_len > 0)
		buf_add_printable(begin(d, "RESPONSE_BODY"),
			slice_of(facts->response, facts->response_len));
}

void letter_build(struct letter *l, const struct event *ev, const struct letter_facts *f)
{
	struct draft d = {.l = l, .first = ev->f.header_count};

	*l = (struct letter){
		.headers = xcalloc(ev->f.header_count + OUR_HEADERS_MAX, sizeof *l->headers)};
	buf_init(&l->text, BUF_UNLIMITED);
	if (ev->f.header_count > 0)
		memcpy(l->headers, ev->f.headers, ev->f.header_count * sizeof *l->headers);
	add_ours(&d, ev, f);
	l->header_count = d.first + d.count;
	l->own_at = d.first;
	d.starts[d.count] = l->text.len;
	for (size_t i = 0; i < d.count; i++)
		l->headers[d.first + i].value =
			slice_of(l->text.data + d.starts[i], d.starts[i + 1] - d.starts[i]);
}

void letter_release(struct letter *l)
{
	free(l->headers);
	buf_release(&l->text);
	l->headers = NULL;
	l->header_count = l->required_count = 0;
}
