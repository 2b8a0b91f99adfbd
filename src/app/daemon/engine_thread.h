/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_thread.h - an engine and the thread that its loop runs on.
 *
 * The daemon's control loop and the engines' threads share nothing. The control loop posts
 * commands to an engine's loop; the engine posts its two events back:
 *
 *   control loop --- thread_call(): apply, drain, dump ----> engine's loop
 *        ^                                                        |
 *        +--- a command is done; events drained, fenced ----------+
 *
 * The first engine runs on the control loop itself. All functions are called on the control
 * thread.
 */
#ifndef APP_DAEMON_ENGINE_THREAD_H
#define APP_DAEMON_ENGINE_THREAD_H

#include <pthread.h>
#include <stdatomic.h>

#include "app/engine/engine.h"

struct engine_thread;

typedef void (*engine_thread_fn)(struct engine_thread *t, void *arg);

/* A command on its way to the engine's loop and back: a mailbox with room for one. */
struct mailbox {
	struct engine_thread *thread;
	struct loop_call call;
	engine_thread_fn run, done;
	void *arg;
	bool is_full;
};

struct engine_thread_events {
	/* On the control loop. */
	void (*drained)(void *ctx);
	/* Another process has taken our place in a group. Once for each engine at most. */
	void (*fenced)(void *ctx);
};

struct engine_thread {
	struct engine *engine;
	struct loop *loop, *control;
	unsigned number;
	const struct engine_thread_events *events;
	void *ctx;
	struct mailbox commands; /* apply or drain */
	struct mailbox dump;     /* apart, so that a bug report need not wait for its turn */
	struct err err;          /* of the command last run */
	int code;

	struct loop_call drained, fenced; /* posted to the control loop */
	atomic_bool was_fenced;
	pthread_t thread;
	bool has_thread;
};

/* The engine of @number, 0 for the one that runs on @control itself. */
void engine_thread_init(struct engine_thread *t, unsigned number, struct loop *control,
	struct metrics *metrics, const struct engine_thread_events *events, void *ctx);
/* Run its loop on a thread of its own; not for number 0. */
int engine_thread_start(struct engine_thread *t, struct err *err) ATTR_MUST_CHECK;
/* Stop the loop and wait for the thread. */
void engine_thread_stop(struct engine_thread *t);
void engine_thread_release(struct engine_thread *t);

/* Have run(@t, @arg) called on the engine's loop, then done(@t, @arg), which may be NULL, on the
 * control loop. False: the mailbox is full, and nothing is done. */
bool thread_call(struct mailbox *m, engine_thread_fn run, engine_thread_fn done, void *arg);

#endif
