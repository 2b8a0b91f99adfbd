/* SPDX-License-Identifier: Apache-2.0 */
#include "core/offsets/offsets.h"

#include <assert.h>
#include <stdlib.h>

#include "base/list.h"
#include "bits.h"

const struct offsets_settings offsets_default_settings = {.map_max_bytes = 4096};

/* One target of one record. Neither open nor done: an earlier life tried it, and this one
 * has not opened it (yet, or the rule is gone). */
struct target {
	offsets_target id;
	uint32_t open; /* deliveries not settled */
	int64_t first_attempt_ms;
	unsigned attempts;
	bool done, opened; /* opened: by this life */
};

/* Nearly all records have one target, so it needs no memory of its own. */
struct offsets_record {
	struct list node; /* in offsets.open, by offset; or in offsets.spare */
	int64_t offset;
	uint32_t pending; /* deliveries not settled, and one until offsets_end() */
	uint32_t nr_targets;
	union {
		struct target one;
		struct target *many; /* nr_targets > 1: grown by offsets_map_grow() */
	};
};

struct offsets {
	struct offsets_settings settings;
	struct list open;
	size_t nr_open;
	struct list spare;
	size_t nr_spare;
	int64_t next; /* behind the highest one begun; -1 before anything is known */

	/* What remains of it: open[] from next_open on, and so forth. */
	struct offsets_map restored;
	size_t next_open, next_done, next_retry;

	/* For the length of the map. The gaps in golomb of the order that
	 * was best last time. */
	struct offsets_code gaps;
	size_t nr_shared, nr_shared_targets; /* as in struct offsets_map_load */
	offsets_target *distinct;            /* rising; all that ever shared a record */
	size_t nr_distinct;

	size_t many_bytes; /* of all records' many[] */
	bool settled, noted;
};

/* Spare records that are kept besides as many as are open. The one that has been spare longest
 * is used next: so records that follow each other mostly do so in memory too, and a walk over
 * all that are open misses the cache half as often as with the one used last. */
#define SPARE_RECORDS 64

struct offsets *offsets_new(const struct offsets_settings *s, int64_t committed)
{
	struct offsets *o = xcalloc(1, sizeof *o);

	o->settings = *s;
	o->next = committed < 0 ? -1 : committed;
	o->gaps.order = 1;
	list_init(&o->open);
	list_init(&o->spare);
	return o;
}

static struct offsets_record *record_of(struct list *node)
{
	return list_entry(node, struct offsets_record, node);
}

static void free_records(struct list *head)
{
	struct list *node;

	while ((node = list_shift(head)) != NULL) {
		struct offsets_record *r = record_of(node);

		if (r->nr_targets > 1)
			free(r->many);
		free(r);
	}
}

void offsets_free(struct offsets *o)
{
	if (o == NULL)
		return;
	free_records(&o->open);
	free_records(&o->spare);
	offsets_map_release(&o->restored);
	free(o->distinct);
	free(o);
}

int offsets_restore(struct offsets *o, struct slice metadata, struct err *err)
{
	struct offsets_map m;
	int rc;

	assert(o->nr_open == 0 && o->restored.nr_open == 0);
	if (metadata.len == 0)
		return 0;
	rc = offsets_map_decode(metadata, o->settings.place, &m, err);
	if (rc < 0)
		return rc;
	if (m.position != o->next) {
		rc = err_set(err, ERR_INVALID,
			"the completion map is of position %lld, and %lld is committed",
			(long long)m.position, (long long)o->next);
		offsets_map_release(&m);
		return rc;
	}
	o->restored = m;
	return 0;
}

