/* SPDX-License-Identifier: Apache-2.0 */
#include "secret_watch.h"

#include <stdlib.h>

#include "base/log.h"
#include "io/watch.h"

struct secret_watch_file {
	struct watch_file file;
	struct secret_watch *owner;
};

struct secret_watch {
	struct loop *loop;
	struct watch *watch;
	struct secret_watch_file *files;
	size_t file_count;
	struct loop_call report; /* files that change together are one change */
	void (*changed)(void *ctx);
	void *ctx;
};

static void report_run(struct loop_call *call)
{
	struct secret_watch *w = container_of(call, struct secret_watch, report);

	w->changed(w->ctx);
}

static void file_changed(struct watch_file *f)
{
	struct secret_watch_file *file = container_of(f, struct secret_watch_file, file);

	log_info("secret_changed",
		"a secret file changed: making everything again that uses it",
		log_str("file", f->path));
	loop_defer(file->owner->loop, &file->owner->report);
}

struct secret_watch *secret_watch_new(struct loop *loop, void (*changed)(void *ctx), void *ctx)
{
	struct secret_watch *w = xcalloc(1, sizeof *w);

	w->loop = loop;
	w->watch = watch_new(loop);
	w->changed = changed;
	w->ctx = ctx;
	loop_call_init(&w->report, report_run);
	return w;
}

static void forget_files(struct secret_watch *w)
{
	for (size_t i = 0; i < w->file_count; i++)
		watch_remove(&w->files[i].file);
	free(w->files);
	w->files = NULL;
	w->file_count = 0;
}

static bool is_watched(const struct secret_watch *w, const char *path)
{
	for (size_t i = 0; i < w->file_count; i++)
		if (strcmp(w->files[i].file.path, path) == 0)
			return true;
	return false;
}

void secret_watch_follow(struct secret_watch *w, const struct conf *conf)
{
	char **paths;
	size_t count = conf_secret_files(conf, &paths);

	forget_files(w);
	w->files = xcalloc(count + 1, sizeof *w->files);
	for (size_t i = 0; i < count; i++) {
		struct secret_watch_file *f = &w->files[w->file_count];

		if (!is_watched(w, paths[i])) {
			f->owner = w;
			f->file.changed = file_changed;
			watch_add(w->watch, &f->file, paths[i]);
			w->file_count++;
		}
		free(paths[i]);
	}
	free(paths);
}

void secret_watch_free(struct secret_watch *w)
{
	if (w == NULL)
		return;
	loop_undefer(&w->report);
	forget_files(w);
	watch_free(w->watch);
	free(w);
}
