/* SPDX-License-Identifier: Apache-2.0 */
#include "numbers.h"

#include "core/json/scan.h"

#ifdef JX_HAVE_SSE2
#include <immintrin.h>

#define BLOCK_BYTES 64

/* A bit for each byte of a block. */
struct classes {
	uint64_t digits, zeros, minuses, points, commas, spaces, opens, closes;
};

/* What the block before leaves to the next: of its last byte, in bit 0, but for depth. */
struct carry {
	uint64_t digit, zero, sign_or_point, point, comma, space, open, close;
	uint64_t fraction; /* it is a digit behind a point */
	unsigned depth;
	uint32_t values;
};

/* Of a block, by one instruction set after the other. */
JX_INLINE uint64_t are_sse2(const char *p, char c, bool digits)
{
	uint64_t bits = 0;

	for (int i = 0; i < 4; i++) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
		__m128i d = _mm_sub_epi8(v, _mm_set1_epi8('0'));
		__m128i is = digits ? _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d)
				    : _mm_cmpeq_epi8(v, _mm_set1_epi8(c));

		bits |= (uint64_t)(unsigned)_mm_movemask_epi8(is) << 16 * i;
	}
	return bits;
}

__attribute__((target("avx2"))) static inline uint64_t are_avx2(
	const char *p, char c, bool digits)
{
	uint64_t bits = 0;

	for (int i = 0; i < 2; i++) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32 * i));
		__m256i d = _mm256_sub_epi8(v, _mm256_set1_epi8('0'));
		__m256i is =
			digits ? _mm256_cmpeq_epi8(_mm256_min_epu8(d, _mm256_set1_epi8(9)), d)
			       : _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c));

		bits |= (uint64_t)(unsigned)_mm256_movemask_epi8(is) << 32 * i;
	}
	return bits;
}

__attribute__((target("avx512bw"))) static inline uint64_t are_avx512(
	const char *p, char c, bool digits)
{
	__m512i v = _mm512_loadu_si512(p);

	if (!digits)
		return _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(c));
	return _mm512_cmplt_epu8_mask(
		_mm512_sub_epi8(v, _mm512_set1_epi8('0')), _mm512_set1_epi8(10));
}

#define CLASSIFY(are, p)                                                                       \
	((struct classes){                                                                     \
		.digits = are(p, 0, true),                                                     \
		.zeros = are(p, '0', false),                                                   \
		.minuses = are(p, '-', false),                                                 \
		.points = are(p, '.', false),                                                  \
		.commas = are(p, ',', false),                                                  \
		.spaces = are(p, ' ', false),                                                  \
		.opens = are(p, '[', false),                                                   \
		.closes = are(p, ']', false),                                                  \
	})

/* The bytes behind those of @bits; @last is whether the block before ended in one. Leaves there
 * whether this one does. */
JX_INLINE uint64_t behind(uint64_t bits, uint64_t *last)
{
	uint64_t shifted = bits << 1 | *last;

	*last = bits >> 63;
	return shifted;
}

/* The bytes that end a run of digits behind a point. */
JX_INLINE uint64_t fraction_ends(uint64_t digits, uint64_t first, uint64_t *fraction)
{
	uint64_t sum;

	*fraction = __builtin_add_overflow(digits, first | *fraction, &sum);
	return sum & ~digits;
}

/* The bytes that can't stand where they do. Those that begin a number or an array are added to
 * *ret_begins. */
JX_INLINE uint64_t misplaced(const struct classes *k, struct carry *c, uint64_t *ret_begins)
{
	uint64_t digit = behind(k->digits, &c->digit);
	uint64_t sign_or_point = behind(k->minuses | k->points, &c->sign_or_point);
	uint64_t point = behind(k->points, &c->point);
	uint64_t comma = behind(k->commas, &c->comma);
	uint64_t space = behind(k->spaces, &c->space);
	uint64_t open = behind(k->opens, &c->open);
	uint64_t close = behind(k->closes, &c->close);
	uint64_t begins = comma | space | open, number = k->digits | k->minuses;
	uint64_t first = k->digits & ~digit & ~point;
	uint64_t known = number | k->points | k->commas | k->spaces | k->opens | k->closes;
	uint64_t wrong = ~known;

	wrong |= sign_or_point & ~k->digits;
	wrong |= k->points & ~digit;
	wrong |= k->points & fraction_ends(k->digits, point & k->digits, &c->fraction);
	wrong |= behind(first & k->zeros, &c->zero) & k->digits;
	wrong |= (k->minuses | k->opens) & ~begins;
	wrong |= k->digits & close;
	wrong |= k->commas & ~(digit | close);
	wrong |= k->spaces & ~comma;
	wrong |= k->closes & ~(digit | close | open);
	*ret_begins = (number & begins) | k->opens;
	return wrong;
}

