/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h - a compiled pattern from the inside, for those who match with it:
 * core/pattern and core/ruleset.
 *
 * A path is a chain of *names*: keys cut at their dots, since {"a": {"b": …}} and
 * {"a.b": …} are one path. Names are numbered from 0, the root, and a name comes
 * after the one above it.
 */
#ifndef CORE_PATTERN_TREE_H
#define CORE_PATTERN_TREE_H

#include "core/pattern/condition.h"
#include "core/pattern/pattern.h"

struct pattern_name {
	uint32_t parent; /* of the root: itself */
	uint32_t depth;
	struct slice text;
};

struct pattern_field {
	uint32_t name;
	const struct condition *condition;
};

/* A combination of $or: all fields must be met; one for each path. */
struct pattern_alternative {
	uint32_t field_count;
	const struct pattern_field *fields;
};

struct pattern {
	struct arena arena; /* owns all below */
	struct pattern_name *names;
	uint32_t name_count;
	uint32_t alternative_count;
	struct pattern_alternative *alternatives;
};

/* Append the path of @name, its parts joined by dots; long ones are cut in the middle. */
void pattern_add_path(const struct pattern *p, uint32_t name, struct buf *out);

#endif
