/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - the open groups while a file is scanned, and the names given in each, to report
 * brackets that do not match and names given twice.
 */
#ifndef APP_CONF_SCOPE_H
#define APP_CONF_SCOPE_H

#include "fault.h"

struct conf_scope_frame;

struct conf_scope {
	struct conf_scope_frame *frames; /* the outermost first */
	size_t count, cap;
	char *last; /* the setting whose value comes next; NULL: none */
};

void conf_scope_init(struct conf_scope *s);
void conf_scope_release(struct conf_scope *s);
/* @bracket opens a group or a list, the value of the last name. */
void conf_scope_enter(struct conf_scope *s, char bracket, struct conf_place place);
/* @bracket closes it. False: it does not match, which was reported. */
bool conf_scope_leave(struct conf_scope *s, char bracket, struct conf_place place,
	struct conf_faults *faults);
/* The end of the text. False: a bracket is still open, which was reported. */
bool conf_scope_end(const struct conf_scope *s, struct conf_faults *faults);
/* A setting @name begins. False: the group has one of that name at *ret_first. */
bool conf_scope_name(struct conf_scope *s, struct slice name, struct conf_place place,
	struct conf_place *ret_first);
/* Report it. */
void conf_scope_complain(struct conf_scope *s, struct slice name, struct conf_place place,
	struct conf_place first, struct conf_faults *faults);

/* "destination" for "destinations", and so on; NULL for other names. */
const char *conf_scope_singular(const char *section);

#endif
