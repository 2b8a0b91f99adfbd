/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.h - what a destination knows of each target that sends to it: whether its deliveries are
 * held, and what replies to it mean.
 *
 * A route is made with the target's first delivery and stays as long as its destination.
 */
#ifndef APP_ENGINE_ROUTE_H
#define APP_ENGINE_ROUTE_H

#include "app/engine/delivery.h"
#include "core/gate/guard.h"
#include "core/reply/reply.h"

struct route {
	struct list node; /* in its destination's routes */
	offsets_target identity;
	struct guard guard;           /* core/gate/guard.h */
	const struct delivery *probe; /* the guard's, while it is sent; NULL: none is */
	struct list held;             /* gate entries that the guard holds, the oldest first */

	/* For the target as it is in @conf, NULL before the first reply that rules look at. */
	struct conf *conf;
	const struct conf_target *target;
	struct reply_reader *reader;
	struct metric **rule_metrics; /* of each of the target's rules */
};

struct route *route_new(const struct conf_target *t, int64_t now_ms);
/* No delivery may be held. */
void route_free(struct route *r);

/* What the response rules of @d's target say of @reply, put into @outcome. The rule that decides,
 * or might have, or NULL; it is @d's configuration's. */
const struct reply_rule *route_judge(struct route *r, const struct delivery *d,
	const struct reply *reply, struct retry_outcome *outcome);

#endif
