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
 *
 * Why golomb's order is never 0 among gaps: with an order from 1 on, and with plain bits, two
 * gaps that become one (with the number between them) are never dearer than they were apart.
 * So a sequence never grows longer when a number is taken out of it, whatever
 * number that is, and the length of today is the worst case of tomorrow.
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
	unsigned order; /* of golomb; 0: plain bits */
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
/* Fill up the last character. Nothing may be put after it. */
void offsets_bits_end(struct offsets_bits *b);

#define OFFSETS_BITS_CODE_WIDTH 6

struct offsets_bits_reader {
	struct slice text; /* borrowed */
	size_t at;         /* in bits */
	bool failed;
};

/* After a failure each of them gives 0 (gamma: 1). */
uint64_t offsets_bits_get(struct offsets_bits_reader *r, unsigned width);
uint64_t offsets_bits_get_gamma(struct offsets_bits_reader *r);
uint64_t offsets_bits_get_golomb(struct offsets_bits_reader *r, unsigned order);
/* Fails also when a number reaches @end. @ret has room for @n. */
void offsets_bits_get_gaps(
	struct offsets_bits_reader *r, int64_t below, int64_t end, int64_t *ret, size_t n);
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
