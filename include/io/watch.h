/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch.h - files whose content may change: secrets, certificates.
 *
 * By inotify on directories, since files are replaced more often than written: by rename, or,
 * as Kubernetes does with secrets, by swapping a symbolic link on the way to them. What counts
 * as a change is a different file, size or time behind the path, looked at 50 ms after the
 * last stir, so that a writer in several steps makes one change. Every 30 s all are looked
 * at anyway: for file systems that don't tell, and directories that come later.
 *
 * A file that goes away is no change; one that comes back different is. Belongs to its loop.
 */
#ifndef IO_WATCH_H
#define IO_WATCH_H

#include <sys/types.h>
#include <time.h>

#include "io/loop.h"

struct watch;

struct watch *watch_new(struct loop *l);
/* No file may be watched. Accepts NULL. */
void watch_free(struct watch *w);

/* Embedded; zero before its first use. */
struct watch_file {
	void (*changed)(struct watch_file *f); /* may remove any file */
	char *path;

	/* The watch's. */
	struct watch *watch;
	struct list node;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
};

/* @path is copied; it need not exist yet. */
void watch_add(struct watch *w, struct watch_file *f, const char *path);
/* Accepts a file that is not watched. */
void watch_remove(struct watch_file *f);

#endif
