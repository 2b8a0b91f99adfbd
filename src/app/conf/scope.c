/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The open groups of a file that is being scanned, and the names given in each.
 */
#include "scope.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

struct given {
	char *name;
	struct conf_place place;
	UT_hash_handle hh;
};

struct conf_scope_frame {
	char *name;   /* of the group or list; NULL: it is an element of a list */
	char bracket; /* { ( [ */
	struct conf_place place;
	struct given *given;
};

static const struct {
	const char *section, *singular;
} sections[] = {
	{"consumers", "consumer"},
	{"connections", "connection"},
	{"destinations", "destination"},
	{"rules", "rule"},
};

const char *conf_scope_singular(const char *section)
{
	for (size_t i = 0; i < COUNT_OF(sections); i++)
		if (str_eq(section, sections[i].section))
			return sections[i].singular;
	return NULL;
}

void conf_scope_init(struct conf_scope *s)
{
	*s = (struct conf_scope){0};
	conf_scope_enter(s, '{', (struct conf_place){NULL, 0});
}

static void frame_release(struct conf_scope_frame *frame)
{
	struct given *g, *next;

	HASH_ITER (hh, frame->given, g, next) {
		HASH_DEL(frame->given, g);
		free(g->name);
		free(g);
	}
	free(frame->name);
}

void conf_scope_release(struct conf_scope *s)
{
	while (s->count > 0)
		frame_release(&s->frames[--s->count]);
	free(s->frames);
	free(s->last);
	*s = (struct conf_scope){0};
}

void conf_scope_enter(struct conf_scope *s, char bracket, struct conf_place place)
{
	if (s->count == s->cap) {
		s->cap = s->cap > 0 ? 2 * s->cap : 16;
		s->frames = xreallocarray(s->frames, s->cap, sizeof *s->frames);
	}
	s->frames[s->count++] =
		(struct conf_scope_frame){.name = s->last, .bracket = bracket, .place = place};
	s->last = NULL;
}

static char closing(char bracket)
{
	return bracket == '{' ? '}' : bracket == '(' ? ')' : ']';
}

bool conf_scope_leave(
	struct conf_scope *s, char bracket, struct conf_place place, struct conf_faults *faults)
{
	struct conf_scope_frame *frame = &s->frames[s->count - 1];

	if (s->count == 1) {
		conf_fault(faults, place, "syntax: unmatched %c; remove it", bracket);
		return false;
	}
	if (closing(frame->bracket) != bracket) {
		conf_fault(faults, place,
			"syntax: found %c, but the %c at %s:%u must be closed by %c first",
			bracket, frame->bracket, frame->place.file, frame->place.line,
			closing(frame->bracket));
		return false;
	}
	s->count--;
	frame_release(frame);
	return true;
}

bool conf_scope_end(const struct conf_scope *s, struct conf_faults *faults)
{
	const struct conf_scope_frame *frame = &s->frames[s->count - 1];

	if (s->count == 1)
		return true;
	conf_fault(faults, frame->place, "syntax: the %c here is never closed by a %c",
		frame->bracket, closing(frame->bracket));
	return false;
}

bool conf_scope_name(struct conf_scope *s, struct slice name, struct conf_place place,
	struct conf_place *ret_first)
{
	struct conf_scope_frame *frame = &s->frames[s->count - 1];
	struct given *g = NULL;

	free(s->last);
	s->last = xmemdup(name.data, name.len);
	if (frame->bracket != '{')
		return true;
	HASH_FIND(hh, frame->given, name.data, name.len, g);
	if (g != NULL) {
		*ret_first = g->place;
		return false;
	}
	g = xcalloc(1, sizeof *g);
	g->name = xmemdup(name.data, name.len);
	g->place = place;
	HASH_ADD_KEYPTR(hh, frame->given, g->name, name.len, g);
	return true;
}

void conf_scope_complain(struct conf_scope *s, struct slice name, struct conf_place place,
	struct conf_place first, struct conf_faults *faults)
{
	const char *section = s->count > 1 ? s->frames[1].name : NULL;
	const char *singular = section != NULL ? conf_scope_singular(section) : NULL;
	int len = (int)name.len;

	if (singular != NULL && s->count == 2)
		conf_fault(faults, place,
			"%s '%.*s': is defined twice, first at %s:%u; remove or rename one",
			singular, len, name.data, first.file, first.line);
	else if (singular != NULL && s->frames[2].name != NULL)
		conf_fault(faults, place,
			"%s '%s': %.*s: is given twice, first at %s:%u; keep one of them",
			singular, s->frames[2].name, len, name.data, first.file, first.line);
	else
		conf_fault(faults, place,
			"%s '%.*s': is given twice, first at %s:%u; keep one of them",
			s->count > 1 ? "key" : "section", len, name.data, first.file,
			first.line);
}
