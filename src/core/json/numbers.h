/* SPDX-License-Identifier: Apache-2.0 */
/*
 * numbers.h - arrays that hold nothing but numbers, and such arrays: coordinates, samples,
 * vectors. They are the bulk of the events they occur in, and hardly ever what a rule asks for,
 * so the index can have one token for all of it (jx_limits.fold_except). Used by the parser
 * alone (core/json/parser.c).
 *
 * How. The text is taken 64 bytes at a time. Each class of bytes (digits, points, commas ...)
 * is a word with a bit a byte, and the grammar is a handful of operations on these words: what
 * may stand behind what is a shift and an and; a second point in one number shows when the
 * digits behind the first are added to themselves, so that the carry comes out where their run
 * ends. Only brackets near the end are counted one by one.
 *
 * What is not of this kind (an exponent, a string, a line break, an empty array in the middle
 * of a line of blanks) is not refused but left to the parser, which knows what to say.
 *
 * Needs SSE2; elsewhere nothing is folded. Reads nothing at or behind @end. Pure.
 */
#ifndef CORE_JSON_NUMBERS_H
#define CORE_JSON_NUMBERS_H

#include "base/util.h"

/*
 * Behind the array that begins at @p, if there is nothing in it but arrays and numbers without
 * exponents, with at most one space behind each comma, at most @max_depth deep (itself
 * counted). *ret_values is then how many values are in it, itself not counted. Otherwise NULL:
 * it may be valid all the same. At most 64 bytes are read beyond the first that is of no such
 * array.
 */
const char *jx_numbers_end(
	const char *p, const char *end, unsigned max_depth, uint32_t *ret_values);

#endif
