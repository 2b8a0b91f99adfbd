/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - a configuration file prepared for libconfig: one text with all files that it includes.
 *
 * libconfig parses the text, but some behaviour of its version 1.5, which distributions still
 * have, is harmful to users, so the text is changed first:
 *
 *  - @include is resolved here: relative to the including file, with the wildcards of the shell,
 *    and a missing file is reported with its path;
 *  - an integer without the suffix L silently wraps at 32 bits: every integer gets the suffix, and
 *    one that does not fit in 64 bits is a fault;
 *  - a name given twice in a group would stop the parser: it is a fault that names both places, and
 *    the second one is renamed so that the rest can be checked;
 *  - a string that is not closed is reported where it begins, not at the end of the file;
 *  - a comma after the last element of a list is a syntax error before version 1.7: it becomes a
 *    warning, and is removed;
 *  - elements of [ ] may have different types, as in JSON: [ ] becomes ( ).
 *
 * Lines of the text are mapped back to files and their lines.
 */
#ifndef APP_CONF_TEXT_H
#define APP_CONF_TEXT_H

#include "fault.h"
#include "base/buf.h"

/* The prefix of the new name of a setting that was given twice. */
#define CONF_TEXT_TWICE "*-twice-"

/* The names of all files, in the order of reading; they live as long as the configuration. */
struct conf_files {
	char **names;
	bool *readable_by_others;
	size_t count;
};

void conf_files_release(struct conf_files *f);
/* Can the group or others read the file of @place? */
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
	/* Strings of more than one line, whose closing quote may be missing. */
	struct conf_text_string *strings;
	size_t string_count;
};

/* False: there was a fault after which parsing makes no sense. Release @t in any case. */
bool conf_text_read(struct conf_text *t, const char *path, struct conf_files *files,
	struct conf_faults *faults);
void conf_text_release(struct conf_text *t);
/* The place of line @line of the text, from 1. */
struct conf_place conf_text_place(const struct conf_text *t, unsigned line);

#endif
