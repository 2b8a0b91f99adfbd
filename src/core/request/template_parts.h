/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template_parts.h - where the holes of a template are.
 *
 * Used by core/request/template*.c alone. Slices point into the template's text.
 */
#ifndef CORE_REQUEST_TEMPLATE_PARTS_H
#define CORE_REQUEST_TEMPLATE_PARTS_H

#include "core/request/template.h"

/* <name>, and the literal text between it and the hole before. */
struct template_hole {
	struct slice before;
	struct slice name; /* without < and > */
	bool in_quotes;
	bool in_key; /* a colon follows: it is an object's key, or in one */
	const struct value_source *source;
};

struct template_parts {
	struct template_hole *holes;
	size_t count;
	struct slice after; /* behind the last hole */
	bool open_quote;    /* the text ends within quotes */
	bool bare_text;     /* something other than holes and white space is outside quotes */
};

void template_parts_scan(struct template_parts *p, struct slice text);
void template_parts_release(struct template_parts *p);

/* TEMPLATE_TEXT when it begins with a quote; TEMPLATE_JSON otherwise. */
enum template_kind template_parts_kind(struct slice text);
/* Is it JSON with any value in its holes (see template.h for the proof)? */
int template_parts_check_json(
	const struct template_parts *p, struct slice text, struct err *err) ATTR_MUST_CHECK;

/* Of template.c, for template_fill.c. */
struct template_variable {
	char *name;
	struct value_source *source;
};

struct template
{
	enum template_kind kind;
	bool escape;
	char *text; /* the constant, the template, or the path */
	size_t text_len;
	struct value_source *path;
	struct template_variable *variables;
	size_t variable_count;
	struct template_parts parts;
};

#endif
