/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.h - which names have been given in the groups that are open while a configuration
 * is read, and how to say where one is.
 */
#ifndef APP_CONF_SCOPE_H
#define APP_CONF_SCOPE_H

#include "fault.h"

struct conf_scope_frame;

struct conf_scope {
	struct conf_scope_frame *frames; /* the outermost first */
	size_t count, cap;
	char *last; /* the name of the setting whose value comes next; NULL: none */
};

void conf_scope_init(struct conf_scope *s);
void conf_scope_release(struct conf_scope *s);
/* A group or a list begins with @bracket, the value of the last name. */
void conf_scope_enter(struct conf_scope *s, char bracket, struct conf_place place);
/* It ends with @bracket. False: another one was open, or none; that has been told. */
bool conf_scope_leave(struct conf_scope *s, char bracket, struct conf_place place,
	struct conf_faults *faults);
/* The end of the text. False: something is open still; that has been told. */
bool conf_scope_end(const struct conf_scope *s, struct conf_faults *faults);
/* The setting @name begins. False: there is one of that name here, at *ret_first. */
bool conf_scope_name(struct conf_scope *s, struct slice name, struct conf_place place,
	struct conf_place *ret_first);
/* Say so. */
void conf_scope_complain(struct conf_scope *s, struct slice name, struct conf_place place,
	struct conf_place first, struct conf_faults *faults);

/* "destination" for "destinations", and so on; NULL for other names. */
const char *conf_scope_singular(const char *section);

#endif
