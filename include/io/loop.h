/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - one thread's world: descriptors, timers, deferred calls, signals.
 *
 * Everything above base lives on one loop and needs no lock. The loop reads the clock once a
 * wake-up; loop_now_ms() is that reading, so that all decisions of one pass see one
 * now. Timers cost no system call: the earliest one bounds the epoll wait.
 *
 * One pass: wait; read the clock; call ready descriptors; fire due timers; run deferred
 * calls once each. Callbacks may add, change and remove anything, also
 * themselves: a removed object is not called again, and may be freed at once.
 *
 * Only loop_post() and loop_stop() may be called from another thread.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/err.h"
#include "base/heap.h"
#include "base/list.h"

#include <signal.h>

struct loop;

/* A pass that takes longer holds others up: it is counted as a stall. */
#define LOOP_STALL_US 100000

/* What one pass should not exceed while there is work: then descriptors are looked at again. */
#define LOOP_SLICE_US 10000

struct loop *loop_new(void);
/* Nothing may be watched, set or deferred any more by objects that live on. Accepts NULL. */
void loop_free(struct loop *l);
/* Turn until loop_stop(); may be called again after that. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Monotonic and wall time of this pass. */
int64_t loop_now_ms(const struct loop *l);
int64_t loop_wall_ms(const struct loop *l);
/* Monotonic time of this moment, for whatever is measured from here on: a pass may have taken long
 * already. */
int64_t loop_fresh_now_ms(const struct loop *l);
/* Has this pass used up its slice? Whoever has more work defers the rest of it. */
bool loop_is_late(const struct loop *l);
/* The longest pass since the last call, waiting not counted: how long others had to wait. */
int64_t loop_longest_pass_us(struct loop *l);
/* Passes so far that took longer than LOOP_STALL_US. */
uint64_t loop_stalls(const struct loop *l);

enum {
	LOOP_READ = 1,
	LOOP_WRITE = 2
};

/* Embedded; zero before its first use. */
struct loop_fd {
	int fd;
	unsigned events; /* LOOP_READ | LOOP_WRITE; 0: not watched now, still registered */
	void (*ready)(
		struct loop_fd *w, unsigned events); /* errors and hang-ups come as both */
	uint64_t serial;                             /* the loop's */
};

/* Start watching, or change what is watched. The descriptor stays the caller's. */
void loop_watch(struct loop *l, struct loop_fd *w);
/* Stop watching: before the descriptor is closed. */
void loop_unwatch(struct loop *l, struct loop_fd *w);
/* The same when somebody else has closed the descriptor already, and its number may be in use
 * again. */
void loop_forget(struct loop *l, struct loop_fd *w);

/* Embedded; zero before its first use. Set again before it fired: moved. */
struct loop_timer {
	struct heap_node node;
	void (*fire)(struct loop_timer *t);
};

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t at_ms);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);
static inline bool loop_timer_is_set(const struct loop_timer *t)
{
	return heap_contains(&t->node);
}

/* Embedded; call loop_call_init() before its first use. */
struct loop_call {
	struct list node;
	void (*run)(struct loop_call *c);
};

static inline void loop_call_init(struct loop_call *c, void (*run)(struct loop_call *c))
{
	list_init(&c->node);
	c->run = run;
}

/* Run once at the end of this pass, however often it is deferred before that. When the pass has
 * used up its slice, the calls that are left come first in the next one. */
void loop_defer(struct loop *l, struct loop_call *c);
void loop_undefer(struct loop_call *c);

/* From any thread: run @c on the loop's thread soon. It must not be posted again before it has
 * run. */
void loop_post(struct loop *l, struct loop_call *c);
/* On the loop's thread: a call that was posted (or deferred, or neither) will not run. */
void loop_unpost(struct loop *l, struct loop_call *c);

/* Have @fn called on the loop for these signals, which are blocked in every thread that is
 * started from now on. One handler a process: a second call replaces it. */
void loop_on_signals(
	struct loop *l, const sigset_t *set, void (*fn)(void *ctx, int signo), void *ctx);

#endif
