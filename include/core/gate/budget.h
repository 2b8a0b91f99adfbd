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

#endif
