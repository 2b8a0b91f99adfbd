/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offsets.h - which offset of one partition may be committed, and what is done above it.
 *
 * A tracker holds the records that were handed to us, not the integers between them:
 * compaction and transaction markers leave holes, and a hole must not stop the
 * watermark. Records settle in any order; the watermark (offsets_position) is the first
 * record that is not settled, or the one behind the last when all are.
 *
 * A record is settled when every target that it was begun with is. Above the watermark
 * the completion map tells which records are settled, which targets of a half-settled
 * record are, and, as far as there is room, how many attempts were made for the others
 * and since when. It is text for Kafka's commit metadata. A restart begins with
 * offsets_restore(): what the map calls done is not done again.
 *
 * Memory is in proportion to what is open, not to what has passed.
 *
 * Pure: no I/O, no clock, no locks; owned by one loop. One tracker an *assignment*: free
 * it on revocation; settlements that arrive later find no tracker, which is right.
 */
#ifndef CORE_OFFSETS_H
#define CORE_OFFSETS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"

struct offsets_settings {
	size_t map_max_bytes; /* the broker's offset.metadata.max.bytes: 4096; 0: no map */
};

extern const struct offsets_settings offsets_default_settings;

struct offsets;

/* One open record. Owned by the tracker, valid until its last target is settled. */
struct offsets_record;

/* A target's identity in the map: hash of rule name and target id; util_hash() cut to 32 bits.
 */
typedef uint32_t offsets_target;

/* What an earlier life of the group knew of one target of a record. */
struct offsets_history {
	bool done;
	unsigned attempts;        /* 0: none known */
	int64_t first_attempt_ms; /* wall time; 0: unknown */
};

/* @committed: the group's committed offset, or -1 when it has none. */
struct offsets *offsets_new(const struct offsets_settings *s, int64_t committed);
/* Accepts NULL. All records go with it. */
void offsets_free(struct offsets *o);

/*
 * Take over what @metadata says, before the first offsets_begin(). Empty metadata is fine.
 * ERR_INVALID for a map that is foreign, older, newer, damaged or of another position: it
 * changes nothing, and the caller logs it once; everything above the position is then
 * delivered again.
 */
int offsets_restore(struct offsets *o, struct slice metadata, struct err *err) ATTR_MUST_CHECK;

/*
 * The record at @offset has been read. Offsets rise within an assignment; holes are
 * expected; an offset below one already begun, or settled according to the restored map, gives
 * NULL: there is nothing to do for it. Otherwise the record is open; settle it with
 * offsets_end() (no target) or give it targets by offsets_open().
 */
struct offsets_record *offsets_begin(struct offsets *o, int64_t offset);
int64_t offsets_record_offset(const struct offsets_record *r);

/* One more delivery is made for @r. Tells what an earlier life knew; when it was done, it
 * is not opened. */
struct offsets_history offsets_open(
	struct offsets *o, struct offsets_record *r, offsets_target t);
/* All targets have been opened; a record with none open is settled (and freed) now. */
void offsets_end(struct offsets *o, struct offsets_record *r);
/* An attempt for an open target failed, and it will be tried again. */
void offsets_note_attempts(struct offsets *o, struct offsets_record *r, offsets_target t,
	unsigned attempts, int64_t first_attempt_ms);
/* The target is delivered or dead-lettered. The last one settles (and frees) the record. */
void offsets_settle(struct offsets *o, struct offsets_record *r, offsets_target t);

/* The offset to commit: the first that is not settled; -1 before anything is known. */
int64_t offsets_position(const struct offsets *o);
/* Has position or map changed since the last offsets_encode()? */
bool offsets_changed(const struct offsets *o);
/* Append the completion map that belongs to offsets_position(). It never exceeds
 * map_max_bytes; attempts are left out, newest first, before anything else. */
void offsets_encode(struct offsets *o, struct buf *out);
/* At three quarters of map_max_bytes: stop reading this partition until it is false again. */
bool offsets_is_crowded(const struct offsets *o);

size_t offsets_open_records(const struct offsets *o);
size_t offsets_memory_bytes(const struct offsets *o);

#endif
