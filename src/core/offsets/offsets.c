/* SPDX-License-Identifier: Apache-2.0 */
#include "core/offsets/offsets.h"

#include <assert.h>
#include <stdlib.h>

#include "bits.h"
#include "offsets_private.h"

const struct offsets_settings offsets_default_settings = {.map_max_bytes = 4096};

/* Spare records that are kept besides as many as are open. The one that has been spare longest
 * is used next: so records that follow each other mostly do so in memory too, and a walk over
 * all that are open misses the cache half as often as with the one used last. */
#define SPARE_RECORDS 64

uint64_t offsets_place(const char *group, const char *topic, int32_t partition)
{
	uint64_t place = util_hash(group, strlen(group)) * 31 + util_hash(topic, strlen(topic));

	return place * 31 + (uint64_t)partition;
}

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

/* Each open record as a run. */
static void map_make_runs(struct offsets_map *m)
{
	m->ends = xreallocarray(NULL, m->nr_open, sizeof(m->ends[0]));
	for (size_t i = 0; i < m->nr_open; i++)
		m->ends[i] = m->open[i] + 1;
}

/* Does @m fit @o, which continues at the committed offset? */
static int check_restored(const struct offsets *o, const struct offsets_map *m, struct err *err)
{
	if (m->position != o->next)
		return err_set(err, ERR_INVALID,
			"the completion map is of position %lld, and %lld is committed",
			(long long)m->position, (long long)o->next);
	if (m->ends != NULL && !o->settings.leaves)
		return err_set(err, ERR_INVALID, "the completion map is of a redrive");
	return 0;
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
	rc = check_restored(o, &m, err);
	if (rc != 0) {
		offsets_map_release(&m);
		return rc;
	}
	if (o->settings.leaves && m.ends == NULL)
		map_make_runs(&m);
	o->restored = m;
	if (m.ends != NULL)
		o->restored_bits = offsets_bits_runs_width(m.open, m.ends, m.nr_open);
	return 0;
}

/* Bits of the restored run at next_open, and of the gap behind it. */
static uint64_t restored_front_bits(const struct offsets *o)
{
	const struct offsets_map *m = &o->restored;
	size_t i = o->next_open;
	uint64_t bits = offsets_bits_gamma_width((uint64_t)(m->ends[i] - m->open[i]));

	if (i + 1 < m->nr_open)
		bits += offsets_bits_gamma_width((uint64_t)(m->open[i + 1] - m->ends[i]));
	return bits;
}

/* The runs that end below @offset are dropped, and one that reaches over it is cut. */
static void restored_drop_runs_below(struct offsets *o, int64_t offset)
{
	struct offsets_map *m = &o->restored;

	for (; o->next_open < m->nr_open && m->ends[o->next_open] <= offset; o->next_open++)
		o->restored_bits -= restored_front_bits(o);
	if (o->next_open == m->nr_open || m->open[o->next_open] >= offset)
		return;
	o->restored_bits -= restored_front_bits(o);
	m->open[o->next_open] = offset;
	o->restored_bits += restored_front_bits(o);
}

/* Everything below @offset has been read, or never will be. */
static void restored_drop_below(struct offsets *o, int64_t offset)
{
	struct offsets_map *m = &o->restored;

	if (m->ends != NULL)
		restored_drop_runs_below(o, offset);
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
	       (uint64_t)end_of(record_of(node->prev));
}

static unsigned gap_width(uint64_t gap)
{
	return offsets_bits_gamma_width(gap ? gap : 1);
}

/*
 * Bits of @node's run, and of the gap in front of it. Runs that touch are one in the map, which is
 * shorter; they are counted apart, with a bit between them, since the settlement of a record in
 * the middle may part them. So counted, no settlement adds bits:
 * gamma(a + 1 + b) <= gamma(a) + gamma(1) + gamma(b), and a gap of 0 counts no less than one of 1.
 */
static uint64_t run_bits(const struct offsets *o, const struct list *node)
{
	const struct offsets_record *r = record_of((struct list *)node);
	uint64_t bits = offsets_bits_gamma_width((uint64_t)(end_of(r) - r->offset));

	return node->prev == &o->open ? bits : bits + gap_width(gap_before(node));
}

/* What @node adds to the map's length. */
static uint64_t entry_bits(const struct offsets *o, const struct list *node)
{
	if (node == &o->open)
		return 0;
	if (o->settings.leaves)
		return run_bits(o, node);
	if (node->prev == &o->open)
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
	o->gaps.bits += entry_bits(o, &r->node);
	return r;
}

/* Out of the list of what is open. */
static void record_unlink(struct offsets *o, struct offsets_record *r)
{
	struct list *after = r->node.next;

	o->gaps.bits -= entry_bits(o, &r->node) + entry_bits(o, after);
	list_remove(&r->node);
	o->gaps.bits += entry_bits(o, after);
	o->nr_open--;
}