/* Everything below @offset has been read, or never will be. */
static void restored_drop_below(struct offsets *o, int64_t offset)
{
	const struct offsets_map *m = &o->restored;

	while (o->next_open < m->nr_open && m->open[o->next_open] < offset)
		o->next_open++;
	while (o->next_done < m->nr_done && m->done[o->next_done].record < o->next_open)
		o->next_done++;
	while (o->next_retry < m->nr_retries && m->retries[o->next_retry].record < o->next_open)
		o->next_retry++;
	if (offset >= m->horizon) {
		offsets_map_release(&o->restored);
		o->next_open = o->next_done = o->next_retry = 0;
	}
}

/* The gap in front of @node, which has one before it. */
static uint64_t gap_before(const struct list *node)
{
	return (uint64_t)record_of((struct list *)node)->offset -
	       (uint64_t)record_of(node->prev)->offset - 1;
}

static uint64_t gap_bits_before(const struct offsets *o, const struct list *node)
{
	if (node == &o->open || node->prev == &o->open)
		return 0;
	return offsets_bits_golomb_width(gap_before(node), o->gaps.order);
}

static struct offsets_record *record_new(struct offsets *o, int64_t offset)
{
	struct list *node = list_shift(&o->spare);
	struct offsets_record *r;

	if (node != NULL) {
		r = record_of(node);
		o->nr_spare--;
	} else {
		r = xmalloc(sizeof *r);
	}
	*r = (struct offsets_record){.offset = offset, .pending = 1};
	list_append(&o->open, &r->node);
	o->nr_open++;
	o->gaps.bits += gap_bits_before(o, &r->node);
	return r;
}

static void record_settled(struct offsets *o, struct offsets_record *r)
{
	struct list *after = r->node.next;

	o->gaps.bits -= gap_bits_before(o, &r->node) + gap_bits_before(o, after);
	list_remove(&r->node);
	o->gaps.bits += gap_bits_before(o, after);
	o->nr_open--;
	o->settled = true;
	if (r->nr_targets > 1) {
		o->nr_shared--;
		o->nr_shared_targets -= r->nr_targets - 1;
		o->many_bytes -= r->nr_targets * sizeof(r->many[0]);
		free(r->many);
		r->nr_targets = 0;
	}
	list_append(&o->spare, &r->node);
	o->nr_spare++;
	while (o->nr_spare > o->nr_open + SPARE_RECORDS) {
		free(record_of(list_shift(&o->spare)));
		o->nr_spare--;
	}
}

static struct target *target_at(struct offsets_record *r, size_t i)
{
	return r->nr_targets > 1 ? &r->many[i] : &r->one;
}

static struct target *target_find(struct offsets_record *r, offsets_target id)
{
	for (size_t i = 0; i < r->nr_targets; i++)
		if (target_at(r, i)->id == id)
			return target_at(r, i);
	return NULL;
}

