/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_watch.h - notices that a secret which the configuration itself was made with has changed.
 *
 * Connections look after the files of their credentials (connections.h). All others, in a
 * request's parameters, an endpoint or kafka.properties, are watched here; when some have
 * changed, changed() is called once for all that changed together, and the configuration can
 * be made again (conf_refresh()).
 *
 * Log line: secret_changed, one a file. Belongs to its loop.
 */
#ifndef APP_DAEMON_SECRET_WATCH_H
#define APP_DAEMON_SECRET_WATCH_H

#include "app/conf/conf.h"
#include "io/loop.h"

struct secret_watch;

struct secret_watch *secret_watch_new(struct loop *loop, void (*changed)(void *ctx), void *ctx);
/* Watch what @conf was made with, and nothing else any more. Not from changed(). */
void secret_watch_follow(struct secret_watch *w, const struct conf *conf);
/* Accepts NULL. */
void secret_watch_free(struct secret_watch *w);

#endif
