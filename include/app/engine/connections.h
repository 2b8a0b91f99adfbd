/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connections.h - the process's connections by name, shared by all engines.
 *
 * A reload that leaves a connection's settings alone leaves its object, and so its token,
 * alone. One that is changed or gone is retired: destinations go over to the new one, and what
 * is still on the wire ends with the old one's credentials. The files that secrets come from
 * are watched: a changed one is used by the next attempt or token request. Made and changed on
 * the control loop only.
 */
#ifndef APP_ENGINE_CONNECTIONS_H
#define APP_ENGINE_CONNECTIONS_H

#include "app/conf/conf.h"
#include "app/metrics/metrics.h"
#include "io/auth/connection.h"

struct connections;

struct connections *connections_new(struct loop *loop);
/* Nobody may use any of them any more. Accepts NULL. */
void connections_free(struct connections *c);
/* Make those of @conf; changed ones replace their namesakes. On failure nothing has changed. */
int connections_apply(
	struct connections *c, struct conf *conf, struct err *err) ATTR_MUST_CHECK;
/* NULL when there is none of that name. */
struct connection *connections_find(const struct connections *c, const char *name);
/* Once a second: their metrics say how they are. */
void connections_sample(struct connections *c, struct metrics *m);

#endif
