/* SPDX-License-Identifier: Apache-2.0 */
/* io/loop.h in virtual time: descriptors don't exist, and a timer's time is the next now. */
#include <stdlib.h>

#include "sim.h"

/* All loops have one time, and what happens on them happens one after the other. */
static struct {
	int64_t now_ms;
	struct heap timers;
	struct list deferred;
} at;

struct loop {
	unsigned engine;
};

/* Wall time begins at some day, so that ages and dates are plausible. */
#define EPOCH_MS 1790000000000

void sim_time_begin(void)
{
	at.now_ms = 1000;
	heap_init(&at.timers);
	list_init(&at.deferred);
}

void sim_time_end(void)
{
	heap_release(&at.timers);
}

int64_t sim_now_ms(void)
{
	return at.now_ms;
}

struct loop *sim_loop_new(unsigned engine)
{
	struct loop *l = xcalloc(1, sizeof *l);

	l->engine = engine;
	return l;
}

unsigned sim_loop_engine(const struct loop *l)
{
	return l->engine;
}

void loop_free(struct loop *l)
{
	free(l);
}

int64_t loop_now_ms(const struct loop *l)
{
	(void)l;
	return at.now_ms;
}

int64_t loop_wall_ms(const struct loop *l)
{
	(void)l;
	return EPOCH_MS + at.now_ms;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ms)
{
	(void)l;
	heap_set(&at.timers, &t->node, at_ms);
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
	(void)l;
	heap_remove(&at.timers, &t->node);
}

void loop_defer(struct loop *l, struct loop_call *c)
{
	(void)l;
	if (!list_is_linked(&c->node))
		list_append(&at.deferred, &c->node);
}

void loop_undefer(struct loop_call *c)
{
	list_remove(&c->node);
}

void loop_post(struct loop *l, struct loop_call *c)
{
	loop_defer(l, c);
}

bool sim_time_step(void)
{
	struct list *node = list_shift(&at.deferred);
	struct heap_node *n;

	if (node != NULL) {
		struct loop_call *c = list_entry(node, struct loop_call, node);

		c->run(c);
		return true;
	}
	n = heap_first(&at.timers);
	if (n == NULL)
		return false;
	if (n->at_ms > at.now_ms)
		at.now_ms = n->at_ms;
	heap_remove(&at.timers, n);
	container_of(n, struct loop_timer, node)
		->fire(container_of(n, struct loop_timer, node));
	return true;
}

int64_t loop_fresh_now_ms(const struct loop *l)
{
	return loop_now_ms(l);
}

/* What is done takes no time. */
bool loop_is_late(const struct loop *l)
{
	(void)l;
	return false;
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
