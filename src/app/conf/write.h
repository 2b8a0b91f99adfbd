/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.h - values of the configuration as text, in libconfig syntax or as JSON.
 *
 * Secrets are masked here, the only place where settings become text.
 */
#ifndef APP_CONF_WRITE_H
#define APP_CONF_WRITE_H

#include "keys.h"

struct conf_writer {
	struct buf *out;
	/* To print references instead of their values; NULL: only defaults are printed. */
	const struct conf *conf;
	bool json;
	unsigned depth;
	bool empty; /* the group has no member yet */
};

void conf_write_begin(struct conf_writer *w, const char *name);
void conf_write_end(struct conf_writer *w);
/* Write "name = ": the caller writes the value, then calls conf_write_done(). */
void conf_write_name(struct conf_writer *w, const char *name);
void conf_write_done(struct conf_writer *w);
/* A list of groups: begin, an element's begin with a NULL name, its end, …, end. */
void conf_write_begin_list(struct conf_writer *w, const char *name);
void conf_write_end_list(struct conf_writer *w);

/* Does @key have a value in @settings? */
bool conf_write_is_set(const struct conf_key *key, const void *settings);
/* The value alone. */
void conf_write_value(struct conf_writer *w, const struct conf_key *key, const void *settings);
void conf_write_text(struct conf_writer *w, const char *text);

#endif
