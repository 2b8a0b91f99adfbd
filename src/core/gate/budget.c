/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gate/budget.h"

static size_t guaranteed(const struct budget *b, const struct budget_limit *limit)
{
	return b->member_count <= 1 ? limit->max : limit->max / 2 / b->member_count;
}

static size_t beyond(size_t used, size_t part)
{
	return used > part ? used - part : 0;
}

/* How much of the pool is used depends on the size of a part, and so on the number of
 * members and on the limits. */
static void recount(struct budget *b)
{
	b->deliveries.pool_used = b->bytes.pool_used = 0;
	list_foreach (node, &b->members) {
		const struct budget_member *m = list_entry(node, struct budget_member, node);

		b->deliveries.pool_used += beyond(m->deliveries, guaranteed(b, &b->deliveries));
		b->bytes.pool_used += beyond(m->bytes, guaranteed(b, &b->bytes));
	}
}

void budget_init(struct budget *b, size_t max_deliveries, size_t max_bytes)
{
	*b = (struct budget){.deliveries.max = max_deliveries, .bytes.max = max_bytes};
	list_init(&b->members);
}

void budget_set_limits(struct budget *b, size_t max_deliveries, size_t max_bytes)
{
	b->deliveries.max = max_deliveries;
	b->bytes.max = max_bytes;
	recount(b);
}

void budget_join(struct budget *b, struct budget_member *m)
{
	*m = (struct budget_member){.budget = b};
	list_append(&b->members, &m->node);
	b->member_count++;
	recount(b);
}

void budget_part(struct budget_member *m)
{
	if (m->budget == NULL)
		return;
	list_remove(&m->node);
	m->budget->member_count--;
	recount(m->budget);
	m->budget = NULL;
}

static bool limit_has_room(
	const struct budget *b, const struct budget_limit *limit, size_t used)
{
	size_t part = guaranteed(b, limit);

	return used < part || limit->pool_used < limit->max - part * b->member_count;
}

bool budget_has_room(const struct budget_member *m)
{
	return limit_has_room(m->budget, &m->budget->deliveries, m->deliveries) &&
	       limit_has_room(m->budget, &m->budget->bytes, m->bytes);
}

static void change(struct budget *b, struct budget_limit *limit, size_t *used, size_t to)
{
	size_t part = guaranteed(b, limit);

	limit->pool_used += beyond(to, part) - beyond(*used, part);
	limit->used += to - *used;
	*used = to;
}

void budget_take(struct budget_member *m, size_t deliveries, size_t bytes)
{
	change(m->budget, &m->budget->deliveries, &m->deliveries, m->deliveries + deliveries);
	change(m->budget, &m->budget->bytes, &m->bytes, m->bytes + bytes);
}

void budget_give(struct budget_member *m, size_t deliveries, size_t bytes)
{
	change(m->budget, &m->budget->deliveries, &m->deliveries, m->deliveries - deliveries);
	change(m->budget, &m->budget->bytes, &m->bytes, m->bytes - bytes);
}

bool budget_has_room_for_requests(const struct budget *b)
{
	return b->request_bytes <= b->bytes.max / 8 || b->bytes.used < b->bytes.max;
}

void budget_take_request(struct budget_member *m, size_t bytes)
{
	m->budget->request_bytes += bytes;
	budget_take(m, 0, bytes);
}

void budget_give_request(struct budget_member *m, size_t bytes)
{
	m->budget->request_bytes -= bytes;
	budget_give(m, 0, bytes);
}
