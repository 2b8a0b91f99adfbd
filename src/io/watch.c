/* SPDX-License-Identifier: Apache-2.0 */
#include "io/watch.h"

#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_MS 50
#define LOOK_MS   30000
#define EVENTS    (IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

struct watch {
	struct loop *loop;
	struct loop_fd notify;
	struct loop_timer look;
	struct list files;
	bool is_stirred; /* the timer is set for what inotify told */
};

/* Directories are watched once however often they are added, and leave by themselves. */
static void watch_directory_of(struct watch *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? xmemdup(path, (size_t)(slash - path) + 1) : xstrdup(".");

	if (w->notify.fd >= 0)
		(void)!inotify_add_watch(w->notify.fd, dir, EVENTS);
	free(dir);
}

/* The directory in which the path ends, and the one where the file really is. */
static void watch_directories(struct watch *w, const char *path)
{
	char *real = realpath(path, NULL);

	watch_directory_of(w, path);
	if (real != NULL)
		watch_directory_of(w, real);
	free(real);
}

/* True: there is a file, and it is not the one last seen. */
static bool inspect_file(struct watch_file *f)
{
	struct stat st;

	if (stat(f->path, &st) != 0 ||
		(st.st_dev == f->device && st.st_ino == f->inode && st.st_size == f->size &&
			st.st_mtim.tv_sec == f->modified.tv_sec &&
			st.st_mtim.tv_nsec == f->modified.tv_nsec))
		return false;
	f->device = st.st_dev;
	f->inode = st.st_ino;
	f->size = st.st_size;
	f->modified = st.st_mtim;
	return true;
}

static void inspect_all(struct loop_timer *timer)
{
	struct watch *w = container_of(timer, struct watch, look);
	struct list changed;

	w->is_stirred = false;
	loop_timer_set(w->loop, timer, loop_now_ms(w->loop) + LOOK_MS);
	list_init(&changed);
	list_foreach_safe (node, &w->files) {
		struct watch_file *f = list_entry(node, struct watch_file, node);

		if (!inspect_file(f))
			continue;
		watch_directories(w, f->path);
		list_remove(node);
		list_append(&changed, node);
	}
	while (!list_is_empty(&changed)) {
		struct watch_file *f = list_entry(changed.next, struct watch_file, node);

		list_remove(&f->node);
		list_append(&w->files, &f->node);
		f->changed(f);
	}
}

static void stirred(struct loop_fd *fd, unsigned events)
{
	struct watch *w = container_of(fd, struct watch, notify);
	char ignored[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	(void)events;
	while (read(fd->fd, ignored, sizeof ignored) > 0)
		;
	if (!w->is_stirred)
		loop_timer_set(w->loop, &w->look, loop_now_ms(w->loop) + SETTLE_MS);
	w->is_stirred = true;
}

struct watch *watch_new(struct loop *l)
{
	struct watch *w = xcalloc(1, sizeof *w);

	w->loop = l;
	w->look.fire = inspect_all;
	list_init(&w->files);
	/* Without inotify (there is a limit for each user) looking every 30 s is left. */
	w->notify = (struct loop_fd){.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
		.events = LOOP_READ,
		.ready = stirred};
	if (w->notify.fd >= 0)
		loop_watch(l, &w->notify);
	loop_timer_set(l, &w->look, loop_now_ms(l) + LOOK_MS);
	return w;
}

void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	loop_timer_cancel(w->loop, &w->look);
	if (w->notify.fd >= 0) {
		loop_unwatch(w->loop, &w->notify);
		close(w->notify.fd);
	}
	free(w);
}

void watch_add(struct watch *w, struct watch_file *f, const char *path)
{
	f->watch = w;
	f->path = xstrdup(path);
	list_append(&w->files, &f->node);
	watch_directories(w, path);
	inspect_file(f);
}

void watch_remove(struct watch_file *f)
{
	if (f->watch == NULL)
		return;
	list_remove(&f->node);
	free(f->path);
	f->path = NULL;
	f->watch = NULL;
}
