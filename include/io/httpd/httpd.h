/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpd.h - a small HTTP listener for operators: metrics, health, status.
 *
 * It has a thread of its own, so that slow readers, ten thousand connections and garbage never
 * touch an event's path. Routes are called on that thread, one at a time, and must not take long. A
 * connection carries one request.
 *
 * With a token every route but the open ones wants "Authorization: Bearer TOKEN"; without one it
 * wants a Host header that no other site can have (access.h). With a certificate it speaks TLS and
 * nothing else.
 */
#ifndef IO_HTTPD_HTTPD_H
#define IO_HTTPD_HTTPD_H

#include "base/buf.h"
#include "base/err.h"

/* Fill @out and name its type; returns the HTTP status. */
typedef unsigned (*admin_route_fn)(void *ctx, struct buf *out, const char **ret_content_type);

/* A request that changes something. */
struct admin_change {
	const char *argument; /* of the query; NULL: none */
	const char *from;     /* who sent it, for the log */
};

/* The same for POST. */
typedef unsigned (*admin_change_fn)(void *ctx, const struct admin_change *change,
	struct buf *out, const char **ret_content_type);

struct admin_route {
	const char *path;
	admin_route_fn answer;
	bool open;              /* no token is wanted */
	admin_change_fn change; /* NULL: no POST */
	const char *argument;   /* the name of the change's argument */
};

struct admin;

/* Of connections. Beyond them the oldest one whose request has not come yet is cut off. */
struct admin_limits {
	unsigned connections;
	unsigned from_elsewhere; /* of these; the other places are for this machine's clients */
	unsigned per_address;
	int64_t request_ms; /* for the head of the request, from the connection's start */
	int64_t reply_ms;   /* until the reply has been taken, from the connection's start */
};

extern const struct admin_limits admin_default_limits;

struct admin_settings {
	/* "127.0.0.1:9464", "[::1]:9464", port 0 for any free one, or
	 * "unix:/run/postrider.sock". */
	const char *listen;
	const char *token;                       /* NULL: none is wanted */
	const char *certificate_file, *key_file; /* PEM; NULL: no TLS */
	const struct admin_limits *limits;       /* NULL: the default ones */
	const char *content_policy; /* the Content-Security-Policy of every reply */
};

/* The settings are copied. The routes are borrowed; the last one has path NULL. ERR_IO when it
 * can't be listened on, or a file can't be read. */
struct admin *admin_new(const struct admin_settings *s, const struct admin_route *routes,
	void *ctx, struct err *err);
/* Where it listens, with the real port: owned by @a. */
const char *admin_address(const struct admin *a);
/* Waits for the route that is being answered. Accepts NULL. */
void admin_free(struct admin *a);

#endif
