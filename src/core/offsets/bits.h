/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bits.h - numbers as few bits, bits as text: what a completion map is made of.
 *
 * Six bits a character, highest first, in the alphabet of base64url (RFC 4648, section 5)
 * without padding; the last character is filled up with zeros.
 *
 *   plain   n bits of a number, 0 to 64 of them
 *   gamma   a number from 1 on: as many zeros as it has bits behind its highest one, then
 *           the number. 1, 010, 011, 00100 … (Elias 1975)
 *   golomb  a number from 0 on, of order m: gamma of (g >> m) + 1, then the low m bits of g
 *           (exponential Golomb, as in H.264)
 *   gaps    a rising sequence of n numbers from 0 on: 6 bits that name the code, then the
 *           number of integers left out before each. The code is 0 for bits (so many
 *           zeros, then a one) or the order of golomb (run lengths), whichever is shorter.
 *   runs    rising ranges of integers that do not touch, the first of which begins at a number
 *           that the reader knows: the code 63, gamma of the first one's length, and for each
 *           other one gamma of the number of integers between it and the one before, and gamma
 *           of its length. Golomb has no order 63.
 *
 * Why golomb's order is never 0 among gaps: with an order from 1 on, and with plain bits, two
 * gaps that become one (with the number between them) are never dearer than they were apart.
 * So a sequence never grows longer when a number is taken out of it, whatever
 * number that is, and the length of today is the worst case of tomorrow. For runs see run_bits()
 * in offsets.c.
 *
 * A reader that meets the end, or a number over 64 bits, fails for good; check once.
 */
#ifndef CORE_OFFSETS_BITS_H
#define CORE_OFFSETS_BITS_H

#include "base/buf.h"
#include "base/util.h"

struct offsets_bits {
	struct buf *text; /* borrowed */
	size_t count;     /* bits put */
	unsigned rest, nr_rest;
};

/* How the gaps of a sequence are written. */
struct offsets_code {
	unsigned order; /* of golomb; 0: plain bits; or OFFSETS_CODE_RUNS */
	uint64_t bits;  /* of all gaps, the code's name not counted */
};

/* Golomb of a given order, from 1 on. */
struct offsets_code offsets_code_of_order(
	unsigned order, int64_t below, const int64_t *numbers, size_t n);
/* The shortest golomb. */
struct offsets_code offsets_code_pick_order(int64_t below, const int64_t *numbers, size_t n);
/* @golomb or plain bits, whichever is shorter. */
struct offsets_code offsets_code_or_plain(
	struct offsets_code golomb, int64_t below, const int64_t *numbers, size_t n);

/* Append to @text from here on. Nothing is seen there before a character is full. */
void offsets_bits_init(struct offsets_bits *b, struct buf *text);
void offsets_bits_put(struct offsets_bits *b, uint64_t value, unsigned width);
void offsets_bits_put_gamma(struct offsets_bits *b, uint64_t value);
void offsets_bits_put_golomb(struct offsets_bits *b, uint64_t value, unsigned order);
/* @numbers rise, and the first is above @below, which may be -1. */
void offsets_bits_put_gaps(struct offsets_bits *b, struct offsets_code code, int64_t below,
	const int64_t *numbers, size_t n);
/* @n runs, at least one: run i is of the integers from @from[i] up to, and not with, @end[i]. */
void offsets_bits_put_runs(
	struct offsets_bits *b, const int64_t *from, const int64_t *end, size_t n);
/* Their bits, the code's name not counted. */
uint64_t offsets_bits_runs_width(const int64_t *from, const int64_t *end, size_t n);
/* Fill up the last character. Nothing may be put after it. */
void offsets_bits_end(struct offsets_bits *b);

#define OFFSETS_BITS_CODE_WIDTH 6
#define OFFSETS_CODE_RUNS       63

struct offsets_bits_reader {
	struct slice text; /* borrowed */
	size_t at;         /* in bits */
	bool failed;
};

/* After a failure each of them gives 0 (gamma: 1). */
uint64_t offsets_bits_get(struct offsets_bits_reader *r, unsigned width);
uint64_t offsets_bits_get_gamma(struct offsets_bits_reader *r);
uint64_t offsets_bits_get_golomb(struct offsets_bits_reader *r, unsigned order);
/* The code that stands next; the reader stays in front of it. */
unsigned offsets_bits_peek_code(const struct offsets_bits_reader *r);
/* Fails also when a number reaches @end. @ret has room for @n. */
void offsets_bits_get_gaps(
	struct offsets_bits_reader *r, int64_t below, int64_t end, int64_t *ret, size_t n);
/* The first of @n runs begins at @first; fails also when one goes beyond @end. Both arrays have
 * room for @n. */
void offsets_bits_get_runs(struct offsets_bits_reader *r, int64_t first, int64_t end,
	int64_t *ret_from, int64_t *ret_end, size_t n);
/* Bits that are left; up to 5 of them are filling. */
size_t offsets_bits_left(const struct offsets_bits_reader *r);

/* How many bits a number has: 0 for 0. */
static inline unsigned offsets_bits_width(uint64_t value)
{
	return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

static inline unsigned offsets_bits_gamma_width(uint64_t value)
{
	return 2 * offsets_bits_width(value) - 1;
}

static inline unsigned offsets_bits_golomb_width(uint64_t value, unsigned order)
{
	return offsets_bits_gamma_width((value >> order) + 1) + order;
}

#endif
