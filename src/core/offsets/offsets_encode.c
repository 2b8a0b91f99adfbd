/* SPDX-License-Identifier: Apache-2.0 */
/* The completion map of a tracker as it is now. */
#include <stdlib.h>

#include "offsets_private.h"

static void map_add_target(struct offsets_map *m, size_t record, const struct target *t)
{
	if (m->ends != NULL)
		return; /* a map of runs tells nothing of targets */
	if (t->done) {
		m->done = offsets_map_grow(m->done, m->nr_done, sizeof(m->done[0]));
		m->done[m->nr_done++] = (struct offsets_map_done){record, t->id};
	} else if (t->attempts > 0) {
		m->retries = offsets_map_grow(m->retries, m->nr_retries, sizeof(m->retries[0]));
		m->retries[m->nr_retries++] = (struct offsets_map_retry){
			record, t->id, t->attempts, t->first_attempt_ms};
	}
}

static void map_add_run(struct offsets_map *m, int64_t from, int64_t end)
{
	if (m->ends != NULL && m->nr_open > 0 && m->ends[m->nr_open - 1] == from) {
		m->ends[m->nr_open - 1] = end;
		return;
	}
	if (m->ends != NULL)
		m->ends[m->nr_open] = end;
	m->open[m->nr_open++] = from;
}

/* What was restored and has not been read again, behind the @m->nr_open of this life. */
static void map_add_restored(struct offsets_map *m, const struct offsets *o)
{
	const struct offsets_map *old = &o->restored;
	size_t shift = m->nr_open;

	for (size_t i = o->next_open; i < old->nr_open; i++)
		map_add_run(m, old->open[i], old->ends ? old->ends[i] : old->open[i] + 1);
	for (size_t i = o->next_done; i < old->nr_done; i++) {
		struct target t = {.id = old->done[i].target, .done = true};

		map_add_target(m, old->done[i].record - o->next_open + shift, &t);
	}
	for (size_t i = o->next_retry; i < old->nr_retries; i++) {
		struct target t = {.id = old->retries[i].target,
			.attempts = old->retries[i].attempts,
			.first_attempt_ms = old->retries[i].first_attempt_ms};

		map_add_target(m, old->retries[i].record - o->next_open + shift, &t);
	}
}

static void map_add_open(struct offsets_map *m, const struct offsets *o)
{
	list_foreach (node, &o->open) {
		struct offsets_record *r = record_of(node);

		for (size_t i = 0; i < r->nr_targets; i++)
			map_add_target(m, m->nr_open, target_at(r, i));
		map_add_run(m, r->offset, end_of(r));
	}
}

void offsets_encode(struct offsets *o, struct buf *out)
{
	struct offsets_map m = {
		.position = offsets_position(o),
		.horizon = max_i64(o->next, o->restored.horizon),
	};
	size_t count = o->nr_open + o->restored.nr_open - o->next_open;
	unsigned order;

	o->settled = o->noted = false;
	if (is_empty(o) || offsets_map_room(o->settings.map_max_bytes) == 0)
		return;
	m.open = xreallocarray(NULL, count, sizeof(m.open[0]));
	if (o->settings.leaves)
		m.ends = xreallocarray(NULL, count, sizeof(m.ends[0]));
	map_add_open(&m, o);
	map_add_restored(&m, o);
	order = offsets_map_encode(&m, o->settings.map_max_bytes, o->settings.place, out);
	if (o->nr_open > 0 && !o->settings.leaves)
		o->gaps = offsets_code_of_order(order, m.position, m.open + 1, o->nr_open - 1);
	offsets_map_release(&m);
}