/* The block's bytes up to the bracket that brings the depth to 0, or all. */
JX_INLINE uint64_t until_closed(const struct classes *k, unsigned *depth, bool *ret_closed)
{
	unsigned opens = (unsigned)__builtin_popcountll(k->opens);
	unsigned closes = (unsigned)__builtin_popcountll(k->closes);

	*ret_closed = false;
	if (*depth > closes) {
		*depth += opens - closes;
		return ~UINT64_C(0);
	}
	for (uint64_t left = k->opens | k->closes; left != 0; left &= left - 1) {
		uint64_t bit = left & -left;

		*depth += k->opens & bit ? 1 : -1U;
		if (*depth == 0) {
			*ret_closed = true;
			return bit | (bit - 1);
		}
	}
	return ~UINT64_C(0);
}

/* One block, of @k. True once the array has been seen to its end or to be of another kind;
 * *ret_end is then behind it or NULL. */
JX_INLINE bool take_block(const struct classes *k, struct carry *c, unsigned max_depth,
	const char *p, const char **ret_end)
{
	uint64_t inside, wrong, begins;
	bool closed;

	*ret_end = NULL;
	if (c->depth + (unsigned)__builtin_popcountll(k->opens) > max_depth)
		return true;
	wrong = misplaced(k, c, &begins);
	inside = until_closed(k, &c->depth, &closed);
	c->values += (uint32_t)__builtin_popcountll(begins & inside);
	if (closed)
		*ret_end = p + __builtin_popcountll(inside);
	if ((wrong & inside) != 0)
		*ret_end = NULL;
	return closed || (wrong & inside) != 0;
}

/* The function for one instruction set. Its own bracket would be misplaced if there were not
 * one before it. */
#define NUMBERS_END(name, are, attributes)                                                     \
	attributes static const char *name(                                                    \
		const char *p, const char *end, unsigned max_depth, uint32_t *ret_values)      \
	{                                                                                      \
		struct carry c = {.open = 1};                                                  \
		const char *stop = NULL;                                                       \
		bool ended = false;                                                            \
                                                                                               \
		for (; !ended && end - p >= BLOCK_BYTES; p += BLOCK_BYTES) {                   \
			struct classes k = CLASSIFY(are, p);                                   \
                                                                                               \
			ended = take_block(&k, &c, max_depth, p, &stop);                       \
		}                                                                              \
		if (!ended) {                                                                  \
			char tail[BLOCK_BYTES] = {0};                                          \
			struct classes k;                                                      \
                                                                                               \
			memcpy(tail, p, (size_t)(end - p));                                    \
			k = CLASSIFY(are, tail);                                               \
			take_block(&k, &c, max_depth, p, &stop);                               \
		}                                                                              \
		*ret_values = c.values - 1;                                                    \
		return stop;                                                                   \
	}

NUMBERS_END(end_sse2, are_sse2, )
NUMBERS_END(end_avx2, are_avx2, __attribute__((target("avx2,bmi,popcnt"))))
NUMBERS_END(end_avx512, are_avx512, __attribute__((target("avx512bw,bmi,popcnt"))))

const char *jx_numbers_end(
	const char *p, const char *end, unsigned max_depth, uint32_t *ret_values)
{
	if (__builtin_cpu_supports("avx512bw"))
		return end_avx512(p, end, max_depth, ret_values);
	if (__builtin_cpu_supports("avx2"))
		return end_avx2(p, end, max_depth, ret_values);
	return end_sse2(p, end, max_depth, ret_values);
}

#else

const char *jx_numbers_end(
	const char *p, const char *end, unsigned max_depth, uint32_t *ret_values)
{
	(void)p;
	(void)end;
	(void)max_depth;
	(void)ret_values;
	return NULL;
}

#endif
