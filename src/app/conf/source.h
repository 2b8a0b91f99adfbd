/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - what a configuration was read from: the tree of its files, and the content of the
 * pattern and template files that it names.
 *
 * A source is kept so that the configuration can be built again when only a secret has changed,
 * without reading files that may be half edited. All configurations built from a source share
 * it; any thread may drop its reference, only loading changes it.
 */
#ifndef APP_CONF_SOURCE_H
#define APP_CONF_SOURCE_H

#include <stdatomic.h>

#include "node.h"

struct conf_source_file;

struct conf_source {
	atomic_uint refs;
	char *path;     /* as it was given: a file or a directory */
	char *base_dir; /* absolute; relative paths start from it */
	struct conf_files files;
	struct conf_node *root;
	bool broken; /* a part could not be read: the tree is incomplete */
	struct conf_source_file *contents;
};

/* Read @path: a file, or a directory's *.cfg in order of name. The caller gets a reference. */
struct conf_source *conf_source_read(const char *path, struct conf_faults *faults);
struct conf_source *conf_source_ref(struct conf_source *s);
/* Accepts NULL. */
void conf_source_unref(struct conf_source *s);

/* @path, if it is relative, joined with the base directory; the caller frees it. */
char *conf_source_join(const struct conf_source *s, const char *path);
/* The content of a regular file as it was at the first call; borrowed, with a NUL after it.
 * NULL: see errno. */
const char *conf_source_content(struct conf_source *s, const char *path, size_t *ret_len);

#endif