static void distinct_obtain(struct offsets *o, offsets_target id)
{
	size_t low = 0, high = o->nr_distinct;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (o->distinct[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < o->nr_distinct && o->distinct[low] == id)
		return;
	o->distinct = offsets_map_grow(o->distinct, o->nr_distinct, sizeof(o->distinct[0]));
	memmove(&o->distinct[low + 1], &o->distinct[low],
		(o->nr_distinct - low) * sizeof(o->distinct[0]));
	o->distinct[low] = id;
	o->nr_distinct++;
}

/* Room for one target more than the one or the many there are. */
static void many_grow(struct offsets *o, struct offsets_record *r)
{
	struct target one = r->one;
	struct target *old = r->nr_targets > 1 ? r->many : NULL;

	r->many = offsets_map_grow(old, r->nr_targets, sizeof(r->many[0]));
	o->many_bytes += sizeof(r->many[0]);
	if (old != NULL)
		return;
	r->many[0] = one;
	o->many_bytes += sizeof(r->many[0]);
	o->nr_shared++;
	distinct_obtain(o, one.id);
}

static struct target *target_add(struct offsets *o, struct offsets_record *r, offsets_target id)
{
	struct target *t;

	if (r->nr_targets > 0) {
		many_grow(o, r);
		o->nr_shared_targets++;
		distinct_obtain(o, id);
	}
	r->nr_targets++;
	t = target_at(r, r->nr_targets - 1);
	*t = (struct target){.id = id};
	return t;
}

static struct target *target_obtain(
	struct offsets *o, struct offsets_record *r, offsets_target id)
{
	struct target *t = target_find(r, id);

	return t != NULL ? t : target_add(o, r, id);
}

/* @r is the restored record at next_open: what is known of its targets is its own now. */
static void record_inherit(struct offsets *o, struct offsets_record *r)
{
	const struct offsets_map *m = &o->restored;

	for (size_t i = o->next_done; i < m->nr_done && m->done[i].record == o->next_open; i++)
		target_obtain(o, r, m->done[i].target)->done = true;
	for (size_t i = o->next_retry;
		i < m->nr_retries && m->retries[i].record == o->next_open; i++) {
		struct target *t = target_obtain(o, r, m->retries[i].target);

		t->attempts = m->retries[i].attempts;
		t->first_attempt_ms = m->retries[i].first_attempt_ms;
	}
}

/*
 * The record at @offset is one of those that the restored map speaks about: NULL when it is
 * done. Open ones that were skipped are gone by now (compacted, or past retention), which may
 * move the position.
 */
static struct offsets_record *begin_restored(struct offsets *o, int64_t offset)
{
	const struct offsets_map *m = &o->restored;
	struct offsets_record *r = NULL;
	int64_t was = offsets_position(o);

	restored_drop_below(o, offset);
	if (o->next_open < m->nr_open && m->open[o->next_open] == offset) {
		r = record_new(o, offset);
		record_inherit(o, r);
	}
	o->next = offset + 1;
	restored_drop_below(o, o->next);
	o->settled |= offsets_position(o) != was;
	return r;
}

struct offsets_record *offsets_begin(struct offsets *o, int64_t offset)
{
	if (offset < 0 || offset < o->next || offset == INT64_MAX)
		return NULL;
	if (offset < o->restored.horizon)
		return begin_restored(o, offset);
	if (o->restored.nr_open > 0)
		restored_drop_below(o, offset);
	o->next = offset + 1;
	return record_new(o, offset);
}

int64_t offsets_record_offset(const struct offsets_record *r)
{
	return r->offset;
}

struct offsets_history offsets_open(
	struct offsets *o, struct offsets_record *r, offsets_target id)
{
	struct target *t = target_obtain(o, r, id);

	/* One that was settled in this life is a namesake: it is done when both are. */
	if (t->done && !t->opened)
		return (struct offsets_history){.done = true};
	t->opened = true;
	t->done = false;
	t->open++;
	r->pending++;
	return (struct offsets_history){
		.attempts = t->attempts,
		.first_attempt_ms = t->first_attempt_ms,
	};
}

static void record_release(struct offsets *o, struct offsets_record *r)
{
	if (--r->pending == 0)
		record_settled(o, r);
}

void offsets_end(struct offsets *o, struct offsets_record *r)
{
	record_release(o, r);
}

/* Whoever speaks of a target that is not open has lost count, and what we would commit
 * would be wrong. */
static struct target *target_open(struct offsets_record *r, offsets_target id)
{
	struct target *t = target_find(r, id);

	assert(t != NULL && t->open > 0);
	return t;
}

void offsets_note_attempts(struct offsets *o, struct offsets_record *r, offsets_target id,
	unsigned attempts, int64_t first_attempt_ms)
{
	struct target *t = target_open(r, id);

	t->attempts = attempts;
	t->first_attempt_ms = first_attempt_ms;
	o->noted = true;
}

void offsets_settle(struct offsets *o, struct offsets_record *r, offsets_target id)
{
	struct target *t = target_open(r, id);

	t->done = --t->open == 0;
	o->settled = true;
	record_release(o, r);
}

static bool is_empty(const struct offsets *o)
{
	return o->nr_open == 0 && o->next_open == o->restored.nr_open;
}

int64_t offsets_position(const struct offsets *o)
{
	if (o->nr_open > 0)
		return record_of(o->open.next)->offset;
	if (!is_empty(o))
		return o->restored.open[o->next_open];
	return max_i64(o->next, o->restored.horizon > 0 ? o->restored.horizon : -1);
}

int64_t offsets_next(const struct offsets *o)
{
	return o->next;
}

bool offsets_changed(const struct offsets *o)
{
	return o->settled || o->noted;
}

bool offsets_has_settled(const struct offsets *o)
{
	return o->settled;
}

void offsets_mark_changed(struct offsets *o)
{
	o->settled = true;
}

static void map_add_target(struct offsets_map *m, size_t record, const struct target *t)
{
	if (t->done) {
		m->done = offsets_map_grow(m->done, m->nr_done, sizeof(m->done[0]));
		m->done[m->nr_done++] = (struct offsets_map_done){record, t->id};
	} else if (t->attempts > 0) {
		m->retries = offsets_map_grow(m->retries, m->nr_retries, sizeof(m->retries[0]));
		m->retries[m->nr_retries++] = (struct offsets_map_retry){
			record, t->id, t->attempts, t->first_attempt_ms};
	}
}

/* What was restored and has not been read again, behind the @m->nr_open of this life. */
static void map_add_restored(struct offsets_map *m, const struct offsets *o)
{
	const struct offsets_map *old = &o->restored;
	size_t shift = m->nr_open;

	for (size_t i = o->next_open; i < old->nr_open; i++)
		m->open[m->nr_open++] = old->open[i];
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
		m->open[m->nr_open++] = r->offset;
	}
}

