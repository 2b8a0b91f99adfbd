/* SPDX-License-Identifier: Apache-2.0 */
#include "handle.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

/* The threads of this file, for kafka_reap(). The lock is also that of all references and of all
 * queries: each is held for a moment only. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	unsigned running;
} threads = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.ended = PTHREAD_COND_INITIALIZER,
};

struct kafka_query {
	struct kafka_handle *handle;
	void (*run)(rd_kafka_t *rk, void *work);
	void (*free_work)(void *work);
	void *work;
	bool done, abandoned; /* under threads.lock */
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
	pthread_mutex_lock(&threads.lock);
	h->refs++;
	pthread_mutex_unlock(&threads.lock);
	return h;
}

static void tear_down(struct kafka_handle *h)
{
	/* Closing would wait for the group: either it was closed before, or should not wait. */
	bool closed = !h->consumer || rd_kafka_consumer_closed(h->rk);

	rd_kafka_destroy_flags(h->rk, closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	free(h);
}

static void count_end(void)
{
	pthread_mutex_lock(&threads.lock);
	threads.running--;
	pthread_cond_broadcast(&threads.ended);
	pthread_mutex_unlock(&threads.lock);
}

static void *tear_down_main(void *handle)
{
	tear_down(handle);
	count_end();
	return NULL;
}

/* If no thread can be started, @main runs here: it blocks its caller, but does its work. */
static void run_apart(void *(*main)(void *), void *arg)
{
	pthread_t thread;

	pthread_mutex_lock(&threads.lock);
	threads.running++;
	pthread_mutex_unlock(&threads.lock);
	if (thread_start(&thread, main, arg))
		pthread_detach(thread);
	else
		main(arg);
}

void kafka_handle_unref(struct kafka_handle *h)
{
	bool last;

	pthread_mutex_lock(&threads.lock);
	last = --h->refs == 0;
	pthread_mutex_unlock(&threads.lock);
	if (last)
		run_apart(tear_down_main, h);
}

bool kafka_reap(int64_t timeout_ms)
{
	int64_t until_ms = clock_monotonic_ms() + timeout_ms;
	bool done;

	pthread_mutex_lock(&threads.lock);
	while (threads.running > 0 && thread_cond_wait(&threads.ended, &threads.lock, until_ms))
		;
	done = threads.running == 0;
	pthread_mutex_unlock(&threads.lock);
	return done;
}

static void query_release(struct kafka_query *e)
{
	e->free_work(e->work);
	free(e);
}

static void *query_main(void *arg)
{
	struct kafka_query *e = arg;
	bool abandoned;

	e->run(e->handle->rk, e->work);
	kafka_handle_unref(e->handle);
	pthread_mutex_lock(&threads.lock);
	e->done = true;
	abandoned = e->abandoned;
	pthread_mutex_unlock(&threads.lock);
	if (abandoned)
		query_release(e);
	count_end();
	return NULL;
}

struct kafka_query *kafka_query_start(struct kafka_client *k,
	void (*run)(rd_kafka_t *rk, void *work), void (*free_work)(void *work), void *work)
{
	struct kafka_query *e = xcalloc(1, sizeof *e);

	e->handle = kafka_client_share(k);
	e->run = run;
	e->free_work = free_work;
	e->work = work;
	run_apart(query_main, e);
	return e;
}

bool kafka_query_is_done(const struct kafka_query *e)
{
	bool done;

	pthread_mutex_lock(&threads.lock);
	done = e->done;
	pthread_mutex_unlock(&threads.lock);
	return done;
}

void *kafka_query_work(const struct kafka_query *e)
{
	return e->work;
}

void kafka_query_free(struct kafka_query *e)
{
	bool done;

	if (e == NULL)
		return;
	pthread_mutex_lock(&threads.lock);
	done = e->done;
	e->abandoned = true;
	pthread_mutex_unlock(&threads.lock);
	if (done)
		query_release(e);
}
