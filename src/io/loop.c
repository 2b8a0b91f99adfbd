/* SPDX-License-Identifier: Apache-2.0 */
#include "io/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"

/* Requests that end in a pass make room for others, which begin at its end with the handles and
 * the memory of those: so few at a time that these are still in the core's cache. With 256 and
 * 10,000 in flight an event costs a sixth more; with 8, calls cost more than that saves. */
#define EVENTS_A_PASS 32

struct loop {
	int epoll_fd;
	atomic_bool stopping;
	int64_t now_ms, wall_ms;
	int64_t began_us; /* this pass */
	int64_t longest_pass_us;
	uint64_t stalls;
	struct heap timers;
	struct list deferred;

	/* What epoll_wait() gave for this pass; a slot is cleared when its watch is removed. */
	struct epoll_event ready[EVENTS_A_PASS];
	int ready_count, ready_at;

	/* From other threads. */
	pthread_mutex_t post_lock;
	struct list posted;
	struct loop_fd wake;

	struct loop_fd signals;
	void (*on_signal)(void *ctx, int signo);
	void *signal_ctx;
};

static void read_clock(struct loop *l)
{
	l->now_ms = clock_monotonic_ms();
	l->wall_ms = clock_wall_ms();
}

static void run_posted(struct loop_fd *w, unsigned events)
{
	struct loop *l = container_of(w, struct loop, wake);
	uint64_t count;

	(void)events;
	(void)!read(w->fd, &count, sizeof count);
	pthread_mutex_lock(&l->post_lock);
	while (!list_is_empty(&l->posted)) {
		struct list *node = list_shift(&l->posted);

		list_append(&l->deferred, node);
	}
	pthread_mutex_unlock(&l->post_lock);
}

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof *l);

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->signals.fd = -1;
	heap_init(&l->timers);
	list_init(&l->deferred);
	list_init(&l->posted);
	pthread_mutex_init(&l->post_lock, NULL);
	if (l->epoll_fd < 0 || l->wake.fd < 0)
		abort(); /* no descriptors at start: nothing can be done */
	l->wake.events = LOOP_READ;
	l->wake.ready = run_posted;
	loop_watch(l, &l->wake);
	read_clock(l);
	return l;
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	if (l->signals.fd >= 0)
		close(l->signals.fd);
	close(l->wake.fd);
	close(l->epoll_fd);
	heap_release(&l->timers);
	pthread_mutex_destroy(&l->post_lock);
	free(l);
}

int64_t loop_now_ms(const struct loop *l)
{
	return l->now_ms;
}

int64_t loop_wall_ms(const struct loop *l)
{
	return l->wall_ms;
}

int64_t loop_fresh_now_ms(const struct loop *l)
{
	(void)l;
	return clock_monotonic_ms();
}

bool loop_is_late(const struct loop *l)
{
	return clock_monotonic_us() - l->began_us >= LOOP_SLICE_US;
}

int64_t loop_longest_pass_us(struct loop *l)
{
	int64_t longest = l->longest_pass_us;

	l->longest_pass_us = 0;
	return longest;
}

uint64_t loop_stalls(const struct loop *l)
{
	return l->stalls;
}

void loop_watch(struct loop *l, struct loop_fd *w)
{
	struct epoll_event ev = {.data.ptr = w};

	if (w->events & LOOP_READ)
		ev.events |= EPOLLIN | EPOLLRDHUP;
	if (w->events & LOOP_WRITE)
		ev.events |= EPOLLOUT;
	if (w->serial == 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev) != 0)
		epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, w->fd, &ev);
	w->serial = 1;
}

void loop_unwatch(struct loop *l, struct loop_fd *w)
{
	if (w->serial == 0)
		return;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	loop_forget(l, w);
}

void loop_forget(struct loop *l, struct loop_fd *w)
{
	w->serial = 0;
	for (int i = l->ready_at; i < l->ready_count; i++)
		if (l->ready[i].data.ptr == w)
			l->ready[i].data.ptr = NULL;
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

static void wake(struct loop *l)
{
	uint64_t one = 1;

	(void)!write(l->wake.fd, &one, sizeof one);
}

void loop_post(struct loop *l, struct loop_call *c)
{
	pthread_mutex_lock(&l->post_lock);
	list_append(&l->posted, &c->node);
	pthread_mutex_unlock(&l->post_lock);
	wake(l);
}

void loop_unpost(struct loop *l, struct loop_call *c)
{
	pthread_mutex_lock(&l->post_lock);
	list_remove(&c->node);
	pthread_mutex_unlock(&l->post_lock);
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stopping, true);
	wake(l);
}

