/* SPDX-License-Identifier: Apache-2.0 */
/*
 * router.h - which targets does a record go to?
 *
 * Compiled from one configuration for one lane: its enabled rules as one ruleset, and of each
 * rule the targets whose destination the lane works for. A record is indexed once, in
 * librdkafka's own memory, and matched against all rules in one walk; nothing is copied, and a
 * record that no rule wants has cost one scan.
 */
#ifndef APP_ENGINE_ROUTER_H
#define APP_ENGINE_ROUTER_H

#include "app/conf/conf.h"
#include "app/engine/context.h"

struct destination;
struct router;

struct router_hit {
	const struct conf_target *target;
	struct destination *dest;
	struct metric *created, *ended; /* of its target */
};

/* The run-time destination for a configured one, or NULL when this
 * lane does not work for it. */
typedef struct destination *(*router_resolve_fn)(
	void *ctx, const struct conf_destination *settings);

/* Keeps a reference to @conf. */
struct router *router_new(struct conf *conf, const struct conf_consumer *consumer,
	struct metrics *m, router_resolve_fn resolve, void *ctx);
void router_free(struct router *r);
/* Would more records help one of its destinations? */
bool router_wants_more(const struct router *r);

/*
 * Match the record. 0: *ret_hits are *ret_count targets, valid until the next call, and the
 * context's index holds the record (not yet attributed to an event). ERR_INVALID or ERR_LIMIT:
 * it is no event; the error says why. The record's value is not NULL.
 */
int router_match(struct router *r, struct engine_context *context,
	const struct event_fields *record, const struct router_hit **ret_hits,
	size_t *ret_count, struct err *err) ATTR_MUST_CHECK;

#endif
