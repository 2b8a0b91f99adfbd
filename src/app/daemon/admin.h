/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin.h - what the admin listener answers: /metrics /healthz /readyz /status /config and
 * the page at /.
 *
 * Its routes run on the listener's thread. What lives on a worker's loop is asked of that
 * loop by a posted call and waited for, at most OBSERVER_PATIENCE_MS: a loop that does not
 * turn is itself an answer.
 */
#ifndef APP_DAEMON_ADMIN_H
#define APP_DAEMON_ADMIN_H

#include "app/engine/engine.h"
#include "app/metrics/metrics.h"
#include "io/httpd.h"

#define OBSERVER_PATIENCE_MS 2000

struct observer;

struct observer_settings {
	struct admin_settings admin;
	struct engine *const *engines; /* borrowed, as is all else */
	size_t engine_count;
	struct metrics *metrics;
	struct conf *conf; /* a reference is kept */
};

struct observer *observer_new(const struct observer_settings *s, struct err *err);
/* A reload has ended: @conf is in force now, or was refused (NULL). Accepts a NULL observer. */
void observer_reloaded(struct observer *o, struct conf *conf);
const char *observer_address(const struct observer *o);
/* Before the engines go. Accepts NULL. */
void observer_free(struct observer *o);

#endif
