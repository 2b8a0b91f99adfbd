/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.h - the innermost loops of the JSON index: where does a run end?
 *
 * Each loop exists twice: portable, eight bytes at a time in a register, and with
 * SSE2, which every x86-64 has, sixteen. Both give the same answers; a test compares
 * them. Compile with JX_PORTABLE to have the portable ones everywhere.
 *
 * Nothing is read at or behind @end. Pure.
 */
#ifndef CORE_JSON_SCAN_H
#define CORE_JSON_SCAN_H

#include "base/util.h"

#if defined(__SSE2__) && !defined(JX_PORTABLE)
#define JX_HAVE_SSE2 1
#include <emmintrin.h>
#endif

#define JX_INLINE static inline __attribute__((always_inline))

#define JX_ONES  0x0101010101010101ULL
#define JX_HIGHS 0x8080808080808080ULL

/* Bytes that may stand for themselves in a string: ASCII from the space on, without
 * the quote and the backslash. */
JX_INLINE bool jx_is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

JX_INLINE uint64_t jx_load64(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

JX_INLINE uint64_t jx_load32(const char *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

/* Whether @len bytes are the same; for texts as short as keys, without a call. */
JX_INLINE bool jx_same(const char *a, const char *b, size_t len)
{
	if (len > 16)
		return memcmp(a, b, len) == 0;
	if (len >= 8)
		return ((jx_load64(a) ^ jx_load64(b)) |
			       (jx_load64(a + len - 8) ^ jx_load64(b + len - 8))) == 0;
	if (len >= 4)
		return ((jx_load32(a) ^ jx_load32(b)) |
			       (jx_load32(a + len - 4) ^ jx_load32(b + len - 4))) == 0;
	for (size_t i = 0; i < len; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

/* Both halves of a product of 64 bits, folded. */
JX_INLINE uint64_t jx_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A fast hash of short texts (the multiply-and-fold of wyhash). Whoever keys a table by
 * it must bear collisions made on purpose. */
JX_INLINE uint64_t jx_hash(const char *p, size_t len)
{
	uint64_t a = 0, b = 0, h = 0x9e3779b97f4a7c15ULL ^ len;

	for (; len > 16; p += 16, len -= 16)
		h = jx_fold(h ^ jx_load64(p), 0xd6e8feb86659fd93ULL ^ jx_load64(p + 8));
	if (len >= 8) {
		a = jx_load64(p);
		b = jx_load64(p + len - 8);
	} else if (len >= 4) {
		a = jx_load32(p);
		b = jx_load32(p + len - 4);
	} else if (len > 0) {
		a = (uint64_t)(unsigned char)p[0] << 16 |
		    (uint64_t)(unsigned char)p[len / 2] << 8 | (unsigned char)p[len - 1];
	}
	return jx_fold(h ^ a, 0xa0761d6478bd642fULL ^ b);
}

/* The high bit of each byte of @word that equals @c, up to the first one that does;
 * bytes behind it may have theirs set wrongly. */
JX_INLINE uint64_t jx_zero_bytes(uint64_t word)
{
	return (word - JX_ONES) & ~word & JX_HIGHS;
}

JX_INLINE const char *jx_skip_plain_portable(const char *p, const char *end)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	while (end - p >= 8) {
		uint64_t w = jx_load64(p);
		uint64_t stop = jx_zero_bytes(w ^ (JX_ONES * '"')) |
				jx_zero_bytes(w ^ (JX_ONES * '\\')) |
				((w - JX_ONES * 0x20) & ~w & JX_HIGHS) | (w & JX_HIGHS);

		if (stop != 0)
			return p + __builtin_ctzll(stop) / 8;
		p += 8;
	}
#endif
	while (p < end && jx_is_plain((unsigned char)*p))
		p++;
	return p;
}

JX_INLINE const char *jx_skip_digits_portable(const char *p, const char *end)
{
	while (p < end && (unsigned char)(*p - '0') <= 9)
		p++;
	return p;
}

#ifdef JX_HAVE_SSE2
/* A bit for each of 16 bytes that is not plain. */
JX_INLINE unsigned jx_not_plain16(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	__m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
	/* Signed: control characters and everything from 0x80 on are below the space. */
	__m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(' '));

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), low));
}

JX_INLINE const char *jx_skip_plain_sse2(const char *p, const char *end)
{
	while (end - p >= 16) {
		unsigned stop = jx_not_plain16(p);

		if (stop != 0)
			return p + __builtin_ctz(stop);
		p += 16;
	}
	return jx_skip_plain_portable(p, end);
}

/* A run of digits is short but its length is hard to foretell: one comparison of 16
 * bytes is cheaper than one mispredicted branch. */
JX_INLINE const char *jx_skip_digits_sse2(const char *p, const char *end)
{
	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
		__m128i is = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
		unsigned stop = (unsigned)_mm_movemask_epi8(is) ^ 0xffffU;

		if (stop != 0)
			return p + __builtin_ctz(stop);
		p += 16;
	}
	return jx_skip_digits_portable(p, end);
}
#endif

/* The first byte from @p that is not plain (see above), or @end. */
JX_INLINE const char *jx_skip_plain(const char *p, const char *end)
{
#ifdef JX_HAVE_SSE2
	return jx_skip_plain_sse2(p, end);
#else
	return jx_skip_plain_portable(p, end);
#endif
}

/* The first byte from @p that is no digit, or @end. */
JX_INLINE const char *jx_skip_digits(const char *p, const char *end)
{
#ifdef JX_HAVE_SSE2
	return jx_skip_digits_sse2(p, end);
#else
	return jx_skip_digits_portable(p, end);
#endif
}

#endif
