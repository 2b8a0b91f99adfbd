/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin_client.h - a running daemon, seen from a command: found by its configuration's admin
 * listener, and asked with its token.
 */
#ifndef APP_CMD_ADMIN_CLIENT_H
#define APP_CMD_ADMIN_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

struct admin_client {
	char *url;                           /* "http://127.0.0.1:9464" */
	char *unix_socket, *token, *ca_file; /* NULL: none */
};

/* The daemon that runs on @conf_path. ERR_NOT_FOUND, ERR_INVALID: the error says why not; @r is
 * released then. */
int admin_client_find(
	struct admin_client *r, const char *conf_path, struct err *err) ATTR_MUST_CHECK;
/* The daemon at @url, which wants no token. */
void admin_client_at(struct admin_client *r, const char *url);
void admin_client_release(struct admin_client *r);

/* Append its /status, JSON, to @out. */
int admin_client_status(
	const struct admin_client *r, struct buf *out, struct err *err) ATTR_MUST_CHECK;
/* Have it read @conf_path, on which it has to run, again; append {"requested": NUMBER}. */
int admin_client_reload(const struct admin_client *r, const char *conf_path, struct buf *out,
	struct err *err) ATTR_MUST_CHECK;
/* Append {"requested", "answered", "successful"}: which requests for a reload have come, which
 * have been dealt with, and how the last reload ended. */
int admin_client_reloads(
	const struct admin_client *r, struct buf *out, struct err *err) ATTR_MUST_CHECK;

#endif
