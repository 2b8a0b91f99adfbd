/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin.h - what the admin listener answers: /metrics /healthz /readyz /status /config /reload
 * and the page at /.
 *
 * Its routes run on the listener's thread. The status of an engine is collected on
 * the engine's own loop, by a posted call that is waited for, at most ADMIN_API_TIMEOUT_MS: that a
 * loop does not respond is an answer, too.
 */
#ifndef APP_DAEMON_ADMIN_H
#define APP_DAEMON_ADMIN_H

#include "app/engine/engine.h"
#include "app/metrics/metrics.h"
#include "io/httpd/httpd.h"

#define ADMIN_API_TIMEOUT_MS 2000

struct admin_api;

struct admin_api_settings {
	struct admin_settings admin;
	struct engine *const *engines; /* borrowed, as is all else */
	size_t engine_count;
	struct metrics *metrics;
	struct conf *conf; /* a reference is kept */
	/* Called on @control_loop when a reload is requested. */
	void (*reload)(void *ctx);
	void *ctx;
	struct loop *control_loop;
};

struct admin_api *admin_api_new(const struct admin_api_settings *s, struct err *err);
/* A reload begins: it answers all requests so far. @a may be NULL. */
void admin_api_reload_begins(struct admin_api *a);
/* A reload has ended: @conf is in force now, or was refused (NULL). @a may be NULL. */
void admin_api_reloaded(struct admin_api *a, struct conf *conf);
const char *admin_api_address(const struct admin_api *a);
/* Before the engines go. Accepts NULL. */
void admin_api_free(struct admin_api *a);

#endif
