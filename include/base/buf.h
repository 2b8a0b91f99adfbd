/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - growable bytes with a maximum given at birth.
 *
 * Failure is sticky: what does not fit is not added, buf_failed() is true from then
 * on, and a writer checks once at the end. There is always a NUL behind the bytes
 * (data is never NULL after the first add, or use buf_str()). A reset keeps the
 * memory, so that a warm buffer allocates nothing.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/util.h"

struct buf {
	char *data;
	size_t len, cap, max_bytes;
	bool failed;
};

#define BUF_UNLIMITED ((size_t)1 << 40)

void buf_init(struct buf *b, size_t max_bytes);
void buf_release(struct buf *b);
/* Empty again, not failed, memory kept. */
void buf_reset(struct buf *b);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_str(struct buf *b, const char *s);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_char(struct buf *b, char c);
void buf_add_int(struct buf *b, int64_t value);
void buf_addf(struct buf *b, const char *fmt, ...) ATTR_PRINTF(2, 3);
/* The text as a JSON string, quotes included. What utf8_is_control() is escaped; invalid UTF-8
 * becomes U+FFFD. */
void buf_add_json_string(struct buf *b, struct slice s);
/* The text for people: blanks instead of what utf8_is_control(); invalid UTF-8 becomes U+FFFD. */
void buf_add_printable(struct buf *b, struct slice s);
/* Cut back to @len, which is at most b->len. Does not heal a failure. */
void buf_truncate(struct buf *b, size_t len);
/* Room for @len more bytes behind the end, for a caller that writes there itself and
 * then adds to b->len; NULL (and failed) over the maximum. */
char *buf_reserve(struct buf *b, size_t len);

static inline bool buf_failed(const struct buf *b)
{
	return b->failed;
}

static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){b->data, b->len};
}

static inline const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

#endif