static void read_signals(struct loop_fd *w, unsigned events)
{
	struct loop *l = container_of(w, struct loop, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(w->fd, &info, sizeof info) == (ssize_t)sizeof info)
		l->on_signal(l->signal_ctx, (int)info.ssi_signo);
}

void loop_on_signals(
	struct loop *l, const sigset_t *set, void (*fn)(void *ctx, int signo), void *ctx)
{
	pthread_sigmask(SIG_BLOCK, set, NULL);
	l->on_signal = fn;
	l->signal_ctx = ctx;
	l->signals.fd = signalfd(l->signals.fd, set, SFD_CLOEXEC | SFD_NONBLOCK);
	l->signals.events = LOOP_READ;
	l->signals.ready = read_signals;
	loop_watch(l, &l->signals);
}

/* How long epoll may wait: not past the earliest timer, and not at all when work is left. */
static int wait_ms(struct loop *l)
{
	struct heap_node *first = heap_first(&l->timers);
	int64_t until;

	if (!list_is_empty(&l->deferred))
		return 0;
	if (first == NULL)
		return -1;
	until = first->at_ms - clock_monotonic_ms();
	return (int)min_i64(max_i64(until, 0), 60000);
}

static void call_ready(struct loop *l)
{
	for (l->ready_at = 0; l->ready_at < l->ready_count;) {
		struct epoll_event *ev = &l->ready[l->ready_at++];
		struct loop_fd *w = ev->data.ptr;
		unsigned events = 0;

		if (w == NULL)
			continue;
		if (ev->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			events |= LOOP_READ;
		if (ev->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
			events |= LOOP_WRITE;
		w->ready(w, events);
	}
	l->ready_count = 0;
}

static void fire_timers(struct loop *l)
{
	struct heap_node *n;

	while ((n = heap_first(&l->timers)) != NULL && n->at_ms <= l->now_ms) {
		struct loop_timer *t = container_of(n, struct loop_timer, node);

		heap_remove(&l->timers, n);
		t->fire(t);
	}
}

/* Put what is left of @batch in front of what was deferred meanwhile. */
static void defer_again(struct loop *l, struct list *batch)
{
	while (!list_is_empty(batch)) {
		struct list *last = batch->prev;

		list_remove(last);
		list_prepend(&l->deferred, last);
	}
}

/* Calls deferred by deferred calls wait for the next pass, so that none can starve the rest. A
 * long one lets descriptors and timers come first, and then those that waited behind it. */
static void run_deferred(struct loop *l)
{
	struct list batch;

	if (list_is_empty(&l->deferred))
		return;
	batch = l->deferred;
	batch.next->prev = batch.prev->next = &batch;
	list_init(&l->deferred);
	while (!list_is_empty(&batch)) {
		struct loop_call *c = list_entry(list_shift(&batch), struct loop_call, node);

		c->run(c);
		if (!list_is_empty(&batch) && loop_is_late(l))
			defer_again(l, &batch);
	}
}

void loop_run(struct loop *l)
{
	while (!atomic_load_explicit(&l->stopping, memory_order_relaxed)) {
		int64_t pass_us;

		l->ready_count = epoll_wait(l->epoll_fd, l->ready, EVENTS_A_PASS, wait_ms(l));
		if (l->ready_count < 0)
			l->ready_count = 0; /* EINTR: a debugger, SIGCONT */
		l->began_us = clock_monotonic_us();
		read_clock(l);
		call_ready(l);
		fire_timers(l);
		run_deferred(l);
		pass_us = clock_monotonic_us() - l->began_us;
		l->longest_pass_us = max_i64(l->longest_pass_us, pass_us);
		l->stalls += pass_us > LOOP_STALL_US;
	}
	atomic_store(&l->stopping, false);
}
