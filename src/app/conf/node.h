/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - a configuration as a tree: what libconfig has parsed, of all files together,
 * each node with its place.
 *
 * The tree is what everything behind it reads, so that libconfig is named in node.c alone.
 * A group of one name in several files is one group here; a setting that two files give is a
 * fault.
 */
#ifndef APP_CONF_NODE_H
#define APP_CONF_NODE_H

#include "text.h"

enum conf_kind {
	CONF_NODE_GROUP,
	CONF_NODE_LIST,
	CONF_NODE_STRING,
	CONF_NODE_INTEGER,
	CONF_NODE_REAL,
	CONF_NODE_BOOL,
};

struct conf_node {
	enum conf_kind kind;
	char *name; /* NULL: an element of a list, or the root */
	struct conf_place place;
	char *text;      /* of a string */
	int64_t integer; /* of an integer or a bool */
	double real;
	struct conf_node **children; /* of a group or list */
	size_t child_count;
};

/* An empty group. */
struct conf_node *conf_node_new_root(void);
/* Accepts NULL. */
void conf_node_free(struct conf_node *n);
/* Parse @text and put what is in it into @root. False: it is not understood. */
bool conf_node_add_text(
	struct conf_node *root, const struct conf_text *text, struct conf_faults *faults);

/* NULL when there is none; @group may be NULL. */
struct conf_node *conf_node_find(const struct conf_node *group, const char *name);
/* "a string", "a group { … }". */
const char *conf_node_kind_name(const struct conf_node *n);
/* Append the value as JSON. */
void conf_node_json(const struct conf_node *n, struct buf *out);

#endif
