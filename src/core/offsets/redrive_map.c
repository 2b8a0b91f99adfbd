/* SPDX-License-Identifier: Apache-2.0 */
#include "core/offsets/redrive_map.h"

#include <stdio.h>
#include <stdlib.h>

#include "bits.h"
#include "core/offsets/map.h"

/* "rd1:", a position of 20 digits, two colons, 64 bits of checksum, the number of spans. */
#define FRAME_BYTES 64
/* A letter on its way costs about this when it ends up as a span by itself. */
#define BITS_A_LETTER 4

void redriven_init(struct redriven *r, int64_t position, uint64_t place, size_t max_bytes)
{
	*r = (struct redriven){.position = position, .place = place, .max_bytes = max_bytes};
}

void redriven_release(struct redriven *r)
{
	free(r->spans);
	r->spans = NULL;
	r->count = r->cap = 0;
}

/* The first span that ends at @offset or above. */
static size_t find(const struct redriven *r, int64_t offset)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->spans[mid].to < offset)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool redriven_has(const struct redriven *r, int64_t offset)
{
	size_t i = find(r, offset + 1);

	return offset < r->position || (i < r->count && r->spans[i].from <= offset);
}

static unsigned span_bits(int64_t before, const struct redriven_span *s)
{
	return offsets_bits_gamma_width((uint64_t)(s->from - before)) +
	       offsets_bits_gamma_width((uint64_t)(s->to - s->from));
}

/* Bits of the spans from @first up to, and not with, @end. */
static uint64_t bits_of(const struct redriven *r, size_t first, size_t end)
{
	int64_t before = first > 0 ? r->spans[first - 1].to : r->position;
	uint64_t bits = 0;

	for (size_t i = first; i < end && i < r->count; before = r->spans[i++].to)
		bits += span_bits(before, &r->spans[i]);
	return bits;
}

/* @count spans from @first on become @with, or none when it is NULL. */
static void replace(
	struct redriven *r, size_t first, size_t count, const struct redriven_span *with)
{
	size_t added = with ? 1 : 0;

	if (r->count + added > r->cap) {
		r->cap = r->cap ? r->cap * 2 : 64;
		r->spans = xreallocarray(r->spans, r->cap, sizeof *r->spans);
	}
	if (r->count > first + count)
		memmove(&r->spans[first + added], &r->spans[first + count],
			(r->count - first - count) * sizeof *r->spans);
	if (with != NULL)
		r->spans[first] = *with;
	r->count = r->count - count + added;
}

void redriven_mark(struct redriven *r, int64_t from, int64_t to)
{
	struct redriven_span merged = {max_i64(from, r->position), to};
	size_t first, count = 0;
	bool moves;

	if (merged.from >= to)
		return;
	first = find(r, merged.from);
	while (first + count < r->count && r->spans[first + count].from <= to)
		count++;
	if (count > 0) {
		merged.from = min_i64(merged.from, r->spans[first].from);
		merged.to = max_i64(to, r->spans[first + count - 1].to);
		if (count == 1 && merged.from == r->spans[first].from &&
			merged.to == r->spans[first].to)
			return; /* known */
	}
	/* One more than is replaced: its distance changes. */
	r->bits -= bits_of(r, first, first + count + 1);
	moves = merged.from == r->position;
	if (moves)
		r->position = merged.to;
	replace(r, first, count, moves ? NULL : &merged);
	r->bits += bits_of(r, first, first + (moves ? 0 : 1) + 1);
	r->changed = true;
}

static uint64_t room(const struct redriven *r)
{
	return r->max_bytes > FRAME_BYTES ? (uint64_t)(r->max_bytes - FRAME_BYTES) * 6 : 0;
}

bool redriven_is_crowded(const struct redriven *r, size_t open)
{
	return r->bits + open * BITS_A_LETTER > room(r) / 4 * 3;
}

bool redriven_changed(const struct redriven *r)
{
	return r->changed;
}

void redriven_mark_changed(struct redriven *r)
{
	r->changed = true;
}

