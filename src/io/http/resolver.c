/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/thread.h"

enum question_state {
	QUESTION_QUEUED, /* in resolver->queue */
	QUESTION_ASKED,  /* a thread is at it */
	QUESTION_POSTED, /* answered; its call is on the way to the loop */
};

/* Lives apart from its name, since a name may go while a thread is still asking. */
struct resolver_question {
	struct list node;
	struct loop_call call;
	struct resolver_name *name; /* NULL: nobody wants to know any more */
	enum question_state state;
	char *host;
	struct resolver_answer answer;
	struct err err;
};

struct resolver {
	resolver_lookup_fn lookup;
	void *ctx;
	pthread_mutex_t lock; /* all below, and the state and name of every question */
	pthread_cond_t work;
	struct list queue;
	pthread_t threads[RESOLVER_THREADS];
	unsigned thread_count, idle_threads;
	bool stopping;
	struct rng rng;
};

static size_t address_size(const union resolver_address *a)
{
	return a->sa.sa_family == AF_INET6 ? sizeof a->in6 : sizeof a->in;
}

static bool answer_has(const struct resolver_answer *answer, const union resolver_address *a)
{
	for (size_t i = 0; i < answer->count; i++)
		if (answer->addresses[i].sa.sa_family == a->sa.sa_family &&
			memcmp(&answer->addresses[i], a, address_size(a)) == 0)
			return true;
	return false;
}

/* What the failure of getaddrinfo() means. Without a socket to ask a name server from, it only
 * says that one should ask again. */
static int failure_of(int rc, int error_number)
{
	bool lacks = error_number == EMFILE || error_number == ENFILE ||
		     error_number == ENOBUFS || error_number == ENOMEM;

	if (rc == EAI_MEMORY || ((rc == EAI_SYSTEM || rc == EAI_AGAIN) && lacks))
		return ERR_FULL;
	return rc == EAI_AGAIN ? ERR_IO : ERR_NOT_FOUND;
}

/* Ask the system: hosts file, DNS, whatever nsswitch.conf says, in the order of RFC 6724. */
static int ask_system(void *ctx, const char *host, struct resolver_answer *ret, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *found;
	int rc;

	(void)ctx;
	ret->count = 0;
	errno = 0;
	rc = getaddrinfo(host, NULL, &hints, &found);
	if (rc != 0)
		return err_set(err, failure_of(rc, errno), "the name '%s' does not resolve: %s",
			host, rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	for (struct addrinfo *i = found; i && ret->count < RESOLVER_ADDRESSES_MAX;
		i = i->ai_next) {
		union resolver_address a = {0};

		if (i->ai_addrlen > sizeof a)
			continue;
		memcpy(&a, i->ai_addr, i->ai_addrlen);
		if (!answer_has(ret, &a))
			ret->addresses[ret->count++] = a;
	}
	freeaddrinfo(found);
	if (ret->count == 0)
		return err_set(err, ERR_NOT_FOUND, "the name '%s' has no usable address", host);
	return 0;
}

struct resolver *resolver_new(resolver_lookup_fn lookup, void *ctx)
{
	struct resolver *r = xcalloc(1, sizeof *r);

	r->lookup = lookup ? lookup : ask_system;
	r->ctx = ctx;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->work, NULL);
	list_init(&r->queue);
	rng_seed_random(&r->rng);
	return r;
}

void resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_cond_broadcast(&r->work);
	pthread_mutex_unlock(&r->lock);
	for (unsigned i = 0; i < r->thread_count; i++)
		pthread_join(r->threads[i], NULL);
	pthread_cond_destroy(&r->work);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void question_free(struct resolver_question *q)
{
	free(q->host);
	free(q);
}

/* With the lock held. Give the answer to its loop, if anyone still wants it. */
static void hand_over(struct resolver_question *q)
{
	if (q->name == NULL) {
		question_free(q);
		return;
	}
	q->state = QUESTION_POSTED;
	loop_post(q->name->loop, &q->call);
}

