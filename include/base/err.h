/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - what went wrong: a code for the program, a sentence for the person.
 *
 * A function that can fail returns 0 or a negative ERR_* and takes a struct err *
 * last, which may be NULL. On the way up each caller may put context in front, so
 * that the text reads from the outside in: "rule 'x': event_pattern: line 3: …".
 * Library code never logs; whoever decides what to do about an error logs it, once.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/util.h"

enum err_code {
	ERR_OK = 0,
	ERR_INVALID = -1, /* the input is wrong */
	ERR_LIMIT = -2,   /* the input is over a limit */
	ERR_FULL = -3,    /* no room now; try later */
	ERR_NOT_FOUND = -4,
	ERR_IO = -5,     /* the outside world failed */
	ERR_DENIED = -6, /* credentials or permissions */
	ERR_STATE = -7,  /* not possible now */
};

#define ERR_TEXT_BYTES 1024

struct err {
	int code;
	char text[ERR_TEXT_BYTES];
};

/* Both cut the text at ERR_TEXT_BYTES - 1 and return the code, for "return err_set(…)". */
int err_set(struct err *e, int code, const char *fmt, ...) ATTR_PRINTF(3, 4);
/* Put "context: " in front of the text. Returns e->code, or ERR_INVALID when @e is NULL. */
int err_wrap(struct err *e, const char *fmt, ...) ATTR_PRINTF(2, 3);

#endif
