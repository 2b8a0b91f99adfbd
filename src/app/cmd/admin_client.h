/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin_client.h - a running daemon, seen from a command: found by its configuration's admin
 * listener, and asked with its token.
 */
#ifndef APP_CMD_ADMIN_CLIENT_H
#define APP_CMD_ADMIN_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

struct remote {
	char *url;                           /* "http://127.0.0.1:9464" */
	char *unix_socket, *token, *ca_file; /* NULL: none */
};

/* The daemon that runs on @conf_path. ERR_NOT_FOUND, ERR_INVALID: the error says why not; @r is
 * released then. */
int remote_find(struct remote *r, const char *conf_path, struct err *err) ATTR_MUST_CHECK;
/* The daemon at @url, which wants no token. */
void remote_at(struct remote *r, const char *url);
void remote_release(struct remote *r);

/* Append its /status, JSON, to @out. */
int remote_status(const struct remote *r, struct buf *out, struct err *err) ATTR_MUST_CHECK;
/* Have it read @conf_path, on which it has to run, again; append {"requested": NUMBER}. */
int remote_reload(const struct remote *r, const char *conf_path, struct buf *out,
	struct err *err) ATTR_MUST_CHECK;
/* Append {"requested", "answered", "successful"}: which requests for a reload have come, which
 * have been dealt with, and how the last reload ended. */
int remote_reloads(const struct remote *r, struct buf *out, struct err *err) ATTR_MUST_CHECK;

#endif
