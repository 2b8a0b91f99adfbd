/* SPDX-License-Identifier: Apache-2.0 */
#include "bits.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void offsets_bits_init(struct offsets_bits *b, struct buf *text)
{
	*b = (struct offsets_bits){.text = text};
}

void offsets_bits_put(struct offsets_bits *b, uint64_t value, unsigned width)
{
	b->count += width;
	while (width > 0) {
		unsigned room = 6 - b->nr_rest;
		unsigned take = width < room ? width : room;

		width -= take;
		b->rest = b->rest << take | (unsigned)(value >> width & ((1u << take) - 1));
		b->nr_rest += take;
		if (b->nr_rest == 6) {
			buf_add_char(b->text, alphabet[b->rest]);
			b->rest = b->nr_rest = 0;
		}
	}
}

void offsets_bits_put_gamma(struct offsets_bits *b, uint64_t value)
{
	unsigned width = offsets_bits_width(value);

	offsets_bits_put(b, 0, width - 1);
	offsets_bits_put(b, value, width);
}

void offsets_bits_put_golomb(struct offsets_bits *b, uint64_t value, unsigned order)
{
	offsets_bits_put_gamma(b, (value >> order) + 1);
	offsets_bits_put(b, value, order);
}

struct offsets_code offsets_code_of_order(
	unsigned order, int64_t below, const int64_t *numbers, size_t n)
{
	struct offsets_code code = {.order = order};

	for (size_t i = 0; i < n; i++) {
		uint64_t gap = (uint64_t)numbers[i] - (uint64_t)below - 1;

		code.bits += offsets_bits_golomb_width(gap, order);
		below = numbers[i];
	}
	return code;
}

/* As a row of zeros and ones. */
static uint64_t plain_bits(int64_t below, const int64_t *numbers, size_t n)
{
	return n > 0 ? (uint64_t)numbers[n - 1] - (uint64_t)below : 0;
}

/*
 * The order is below 63, which names runs: with 62 any gap costs at most one bit more. An order
 * above log2(2 * mean gap) never pays: of n gaps, fewer than half reach twice the
 * mean, and going one order up saves at most one bit on each of those and costs one on
 * each other. Up to 3 is tried always, which offsets_map_bound() counts on.
 */
struct offsets_code offsets_code_pick_order(int64_t below, const int64_t *numbers, size_t n)
{
	struct offsets_code best = offsets_code_of_order(1, below, numbers, n);
	uint64_t mean = n > 0 ? plain_bits(below, numbers, n) / n : 0;
	unsigned last = offsets_bits_width(mean) + 1;

	for (unsigned order = 2; (order <= 3 || order <= last) && order < OFFSETS_CODE_RUNS;
		order++) {
		struct offsets_code code = offsets_code_of_order(order, below, numbers, n);

		if (code.bits < best.bits)
			best = code;
	}
	return best;
}

struct offsets_code offsets_code_or_plain(
	struct offsets_code golomb, int64_t below, const int64_t *numbers, size_t n)
{
	struct offsets_code plain = {0, plain_bits(below, numbers, n)};

	return golomb.bits < plain.bits ? golomb : plain;
}

static void put_zeros(struct offsets_bits *b, uint64_t n)
{
	for (; n > 64; n -= 64)
		offsets_bits_put(b, 0, 64);
	offsets_bits_put(b, 0, (unsigned)n);
}

void offsets_bits_put_gaps(struct offsets_bits *b, struct offsets_code code, int64_t below,
	const int64_t *numbers, size_t n)
{
	offsets_bits_put(b, code.order, OFFSETS_BITS_CODE_WIDTH);
	for (size_t i = 0; i < n; i++) {
		uint64_t gap = (uint64_t)numbers[i] - (uint64_t)below - 1;

		if (code.order == 0) {
			put_zeros(b, gap);
			offsets_bits_put(b, 1, 1);
		} else {
			offsets_bits_put_golomb(b, gap, code.order);
		}
		below = numbers[i];
	}
}

void offsets_bits_put_runs(
	struct offsets_bits *b, const int64_t *from, const int64_t *end, size_t n)
{
	offsets_bits_put(b, OFFSETS_CODE_RUNS, OFFSETS_BITS_CODE_WIDTH);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			offsets_bits_put_gamma(b, (uint64_t)(from[i] - end[i - 1]));
		offsets_bits_put_gamma(b, (uint64_t)(end[i] - from[i]));
	}
}

