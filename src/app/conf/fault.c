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
	f->items[f->count++] =
		(struct conf_complaint){.severity = severity, .place = place, .text = text};
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

static int compare(const void *x, const void *y)
{
	const struct conf_complaint *a = x, *b = y;

	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	if (a->place.line != b->place.line)
		return a->place.line < b->place.line ? -1 : 1;
	return a->number < b->number ? -1 : 1;
}

static size_t file_number(const char *file, const char *const *files, size_t count)
{
	size_t i = 0;

	while (i < count && !str_eq(files[i], file))
		i++;
	return i;
}

/* Does one of the @count complaints, the last of which is next to @c in the order, say the same of
 * the same line? Several targets may report the same fault of their destination. */
static bool is_repeated(
	const struct conf_complaint *sorted, size_t count, const struct conf_complaint *c)
{
	while (count-- > 0 && sorted[count].file == c->file &&
		sorted[count].place.line == c->place.line)
		if (str_eq(sorted[count].text, c->text))
			return true;
	return false;
}

void conf_faults_sort(struct conf_faults *f, const char *const *files, size_t file_count)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++) {
		f->items[i].file = file_number(f->items[i].place.file, files, file_count);
		f->items[i].number = i;
	}
	if (f->count > 0)
		qsort(f->items, f->count, sizeof *f->items, compare);
	for (size_t i = 0; i < f->count; i++) {
		if (is_repeated(f->items, kept, &f->items[i]))
			free(f->items[i].text);
		else
			f->items[kept++] = f->items[i];
	}
	f->count = kept;
}

void conf_faults_report(const struct conf_faults *f, const struct conf_mask *mask,
	conf_complain_fn complain, void *ctx)
{
	struct buf line;

	buf_init(&line, BUF_UNLIMITED);
	for (size_t i = 0; i < f->count; i++) {
		const struct conf_complaint *c = &f->items[i];

		buf_reset(&line);
		if (c->place.file != NULL)
			buf_add_str(&line, c->place.file);
		if (c->place.line > 0)
			buf_addf(&line, ":%u", c->place.line);
		if (c->place.file != NULL)
			buf_add_str(&line, ": ");
		conf_mask_apply(mask, slice_str(c->text), &line);
		complain(ctx, c->severity, buf_str(&line));
	}
	buf_release(&line);
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
