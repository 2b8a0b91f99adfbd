/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.h - how many deliveries, and how many bytes of events, may be open at once.
 *
 * The process has one limit of each; lanes are members and share it fairly. Half of the
 * limit is guaranteed, in equal parts, so that a lane whose destination is dead can't take
 * the others' room; the other half is a pool for whoever is busy. A member alone has it
 * all. The limits stop taking up, not working: what is open is never refused, so that
 * one record may overshoot them by its own size.
 *
 * The bodies of requests in flight are bytes too. They may always take an eighth of the limit, so
 * that the events that wait do not keep those from being sent for which there is a body to make;
 * beyond that only what is left of the whole.
 *
 * Pure; one loop.
 */
#ifndef CORE_GATE_BUDGET_H
#define CORE_GATE_BUDGET_H

#include "base/list.h"

struct budget_limit {
	size_t max, used;
	size_t pool_used; /* what members use beyond their guaranteed part */
};

struct budget {
	struct budget_limit deliveries, bytes;
	size_t request_bytes; /* of `bytes`: the bodies of requests in flight */
	struct list members;
	size_t member_count;
};

/* Zero before budget_join(). */
struct budget_member {
	struct list node;
	struct budget *budget;
	size_t deliveries, bytes;
};

void budget_init(struct budget *b, size_t max_deliveries, size_t max_bytes);
void budget_set_limits(struct budget *b, size_t max_deliveries, size_t max_bytes);
void budget_join(struct budget *b, struct budget_member *m);
/* The member must have given everything back. */
void budget_part(struct budget_member *m);
/* May @m take up more? */
bool budget_has_room(const struct budget_member *m);
void budget_take(struct budget_member *m, size_t deliveries, size_t bytes);
void budget_give(struct budget_member *m, size_t deliveries, size_t bytes);

/* The body of a request, from its rendering to the answer. What is asked before overshoots by one
 * body at most. */
bool budget_has_room_for_requests(const struct budget *b);
void budget_take_request(struct budget_member *m, size_t bytes);
void budget_give_request(struct budget_member *m, size_t bytes);

#endif