uint64_t offsets_bits_runs_width(const int64_t *from, const int64_t *end, size_t n)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			bits += offsets_bits_gamma_width((uint64_t)(from[i] - end[i - 1]));
		bits += offsets_bits_gamma_width((uint64_t)(end[i] - from[i]));
	}
	return bits;
}

void offsets_bits_end(struct offsets_bits *b)
{
	if (b->nr_rest > 0)
		offsets_bits_put(b, 0, 6 - b->nr_rest);
}

size_t offsets_bits_left(const struct offsets_bits_reader *r)
{
	return r->text.len * 6 - r->at;
}

/* -1 for a character that is not of the alphabet. */
static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

uint64_t offsets_bits_get(struct offsets_bits_reader *r, unsigned width)
{
	uint64_t value = 0;

	if (width > 64 || offsets_bits_left(r) < width)
		r->failed = true;
	while (width > 0 && !r->failed) {
		int six = sextet(r->text.data[r->at / 6]);
		unsigned room = 6 - (unsigned)(r->at % 6);
		unsigned take = width < room ? width : room;

		if (six < 0) {
			r->failed = true;
			break;
		}
		value = value << take | ((unsigned)six >> (room - take) & ((1u << take) - 1));
		r->at += take;
		width -= take;
	}
	return r->failed ? 0 : value;
}

static uint64_t get_zeros(struct offsets_bits_reader *r, uint64_t most)
{
	uint64_t zeros = 0;

	while (!r->failed && offsets_bits_get(r, 1) == 0) {
		if (++zeros > most)
			r->failed = true;
	}
	return zeros;
}

uint64_t offsets_bits_get_gamma(struct offsets_bits_reader *r)
{
	unsigned zeros = (unsigned)get_zeros(r, 63);
	uint64_t low = offsets_bits_get(r, zeros);

	return r->failed ? 1 : (uint64_t)1 << zeros | low;
}

uint64_t offsets_bits_get_golomb(struct offsets_bits_reader *r, unsigned order)
{
	uint64_t high = offsets_bits_get_gamma(r) - 1;
	uint64_t low = offsets_bits_get(r, order);

	if (high > UINT64_MAX >> order)
		r->failed = true;
	return r->failed ? 0 : high << order | low;
}

unsigned offsets_bits_peek_code(const struct offsets_bits_reader *r)
{
	struct offsets_bits_reader ahead = *r;

	return (unsigned)offsets_bits_get(&ahead, OFFSETS_BITS_CODE_WIDTH);
}

void offsets_bits_get_gaps(
	struct offsets_bits_reader *r, int64_t below, int64_t end, int64_t *ret, size_t n)
{
	unsigned code = (unsigned)offsets_bits_get(r, OFFSETS_BITS_CODE_WIDTH);

	for (size_t i = 0; i < n; i++) {
		/* Numbers from below + 1 to end - 1 may still come. */
		uint64_t room = (uint64_t)end - (uint64_t)below - 1;
		uint64_t gap =
			code == 0 ? get_zeros(r, room) : offsets_bits_get_golomb(r, code);

		if (r->failed || gap >= room) {
			r->failed = true;
			return;
		}
		below = ret[i] = below + 1 + (int64_t)gap;
	}
}

void offsets_bits_get_runs(struct offsets_bits_reader *r, int64_t first, int64_t end,
	int64_t *ret_from, int64_t *ret_end, size_t n)
{
	if (offsets_bits_get(r, OFFSETS_BITS_CODE_WIDTH) != OFFSETS_CODE_RUNS)
		r->failed = true;
	for (size_t i = 0; i < n && !r->failed; i++) {
		uint64_t gap = i > 0 ? offsets_bits_get_gamma(r) : 0;
		uint64_t length = offsets_bits_get_gamma(r), room = (uint64_t)(end - first);

		if (gap > room || length > room - gap) {
			r->failed = true;
			return;
		}
		ret_from[i] = first + (int64_t)gap;
		first = ret_end[i] = ret_from[i] + (int64_t)length;
	}
}
