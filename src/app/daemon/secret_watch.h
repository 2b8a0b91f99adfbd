/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_watch.h - watches the files of secrets that are part of the configuration itself.
 *
 * Connections watch the files of their own credentials (connections.h). All others, of request
 * parameters, endpoints and kafka.properties, are watched here. changed() is called once for all
 * files that have changed together; then the configuration can be made again (conf_refresh()).
 *
 * Log line: secret_changed, one a file. Belongs to its loop.
 */
#ifndef APP_DAEMON_SECRET_WATCH_H
#define APP_DAEMON_SECRET_WATCH_H

#include "app/conf/conf.h"
#include "io/loop.h"

struct secret_watch;

struct secret_watch *secret_watch_new(struct loop *loop, void (*changed)(void *ctx), void *ctx);
/* Watch the files of @conf, and no others any more. Not to be called from changed(). */
void secret_watch_follow(struct secret_watch *w, const struct conf *conf);
/* Accepts NULL. */
void secret_watch_free(struct secret_watch *w);

#endif
