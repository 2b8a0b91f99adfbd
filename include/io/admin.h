/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin.h - a small HTTP listener for operators: metrics, health, status.
 *
 * It has a thread of its own (libmicrohttpd's), so that slow readers, ten thousand connections
 * and garbage never touch an event's path. Routes are called on that thread, one at a time. GET
 * and HEAD only; what changes the process's state goes by signals.
 */
#ifndef IO_ADMIN_H
#define IO_ADMIN_H

#include "base/buf.h"
#include "base/err.h"

/* Fill @out and name its type; returns the HTTP status. */
typedef unsigned (*admin_route_fn)(void *ctx, struct buf *out, const char **ret_content_type);

struct admin_route {
	const char *path;
	admin_route_fn answer;
};

struct admin;

/*
 * @listen: "127.0.0.1:9464", "[::1]:9464", port 0 for any free one, or
 * "unix:/run/postrider.sock". The routes are borrowed; the last one has path NULL. ERR_IO when
 * it can't be listened on.
 */
struct admin *admin_new(
	const char *listen, const struct admin_route *routes, void *ctx, struct err *err);
/* Where it listens, with the real port: owned by @a. */
const char *admin_address(const struct admin *a);
/* Waits for the route that is being answered. Accepts NULL. */
void admin_free(struct admin *a);

#endif
