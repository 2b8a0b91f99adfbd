/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h - the socket on which the admin listener takes connections: TCP or Unix.
 *
 * A Unix socket is a file, and files may be somebody else's. Nothing is removed but a socket on
 * which nobody answers; the new one is its owner's only (mode 0600), whatever the umask; at the
 * end it is removed only if it is still the one that was made here.
 */
#ifndef IO_HTTPD_LISTEN_H
#define IO_HTTPD_LISTEN_H

#include <sys/types.h>

#include "base/err.h"

struct listener {
	int fd;          /* -1: none */
	char *address;   /* "127.0.0.1:9464", "unix:/run/postrider/admin.sock" */
	char *unix_path; /* NULL: TCP */
	dev_t device;    /* of the socket's file */
	ino_t inode;
};

/* Listen on "HOST:PORT", "[IPV6]:PORT" or "unix:PATH". @l is released by listener_release() also
 * after an error. */
int listener_open(struct listener *l, const char *text, struct err *err) ATTR_MUST_CHECK;
/* The descriptor is the caller's to close. */
void listener_release(struct listener *l);

#endif
