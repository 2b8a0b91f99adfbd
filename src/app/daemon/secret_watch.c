/* SPDX-License-Identifier: Apache-2.0 */
#include "secret_watch.h"

#include <stdlib.h>

#include "base/log.h"
#include "io/watch.h"

struct refresher_file {
	struct watch_file file;
	struct refresher *refresher;
};

struct refresher {
	struct loop *loop;
	struct watch *watch;
	struct refresher_file *files;
	size_t file_count;
	struct loop_call tell; /* files that change together are told as one change */
	void (*changed)(void *ctx);
	void *ctx;
};

static void tell_run(struct loop_call *call)
{
	struct refresher *r = container_of(call, struct refresher, tell);

	r->changed(r->ctx);
}

static void file_changed(struct watch_file *f)
{
	struct refresher_file *file = container_of(f, struct refresher_file, file);

	log_info("secret_changed",
		"a file with a secret has changed; what was made with it is made again",
		log_str("file", f->path));
	loop_defer(file->refresher->loop, &file->refresher->tell);
}

struct refresher *refresher_new(struct loop *loop, void (*changed)(void *ctx), void *ctx)
{
	struct refresher *r = xcalloc(1, sizeof *r);

	r->loop = loop;
	r->watch = watch_new(loop);
	r->changed = changed;
	r->ctx = ctx;
	loop_call_init(&r->tell, tell_run);
	return r;
}

static void forget_files(struct refresher *r)
{
	for (size_t i = 0; i < r->file_count; i++)
		watch_remove(&r->files[i].file);
	free(r->files);
	r->files = NULL;
	r->file_count = 0;
}

static bool is_watched(const struct refresher *r, const char *path)
{
	for (size_t i = 0; i < r->file_count; i++)
		if (strcmp(r->files[i].file.path, path) == 0)
			return true;
	return false;
}

void refresher_follow(struct refresher *r, const struct conf *conf)
{
	char **paths;
	size_t count = conf_secret_files(conf, &paths);

	forget_files(r);
	r->files = xcalloc(count + 1, sizeof *r->files);
	for (size_t i = 0; i < count; i++) {
		struct refresher_file *f = &r->files[r->file_count];

		if (!is_watched(r, paths[i])) {
			f->refresher = r;
			f->file.changed = file_changed;
			watch_add(r->watch, &f->file, paths[i]);
			r->file_count++;
		}
		free(paths[i]);
	}
	free(paths);
}

void refresher_free(struct refresher *r)
{
	if (r == NULL)
		return;
	loop_undefer(&r->tell);
	forget_files(r);
	watch_free(r->watch);
	free(r);
}
