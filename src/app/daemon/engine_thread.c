/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_thread.h"

#include "base/log.h"
#include "base/thread.h"

/* --- commands --------------------------------------------------------------------------- */

static void command_done(struct loop_call *call)
{
	struct mailbox *m = container_of(call, struct mailbox, call);

	m->is_full = false;
	if (m->done != NULL)
		m->done(m->thread, m->arg);
}

static void command_run(struct loop_call *call)
{
	struct mailbox *m = container_of(call, struct mailbox, call);

	m->run(m->thread, m->arg);
	loop_call_init(&m->call, command_done);
	loop_post(m->thread->control, &m->call);
}

bool thread_call(struct mailbox *m, engine_thread_fn run, engine_thread_fn done, void *arg)
{
	if (m->is_full)
		return false;
	m->is_full = true;
	m->run = run;
	m->done = done;
	m->arg = arg;
	loop_call_init(&m->call, command_run);
	loop_post(m->thread->loop, &m->call);
	return true;
}

/* --- events ----------------------------------------------------------------------------- */

static void tell_drained(struct loop_call *call)
{
	struct engine_thread *t = container_of(call, struct engine_thread, drained);

	t->events->drained(t->ctx);
}

static void tell_fenced(struct loop_call *call)
{
	struct engine_thread *t = container_of(call, struct engine_thread, fenced);

	t->events->fenced(t->ctx);
}

static void on_drained(void *ctx, struct engine *e)
{
	struct engine_thread *t = ctx;

	(void)e;
	loop_post(t->control, &t->drained);
}

static void on_fenced(void *ctx, struct engine *e, const char *text)
{
	struct engine_thread *t = ctx;

	(void)e;
	log_error("fenced",
		"another process has the same instance_id: this one stops sending; give each process an "
		"instance_id of its own",
		log_str("reason", text));
	if (!atomic_exchange(&t->was_fenced, true))
		loop_post(t->control, &t->fenced);
}

static const struct engine_callbacks engine_events = {
	.drained = on_drained, .fenced = on_fenced};

/* --- the thread ------------------------------------------------------------------------- */

void engine_thread_init(struct engine_thread *t, unsigned number, struct loop *control,
	struct metrics *metrics, const struct engine_thread_events *events, void *ctx)
{
	t->number = number;
	t->control = control;
	t->loop = number == 0 ? control : loop_new();
	t->events = events;
	t->ctx = ctx;
	t->commands.thread = t->dump.thread = t;
	loop_call_init(&t->drained, tell_drained);
	loop_call_init(&t->fenced, tell_fenced);
	t->engine = engine_new(t->loop, number, metrics, &engine_events, t);
}

static void *thread_main(void *arg)
{
	struct engine_thread *t = arg;

	loop_run(t->loop);
	return NULL;
}

int engine_thread_start(struct engine_thread *t, struct err *err)
{
	t->has_thread = thread_start(&t->thread, thread_main, t);
	return t->has_thread ? 0
			     : err_set(err, ERR_IO, "worker %u can't have a thread", t->number);
}

void engine_thread_stop(struct engine_thread *t)
{
	if (t->loop != t->control)
		loop_stop(t->loop);
	if (t->has_thread)
		pthread_join(t->thread, NULL);
}

void engine_thread_release(struct engine_thread *t)
{
	engine_free(t->engine);
	if (t->loop != t->control)
		loop_free(t->loop);
}
