/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.h - one character at a time, strictly (RFC 3629): no overlong forms, no
 * surrogates, nothing above U+10FFFF. Pure.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/util.h"

#define UTF8_MAX_BYTES 4

/* The length of the character at @p, which is before @end, and its code point; 0 when
 * there is none (then *ret_code is untouched). */
unsigned utf8_decode(const char *p, const char *end, uint32_t *ret_code);

/*
 * Is @code one that a terminal, a log's reader or an editor may obey instead of showing it? All
 * control characters are (C0, DEL, C1), the separators of lines and paragraphs, and what turns the
 * direction of text.
 */
bool utf8_is_control(uint32_t code);

/* Write @code, a Unicode scalar value; returns its length. */
unsigned utf8_encode(uint32_t code, char out[UTF8_MAX_BYTES]);

#endif
