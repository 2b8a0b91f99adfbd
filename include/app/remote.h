/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote.h - a running daemon, seen from a command: found by its configuration's admin
 * listener.
 */
#ifndef APP_REMOTE_H
#define APP_REMOTE_H

#include "base/buf.h"
#include "base/err.h"

/* "http://127.0.0.1:9464" of the daemon that runs on @conf_path; malloc'ed. NULL: the error
 * says why. */
char *remote_url(const char *conf_path, struct err *err);
/* Append its /status, JSON, to @out. */
int remote_status(const char *url, struct buf *out, struct err *err) ATTR_MUST_CHECK;

#endif
