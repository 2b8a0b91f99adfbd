/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - the tree of settings of all files, parsed by libconfig; each node has its place.
 *
 * Everything else reads this tree; only node.c uses libconfig. Groups of the same name in several
 * files are merged; a setting that two files set is a fault.
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
/* Parse @text and merge it into @root. False: a syntax error, which was reported. */
bool conf_node_add_text(
	struct conf_node *root, const struct conf_text *text, struct conf_faults *faults);

/* NULL: there is none. @group may be NULL. */
struct conf_node *conf_node_find(const struct conf_node *group, const char *name);
/* "a string", "a group { … }". */
const char *conf_node_kind_name(const struct conf_node *n);
/* Append the value as JSON. */
void conf_node_json(const struct conf_node *n, struct buf *out);

#endif
