/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - a configuration file made ready for libconfig: one text of it and all that it
 * includes.
 *
 * libconfig 1.5 is our parser, but some of what it does would hurt a user, so that the text is
 * prepared for it:
 *
 *  - @include is resolved here: relative to the file that includes, with * and ? as the
 *    shell has them, a missing file named with its path;
 *  - an integer without an L wraps silently at 32 bits: every integer gets one, and what does
 *    not fit into 64 bits is a fault;
 *  - a name given twice in one group would end the parsing: the second one is told as a fault
 * that names both places, and renamed so that the rest can be checked;
 *  - a string that is not closed is told where it begins, not at the end of the file;
 *  - a comma behind the last element of a list is a fault to libconfig before 1.7: it is
 *    told as a warning, and dropped;
 *  - elements of [ ] may be of different types, as in JSON: it becomes ( ).
 *
 * Lines of the text are mapped back to files and their lines.
 */
#ifndef APP_CONF_TEXT_H
#define APP_CONF_TEXT_H

#include "fault.h"
#include "base/buf.h"

/* What a setting that was given twice is renamed to begins with. */
#define CONF_TEXT_TWICE "*-twice-"

/* The names of all files read, in that order; they live as long as the configuration. */
struct conf_files {
	char **names;
	bool *readable_by_others;
	size_t count;
};

void conf_files_release(struct conf_files *f);
/* Can group or others read the file that @place is in? */
bool conf_files_is_open(const struct conf_files *f, struct conf_place place);

struct conf_text_segment;

struct conf_text_string {
	struct conf_place begin;
	unsigned end_line; /* of the text */
};

struct conf_text {
	struct buf bytes;
	struct conf_text_segment *segments;
	size_t segment_count;
	/* The strings that run over more than one line: a quote may be forgotten. */
	struct conf_text_string *strings;
	size_t string_count;
};

/* False: a fault was told that makes parsing pointless. Release @t in any case. */
bool conf_text_read(struct conf_text *t, const char *path, struct conf_files *files,
	struct conf_faults *faults);
void conf_text_release(struct conf_text *t);
/* The place of line @line of the text, from 1. */
struct conf_place conf_text_place(const struct conf_text *t, unsigned line);

#endif