static void record_spare(struct offsets *o, struct offsets_record *r)
{
	list_append(&o->spare, &r->node);
	o->nr_spare++;
	while (o->nr_spare > o->nr_open + SPARE_RECORDS) {
		free(record_of(list_shift(&o->spare)));
		o->nr_spare--;
	}
}

static void record_settled(struct offsets *o, struct offsets_record *r)
{
	record_unlink(o, r);
	o->settled = true;
	if (r->nr_targets > 1) {
		o->nr_shared--;
		o->nr_shared_targets -= r->nr_targets - 1;
		o->many_bytes -= r->nr_targets * sizeof(r->many[0]);
		free(r->many);
		r->nr_targets = 0;
	}
	record_spare(o, r);
}

static struct target *target_find(struct offsets_record *r, offsets_target id)
{
	for (size_t i = 0; i < r->nr_targets; i++)
		if (target_at(r, i)->id == id)
			return target_at(r, i);
	return NULL;
}

static void distinct_add(struct offsets *o, offsets_target id)
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
	distinct_add(o, one.id);
}

static struct target *target_add(struct offsets *o, struct offsets_record *r, offsets_target id)
{
	struct target *t;

	if (r->nr_targets > 0) {
		many_grow(o, r);
		o->nr_shared_targets++;
		distinct_add(o, id);
	}
	r->nr_targets++;
	t = target_at(r, r->nr_targets - 1);
	*t = (struct target){.id = id};
	return t;
}

static struct target *target_get_or_create(
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
		target_get_or_create(o, r, m->done[i].target)->done = true;
	for (size_t i = o->next_retry;
		i < m->nr_retries && m->retries[i].record == o->next_open; i++) {
		struct target *t = target_get_or_create(o, r, m->retries[i].target);

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

/* @r, which nothing is known of, becomes a run up to @end, or a part of the one before it. */
static void record_leave(struct offsets *o, struct offsets_record *r, int64_t end)
{
	struct list *before = r->node.prev;
	bool joins = before != &o->open && is_left(record_of(before)) &&
		     record_of(before)->end == r->offset;

	if (joins) {
		record_unlink(o, r);
		record_spare(o, r);
		r = record_of(before);
	}
	o->gaps.bits -= entry_bits(o, &r->node);
	r->pending = LEFT;
	r->end = end;
	o->gaps.bits += entry_bits(o, &r->node);
}

void offsets_leave(struct offsets *o, struct offsets_record *r)
{
	assert(o->settings.leaves && r->node.next == &o->open);
	record_leave(o, r, r->offset + 1);
}

void offsets_leave_below(struct offsets *o, int64_t offset)
{
	const struct offsets_map *m = &o->restored;
	int64_t from = max_i64(o->next, m->horizon);

	assert(o->settings.leaves && o->next >= 0);
	while (o->next_open < m->nr_open && m->open[o->next_open] < offset) {
		int64_t end = min_i64(m->ends[o->next_open], offset);

		record_leave(o, record_new(o, m->open[o->next_open]), end);
		restored_drop_below(o, end);
	}
	if (from < offset)
		record_leave(o, record_new(o, from), offset);
	o->next = max_i64(o->next, offset);
	restored_drop_below(o, offset);
}

void offsets_skip_below(struct offsets *o, int64_t offset)
{
	int64_t was = offsets_position(o);

	restored_drop_below(o, offset);
	o->next = max_i64(o->next, offset);
	o->settled |= offsets_position(o) != was;
}

int64_t offsets_record_offset(const struct offsets_record *r)
{
	return r->offset;
}

struct offsets_history offsets_open(
	struct offsets *o, struct offsets_record *r, offsets_target id)
{
	struct target *t = target_get_or_create(o, r, id);

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

bool offsets_is_nearly_full(const struct offsets *o)
{
	uint64_t room = offsets_map_room(o->settings.map_max_bytes);
	struct offsets_map_load load;

	if (room == 0 || o->nr_open == 0 ||
		(o->next < o->restored.horizon && !o->settings.leaves))
		return false;
	load = (struct offsets_map_load){
		.span = (uint64_t)(max_i64(o->next, o->restored.horizon) -
				   record_of(o->open.next)->offset),
		.records = o->nr_open + o->restored.nr_open - o->next_open,
		.gap_bits = o->gaps.bits + o->restored_bits,
		.shared = o->nr_shared,
		.targets = o->nr_shared_targets,
		.distinct = o->nr_distinct,
	};
	if (load.gap_bits > load.span && !o->settings.leaves) /* plain bits are shorter */
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
	       m->nr_open * (m->ends ? 2 : 1) * sizeof(m->open[0]) +
	       m->nr_done * sizeof(m->done[0]) + m->nr_retries * sizeof(m->retries[0]);
}
