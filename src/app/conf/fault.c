/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collecting faults and warnings, reporting them in order, and suggesting similar names.
 */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Longer names are not compared. */
#define NAME_MAX_BYTES 64

void conf_faults_release(struct conf_faults *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->items[i].text);
	free(f->items);
	*f = (struct conf_faults){0};
}

static void add(struct conf_faults *f, enum conf_severity severity, struct conf_place place,
	const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		return;
	if (f->count == f->cap) {
		f->cap = f->cap > 0 ? 2 * f->cap : 32;
		f->items = xreallocarray(f->items, f->cap, sizeof *f->items);
	}
	f->items[f->count++] = (struct conf_complaint){severity, place, text};
	f->fault_count += severity == CONF_FAULT;
}

void conf_fault(struct conf_faults *f, struct conf_place place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(f, CONF_FAULT, place, fmt, ap);
	va_end(ap);
}

void conf_warning(struct conf_faults *f, struct conf_place place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(f, CONF_WARNING, place, fmt, ap);
	va_end(ap);
}

/* A complaint and its sort key. */
struct entry {
	const struct conf_complaint *complaint;
	size_t file, number;
};

static int compare(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	unsigned line_a = a->complaint->place.line, line_b = b->complaint->place.line;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (line_a != line_b)
		return line_a < line_b ? -1 : 1;
	return a->number < b->number ? -1 : 1;
}

static size_t file_number(const char *file, const char *const *files, size_t count)
{
	size_t i = 0;

	while (i < count && !str_eq(files[i], file))
		i++;
	return i;
}

static void tell(const struct conf_complaint *c, const struct conf_mask *mask, struct buf *line,
	conf_complain_fn complain, void *ctx)
{
	buf_reset(line);
	if (c->place.file != NULL)
		buf_add_str(line, c->place.file);
	if (c->place.line > 0)
		buf_addf(line, ":%u", c->place.line);
	if (c->place.file != NULL)
		buf_add_str(line, ": ");
	conf_mask_apply(mask, slice_str(c->text), line);
	complain(ctx, c->severity, buf_str(line));
}

void conf_faults_tell(struct conf_faults *f, const char *const *files, size_t file_count,
	const struct conf_mask *mask, conf_complain_fn complain, void *ctx)
{
	struct entry *entries = xcalloc(f->count, sizeof *entries);
	struct buf line;

	buf_init(&line, BUF_UNLIMITED);
	for (size_t i = 0; i < f->count; i++)
		entries[i] = (struct entry){&f->items[i],
			file_number(f->items[i].place.file, files, file_count), i};
	if (f->count > 0)
		qsort(entries, f->count, sizeof *entries, compare);
	for (size_t i = 0; i < f->count; i++) {
		const struct conf_complaint *c = entries[i].complaint;
		bool told = false;

		/* Several targets may report the same fault of their destination. */
		for (size_t k = i; k-- > 0 && !told;) {
			const struct conf_complaint *before = entries[k].complaint;

			if (entries[k].file != entries[i].file ||
				before->place.line != c->place.line)
				break;
			told = str_eq(before->text, c->text);
		}
		if (!told)
			tell(c, mask, &line, complain, ctx);
	}
	buf_release(&line);
	free(entries);
}

/* The edit distance of @a and @b: insertions, deletions, substitutions and swaps of neighbours
 * (optimal string alignment). */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][NAME_MAX_BYTES + 1], len_a = strlen(a), len_b = strlen(b);
	size_t *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t k = 0; k <= len_b; k++)
		last[k] = before[k] = k;
	for (size_t i = 1; i <= len_a; i++) {
		size_t *spare = before;

		now[0] = i;
		for (size_t k = 1; k <= len_b; k++) {
			size_t best = last[k - 1] + (a[i - 1] != b[k - 1]);

			if (last[k] + 1 < best)
				best = last[k] + 1;
			if (now[k - 1] + 1 < best)
				best = now[k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
				before[k - 2] + 1 < best)
				best = before[k - 2] + 1;
			now[k] = best;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[len_b];
}

const char *conf_nearest(const char *name, const char *const *candidates, size_t count)
{
	const char *nearest = NULL;
	size_t best = strlen(name) / 3 + 1;

	if (strlen(name) > NAME_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t far;

		if (strlen(candidates[i]) > NAME_MAX_BYTES)
			continue;
		far = distance(name, candidates[i]);
		/* People often remember a part of a name. */
		if (strlen(name) >= 4 && strstr(candidates[i], name) != NULL && far > best)
			far = best;
		if (far < best || (far == best && nearest == NULL)) {
			best = far;
			nearest = candidates[i];
		}
	}
	return nearest;
}
