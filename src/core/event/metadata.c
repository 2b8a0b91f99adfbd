/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka side of a record, written as JSON and indexed. */
#include "core/event/metadata.h"

#include <stdlib.h>

#include "base/json_writer.h"

/* Kafka has limited the record already, and two levels are all that is written. */
static const struct jx_limits limits = {
	.max_bytes = UINT32_MAX,
	.max_depth = 2,
	.max_tokens = UINT32_MAX,
};

void metadata_init(struct metadata *m)
{
	buf_init(&m->text, BUF_UNLIMITED);
	jx_init(&m->ix);
}

void metadata_release(struct metadata *m)
{
	buf_release(&m->text);
	jx_release(&m->ix);
}

static void write(struct buf *out, const struct event_fields *f)
{
	struct json_writer w;

	jw_init(&w, out);
	jw_open(&w, NULL, '{');
	jw_text(&w, "topic", slice_str(f->topic));
	jw_int(&w, "partition", f->partition);
	jw_text(&w, "key", f->key);
	jw_open(&w, "headers", '{');
	for (size_t i = 0; i < f->header_count; i++) {
		jw_member(&w, f->headers[i].name);
		jw_text(&w, NULL, f->headers[i].value);
	}
	jw_close(&w);
	jw_close(&w);
}

const struct jx_index *metadata_index(struct metadata *m, const struct event_fields *f)
{
	buf_reset(&m->text);
	write(&m->text, f);
	if (jx_parse(&m->ix, buf_slice(&m->text), &limits, NULL) != 0)
		abort();
	return &m->ix;
}
