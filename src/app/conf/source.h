/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - what a configuration was read from, kept: the tree of its files and the
 * content of the files that it takes in whole (patterns, templates).
 *
 * From one source a configuration can be made again when nothing but a secret has changed: the
 * files themselves are not looked at then, since somebody may be at work on them. All
 * configurations made from a source share it; any thread may drop its reference, only loading
 * changes it.
 */
#ifndef APP_CONF_SOURCE_H
#define APP_CONF_SOURCE_H

#include <stdatomic.h>

#include "node.h"

struct conf_source_file;

struct conf_source {
	atomic_uint refs;
	char *path;     /* as it was given: a file or a directory */
	char *base_dir; /* what relative paths in it are relative to, absolute */
	struct conf_files files;
	struct conf_node *root;
	bool broken; /* a part could not be read: the tree has holes */
	struct conf_source_file *contents;
};

/* Reads @path, a file, or a directory's *.cfg in order of name. One reference. */
struct conf_source *conf_source_read(const char *path, struct conf_faults *faults);
struct conf_source *conf_source_ref(struct conf_source *s);
/* Accepts NULL. */
void conf_source_unref(struct conf_source *s);

/* A path in the configuration as one that can be opened; the caller frees it. */
char *conf_source_join(const struct conf_source *s, const char *path);
/* The whole of a regular file, as it was when it was first asked for; borrowed, a NUL behind
 * it. NULL: errno says why. */
const char *conf_source_content(struct conf_source *s, const char *path, size_t *ret_len);

#endif