/* How many of the oldest spans the text has room for. */
static size_t fitting(const struct redriven *r)
{
	uint64_t left = room(r);
	int64_t before = r->position;
	size_t n = 0;

	for (; n < r->count; before = r->spans[n++].to) {
		unsigned bits = span_bits(before, &r->spans[n]);

		if (bits > left)
			break;
		left -= bits;
	}
	return n;
}

void redriven_encode(struct redriven *r, struct buf *out)
{
	size_t n = fitting(r);
	struct offsets_bits bits;
	int64_t before = r->position;
	struct buf text;

	r->changed = false;
	if (n == 0)
		return;
	buf_init(&text, r->max_bytes + FRAME_BYTES);
	buf_addf(&text, "rd1:%lld:", (long long)r->position);
	offsets_bits_init(&bits, &text);
	offsets_bits_put_gamma(&bits, n + 1);
	for (size_t i = 0; i < n; before = r->spans[i++].to) {
		offsets_bits_put_gamma(&bits, (uint64_t)(r->spans[i].from - before));
		offsets_bits_put_gamma(&bits, (uint64_t)(r->spans[i].to - r->spans[i].from));
	}
	offsets_bits_end(&bits);
	offsets_map_seal(&text, r->place);
	buf_add_slice(out, buf_slice(&text));
	buf_release(&text);
}

/* --- reading ---------------------------------------------------------------------------- */

static bool is_sealed(struct slice text, size_t body, uint64_t place)
{
	struct buf expected;
	bool same;

	buf_init(&expected, text.len + FRAME_BYTES);
	buf_add(&expected, text.data, body);
	offsets_map_seal(&expected, place);
	same = slice_eq(buf_slice(&expected), text);
	buf_release(&expected);
	return same;
}

static int refuse(struct err *err, const char *why)
{
	return err_set(err, ERR_INVALID, "%s", why);
}

/* The spans between the frame's second and last colon. False when they make no sense. */
static bool get_spans(struct redriven *r, struct slice text)
{
	struct offsets_bits_reader in = {.text = text};
	uint64_t count = offsets_bits_get_gamma(&in) - 1;
	int64_t end = r->position;

	if (count > text.len * 6)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t distance = offsets_bits_get_gamma(&in);
		uint64_t length = offsets_bits_get_gamma(&in);
		struct redriven_span span;

		if (in.failed || distance > INT64_MAX / 4 || length > INT64_MAX / 4 ||
			end > INT64_MAX / 4)
			return false;
		span.from = end + (int64_t)distance;
		span.to = end = span.from + (int64_t)length;
		r->bits += span_bits(r->count ? r->spans[r->count - 1].to : r->position, &span);
		replace(r, r->count, 0, &span);
	}
	return true;
}

int redriven_restore(struct redriven *r, struct slice metadata, struct err *err)
{
	struct redriven fresh;
	const char *text = metadata.data, *bits, *check;
	char expected[32];
	int head;

	if (metadata.len == 0)
		return 0;
	if (metadata.len > OFFSETS_MAP_MOST_BYTES || metadata.len < 4 ||
		memcmp(text, "rd1:", 4) != 0)
		return refuse(err, "the commit metadata is not of a redrive");
	check = memrchr(text, ':', metadata.len);
	if (check < text + 4 || !is_sealed(metadata, (size_t)(check - text), r->place))
		return refuse(err,
			"the checksum is wrong: it is damaged, or was written for another group or "
			"partition");
	head = snprintf(expected, sizeof expected, "rd1:%lld:", (long long)r->position);
	if (metadata.len < (size_t)head || memcmp(text, expected, (size_t)head) != 0)
		return refuse(err, "it belongs to another committed offset");
	bits = text + head;
	redriven_init(&fresh, r->position, r->place, r->max_bytes);
	if (check < bits || !get_spans(&fresh, slice_of(bits, (size_t)(check - bits)))) {
		redriven_release(&fresh);
		return refuse(err, "its offsets make no sense");
	}
	redriven_release(r);
	*r = fresh;
	return 0;
}
