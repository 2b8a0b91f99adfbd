/* SPDX-License-Identifier: Apache-2.0 */
#include "app/conf_scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

struct given {
	char *name;
	struct conf_place place;
	UT_hash_handle hh;
};

struct conf_scope_frame {
	char *name; /* the setting whose value this is; NULL: an element of a list */
	bool group;
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
	conf_scope_enter(s, true);
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

void conf_scope_enter(struct conf_scope *s, bool group)
{
	if (s->count == s->cap) {
		s->cap = s->cap > 0 ? 2 * s->cap : 16;
		s->frames = xreallocarray(s->frames, s->cap, sizeof *s->frames);
	}
	s->frames[s->count++] = (struct conf_scope_frame){.name = s->last, .group = group};
	s->last = NULL;
}

void conf_scope_leave(struct conf_scope *s)
{
	/* One brace too many is libconfig's to refuse. */
	if (s->count > 1)
		frame_release(&s->frames[--s->count]);
}

bool conf_scope_name(struct conf_scope *s, struct slice name, struct conf_place place,
	struct conf_place *ret_first)
{
	struct conf_scope_frame *frame = &s->frames[s->count - 1];
	struct given *g = NULL;

	free(s->last);
	s->last = xmemdup(name.data, name.len);
	if (!frame->group)
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
			"%s '%.*s': is there twice, first at %s:%u; remove one, or rename it",
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