static void *ask_questions(void *arg)
{
	struct resolver *r = arg;

	pthread_mutex_lock(&r->lock);
	while (!r->stopping) {
		struct list *node = list_shift(&r->queue);
		struct resolver_question *q;

		if (node == NULL) {
			r->idle_threads++;
			pthread_cond_wait(&r->work, &r->lock);
			r->idle_threads--;
			continue;
		}
		q = list_entry(node, struct resolver_question, node);
		q->state = QUESTION_ASKED;
		pthread_mutex_unlock(&r->lock);
		(void)!r->lookup(r->ctx, q->host, &q->answer, &q->err);
		pthread_mutex_lock(&r->lock);
		hand_over(q);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* With the lock held. */
static void add_thread(struct resolver *r)
{
	if (thread_start(&r->threads[r->thread_count], ask_questions, r))
		r->thread_count++;
}

static enum resolver_news compare(
	const struct resolver_answer *old, const struct resolver_answer *new)
{
	size_t kept = 0;

	for (size_t i = 0; i < old->count; i++)
		kept += answer_has(new, &old->addresses[i]);
	if (kept == old->count && kept == new->count)
		return RESOLVER_SAME;
	return old->count > 0 && kept == 0 ? RESOLVER_REPLACED : RESOLVER_CHANGED;
}

/* When to ask again: with jitter, so that a hundred names do not ask in one moment. As long as
 * no address is known, at the next use. */
static int64_t ask_again_at(struct resolver_name *n, bool failed)
{
	struct resolver *r = n->resolver;
	int64_t for_ms = RESOLVER_RETRY_MS;

	if (failed && n->answer.count == 0)
		return 0;
	if (!failed) {
		pthread_mutex_lock(&r->lock); /* the generator is shared by the loops */
		for_ms = RESOLVER_FRESH_MS + (int64_t)rng_upto(&r->rng, RESOLVER_FRESH_MS / 2);
		pthread_mutex_unlock(&r->lock);
	}
	return loop_now_ms(n->loop) + for_ms;
}

static void take_answer(struct loop_call *call)
{
	struct resolver_question *q = container_of(call, struct resolver_question, call);
	struct resolver_name *n = q->name;
	enum resolver_news news = RESOLVER_FAILED;

	n->question = NULL;
	n->ask_at_ms = ask_again_at(n, q->err.code != 0);
	snprintf(n->error, sizeof n->error, "%s", q->err.code ? q->err.text : "");
	n->is_our_fault = q->err.code == ERR_FULL;
	if (q->err.code == 0) {
		news = compare(&n->answer, &q->answer);
		n->generation += news != RESOLVER_SAME;
		n->answer = q->answer;
	}
	question_free(q);
	n->answered(n, news);
}

static void start_lookup(struct resolver_name *n)
{
	struct resolver *r = n->resolver;
	struct resolver_question *q = xcalloc(1, sizeof *q);

	q->name = n;
	q->host = xstrdup(n->host);
	loop_call_init(&q->call, take_answer);
	n->question = q;
	pthread_mutex_lock(&r->lock);
	list_append(&r->queue, &q->node);
	if (r->idle_threads == 0 && r->thread_count < RESOLVER_THREADS)
		add_thread(r);
	if (r->thread_count == 0) { /* not one thread could be started */
		list_remove(&q->node);
		err_set(&q->err, ERR_FULL, "no thread can be started to resolve '%s'", q->host);
		hand_over(q);
	}
	pthread_cond_signal(&r->work);
	pthread_mutex_unlock(&r->lock);
}

void resolver_watch(
	struct resolver *r, struct loop *l, struct resolver_name *n, const char *host)
{
	n->resolver = r;
	n->loop = l;
	n->host = xstrdup(host);
	start_lookup(n);
}

void resolver_unwatch(struct resolver_name *n)
{
	struct resolver_question *q = n->question;
	struct resolver *r = n->resolver;

	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	if (q != NULL && q->state == QUESTION_ASKED) {
		q->name = NULL; /* the thread frees it */
	} else if (q != NULL) {
		if (q->state == QUESTION_QUEUED)
			list_remove(&q->node);
		else
			loop_unpost(n->loop, &q->call);
		question_free(q);
	}
	pthread_mutex_unlock(&r->lock);
	free(n->host);
	n->host = NULL;
	n->question = NULL;
	n->resolver = NULL;
}

void resolver_use(struct resolver_name *n)
{
	if (n->question == NULL && loop_now_ms(n->loop) >= n->ask_at_ms)
		start_lookup(n);
}

void resolver_suspect(struct resolver_name *n)
{
	n->ask_at_ms = min_i64(n->ask_at_ms, loop_now_ms(n->loop) + RESOLVER_RETRY_MS);
}

bool resolver_is_asking(const struct resolver_name *n)
{
	return n->question != NULL;
}
