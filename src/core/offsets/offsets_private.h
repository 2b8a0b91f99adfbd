/* SPDX-License-Identifier: Apache-2.0 */
/* What a tracker is made of: offsets.c keeps it, offsets_encode.c makes a map of it. */
#ifndef CORE_OFFSETS_OFFSETS_PRIVATE_H
#define CORE_OFFSETS_OFFSETS_PRIVATE_H

#include "base/list.h"
#include "bits.h"
#include "core/offsets/offsets.h"

/* One target of one record. Neither open nor done: an earlier life tried it, and this one
 * has not opened it (yet, or the rule is gone). */
struct target {
	offsets_target id;
	uint32_t open; /* deliveries not settled */
	int64_t first_attempt_ms;
	unsigned attempts;
	bool done, opened; /* opened: by this life */
};

/* A record, or a run of them, that this life does nothing about. */
#define LEFT UINT32_MAX

/* Nearly all records have one target, so it needs no memory of its own. */
struct offsets_record {
	struct list node; /* in offsets.open, by offset; or in offsets.spare */
	int64_t offset;
	uint32_t pending; /* deliveries not settled, and one until offsets_end(); or LEFT */
	uint32_t nr_targets;
	union {
		struct target one;
		struct target *many; /* nr_targets > 1: grown by offsets_map_grow() */
		int64_t end;         /* LEFT: the run from offset up to, not with, end */
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
	uint64_t restored_bits; /* of its runs from next_open on */

	/* For the length of the map: the gaps in golomb of the order that was best last time, or
	 * the runs. */
	struct offsets_code gaps;
	size_t nr_shared, nr_shared_targets; /* as in struct offsets_map_load */
	offsets_target *distinct;            /* rising; all that ever shared a record */
	size_t nr_distinct;

	size_t many_bytes; /* of all records' many[] */
	bool settled, noted;
};

static inline struct offsets_record *record_of(struct list *node)
{
	return list_entry(node, struct offsets_record, node);
}

static inline bool is_left(const struct offsets_record *r)
{
	return r->pending == LEFT;
}

static inline int64_t end_of(const struct offsets_record *r)
{
	return is_left(r) ? r->end : r->offset + 1;
}

static inline struct target *target_at(struct offsets_record *r, size_t i)
{
	return r->nr_targets > 1 ? &r->many[i] : &r->one;
}

static inline bool is_empty(const struct offsets *o)
{
	return o->nr_open == 0 && o->next_open == o->restored.nr_open;
}

#endif
