/* SPDX-License-Identifier: Apache-2.0 */
/* io/loop.h in virtual time: descriptors don't exist, and a timer's time is the next now. */
#include <stdlib.h>

#include "sim.h"

struct loop {
	int64_t now_ms;
	struct heap timers;
	struct list deferred;
};

/* Wall time begins at some day, so that ages and dates are plausible. */
#define EPOCH_MS 1790000000000

struct loop *sim_loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof *l);

	l->now_ms = 1000;
	heap_init(&l->timers);
	list_init(&l->deferred);
	return l;
}

void loop_free(struct loop *l)
{
	heap_release(&l->timers);
	free(l);
}

int64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

int64_t loop_wall_ms(const struct loop *l)
{
	return EPOCH_MS + l->now_ms;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ms)
{
	heap_set(&l->timers, &t->node, at_ms);
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
	heap_remove(&l->timers, &t->node);
}

void loop_defer(struct loop *l, struct loop_call *c)
{
	if (!list_is_linked(&c->node))
		list_append(&l->deferred, &c->node);
}

void loop_undefer(struct loop_call *c)
{
	list_remove(&c->node);
}

void loop_post(struct loop *l, struct loop_call *c)
{
	loop_defer(l, c);
}

bool sim_loop_step(struct loop *l)
{
	struct list *node = list_shift(&l->deferred);
	struct heap_node *n;

	if (node != NULL) {
		struct loop_call *c = list_entry(node, struct loop_call, node);

		c->run(c);
		return true;
	}
	n = heap_first(&l->timers);
	if (n == NULL)
		return false;
	if (n->at_ms > l->now_ms)
		l->now_ms = n->at_ms;
	heap_remove(&l->timers, n);
	container_of(n, struct loop_timer, node)
		->fire(container_of(n, struct loop_timer, node));
	return true;
}

int64_t loop_longest_pass_us(struct loop *l)
{
	(void)l;
	return 0;
}

uint64_t loop_stalls(const struct loop *l)
{
	(void)l;
	return 0;
}
