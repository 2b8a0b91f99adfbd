/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a configuration from a file or a directory, and the files it names.
 */
#include "source.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/hash.h"

#define MAX_CONTENT_BYTES (16 * 1024 * 1024)

struct conf_source_file {
	char *path;
	char *bytes;
	size_t len;
	UT_hash_handle hh;
};

/* --- references ------------------------------------------------------------------------- */

struct conf_source *conf_source_ref(struct conf_source *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

static void source_free(struct conf_source *s)
{
	struct conf_source_file *f, *next;

	HASH_ITER (hh, s->contents, f, next) {
		HASH_DEL(s->contents, f);
		explicit_bzero(f->bytes, f->len);
		free(f->bytes);
		free(f->path);
		free(f);
	}
	conf_node_free(s->root);
	conf_files_release(&s->files);
	free(s->base_dir);
	free(s->path);
	free(s);
}

void conf_source_unref(struct conf_source *s)
{
	if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		source_free(s);
}

/* --- the tree --------------------------------------------------------------------------- */

/* False: a part of the configuration could not be read. */
static bool read_one(struct conf_source *s, const char *path, struct conf_faults *faults)
{
	struct conf_text text;
	bool ok = conf_text_read(&text, path, &s->files, faults) &&
		  conf_node_add_text(s->root, &text, faults);

	conf_text_release(&text);
	return ok;
}

static int is_cfg(const struct dirent *entry)
{
	/* Hidden files, such as those of an editor, are skipped. */
	return fnmatch("*.cfg", entry->d_name, FNM_PERIOD) == 0;
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
	return strcmp((*x)->d_name, (*y)->d_name);
}

static bool read_directory(struct conf_source *s, const char *path, struct conf_faults *faults)
{
	size_t len = strlen(path);
	struct dirent **entries;
	bool ok = true;
	int count = scandir(path, &entries, is_cfg, by_name);

	if (count < 0) {
		conf_fault(faults, (struct conf_place){s->path, 0}, "directory: %s",
			strerror(errno));
		return false;
	}
	if (count == 0)
		conf_fault(faults, (struct conf_place){s->path, 0},
			"directory: contains no *.cfg file");
	while (len > 1 && path[len - 1] == '/')
		len--;
	for (int i = 0; i < count; i++) {
		char *file = xasprintf("%.*s/%s", (int)len, path, entries[i]->d_name);

		ok = read_one(s, file, faults) && ok;
		free(file);
		free(entries[i]);
	}
	free(entries);
	return ok && count > 0;
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xmemdup(path, (size_t)(slash - path));
}

/* The directory that paths in the files are relative to; absolute, since the process may change
 * its working directory. */
static char *base_of(const char *path, bool directory)
{
	char *relative = directory ? xstrdup(path) : directory_of(path);
	char *absolute = realpath(relative, NULL);

	if (absolute == NULL)
		return relative;
	free(relative);
	return absolute;
}

struct conf_source *conf_source_read(const char *path, struct conf_faults *faults)
{
	struct conf_source *s = xcalloc(1, sizeof *s);
	struct stat st;
	bool directory = stat(path, &st) == 0 && S_ISDIR(st.st_mode);

	atomic_init(&s->refs, 1);
	s->path = xstrdup(path);
	s->base_dir = base_of(path, directory);
	s->root = conf_node_new_root();
	s->broken = !(directory ? read_directory(s, path, faults) : read_one(s, path, faults));
	return s;
}

/* --- files that the configuration names ------------------------------------------------- */

char *conf_source_join(const struct conf_source *s, const char *path)
{
	return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", s->base_dir, path);
}

/* The content of a regular file, with a NUL after it. NULL: see errno. */
static char *read_content(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *bytes = NULL;
	int code = 0;

	if (f == NULL)
		return NULL;
	if (fstat(fileno(f), &st) != 0)
		code = errno;
	else if (!S_ISREG(st.st_mode))
		code = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	else if (st.st_size > MAX_CONTENT_BYTES)
		code = EFBIG;
	if (code == 0) {
		bytes = xmalloc((size_t)st.st_size + 1);
		*ret_len = fread(bytes, 1, (size_t)st.st_size, f);
		bytes[*ret_len] = '\0';
	}
	fclose(f);
	errno = code;
	return bytes;
}

const char *conf_source_content(struct conf_source *s, const char *path, size_t *ret_len)
{
	struct conf_source_file *f;
	char *bytes;

	HASH_FIND_STR(s->contents, path, f);
	if (f == NULL) {
		bytes = read_content(path, ret_len);
		if (bytes == NULL)
			return NULL;
		f = xcalloc(1, sizeof *f);
		f->path = xstrdup(path);
		f->bytes = bytes;
		f->len = *ret_len;
		HASH_ADD_KEYPTR(hh, s->contents, f->path, strlen(f->path), f);
	}
	*ret_len = f->len;
	return f->bytes;
}
