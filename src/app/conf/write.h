/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.h - values of the configuration as text, in the file's own syntax or as JSON.
 *
 * Secrets are masked here, at the one place where settings become text.
 */
#ifndef APP_CONF_WRITE_H
#define APP_CONF_WRITE_H

#include "keys.h"

struct conf_writer {
	struct buf *out;
	const struct conf *conf; /* for what references stood in a text; NULL: defaults only */
	bool json;
	unsigned depth;
	bool empty; /* the group has no member yet: no comma */
};

void conf_write_begin(struct conf_writer *w, const char *name);
void conf_write_end(struct conf_writer *w);
/* "name = " and what follows is the value; the caller ends it with conf_write_done(). */
void conf_write_name(struct conf_writer *w, const char *name);
void conf_write_done(struct conf_writer *w);
/* A list of groups: begin, an element's begin with a NULL name, its end, …, end. */
void conf_write_begin_list(struct conf_writer *w, const char *name);
void conf_write_end_list(struct conf_writer *w);

/* Is there anything to write of @key? */
bool conf_write_is_set(const struct conf_key *key, const void *settings);
/* The value alone. */
void conf_write_value(struct conf_writer *w, const struct conf_key *key, const void *settings);
void conf_write_text(struct conf_writer *w, const char *text);

#endif
