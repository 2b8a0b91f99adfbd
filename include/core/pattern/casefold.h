/* SPDX-License-Identifier: Apache-2.0 */
/*
 * casefold.h - equality without regard to case, as the original understands it.
 *
 * Each character of an *operand* stands for itself, its upper-case and its lower-case
 * form, in the root locale and in full: the sharp s also stands for SS. That is no
 * equivalence: an operand of capital sigma doesn't match a final sigma, nor i a capital
 * I with a dot. casemap_canonical() gives texts that match one another one form, and
 * others too, so it may find candidates and no more. Pure.
 */
#ifndef CORE_PATTERN_CASEFOLD_H
#define CORE_PATTERN_CASEFOLD_H

#include "base/buf.h"

/* Characters first, first + step … last, whose other forms are that far away. */
struct casemap_run {
	uint32_t first, last, step;
	int32_t to_upper, to_lower;
};

/* A character with a form of several characters, in UTF-8. */
struct casemap_special {
	uint32_t code;
	const char *upper, *lower;
};

extern const struct casemap_run casemap_runs[];
extern const size_t casemap_run_count;
extern const struct casemap_special casemap_specials[];
extern const size_t casemap_special_count;

/* Whether @text is, begins with, ends with @operand; both are valid UTF-8. */
bool casemap_equals(struct slice operand, struct slice text);
bool casemap_begins(struct slice operand, struct slice text);
bool casemap_ends(struct slice operand, struct slice text);

/* Append the common form of @text. */
void casemap_canonical(struct slice text, struct buf *out);

#endif
