/* SPDX-License-Identifier: Apache-2.0 */
#include "generator.h"

static const char *const keys[] = {"a", "b", "c", "a.b", "b.c", "a-b", "b.c.a", ""};
static const char *const strings[] = {"x", "y", "xy", "yx", "xyx", "X", "Xy", "", "aa",
	"10.0.0.1", "10.1.0.9", "::1", "*", "\\\\", "yxxyxy"};
static const char *const numbers[] = {
	"0", "1", "2", "1.0", "1.5", "-1", "300", "3e2", "-0.0", "299.99", "9007199254740993"};
static const char *const literals[] = {"true", "false", "null"};
static const char *const wildcards[] = {"*", "x*", "*x", "*x*", "x*x", "*y*x*", "", "x",
	"\\\\*", "*yx*", "xy*y", "*xx*xy", "*.*.0.1"};
static const char *const blocks[] = {
	"10.0.0.0/8", "10.0.0.0/24", "0.0.0.0/0", "::/0", "::/127"};

#define PICK(r, list) ((list)[rng_upto(r, COUNT_OF(list) - 1)])

static bool chance(struct rng *r, unsigned percent)
{
	return rng_upto(r, 99) < percent;
}

static void add_string(struct rng *r, struct buf *out)
{
	buf_addf(out, "\"%s\"", PICK(r, strings));
}

/* The last number is for events and bare values only: it can't be compared. */
static const char *comparable(struct rng *r)
{
	return numbers[rng_upto(r, COUNT_OF(numbers) - 2)];
}

static void add_scalar(struct rng *r, struct buf *out)
{
	if (chance(r, 60))
		add_string(r, out);
	else if (chance(r, 70))
		buf_add_str(out, PICK(r, numbers));
	else
		buf_add_str(out, PICK(r, literals));
}

static void add_value(struct rng *r, struct buf *out, int depth);

static void add_event_object(struct rng *r, struct buf *out, int depth)
{
	/* No key twice: jansson and the matcher agree on which counts, not on order. */
	size_t first = rng_upto(r, COUNT_OF(keys) - 1), step = 1 + 2 * rng_upto(r, 3);
	size_t count = rng_upto(r, 4);

	buf_add_char(out, '{');
	for (size_t i = 0; i < count; i++) {
		buf_addf(out, "%s\"%s\":", i ? "," : "",
			keys[(first + i * step) % COUNT_OF(keys)]);
		add_value(r, out, depth - 1);
	}
	buf_add_char(out, '}');
}

static void add_value(struct rng *r, struct buf *out, int depth)
{
	size_t count;

	if (depth <= 0 || chance(r, 35)) {
		add_scalar(r, out);
	} else if (chance(r, 45)) {
		add_event_object(r, out, depth);
	} else {
		count = rng_upto(r, 3);
		buf_add_char(out, '[');
		for (size_t i = 0; i < count; i++) {
			if (i > 0)
				buf_add_char(out, ',');
			add_value(r, out, depth - 1);
		}
		buf_add_char(out, ']');
	}
}

void generate_event(struct rng *r, struct buf *out)
{
	add_event_object(r, out, 4);
}

static void add_string_list(
	struct rng *r, struct buf *out, const char *const *from, size_t most)
{
	size_t count = 1 + rng_upto(r, 2);

	buf_add_char(out, '[');
	for (size_t i = 0; i < count; i++)
		buf_addf(out, "%s\"%s\"", i ? "," : "", from[rng_upto(r, most)]);
	buf_add_char(out, ']');
}

static void add_numeric(struct rng *r, struct buf *out)
{
	static const char *const ranges[] = {"\">\",0,\"<\",2", "\">=\",-1,\"<=\",1",
		"\">\",1,\"<=\",300", "\">=\",1.5,\"<\",300"};
	static const char *const comparisons[] = {"=", "<", "<=", ">", ">="};

	if (chance(r, 40))
		buf_addf(out, "{\"numeric\":[%s]}", PICK(r, ranges));
	else
		buf_addf(out, "{\"numeric\":[\"%s\",%s]}", PICK(r, comparisons), comparable(r));
}

static void add_anything_but(struct rng *r, struct buf *out)
{
	/* Prefix and suffix may not be empty: the first seven strings are not. */
	static const char *const inner[] = {"prefix", "suffix", "equals-ignore-case"};

	buf_add_str(out, "{\"anything-but\":");
	switch (rng_upto(r, 4)) {
	case 0:
		add_string_list(r, out, strings, COUNT_OF(strings) - 1);
		break;
	case 1:
		buf_addf(out, "[%s,%s]", comparable(r), comparable(r));
		break;
	case 2:
		buf_addf(out, "{\"%s\":", PICK(r, inner));
		add_string_list(r, out, strings, 6);
		buf_add_char(out, '}');
		break;
	case 3:
		buf_add_str(out, "{\"wildcard\":");
		add_string_list(r, out, wildcards, COUNT_OF(wildcards) - 1);
		buf_add_char(out, '}');
		break;
	default:
		add_string(r, out);
	}
	buf_add_char(out, '}');
}

static void add_entry(struct rng *r, struct buf *out)
{
	static const char *const named[] = {
		"prefix", "suffix", "equals-ignore-case", "exactly", "prefix", "suffix"};

	if (chance(r, 40)) {
		add_scalar(r, out);
	} else if (chance(r, 25)) {
		buf_addf(out, "{\"exists\":%s}", chance(r, 65) ? "false" : "true");
	} else if (chance(r, 30)) {
		buf_addf(out, "{\"%s\":\"%s\"}", PICK(r, named), PICK(r, strings));
	} else if (chance(r, 25)) {
		buf_addf(out, "{\"wildcard\":\"%s\"}", PICK(r, wildcards));
	} else if (chance(r, 35)) {
		add_numeric(r, out);
	} else if (chance(r, 20)) {
		buf_addf(out, "{\"cidr\":\"%s\"}", PICK(r, blocks));
	} else if (chance(r, 20)) {
		buf_addf(out, "{\"%s\":{\"equals-ignore-case\":\"%s\"}}",
			chance(r, 50) ? "prefix" : "suffix", PICK(r, strings));
	} else {
		add_anything_but(r, out);
	}
}

static void add_pattern_object(struct rng *r, struct buf *out, int depth);

static void add_or(struct rng *r, struct buf *out, int depth)
{
	size_t count = 2 + rng_upto(r, 1);

	buf_add_str(out, "\"$or\":[");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		add_pattern_object(r, out, depth - 1);
	}
	buf_add_char(out, ']');
}

static void add_pattern_object(struct rng *r, struct buf *out, int depth)
{
	size_t first = rng_upto(r, COUNT_OF(keys) - 1), step = 1 + 2 * rng_upto(r, 3);
	size_t count = 1 + rng_upto(r, 2),
	       or_at = depth > 0 && chance(r, 15) ? rng_upto(r, count - 1) : count;

	buf_add_char(out, '{');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		if (i == or_at) {
			add_or(r, out, depth);
			continue;
		}
		buf_addf(out, "\"%s\":", keys[(first + i * step) % COUNT_OF(keys)]);
		if (depth > 0 && chance(r, 45)) {
			add_pattern_object(r, out, depth - 1);
			continue;
		}
		buf_add_char(out, '[');
		add_entry(r, out);
		if (chance(r, 35)) {
			buf_add_char(out, ',');
			add_entry(r, out);
		}
		buf_add_char(out, ']');
	}
	buf_add_char(out, '}');
}

void generate_pattern(struct rng *r, struct buf *out)
{
	add_pattern_object(r, out, 2);
}
