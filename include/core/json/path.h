/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.h - the JSON paths of EventBridge: $, .name, ['name'], [n], [*], .*
 *
 *   path  = "$" step*
 *   step  = "." name | "." "*" | "[" digits "]" | "[*]" | "['" characters "']"
 *   name  = letters, digits, "_", "-", "/", and whatever is not ASCII
 *
 * Between the quotes of a bracket the escapes of JSON stand for what they do in
 * JSON, and \' for a quote. A star means each member of an object or each element of an
 * array, whichever way it is written. Slices, filters, negative indices, recursive
 * descent and functions do not exist: EventBridge lists none of them, and it would be
 * left to chance what they gave.
 *
 * Compiled at load; everything else is refused there, with its column. Evaluated on an
 * event's index; a result is a token, so that its text is a slice of the original.
 * Immutable after compilation: any thread may evaluate.
 */
#ifndef CORE_JSON_PATH_H
#define CORE_JSON_PATH_H

#include "core/json/json.h"

struct path;

/* NULL with ERR_INVALID; the error names the column (from 1) and what is supported. */
struct path *path_compile(struct slice text, struct err *err);
/* Accepts NULL. */
void path_free(struct path *p);
/* Does the text claim to be a path ("$", "$.…", "$[…")? A dynamic
 * parameter is one that does. */
bool path_is_dynamic(struct slice text);
/* A path with a wildcard gives a list of hits; without one, at most one value. */
bool path_has_wildcard(const struct path *p);
/* The single hit of a path without wildcard below token @root, or JX_NONE. With a wildcard: its
 * first hit. */
uint32_t path_find(const struct path *p, const struct jx_index *ix, uint32_t root);
/* Append each hit to @hits, in document order, until @max; returns how
 * many there were in all. */
size_t path_find_all(const struct path *p, const struct jx_index *ix, uint32_t root,
	uint32_t *hits, size_t max);

/* One call for each hit, in document order, as long as it returns true. */
typedef bool (*path_visit_fn)(void *ctx, const struct jx_index *ix, uint32_t t);
void path_visit(const struct path *p, const struct jx_index *ix, uint32_t root,
	path_visit_fn visit, void *ctx);

#endif
