/* SPDX-License-Identifier: Apache-2.0 */
#include "core/offsets/map.h"

#include <stdlib.h>

#include "bits.h"

static const char prefix[] = "pr1:";

#define CHECK_CHARS    11 /* 64 bits */
#define POSITION_CHARS 19 /* of 2^63 - 1 */
#define FRAME_CHARS    (sizeof(prefix) - 1 + POSITION_CHARS + 1 + 1 + CHECK_CHARS)

void offsets_map_release(struct offsets_map *m)
{
	free(m->open);
	free(m->ends);
	free(m->done);
	free(m->retries);
	*m = (struct offsets_map){0};
}

void *offsets_map_grow(void *array, size_t count, size_t size)
{
	if (count != 0 && (count & (count - 1)) != 0)
		return array;
	return xreallocarray(array, count ? 2 * count : 1, size);
}

uint64_t offsets_map_room(size_t max_bytes)
{
	return max_bytes < OFFSETS_MAP_LEAST_BYTES ? 0 : (max_bytes - FRAME_CHARS) * 6;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Bits of an index into @n things. */
static unsigned index_width(uint64_t n)
{
	return offsets_bits_width(n - 1);
}

/*
 * The numbers of up to @shared among @records as gaps: plain bits cost one a record; golomb
 * of order 3 costs 4 + 2 * log2(gap / 8 + 1), rounded down, which is at most 4 + gap / 4,
 * and the gaps together are at most @records.
 */
static uint64_t numbers_bound(uint64_t shared, uint64_t records)
{
	uint64_t steps = 2 * shared * (offsets_bits_width(records / 8 + 1) - 1);

	return OFFSETS_BITS_CODE_WIDTH +
	       min_u64(records, 4 * shared + min_u64(records / 4, steps));
}

/* gamma of n is at most n + 1 bits, which sums up over the records. */
static uint64_t done_bound(const struct offsets_map_load *l)
{
	uint64_t distinct = min_u64(l->distinct, l->targets);
	uint64_t lists, masks;

	if (distinct == 0)
		return offsets_bits_gamma_width(1);
	lists = l->targets + l->shared + l->targets * index_width(distinct);
	masks = l->shared * distinct;
	return offsets_bits_gamma_width(distinct + 1) + 32 * distinct +
	       offsets_bits_gamma_width(l->shared) + numbers_bound(l->shared, l->records) +
	       l->shared + min_u64(lists, masks);
}

/* @gap_bits: of the records behind the first. */
static uint64_t open_bits(uint64_t span, uint64_t records, uint64_t gap_bits)
{
	return offsets_bits_gamma_width(span + 1) + offsets_bits_gamma_width(records) +
	       OFFSETS_BITS_CODE_WIDTH + gap_bits;
}

#define END_BITS 1 /* of the retries */

uint64_t offsets_map_bound(const struct offsets_map_load *l)
{
	if (l->records == 0)
		return 0;
	return open_bits(l->span, l->records, l->gap_bits) + done_bound(l) + END_BITS;
}

/* The done targets of the oldest records, in the form in which they are written. */
struct done_part {
	const struct offsets_map_done *done; /* borrowed from the map */
	size_t nr_done;
	offsets_target *targets; /* rising */
	size_t nr_targets;
	int64_t *records;
	size_t nr_records;
	struct offsets_code code; /* of the records' gaps */
};

static void done_part_release(struct done_part *p)
{
	free(p->targets);
	free(p->records);
	*p = (struct done_part){0};
}

/* Where @t stands among the targets, or would. */
static size_t target_find(const struct done_part *p, offsets_target t)
{
	size_t low = 0, high = p->nr_targets;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (p->targets[mid] < t)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void target_get_or_create(struct done_part *p, offsets_target t)
{
	size_t at = target_find(p, t);

	if (at < p->nr_targets && p->targets[at] == t)
		return;
	p->targets = offsets_map_grow(p->targets, p->nr_targets, sizeof(p->targets[0]));
	memmove(&p->targets[at + 1], &p->targets[at],
		(p->nr_targets - at) * sizeof(p->targets[0]));
	p->targets[at] = t;
	p->nr_targets++;
}

/* The first @nr_done of them. */
static void done_part_init(
	struct done_part *p, const struct offsets_map_done *done, size_t nr_done)
{
	*p = (struct done_part){.done = done, .nr_done = nr_done};
	p->records = xreallocarray(NULL, nr_done, sizeof(p->records[0]));
	for (size_t i = 0; i < nr_done; i++) {
		target_get_or_create(p, done[i].target);
		if (i == 0 || done[i].record != done[i - 1].record)
			p->records[p->nr_records++] = (int64_t)done[i].record;
	}
	p->code = offsets_code_or_plain(offsets_code_pick_order(-1, p->records, p->nr_records),
		-1, p->records, p->nr_records);
}

/* The index behind the last target of the record whose first is at @i. */
static size_t record_end(const struct done_part *p, size_t i)
{
	size_t end = i + 1;

	while (end < p->nr_done && p->done[end].record == p->done[i].record)
		end++;
	return end;
}

static uint64_t list_bits(const struct done_part *p, size_t n)
{
	return offsets_bits_gamma_width(n) + n * index_width(p->nr_targets);
}

static uint64_t done_part_bits(const struct done_part *p)
{
	uint64_t bits = offsets_bits_gamma_width(p->nr_targets + 1);

	if (p->nr_done == 0)
		return bits;
	bits += 32 * p->nr_targets + offsets_bits_gamma_width(p->nr_records) +
		OFFSETS_BITS_CODE_WIDTH + p->code.bits;
	for (size_t i = 0, end; i < p->nr_done; i = end) {
		end = record_end(p, i);
		bits += 1 + min_u64(list_bits(p, end - i), p->nr_targets);
	}
	return bits;
}

static void put_done_record(
	struct offsets_bits *b, const struct done_part *p, size_t i, size_t end)
{
	if (list_bits(p, end - i) <= p->nr_targets) {
		offsets_bits_put(b, 0, 1);
		offsets_bits_put_gamma(b, end - i);
		for (; i < end; i++)
			offsets_bits_put(b, target_find(p, p->done[i].target),
				index_width(p->nr_targets));
		return;
	}
	offsets_bits_put(b, 1, 1);
	for (size_t t = 0; t < p->nr_targets; t++) {
		bool is_done = false;

		for (size_t k = i; k < end; k++)
			is_done |= p->done[k].target == p->targets[t];
		offsets_bits_put(b, is_done, 1);
	}
}

static void put_done(struct offsets_bits *b, const struct done_part *p)
{
	offsets_bits_put_gamma(b, p->nr_targets + 1);
	if (p->nr_done == 0)
		return;
	for (size_t t = 0; t < p->nr_targets; t++)
		offsets_bits_put(b, p->targets[t], 32);
	offsets_bits_put_gamma(b, p->nr_records);
	offsets_bits_put_gaps(b, p->code, -1, p->records, p->nr_records);
	for (size_t i = 0, end; i < p->nr_done; i = end) {
		end = record_end(p, i);
		put_done_record(b, p, i, end);
	}
}

static int64_t seconds_of(int64_t ms)
{
	return ms > 0 ? ms / 1000 : 0;
}

static uint64_t zigzag(int64_t n)
{
	return n < 0 ? 2 * (uint64_t)-n - 1 : 2 * (uint64_t)n;
}

/* Targets in the order in which they were seen first. */
struct seen_targets {
	offsets_target *targets; /* room for as many as there are retries */
	size_t count;
};

/* The place of @t, which is count when it is new; then it takes that place. */
static size_t seen_get_or_create(struct seen_targets *seen, offsets_target t)
{
	size_t i = 0;

	while (i < seen->count && seen->targets[i] != t)
		i++;
	if (i == seen->count)
		seen->targets[seen->count++] = t;
	return i;
}

static void put_retry(struct offsets_bits *b, struct seen_targets *seen,
	const struct offsets_map_retry *r, const struct offsets_map_retry *before)
{
	size_t known = seen->count;
	size_t at = seen_get_or_create(seen, r->target);

	offsets_bits_put(b, 1, 1);
	offsets_bits_put_golomb(b, r->record - before->record, 1);
	offsets_bits_put(b, at, index_width(known + 1));
	if (at == known)
		offsets_bits_put(b, r->target, 32);
	offsets_bits_put_golomb(b, r->attempts, 2);
	offsets_bits_put_golomb(b,
		zigzag(seconds_of(r->first_attempt_ms) - seconds_of(before->first_attempt_ms)),
		6);
}

/* Stop before the one that would leave no room for the end. */
static void put_retries(
	struct offsets_bits *b, const struct offsets_map *m, size_t nr_open, uint64_t room)
{
	struct offsets_map_retry before = {0};
	struct seen_targets seen = {
		xreallocarray(NULL, m->nr_retries, sizeof(offsets_target)), 0};

	for (size_t i = 0; i < m->nr_retries && m->retries[i].record < nr_open; i++) {
		struct offsets_bits undo = *b;
		size_t len = b->text->len;

		put_retry(b, &seen, &m->retries[i], &before);
		if (b->count + END_BITS > room) {
			*b = undo;
			buf_truncate(b->text, len);
			break;
		}
		before = m->retries[i];
	}
	offsets_bits_put(b, 0, END_BITS);
	free(seen.targets);
}

/* What of a map is written. */
struct fitted {
	size_t nr_open;
	int64_t horizon;
	struct offsets_code golomb, code; /* of the gaps; code is the shorter one */
	struct done_part done;
};

static size_t some_less(size_t n)
{
	return n - (n / 8 + 1);
}

/* Find the code of the open records that are left, and count their bits. */
static uint64_t fitted_measure(struct fitted *c, const struct offsets_map *m)
{
	const int64_t *rest = m->open + 1;
	size_t nr_rest = c->nr_open - 1;

	if (m->ends != NULL) {
		c->golomb = c->code = (struct offsets_code){OFFSETS_CODE_RUNS,
			offsets_bits_runs_width(m->open, m->ends, c->nr_open)};
		return open_bits(
			(uint64_t)(c->horizon - m->position), c->nr_open, c->code.bits);
	}
	c->golomb = offsets_code_pick_order(m->position, rest, nr_rest);
	c->code = offsets_code_or_plain(c->golomb, m->position, rest, nr_rest);
	return open_bits((uint64_t)(c->horizon - m->position), c->nr_open, c->code.bits);
}

/* The map that fits: all of it, unless somebody read on although offsets_is_nearly_full(). */
static void fitted_init(struct fitted *c, const struct offsets_map *m, uint64_t room)
{
	uint64_t taken;
	size_t nr_done;

	*c = (struct fitted){.nr_open = m->nr_open, .horizon = m->horizon};
	taken = fitted_measure(c, m);
	while (taken + offsets_bits_gamma_width(1) + END_BITS > room && c->nr_open > 1) {
		c->nr_open = some_less(c->nr_open);
		c->nr_open += c->nr_open == 0;
		c->horizon = m->open[c->nr_open];
		taken = fitted_measure(c, m);
	}
	for (nr_done = m->nr_done; nr_done > 0; nr_done--)
		if (m->done[nr_done - 1].record < c->nr_open)
			break;
	done_part_init(&c->done, m->done, nr_done);
	while (taken + done_part_bits(&c->done) + END_BITS > room && nr_done > 0) {
		for (nr_done = some_less(nr_done); nr_done > 0; nr_done--)
			if (m->done[nr_done - 1].record != m->done[nr_done].record)
				break;
		done_part_release(&c->done);
		done_part_init(&c->done, m->done, nr_done);
	}
}

static bool says_nothing(const struct offsets_map *m)
{
	uint64_t span = (uint64_t)(m->horizon - m->position), open = m->nr_open;

	if (m->ends != NULL && m->nr_open == 1)
		open = (uint64_t)(m->ends[0] - m->open[0]);
	return m->nr_open == 0 || (span == open && m->nr_done == 0 && m->nr_retries == 0);
}

unsigned offsets_map_encode(
	const struct offsets_map *m, size_t max_bytes, uint64_t place, struct buf *out)
{
	uint64_t room = offsets_map_room(max_bytes);
	struct offsets_bits bits;
	struct buf text;
	struct fitted fitted;

	if (room == 0 || says_nothing(m))
		return 1;
	fitted_init(&fitted, m, room);
	buf_init(&text, max_bytes);
	buf_addf(&text, "%s%lld:", prefix, (long long)m->position);
	offsets_bits_init(&bits, &text);
	offsets_bits_put_gamma(&bits, (uint64_t)(fitted.horizon - m->position) + 1);
	offsets_bits_put_gamma(&bits, fitted.nr_open);
	if (m->ends != NULL)
		offsets_bits_put_runs(&bits, m->open, m->ends, fitted.nr_open);
	else
		offsets_bits_put_gaps(
			&bits, fitted.code, m->position, m->open + 1, fitted.nr_open - 1);
	put_done(&bits, &fitted.done);
	put_retries(&bits, m, fitted.nr_open, room);
	offsets_bits_end(&bits);
	offsets_map_seal(&text, place);
	if (!buf_failed(&text))
		buf_add_slice(out, buf_slice(&text));
	buf_release(&text);
	done_part_release(&fitted.done);
	return fitted.golomb.order;
}

static void add_check(struct buf *text, uint64_t hash)
{
	struct offsets_bits bits;

	offsets_bits_init(&bits, text);
	offsets_bits_put(&bits, hash, 64);
	offsets_bits_end(&bits);
}

void offsets_map_seal(struct buf *text, uint64_t place)
{
	buf_add_char(text, ':');
	add_check(text, util_hash(buf_str(text), text->len) ^ place);
}
