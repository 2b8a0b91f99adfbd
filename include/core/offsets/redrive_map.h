/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redrive_map.h - which letters of one partition of a dead-letter topic have been sent again.
 *
 * A redrive chooses letters by filters and leaves the others. What is left must be found by a
 * later one, and what is done must never be sent again, also when both stand mixed. So
 * the position, which is the group's committed offset, is the first letter that is not done,
 * and what is done above it is a set of offsets, kept as spans, in the commit metadata:
 *
 *   rd1:POSITION:BITS:CHECK
 *
 * BITS (bits.h): gamma of the number of spans + 1, and of each span gamma of the
 * distance from the end of the one before (at first from the position) and gamma of its
 * length. CHECK as in map.h. Nothing done above the position: an empty text. It is the
 * opposite of a lane's completion map, which tells what is open: in a lane little is open,
 * while a redrive by rule may leave a million letters behind.
 *
 * From three quarters of the limit on the set calls itself crowded: then nothing more is to be
 * taken up from the partition, and the operator is told to redrive what lies before. By the
 * broker's default of 4,096 bytes that is after some 16,000 letters that are chosen by the
 * toss of a coin, or 900 that stand a thousand apart, and never for any number in a row. Who
 * goes on nevertheless loses the newest spans from the text, never the oldest, and these
 * letters would be sent again after a crash, with the same idempotency keys.
 *
 * Offsets without a letter (holes, retention) are passed over by marking them as done.
 *
 * Pure; one loop.
 */
#ifndef CORE_OFFSETS_REDRIVE_MAP_H
#define CORE_OFFSETS_REDRIVE_MAP_H

#include "base/buf.h"
#include "base/err.h"

/* Offsets from `from` up to, and not with, `to`. */
struct redriven_span {
	int64_t from, to;
};

struct redriven {
	int64_t position;
	struct redriven_span *spans; /* rising, apart from each other and from the position */
	size_t count, cap;
	size_t max_bytes;
	uint64_t place; /* as of struct offsets_settings */
	uint64_t bits;  /* of all spans in the text */
	bool changed;
};

/* Nothing is done from @position on. */
void redriven_init(struct redriven *r, int64_t position, uint64_t place, size_t max_bytes);
void redriven_release(struct redriven *r);
/*
 * Take over what was committed with the position, before anything is marked. ERR_INVALID for a
 * text that is foreign, damaged or of another position changes nothing: what was done above the
 * position is then not known.
 */
int redriven_restore(
	struct redriven *r, struct slice metadata, struct err *err) ATTR_MUST_CHECK;

bool redriven_has(const struct redriven *r, int64_t offset);
/* [@from, @to) is done; parts of it may be already. */
void redriven_mark(struct redriven *r, int64_t from, int64_t to);
/* With @open more letters on their way, each of which may become a span: is the text near its
 * limit? */
bool redriven_is_crowded(const struct redriven *r, size_t open);

/* Has anything changed since the last redriven_encode()? */
bool redriven_changed(const struct redriven *r);
/* The commit that the last redriven_encode() was for has failed. */
void redriven_mark_changed(struct redriven *r);
/* Append the text that belongs to the position: at most max_bytes. */
void redriven_encode(struct redriven *r, struct buf *out);

#endif
