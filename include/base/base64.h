/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base64.h - base 64 with the standard alphabet (RFC 4648, 4).
 *
 * Encoding pads. Decoding takes padded and unpadded text, and nothing else: no white space, no
 * stray bits behind the end.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"
#include "base/err.h"

void base64_encode(struct buf *out, struct slice bytes);
/* ERR_INVALID leaves @out longer by what could be read. */
int base64_decode(struct buf *out, struct slice text) ATTR_MUST_CHECK;

#endif
