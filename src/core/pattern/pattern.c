/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiler, from the top down to the fields.
 *
 * It goes through the text once and carries the alternatives that $or has made so far, as
 * lists that share their tails: a field is put in front of each, and $or makes a copy
 * of each for each of its members. So of two lists for one path the one written later
 * is met first, and wins, in each alternative by itself.
 */
#include "compile.h"

#include <stdlib.h>

/* EventBridge's own limits. */
#define PORTABLE_CHARACTERS   4096
#define PORTABLE_COMBINATIONS 1000

struct cell {
	const struct cell *behind;
	struct pattern_field field;
	uint32_t count; /* of this cell and those behind it */
};

/* The alternatives so far, each the front of its list (NULL: no field yet). */
struct drafts {
	const struct cell **fronts;
	uint32_t count, cap;
};

static void drafts_add(struct drafts *d, const struct cell *front)
{
	if (d->count == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 1;
		d->fronts = xreallocarray(d->fronts, d->cap, sizeof *d->fronts);
	}
	d->fronts[d->count++] = front;
}

static int read_object(struct compiler *c, uint32_t t, struct drafts *d, bool in_or);

static bool is_reserved(struct slice key)
{
	static const char *const names[] = {"exactly", "equals-ignore-case", "prefix", "suffix",
		"anything-but", "exists", "wildcard", "numeric", "cidr", "=", "<", "<=", ">",
		">=", "regex", "not-wildcard", "not-equals-ignore-case", "date-after",
		"date-on-or-after", "date-before", "date-on-or-before", "in-date-range",
		"ip-address-in-range", "ip-address-not-in-range"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (slice_eq(key, slice_str(names[i])))
			return true;
	}
	return false;
}

static int too_many(struct compiler *c)
{
	return err_set(c->err, ERR_LIMIT,
		"the $or of the pattern make too many combinations: over %d, or over %d conditions "
		"in all of them; make several rules of it",
		PATTERN_MAX_COMBINATIONS, PATTERN_MAX_CONDITIONS);
}

/* Compile the member objects of array @t, the value of $or: each extends a copy of each
 * alternative so far. */
static int read_or(struct compiler *c, uint32_t t, struct drafts *d)
{
	struct drafts before = *d;
	uint32_t members = 0;
	int r = 0;

	if (jx_type(&c->ix, t) != JX_ARRAY)
		return compiler_refuse(c, t, "write \"$or\": [{...}, {...}]",
			"It must be an Array followed with $or.");
	for (uint32_t m = t + 1; m < jx_next(&c->ix, t); m = jx_next(&c->ix, m), members++) {
		if (jx_type(&c->ix, m) != JX_OBJECT)
			return compiler_refuse(c, m, NULL,
				"Only JSON object is allowed in array of $or relationship.");
	}
	if (members < 2)
		return compiler_refuse(c, t, "without an alternative, leave $or out",
			"There must have at least 2 Objects in $or relationship.");
	*d = (struct drafts){0};
	for (uint32_t m = t + 1; r == 0 && m < jx_next(&c->ix, t); m = jx_next(&c->ix, m)) {
		struct drafts mine = {0};

		for (uint32_t i = 0; i < before.count; i++)
			drafts_add(&mine, before.fronts[i]);
		r = read_object(c, m, &mine, true);
		if (r == 0 && mine.count + d->count > PATTERN_MAX_COMBINATIONS)
			r = too_many(c);
		for (uint32_t i = 0; r == 0 && i < mine.count; i++)
			drafts_add(d, mine.fronts[i]);
		free(mine.fronts);
	}
	free(before.fronts);
	return r;
}

/* Compile array @t, the conditions on the field at c->name. */
static int read_field(struct compiler *c, uint32_t t, struct drafts *d)
{
	const struct condition *condition = NULL;
	int r = compiler_read_condition(c, t, &condition);

	if (r != 0)
		return r;
	c->conditions += d->count;
	if (c->conditions > PATTERN_MAX_CONDITIONS)
		return too_many(c);
	for (uint32_t i = 0; i < d->count; i++) {
		struct cell *cell = arena_alloc(&c->cells, 1, sizeof *cell);

		cell->behind = d->fronts[i];
		cell->field = (struct pattern_field){c->name, condition};
		cell->count = 1 + (cell->behind != NULL ? cell->behind->count : 0);
		d->fronts[i] = cell;
	}
	return 0;
}

static int read_member(struct compiler *c, uint32_t t, struct drafts *d, bool in_or)
{
	uint32_t around = c->name;
	struct slice key = compiler_key(c, t);
	int r;

	if (slice_eq(key, SLICE("$or")))
		return read_or(c, t, d);
	if (in_or && is_reserved(key))
		return compiler_refuse(c, t,
			"a condition must be in a list: [{\"prefix\": \"x\"}]",
			"%.*s is Ruler reserved fieldName which cannot be used inside $or.",
			(int)key.len, key.data);
	r = compiler_obtain_path(c, c->name, t, &c->name);
	if (r != 0)
		return r;
	if (jx_type(&c->ix, t) == JX_OBJECT) {
		r = read_object(c, t, d, in_or);
	} else if (jx_type(&c->ix, t) == JX_ARRAY) {
		r = read_field(c, t, d);
	} else {
		key = compiler_key(c, t);
		r = compiler_refuse(c, t, "put the value into a list, in brackets",
			"\"%.*s\" must be an object or an array",
			(int)(key.len < 100 ? key.len : 100), key.data);
	}
	c->name = around;
	return r;
}