void offsets_encode(struct offsets *o, struct buf *out)
{
	struct offsets_map m = {
		.position = offsets_position(o),
		.horizon = max_i64(o->next, o->restored.horizon),
	};
	unsigned order;

	o->settled = o->noted = false;
	if (is_empty(o) || offsets_map_room(o->settings.map_max_bytes) == 0)
		return;
	m.open = xreallocarray(
		NULL, o->nr_open + o->restored.nr_open - o->next_open, sizeof(m.open[0]));
	map_add_open(&m, o);
	map_add_restored(&m, o);
	order = offsets_map_encode(&m, o->settings.map_max_bytes, o->settings.place, out);
	if (o->nr_open > 0)
		o->gaps = offsets_code_of_order(order, m.position, m.open + 1, o->nr_open - 1);
	offsets_map_release(&m);
}

bool offsets_is_crowded(const struct offsets *o)
{
	uint64_t room = offsets_map_room(o->settings.map_max_bytes);
	struct offsets_map_load load;

	if (room == 0 || o->nr_open == 0 || o->next < o->restored.horizon)
		return false;
	load = (struct offsets_map_load){
		.span = (uint64_t)(o->next - record_of(o->open.next)->offset),
		.records = o->nr_open,
		.gap_bits = o->gaps.bits,
		.shared = o->nr_shared,
		.targets = o->nr_shared_targets,
		.distinct = o->nr_distinct,
	};
	if (load.gap_bits > load.span) /* plain bits are shorter */
		load.gap_bits = load.span;
	return offsets_map_bound(&load) > room / 4 * 3;
}

size_t offsets_open_records(const struct offsets *o)
{
	return o->nr_open;
}

size_t offsets_memory_bytes(const struct offsets *o)
{
	const struct offsets_map *m = &o->restored;

	return sizeof *o + (o->nr_open + o->nr_spare) * sizeof(struct offsets_record) +
	       o->many_bytes + o->nr_distinct * sizeof(o->distinct[0]) +
	       m->nr_open * sizeof(m->open[0]) + m->nr_done * sizeof(m->done[0]) +
	       m->nr_retries * sizeof(m->retries[0]);
}
