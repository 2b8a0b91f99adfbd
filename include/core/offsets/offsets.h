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
 * and since when. It is text for Kafka's commit metadata (map.h). A restart begins
 * with offsets_restore(): what the map calls done is not done again.
 *
 * How it is kept. Offsets rise within an assignment. So whatever lies below the highest
 * one begun and is not open is done, or never was, and needs no memory: the tracker is a
 * list of the open records in the order of their offsets. To begin is to append, to settle is
 * to unlink; a record that stays open for a day is one node in front, however many
 * millions pass behind it. What an earlier life left open and has not been read again
 * yet stands in the restored map, which lies wholly above the open records and is used up
 * from its front; until then it is part of every map that is written.
 *
 * Why the map always tells the whole truth. Its length depends on the gaps between the open
 * records, and its code is such that no settlement makes them longer (bits.h).
 * The tracker keeps their length up to date, a few instructions a record, adds the
 * most that half-settled records can take (offsets_map_bound), and calls itself nearly full from
 * three quarters of the limit on. Who then stops reading can settle what is open in any
 * order, and every map on the way fits. One record adds a few bits (125 at most, for a hole of
 * 2^62), and 34 a target that no record had before, so it is enough to ask once for each
 * 40 records. Who reads on nevertheless loses truth at the new end, never at the old, and
 * never writes too long a text.
 * By the default limit of 4,096 bytes there is room for some 18,000 open records when they
 * stand close together, 6,800 behind one that is a million older, 2,100 strewn at one in a
 * hundred, 3,000 that have two targets each.
 *
 * A redrive reads records and leaves them for a later life (offsets_leave()): it may leave a
 * million, and each would cost memory and a bit of the map. With settings.leaves, neighbours that
 * are left are one run, in memory and in the map, and the map tells nothing of targets: a record is
 * open or done. Then there is room for some 16,000 records of which a coin decides, or 900 done ones
 * between each two of which a thousand are left, and for any number in a row.
 *
 * What must be told to make a new tracker: a reset to a lower offset, by OFFSET_OUT_OF_RANGE or
 * by an operator, and a topic made anew. This one would take the records read again for
 * settled ones. Compare with offsets_next(), which a record of an undisturbed assignment
 * never is below.
 *
 * Pure: no I/O, no clock, no locks; owned by one loop. One tracker an *assignment*: free
 * it on revocation; settlements that arrive later find no tracker, which is right.
 */
#ifndef CORE_OFFSETS_OFFSETS_H
#define CORE_OFFSETS_OFFSETS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"
#include "core/offsets/map.h"

struct offsets_settings {
	/* The broker's offset.metadata.max.bytes: 4096, at most OFFSETS_MAP_MOST_BYTES. Below
	 * OFFSETS_MAP_LEAST_BYTES there is no map, and all above the position is
	 * repeated after a crash. */
	size_t map_max_bytes;
	/* Hash of group, topic and partition: a map that some tool has copied to another
	 * group or partition is refused there. Same for each life of a group. */
	uint64_t place;
	bool leaves; /* offsets_leave() will be called; a map of runs can be restored */
};

/* The place of a partition, for the settings. */
uint64_t offsets_place(const char *group, const char *topic, int32_t partition);

extern const struct offsets_settings offsets_default_settings;

struct offsets;

/* One open record. Owned by the tracker, valid until its last target is settled. */
struct offsets_record;

/* What an earlier life of the group knew of one target of a record. */
struct offsets_history {
	bool done;
	unsigned attempts;        /* 0: none known */
	int64_t first_attempt_ms; /* wall time, in whole seconds; 0: unknown */
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
 * expected; an offset below offsets_next(), or settled according to the restored map,
 * gives NULL: there is nothing to do for it. Otherwise the record is open; give it targets by
 * offsets_open(), if any, and then call offsets_end().
 */
struct offsets_record *offsets_begin(struct offsets *o, int64_t offset);
int64_t offsets_record_offset(const struct offsets_record *r);

/*
 * One more delivery is made for @r, between offsets_begin() and offsets_end(). Tells what an
 * earlier life knew; when it was done, it is not opened.
 *
 * Two deliveries of one record under one @t (two names with one hash, one chance in 2^32)
 * are one to the map: done when both are.
 */
struct offsets_history offsets_open(
	struct offsets *o, struct offsets_record *r, offsets_target t);
/*
 * Instead of opening targets and of offsets_end(): nothing is done for @r in this life. It stays
 * open, and a later life reads it again. @r is not valid any more.
 */
void offsets_leave(struct offsets *o, struct offsets_record *r);
/* Leave all below @offset that has not been begun, but for what the restored map calls done. */
void offsets_leave_below(struct offsets *o, int64_t offset);
/* What lies below @offset and has not been begun is not there (any more). */
void offsets_skip_below(struct offsets *o, int64_t offset);
/* All targets have been opened; a record with none open is settled (and freed) now. */
void offsets_end(struct offsets *o, struct offsets_record *r);
/* An attempt for an open target failed, and it will be tried again. */
void offsets_note_attempts(struct offsets *o, struct offsets_record *r, offsets_target t,
	unsigned attempts, int64_t first_attempt_ms);
/* The target is delivered or dead-lettered. The last one settles (and frees) the record; one
 * that settles before offsets_end() leaves the record open until then. */
void offsets_settle(struct offsets *o, struct offsets_record *r, offsets_target t);

/* The offset to commit: the first that is not settled; -1 before anything is known. */
int64_t offsets_position(const struct offsets *o);
/* The lowest offset that offsets_begin() takes for a new one; -1 before anything is known. */
int64_t offsets_next(const struct offsets *o);
/* Has position or map changed since the last offsets_encode()? */
bool offsets_changed(const struct offsets *o);
/* Has something settled since? If not, offsets_changed() is about attempts only, and a commit
 * may take its time. */
bool offsets_has_settled(const struct offsets *o);
/* The commit that the last offsets_encode() was for has failed: it is due again. */
void offsets_mark_changed(struct offsets *o);
/* Append the completion map that belongs to offsets_position(). It never exceeds
 * map_max_bytes; attempts are left out, newest first, before anything else. It is empty
 * when there is nothing to tell. */
void offsets_encode(struct offsets *o, struct buf *out);
/*
 * At three quarters of map_max_bytes: stop reading this partition until it is false again.
 * Never true while nothing is open, nor before the end of what was restored, since records
 * that are in the map anyway do not make it longer. Costs little; ask at every record.
 */
bool offsets_is_nearly_full(const struct offsets *o);

size_t offsets_open_records(const struct offsets *o);
size_t offsets_memory_bytes(const struct offsets *o);

#endif