/* All members count, repeated ones too: their fields come together. */
static int read_object(struct compiler *c, uint32_t t, struct drafts *d, bool in_or)
{
	int r = 0;

	if (jx_next(&c->ix, t) == t + 1)
		return compiler_refuse(
			c, t, "name at least one field", "Empty objects are not allowed");
	for (uint32_t m = t + 1; r == 0 && m < jx_next(&c->ix, t); m = jx_next(&c->ix, m))
		r = read_member(c, m, d, in_or);
	return r;
}

/* Turn the lists into arrays. Of several fields with one path the one in front is kept. */
static int finish(struct compiler *c, const struct drafts *d)
{
	struct pattern *p = c->pattern;
	uint32_t *seen;
	uint64_t total = 0;

	for (uint32_t i = 0; i < d->count; i++)
		total += d->fronts[i]->count;
	if (total > PATTERN_MAX_CONDITIONS)
		return too_many(c);
	seen = xcalloc(p->name_count, sizeof *seen);
	p->alternatives = arena_alloc(&p->arena, d->count, sizeof *p->alternatives);
	p->alternative_count = d->count;
	for (uint32_t i = 0; i < d->count; i++) {
		struct pattern_field *fields =
			arena_alloc(&p->arena, d->fronts[i]->count, sizeof *fields);
		uint32_t n = 0;

		for (const struct cell *cell = d->fronts[i]; cell != NULL;
			cell = cell->behind) {
			if (seen[cell->field.name] == i + 1)
				continue;
			seen[cell->field.name] = i + 1;
			fields[n++] = cell->field;
		}
		p->alternatives[i] = (struct pattern_alternative){n, fields};
	}
	free(seen);
	return 0;
}

static size_t count_characters(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.data[i] & 0xc0) != 0x80;
	return n;
}

static int check_portable(struct compiler *c, const struct drafts *d)
{
	size_t characters = count_characters(c->text);
	int r = 0;

	if (characters > PORTABLE_CHARACTERS)
		r = compiler_refuse_unportable(c, 0,
			"the pattern has %zu characters, over the limit of %d", characters,
			PORTABLE_CHARACTERS);
	if (r == 0 && d->count > PORTABLE_COMBINATIONS)
		r = compiler_refuse_unportable(c, 0,
			"the $or make %u combinations, over the limit of %d", d->count,
			PORTABLE_COMBINATIONS);
	return r;
}

static int compile(struct compiler *c, struct drafts *d)
{
	struct err why = {0};
	struct jx_limits limits = jx_default_limits;
	int r;

	limits.lone_surrogates = true;
	r = jx_parse(&c->ix, c->text, &limits, &why);

	if (c->text.len == 0)
		return err_set(
			c->err, ERR_INVALID, "Filter is not an object: the text is empty");
	if (r != 0)
		return err_set(c->err, r, "the pattern is not JSON: %s", why.text);
	if (jx_type(&c->ix, 0) != JX_OBJECT)
		return compiler_refuse(
			c, 0, "write {\"field\": [\"value\"]}", "Filter is not an object");
	compiler_add_root(c);
	drafts_add(d, NULL);
	r = read_object(c, 0, d, false);
	if (r == 0)
		r = check_portable(c, d);
	return r == 0 ? finish(c, d) : r;
}

struct pattern *pattern_compile(
	struct slice json_text, const struct pattern_options *options, struct err *err)
{
	static const struct pattern_options defaults = {0};
	struct compiler c = {.text = json_text,
		.options = options != NULL ? options : &defaults,
		.err = err};
	struct drafts d = {0};
	int r;

	c.pattern = xcalloc(1, sizeof *c.pattern);
	jx_init(&c.ix);
	buf_init(&c.decoded, BUF_UNLIMITED);
	r = compile(&c, &d);
	jx_release(&c.ix);
	buf_release(&c.decoded);
	arena_release(&c.cells);
	free(c.name_table);
	free(d.fronts);
	if (r == 0)
		return c.pattern;
	pattern_free(c.pattern);
	return NULL;
}

void pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	arena_release(&p->arena);
	free(p->names);
	free(p);
}

struct slice compiler_string(struct compiler *c, uint32_t t, bool keep)
{
	struct slice s = jx_inner(&c->ix, t);

	if (c->ix.tokens[t].escaped) {
		buf_reset(&c->decoded);
		jx_decode(&c->ix, t, &c->decoded);
		s = buf_slice(&c->decoded);
	}
	return keep ? arena_copy(&c->pattern->arena, s) : s;
}

struct slice compiler_key(struct compiler *c, uint32_t t)
{
	if (!c->ix.tokens[t].key_escaped)
		return jx_key(&c->ix, t);
	buf_reset(&c->decoded);
	jx_decode_slice(jx_key(&c->ix, t), &c->decoded);
	return buf_slice(&c->decoded);
}
