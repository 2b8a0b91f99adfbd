/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h - all lanes and destinations of one event loop.
 *
 * engine_apply() makes what runs agree with a configuration: it makes lanes and destinations
 * that are new, lets those that stay go on (with new rules, limits and credentials), and closes
 * those that are gone. The first configuration and a reload are the same act.
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
	/* Another process has taken our place in a group: stop, and don't come back by
	 * yourself. */
	void (*fenced)(void *ctx, struct engine *e, const char *text);
};

/* @metrics: the part of the thread that runs @loop. */
struct engine *engine_new(struct loop *loop, unsigned number, struct metrics *metrics,
	const struct engine_callbacks *cb, void *ctx);
/* For tests: jitter from a known seed. */
void engine_seed(struct engine *e, uint64_t seed);
/* After engine_drain() or at once. Accepts NULL. */
void engine_free(struct engine *e);

/* ERR_INVALID: a library refused something; what could be made runs, the rest is as before. */
int engine_apply(struct engine *e, struct conf *conf, struct connections *connections,
	struct err *err) ATTR_MUST_CHECK;
/* Stop reading, let what is on the wire end, commit, leave the groups; then drained(). */
void engine_drain(struct engine *e, int64_t grace_ms);

struct loop *engine_loop(const struct engine *e);
const struct engine_context *engine_context(const struct engine *e);
void engine_visit_lanes(
	const struct engine *e, void (*visit)(void *ctx, struct lane *lane), void *ctx);
void engine_visit_destinations(
	const struct engine *e, void (*visit)(void *ctx, struct destination *dest), void *ctx);

#endif
