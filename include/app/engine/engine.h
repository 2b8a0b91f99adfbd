/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h - all lanes and destinations of one event loop.
 *
 * engine_apply() makes lanes and destinations agree with a configuration: it makes the new ones,
 * reconfigures those that stay (rules, limits, credentials), and closes those that are no longer
 * wanted. The first configuration is applied in the same way as a reload.
 *
 * An engine is confined to its loop's thread.
 */
#ifndef APP_ENGINE_ENGINE_H
#define APP_ENGINE_ENGINE_H

#include "app/conf/conf.h"
#include "app/engine/connections.h"
#include "app/engine/destination.h"
#include "app/engine/lane.h"

struct engine;

struct engine_callbacks {
	/* engine_drain() is complete. */
	void (*drained)(void *ctx, struct engine *e);
	/* Another process has taken our place in a group: stop, and do not restart. */
	void (*fenced)(void *ctx, struct engine *e, const char *text);
};

/* @number: of the engine among those of the process. @metrics: the part of the thread that runs
 * @loop; NULL: none are kept. */
struct engine *engine_new(struct loop *loop, unsigned number, struct metrics *metrics,
	const struct engine_callbacks *cb, void *ctx);
/* For tests: make the jitter repeatable. */
void engine_seed(struct engine *e, uint64_t seed);
/* After engine_drain() or at once. Accepts NULL. */
void engine_free(struct engine *e);

/* ERR_INVALID: a library refused a setting; what could be made runs, the rest is as before. */
int engine_apply(struct engine *e, struct conf *conf, struct connections *connections,
	struct err *err) ATTR_MUST_CHECK;
/* Stop reading, finish the requests in flight, commit, leave the groups; then drained(). */
void engine_drain(struct engine *e, int64_t grace_ms);

struct loop *engine_loop(const struct engine *e);
const struct engine_context *engine_context(const struct engine *e);
void engine_visit_lanes(
	const struct engine *e, void (*visit)(void *ctx, struct lane *lane), void *ctx);
void engine_visit_destinations(
	const struct engine *e, void (*visit)(void *ctx, struct destination *dest), void *ctx);

#endif
