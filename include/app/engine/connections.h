/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connections.h - the process's connections by name, shared by all engines.
 *
 * A reload keeps the object, and thereby the token, of each connection whose settings have not
 * changed. A connection that was changed or removed is retired: its destinations use the new
 * one, and requests in flight end with the credentials of the old one. The files that secrets
 * come from are watched; the next attempt or token request uses their new contents. Connections
 * are made and changed on the control loop only.
 */
#ifndef APP_ENGINE_CONNECTIONS_H
#define APP_ENGINE_CONNECTIONS_H

#include "app/conf/conf.h"
#include "app/metrics/metrics.h"
#include "io/auth/connection.h"

struct connections;

struct connections *connections_new(struct loop *loop);
/* No engine may use them any more. Accepts NULL. */
void connections_free(struct connections *c);
/* Make the connections of @conf; one that has changed replaces the one of the same name. On
 * failure nothing has changed. */
int connections_apply(
	struct connections *c, struct conf *conf, struct err *err) ATTR_MUST_CHECK;
/* NULL if there is none of that name. */
struct connection *connections_find(const struct connections *c, const char *name);
/* Update their gauges: once a second. */
void connections_sample(struct connections *c, struct metrics *m);

#endif
