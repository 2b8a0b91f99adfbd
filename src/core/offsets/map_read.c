/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a completion map. The checksum has caught every accident before the bits are looked
 * at; what is checked there keeps a map that was made on purpose from doing harm. */
#include "core/offsets/map.h"

#include <limits.h>
#include <stdlib.h>

#include "bits.h"

static const char family[] = "pr", version[] = "1";
/* What redrives wrote before they had the map's own format. */
static const char redrive_head[] = "rd1";

struct frame {
	int64_t position;
	bool is_of_redrive; /* of that former format */
	struct slice bits;
};

/* Cut @s at its first colon: what stands before, with @s moved behind; false without one. */
static bool next_field(struct slice *s, struct slice *ret_field)
{
	const char *colon = s->len ? memchr(s->data, ':', s->len) : NULL;

	if (colon == NULL)
		return false;
	*ret_field = slice_of(s->data, (size_t)(colon - s->data));
	s->len -= ret_field->len + 1;
	s->data = colon + 1;
	return true;
}

/* Decimal, without sign or leading zeros. */
static bool parse_position(struct slice s, int64_t *ret)
{
	int64_t value = 0;

	if (s.len == 0 || (s.len > 1 && s.data[0] == '0'))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int digit = s.data[i] - '0';

		if (digit < 0 || digit > 9 || value > (INT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

static bool is_sealed(struct slice text, struct slice check, uint64_t place)
{
	struct buf expected;
	size_t body = text.len - check.len - 1;
	bool same;

	buf_init(&expected, text.len + 64);
	buf_add(&expected, text.data, body);
	offsets_map_seal(&expected, place);
	same = slice_eq(buf_slice(&expected), text);
	buf_release(&expected);
	return same;
}

static int check_version(struct slice head, struct err *err)
{
	if (head.len < sizeof family || memcmp(head.data, family, sizeof family - 1) != 0)
		return err_set(err, ERR_INVALID, "the commit metadata is not a completion map");
	head = slice_of(head.data + sizeof family - 1, head.len - (sizeof family - 1));
	if (slice_eq(head, slice_str(version)))
		return 0;
	return err_set(err, ERR_INVALID,
		"the completion map has version '%.*s', and this program reads '%s'",
		(int)min_i64((int64_t)head.len, 16), head.data, version);
}

static int open_frame(struct slice text, uint64_t place, struct frame *ret, struct err *err)
{
	struct slice rest = text, head, position;

	if (text.len > OFFSETS_MAP_MOST_BYTES)
		return err_set(err, ERR_INVALID,
			"the commit metadata has %zu bytes, more than %d", text.len,
			OFFSETS_MAP_MOST_BYTES);
	if (!next_field(&rest, &head))
		head.len = 0;
	ret->is_of_redrive = slice_eq(head, slice_str(redrive_head));
	if (!ret->is_of_redrive && check_version(head, err) != 0)
		return ERR_INVALID;
	if (!next_field(&rest, &position) || !next_field(&rest, &ret->bits) ||
		!is_sealed(text, rest, place))
		return err_set(err, ERR_INVALID,
			"the checksum of the completion map is wrong: it is damaged, or was "
			"written for another group or partition");
	if (!parse_position(position, &ret->position))
		return err_set(err, ERR_INVALID, "the completion map has no position");
	return 0;
}

static void get_open(struct offsets_bits_reader *r, struct offsets_map *m)
{
	uint64_t span = offsets_bits_get_gamma(r) - 1;
	uint64_t nr_open = offsets_bits_get_gamma(r);

	/* Each record but the first costs a bit, so no text can ask for more memory
	 * than some times its own size. */
	if (r->failed || span > (uint64_t)(INT64_MAX - m->position) || nr_open > span ||
		nr_open > offsets_bits_left(r)) {
		r->failed = true;
		return;
	}
	m->horizon = m->position + (int64_t)span;
	m->open = xreallocarray(NULL, nr_open, sizeof(m->open[0]));
	m->nr_open = nr_open;
	m->open[0] = m->position;
	if (offsets_bits_peek_code(r) == OFFSETS_CODE_RUNS) {
		m->ends = xreallocarray(NULL, nr_open, sizeof(m->ends[0]));
		offsets_bits_get_runs(r, m->position, m->horizon, m->open, m->ends, nr_open);
		return;
	}
	offsets_bits_get_gaps(r, m->position, m->horizon, m->open + 1, nr_open - 1);
}

/*
 * The former format of redrives: gamma of the number of done ranges + 1, and of each gamma of its
 * distance from the end of the one before (at first from the position) and gamma of its length.
 * What lies between them is open.
 */
static void get_redrive(struct offsets_bits_reader *r, struct offsets_map *m)
{
	uint64_t count = offsets_bits_get_gamma(r) - 1;

	if (r->failed || count > offsets_bits_left(r) / 2) {
		r->failed = true;
		return;
	}
	m->open = xreallocarray(NULL, count, sizeof(m->open[0]));
	m->ends = xreallocarray(NULL, count, sizeof(m->ends[0]));
	m->horizon = m->position;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t distance = offsets_bits_get_gamma(r);
		uint64_t length = offsets_bits_get_gamma(r);
		uint64_t room = (uint64_t)(INT64_MAX - m->horizon);

		if (r->failed || distance > room || length > room - distance) {
			r->failed = true;
			return;
		}
		m->open[i] = m->horizon;
		m->ends[i] = m->horizon + (int64_t)distance;
		m->horizon = m->ends[i] + (int64_t)length;
		m->nr_open++;
	}
}

static void add_done(struct offsets_map *m, size_t record, offsets_target t)
{
	m->done = offsets_map_grow(m->done, m->nr_done, sizeof(m->done[0]));
	m->done[m->nr_done++] = (struct offsets_map_done){record, t};
}

static void get_done_record(struct offsets_bits_reader *r, struct offsets_map *m, size_t record,
	const offsets_target *targets, size_t nr_targets)
{
	unsigned width = offsets_bits_width(nr_targets - 1);
	uint64_t n;

	if (offsets_bits_get(r, 1) == 1) {
		for (size_t t = 0; t < nr_targets; t++)
			if (offsets_bits_get(r, 1) == 1)
				add_done(m, record, targets[t]);
		return;
	}
	n = offsets_bits_get_gamma(r);
	if (n > nr_targets)
		r->failed = true;
	for (uint64_t i = 0; i < n && !r->failed; i++) {
		uint64_t t = offsets_bits_get(r, width);

		if (t >= nr_targets)
			r->failed = true;
		else
			add_done(m, record, targets[t]);
	}
}

static void get_done_records(struct offsets_bits_reader *r, struct offsets_map *m,
	const offsets_target *targets, size_t nr_targets)
{
	uint64_t n = offsets_bits_get_gamma(r);
	int64_t *records;

	if (r->failed || n > m->nr_open) {
		r->failed = true;
		return;
	}
	records = xreallocarray(NULL, n, sizeof(records[0]));
	offsets_bits_get_gaps(r, -1, (int64_t)m->nr_open, records, n);
	for (uint64_t i = 0; i < n && !r->failed; i++)
		get_done_record(r, m, (size_t)records[i], targets, nr_targets);
	free(records);
}

static void get_done(struct offsets_bits_reader *r, struct offsets_map *m)
{
	uint64_t nr_targets = offsets_bits_get_gamma(r) - 1;
	offsets_target *targets;

	if (r->failed || nr_targets == 0)
		return;
	if (nr_targets > offsets_bits_left(r) / 32) {
		r->failed = true;
		return;
	}
	targets = xreallocarray(NULL, nr_targets, sizeof(targets[0]));
	for (uint64_t i = 0; i < nr_targets; i++) {
		targets[i] = (offsets_target)offsets_bits_get(r, 32);
		if (i > 0 && targets[i] <= targets[i - 1])
			r->failed = true;
	}
	if (!r->failed)
		get_done_records(r, m, targets, nr_targets);
	free(targets);
}

static int64_t unzigzag(uint64_t z)
{
	return z & 1 ? -(int64_t)(z / 2) - 1 : (int64_t)(z / 2);
}

/* The retry that follows @before; its target is for the caller to find. */
static struct offsets_map_retry get_retry_after(struct offsets_bits_reader *r,
	const struct offsets_map *m, struct offsets_map_retry before,
	const offsets_target *seen, size_t nr_seen, bool *ret_new)
{
	uint64_t ahead = offsets_bits_get_golomb(r, 1), at, attempts;
	int64_t seconds;

	at = offsets_bits_get(r, offsets_bits_width(nr_seen));
	*ret_new = at == nr_seen;
	if (at < nr_seen)
		before.target = seen[at];
	else if (at == nr_seen)
		before.target = (offsets_target)offsets_bits_get(r, 32);
	else
		r->failed = true;
	attempts = offsets_bits_get_golomb(r, 2);
	if (ahead >= m->nr_open - before.record || attempts > UINT_MAX ||
		__builtin_add_overflow(before.first_attempt_ms / 1000,
			unzigzag(offsets_bits_get_golomb(r, 6)), &seconds) ||
		seconds < 0 || seconds > INT64_MAX / 1000) {
		r->failed = true;
		return before;
	}
	before.record += ahead;
	before.attempts = (unsigned)attempts;
	before.first_attempt_ms = seconds * 1000;
	return before;
}

static void get_retries(struct offsets_bits_reader *r, struct offsets_map *m)
{
	struct offsets_map_retry retry = {0};
	offsets_target *seen = NULL;
	size_t nr_seen = 0;

	while (offsets_bits_get(r, 1) == 1) {
		bool is_new;

		retry = get_retry_after(r, m, retry, seen, nr_seen, &is_new);
		if (r->failed)
			break;
		if (is_new) {
			seen = offsets_map_grow(seen, nr_seen, sizeof(seen[0]));
			seen[nr_seen++] = retry.target;
		}
		m->retries = offsets_map_grow(m->retries, m->nr_retries, sizeof(m->retries[0]));
		m->retries[m->nr_retries++] = retry;
	}
	free(seen);
}

int offsets_map_decode(
	struct slice text, uint64_t place, struct offsets_map *ret, struct err *err)
{
	struct offsets_bits_reader r = {0};
	struct offsets_map m = {0};
	struct frame frame = {0};
	int rc = open_frame(text, place, &frame, err);

	if (rc < 0)
		return rc;
	m.position = frame.position;
	r.text = frame.bits;
	if (frame.is_of_redrive) {
		get_redrive(&r, &m);
	} else {
		get_open(&r, &m);
		if (!r.failed)
			get_done(&r, &m);
		if (!r.failed)
			get_retries(&r, &m);
		if (m.ends != NULL && m.nr_done + m.nr_retries > 0)
			r.failed = true;
	}
	if (r.failed || offsets_bits_left(&r) >= 6) {
		offsets_map_release(&m);
		return err_set(err, ERR_INVALID,
			"the completion map has a right checksum but wrong bits");
	}
	*ret = m;
	return 0;
}
