/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map.h - the completion map: what is done above a committed offset, as text for
 * the commit's metadata.
 *
 * The text is
 *
 *   pr1:POSITION:BITS:CHECK
 *
 * the version, the committed offset in decimal, the bits below, and 64 bits of checksum over
 * all that stands before. bits.h has the notation. The bits are
 *
 *   horizon   gamma of horizon - position + 1. Of what lies from the position up to the
 *             horizon, everything is done, or never existed, but the records that follow
 *   records   gamma of their number; the first is the one at the position, the others come as
 *             gaps. Where records are left open in great numbers (a redrive that chooses by a
 *             rule may leave a million), they are runs of records instead, a run counts as
 *             one, and nothing is told of their targets
 *   done      of records that have several targets, those that are done. gamma of the
 *             number of targets that occur here, + 1; when there is one: each as 32 bits,
 *             rising; gamma of the number of records; their numbers among the above as gaps;
 *             and for each record 0, gamma of n and n indices of targets, or 1 and a bit a
 *             target, whichever is shorter
 *   retries   as far as there is room, by rising record: 1; golomb 1 of how many records
 *             further on; the index of the target among those met here so far, in as few
 *             bits as tell these and "a new one" apart, and 32 bits behind the latter; golomb 2
 *             of the attempts; golomb 6 of the first attempt's time in seconds less that of
 *             the retry before, as a zigzag (0, -1, 1, -2 … as 0, 1, 2, 3 …). Then 0.
 *
 * An example. The position is 1000, 1005 was the last record read, 1000 and 1003 are open, and
 * nothing is known of retries:
 *
 *   horizon - position + 1 = 7     00111
 *   2 open records                 010
 *   gaps as plain bits             000000, and up to 1003: 001
 *   no done targets (0 + 1)        1
 *   no retry                       0
 *
 * which is, six bits a character, 001110 100000 000011 0 and five zeros: pr1:1000:OgDA:CHECK. See
 * also THE COMPLETION MAP in postrider-guarantees(7).
 *
 * The text "rd1:…" of former redrives is read as well, and never written (map_read.c).
 *
 * When nothing is done above the position and nothing is known of retries, the text is empty,
 * as it is after a reset by Kafka's own tools.
 *
 * A map is never longer than it may be. Room is given to the open records first, then to done
 * targets, then to retries, and what has none is left out at the new end: the horizon
 * comes down, or the newest records' targets are not told. What remains is true, and what
 * is left out is done again. offsets.h keeps all but retries from ever being left out.
 *
 * Pure. Memory is allocated in proportion to the text or to the map.
 */
#ifndef CORE_OFFSETS_MAP_H
#define CORE_OFFSETS_MAP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"

/* A target's identity in the map: hash of rule name and target id;
 * util_hash() cut to 32 bits. */
typedef uint32_t offsets_target;

/* Below this there is no map: the smallest that is sure to be of use. */
#define OFFSETS_MAP_LEAST_BYTES 256
/* A longer text is refused unread. */
#define OFFSETS_MAP_MOST_BYTES 65536

struct offsets_map_done {
	size_t record; /* index into open[] */
	offsets_target target;
};

struct offsets_map_retry {
	size_t record; /* index into open[] */
	offsets_target target;
	unsigned attempts;
	int64_t first_attempt_ms; /* wall time; whole seconds survive; 0: unknown */
};

/* open[] rises; its first is the position, and all are below the horizon. Empty: horizon and
 * position are equal. The other two are sorted by record. */
struct offsets_map {
	int64_t position, horizon;
	int64_t *open;
	/* open[i] up to, and not with, ends[i] are open. NULL: each is one record. */
	int64_t *ends;
	size_t nr_open;
	struct offsets_map_done *done;
	size_t nr_done;
	struct offsets_map_retry *retries;
	size_t nr_retries;
};

void offsets_map_release(struct offsets_map *m);
/* The array with room for one more behind @count, which has only grown like this: it doubles
 * at the powers of two. */
void *offsets_map_grow(void *array, size_t count, size_t size);

/* Append at most @max_bytes to @out. @place as for offsets_settings. Returns the order of
 * golomb that suits the gaps best. */
unsigned offsets_map_encode(
	const struct offsets_map *m, size_t max_bytes, uint64_t place, struct buf *out);

/* ERR_INVALID says in @err what is wrong with @text, and leaves @ret untouched. Release @ret
 * otherwise. */
int offsets_map_decode(struct slice text, uint64_t place, struct offsets_map *ret,
	struct err *err) ATTR_MUST_CHECK;

/* Append the checksum of @text. offsets_map_encode() has done so; for tests and fuzzing. */
void offsets_map_seal(struct buf *text, uint64_t place);

/* What an upper bound of a map's length depends on. */
struct offsets_map_load {
	uint64_t span;     /* horizon - position */
	uint64_t records;  /* open ones */
	uint64_t gap_bits; /* their gaps, as plain bits or golomb of any order from 1 on */
	uint64_t shared;   /* records with several targets */
	uint64_t targets;  /* the targets of these, less one each */
	uint64_t distinct; /* how many different ones */
};

/*
 * Bits that the map needs without its retries, whatever is settled, in whatever order: the
 * gaps never get longer (bits.h), span and numbers never grow, and of the
 * targets any but one a record may be done.
 */
uint64_t offsets_map_bound(const struct offsets_map_load *l);
/* Bits that a map of @max_bytes has room for. */
uint64_t offsets_map_room(size_t max_bytes);

#endif
