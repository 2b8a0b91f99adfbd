/* SPDX-License-Identifier: Apache-2.0 */
#include "handle.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned threads; /* of ours that are not done */
} world = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

struct kafka_errand {
	struct kafka_handle *handle;
	void (*run)(rd_kafka_t *rk, void *work);
	void (*free_work)(void *work);
	void *work;
	bool done, abandoned; /* under world.lock */
};

struct kafka_handle *kafka_handle_new(rd_kafka_t *rk, bool consumer)
{
	struct kafka_handle *h = xcalloc(1, sizeof *h);

	h->rk = rk;
	h->consumer = consumer;
	h->refs = 1;
	return h;
}

struct kafka_handle *kafka_handle_ref(struct kafka_handle *h)
{
	pthread_mutex_lock(&world.lock);
	h->refs++;
	pthread_mutex_unlock(&world.lock);
	return h;
}

static void tear_down(struct kafka_handle *h)
{
	/* Closing would wait for the group; it was done before, or is not wanted. */
	bool closed = !h->consumer || rd_kafka_consumer_closed(h->rk);

	rd_kafka_destroy_flags(h->rk, closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	free(h);
}

static void thread_ends(void)
{
	pthread_mutex_lock(&world.lock);
	world.threads--;
	pthread_cond_broadcast(&world.changed);
	pthread_mutex_unlock(&world.lock);
}

static void *tear_down_main(void *handle)
{
	tear_down(handle);
	thread_ends();
	return NULL;
}

/* Signals are the loop's. When no thread can be had, @main runs here: late, but right. */
static void thread_start(void *(*main)(void *), void *arg)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int failed;

	pthread_mutex_lock(&world.lock);
	world.threads++;
	pthread_mutex_unlock(&world.lock);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	failed = pthread_create(&thread, &attr, main, arg);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed)
		main(arg);
}

void kafka_handle_unref(struct kafka_handle *h)
{
	bool last;

	pthread_mutex_lock(&world.lock);
	last = --h->refs == 0;
	pthread_mutex_unlock(&world.lock);
	if (last)
		thread_start(tear_down_main, h);
}

bool kafka_reap(int64_t timeout_ms)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	bool done;

	pthread_mutex_lock(&world.lock);
	while (world.threads > 0 && thread_cond_wait(&world.changed, &world.lock, until_ms))
		;
	done = world.threads == 0;
	pthread_mutex_unlock(&world.lock);
	return done;
}

static void errand_release(struct kafka_errand *e)
{
	e->free_work(e->work);
	free(e);
}

static void *errand_main(void *arg)
{
	struct kafka_errand *e = arg;
	bool abandoned;

	e->run(e->handle->rk, e->work);
	kafka_handle_unref(e->handle);
	pthread_mutex_lock(&world.lock);
	e->done = true;
	abandoned = e->abandoned;
	pthread_mutex_unlock(&world.lock);
	if (abandoned)
		errand_release(e);
	thread_ends();
	return NULL;
}

struct kafka_errand *kafka_errand_start(struct kafka_client *k,
	void (*run)(rd_kafka_t *rk, void *work), void (*free_work)(void *work), void *work)
{
	struct kafka_errand *e = xcalloc(1, sizeof *e);

	e->handle = kafka_client_share(k);
	e->run = run;
	e->free_work = free_work;
	e->work = work;
	thread_start(errand_main, e);
	return e;
}

bool kafka_errand_is_done(const struct kafka_errand *e)
{
	bool done;

	pthread_mutex_lock(&world.lock);
	done = e->done;
	pthread_mutex_unlock(&world.lock);
	return done;
}

void *kafka_errand_work(const struct kafka_errand *e)
{
	return e->work;
}

void kafka_errand_free(struct kafka_errand *e)
{
	bool done;

	if (e == NULL)
		return;
	pthread_mutex_lock(&world.lock);
	done = e->done;
	e->abandoned = true;
	pthread_mutex_unlock(&world.lock);
	if (done)
		errand_release(e);
}
