/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header.h - header lines of HTTP requests: the one place where they are made.
 *
 * Lines stand one behind the other in a buffer, "Name: value" with a NUL behind each, and are
 * counted. A line is added at once, or begun with its name, written and ended. One that could
 * break out is taken out again, whoever gave the value (an event, a dead letter, a file, a
 * broker): a name that is no token (RFC 9110, 5.6.2); a value with CR, LF, NUL or another control
 * character but the tab. Nor does a request have more than HEADER_MAX_LINES lines or
 * HEADER_MAX_BYTES of them, which no server would take.
 *
 * io/http looks at every line once more before libcurl gets it: header_is_line().
 *
 * Here is also the list of names that only the transport may use.
 *
 * Pure.
 */
#ifndef CORE_HEADER_HEADER_H
#define CORE_HEADER_HEADER_H

#include "base/buf.h"
#include "base/err.h"

#define HEADER_MAX_LINES 200
#define HEADER_MAX_BYTES ((size_t)64 << 10) /* of all lines */

/* Where lines are added; both borrowed. */
struct header_writer {
	struct buf *lines;
	size_t *count;
	size_t at, name_len; /* of the line that was begun; private */
};

/* Begin a line; the value is written to w->lines by the caller. */
void header_begin(struct header_writer *w, struct slice name);
/* ERR_INVALID: it would break out. ERR_LIMIT: it is too much. The line is taken out again; the
 * error names the header, and never shows a value. */
int header_end(struct header_writer *w, struct err *err) ATTR_MUST_CHECK;
/* All three. What is over the limit does not make the buffer fail. */
int header_add(struct header_writer *w, struct slice name, struct slice value,
	struct err *err) ATTR_MUST_CHECK;

bool header_is_name(struct slice name);
bool header_is_value(struct slice value);
/* Name, colon, and a value that may be empty. */
bool header_is_line(struct slice line);

/* Does the name belong to the transport? It says where a message ends, to whom it goes or what
 * becomes of the connection, so nobody configures it: not as a parameter, not as the name of an
 * API key, of the idempotency key or of anything else. */
bool header_is_transport(const char *name);
/* Is it one that every delivery gets from Postrider: of the body, of the program, of the trace? A
 * key or an id in its place would stand beside it. */
bool header_is_ours(const char *name);

#endif
