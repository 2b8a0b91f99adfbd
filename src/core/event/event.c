/* SPDX-License-Identifier: Apache-2.0 */
#include "core/event/event.h"

#include <stdlib.h>

static struct slice copy(char **at, struct slice s)
{
	struct slice placed = {s.data ? *at : NULL, s.len};

	if (s.len > 0)
		memcpy(*at, s.data, s.len);
	*at += s.len;
	return placed;
}

static size_t block_bytes(const struct event_fields *f)
{
	size_t bytes = sizeof(struct event) + f->header_count * sizeof(struct event_header) +
		       strlen(f->topic) + 1 + f->key.len + f->value.len;

	for (size_t i = 0; i < f->header_count; i++)
		bytes += f->headers[i].name.len + f->headers[i].value.len;
	return bytes;
}

struct event *event_new(const struct event_fields *f)
{
	size_t bytes = block_bytes(f);
	struct event *ev = xmalloc(bytes);
	struct event_header *headers = (struct event_header *)(ev + 1);
	char *at = (char *)(headers + f->header_count);

	*ev = (struct event){.f = *f, .refs = 1, .bytes = (uint32_t)bytes};
	ev->f.headers = headers;
	ev->f.value = copy(&at, f->value);
	ev->f.key = copy(&at, f->key);
	for (size_t i = 0; i < f->header_count; i++) {
		headers[i].name = copy(&at, f->headers[i].name);
		headers[i].value = copy(&at, f->headers[i].value);
	}
	ev->f.topic = strcpy(at, f->topic);
	return ev;
}

struct event *event_ref(struct event *ev)
{
	ev->refs++;
	return ev;
}

void event_unref(struct event *ev)
{
	if (ev != NULL && --ev->refs == 0)
		free(ev);
}

const struct event_header *event_find_header(const struct event *ev, struct slice name)
{
	for (size_t i = 0; i < ev->f.header_count; i++)
		if (slice_eq(ev->f.headers[i].name, name))
			return &ev->f.headers[i];
	return NULL;
}

bool event_is_topic_name(struct slice name)
{
	static const char may[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	for (size_t i = 0; i < name.len; i++)
		if (memchr(may, name.data[i], sizeof may - 1) == NULL)
			return false;
	return name.len >= 1 && name.len <= EVENT_TOPIC_MAX_BYTES &&
	       !slice_eq(name, SLICE(".")) && !slice_eq(name, SLICE(".."));
}
