/* SPDX-License-Identifier: Apache-2.0 */
/* io/deadletter/deadletter.h and io/auth/connection.h: letters that can't be written for a while, tokens that
 * can't be had. */
#include <stdio.h>
#include <stdlib.h>

#include "app/engine/retention.h"
#include "core/event/event.h"
#include "io/auth/connection.h"
#include "io/deadletter/deadletter.h"
#include "io/http/otlp.h"
#include "io/watch.h"
#include "sim.h"

/* --- dead letters ------------------------------------------------------------------------- */

struct deadletter {
	struct loop *loop;
};

struct deadletter_job {
	struct deadletter *d;
	struct deadletter_letter *letter;
	struct loop_timer answer;
};

/* The last header of that name, as text in @out; false when there is none. */
static bool header(const struct deadletter_letter *l, const char *name, char out[64])
{
	for (size_t i = l->header_count; i-- > 0;) {
		if (!slice_eq(l->headers[i].name, slice_str(name)))
			continue;
		snprintf(out, 64, "%.*s", (int)l->headers[i].value.len,
			l->headers[i].value.data);
		return true;
	}
	return false;
}

/* The world learns of a letter when Kafka has it, whether the sender lives to hear of it or
 * not. */
static void note(const struct deadletter_letter *l)
{
	char target[64], destination[64], offset[64] = "-1";
	struct sim_record *r;

	header(l, "SOURCE_OFFSET", offset);
	if (!header(l, "TARGET_ID", target)) {
		/* An event that is none: each lane writes a letter of its own; the topic names
		 * it. */
		r = sim_find(
			sim_lane_of(l->topic), l->source_partition, strtoll(offset, NULL, 10));
		if (r != NULL)
			r->dead_as_invalid = true;
		return;
	}
	header(l, "DESTINATION", destination);
	r = sim_find(sim_lane_of(destination), l->source_partition, strtoll(offset, NULL, 10));
	if (r != NULL)
		r->to[atoi(target) - 1].dead = true;
}

static void acknowledge(struct loop_timer *t)
{
	struct deadletter_job *j = container_of(t, struct deadletter_job, answer);
	int64_t now_ms = loop_now_ms(j->d->loop);

	if (now_ms < world.dead_letters_fail_until_ms) {
		loop_timer_set(j->d->loop, t, now_ms + 1000);
		return;
	}
	note(j->letter);
	j->letter->job = NULL;
	j->letter->done(j->letter);
	free(j);
}

struct deadletter *deadletter_new(
	struct loop *l, const struct deadletter_settings *s, struct err *err)
{
	struct deadletter *d = xcalloc(1, sizeof *d);

	(void)s;
	(void)err;
	d->loop = l;
	return d;
}

int deadletter_reconfigure(
	struct deadletter *d, const struct deadletter_settings *s, struct err *err)
{
	(void)d;
	(void)s;
	(void)err;
	return 0;
}

/* Nobody traces this world. */
struct otlp *otlp_new(struct loop *l, const struct otlp_settings *s, struct err *err)
{
	(void)l;
	(void)s;
	(void)err;
	return NULL;
}

void otlp_free(struct otlp *o)
{
	(void)o;
}

void otlp_add(struct otlp *o, const struct trace_span *s)
{
	(void)o;
	(void)s;
}

struct otlp_state otlp_get_state(const struct otlp *o)
{
	(void)o;
	return (struct otlp_state){0};
}

/* Nothing is removed by retention in this world. */
struct retention *retention_new(struct loop *l)
{
	(void)l;
	return NULL;
}

void retention_configure(struct retention *r, struct conf *conf)
{
	(void)r;
	(void)conf;
}

int64_t retention_of(struct retention *r, const char *topic)
{
	(void)r;
	(void)topic;
	return INT64_MAX;
}

void retention_free(struct retention *r)
{
	(void)r;
}

void deadletter_free(struct deadletter *d)
{
	free(d);
}

void deadletter_submit(struct deadletter *d, struct deadletter_letter *letter)
{
	struct deadletter_job *j = xcalloc(1, sizeof *j);

	j->d = d;
	j->letter = letter;
	letter->job = j;
	j->answer.fire = acknowledge;
	loop_timer_set(d->loop, &j->answer, loop_now_ms(d->loop) + (int64_t)sim_random(10));
}

void deadletter_cancel(struct deadletter_letter *letter)
{
	struct deadletter_job *j = letter->job;

	if (j == NULL)
		return;
	loop_timer_cancel(j->d->loop, &j->answer);
	letter->job = NULL;
	free(j);
}

void deadletter_prepare(struct deadletter *d, const char *topic)
{
	(void)d;
	(void)topic;
}

void deadletter_visit(const struct deadletter *d,
	void (*visit)(void *ctx, const struct deadletter_topic_state *s), void *ctx)
{
	(void)d;
	(void)visit;
	(void)ctx;
}

size_t deadletter_pending(const struct deadletter *d)
{
	(void)d;
	return 0;
}

/* --- files that change: there are none ---------------------------------------------------- */

struct watch *watch_new(struct loop *l)
{
	(void)l;
	return NULL;
}

void watch_free(struct watch *w)
{
	(void)w;
}

void watch_add(struct watch *w, struct watch_file *f, const char *path)
{
	(void)w;
	(void)f;
	(void)path;
}

void watch_remove(struct watch_file *f)
{
	(void)f;
}

/* --- connections -------------------------------------------------------------------------- */

struct connection {
	struct loop *loop;
};

static struct loop_timer token_timer;
static struct list waiters = {&waiters, &waiters};

struct connection *connection_new(
	struct loop *l, const struct connection_settings *s, struct err *err)
{
	struct connection *c = xcalloc(1, sizeof *c);

	(void)s;
	(void)err;
	c->loop = l;
	return c;
}

void connection_free(struct connection *c)
{
	free(c);
}

size_t connection_secret_files(const struct connection *c, char ***paths, size_t count)
{
	(void)c;
	(void)paths;
	return count;
}

void connection_secrets_changed(struct connection *c)
{
	(void)c;
}

void connection_credentials_init(struct connection_credentials *cr)
{
	*cr = (struct connection_credentials){0};
	buf_init(&cr->headers, BUF_UNLIMITED);
}

void connection_credentials_release(struct connection_credentials *cr)
{
	buf_release(&cr->headers);
}

bool connection_authorise(struct connection *c, const struct connection_message *m,
	struct connection_credentials *cr)
{
	(void)m;
	cr->generation = 1;
	return loop_now_ms(c->loop) >= world.no_token_until_ms;
}

static void token_arrives(struct loop_timer *t)
{
	struct list *node;

	(void)t;
	while ((node = list_shift(&waiters)) != NULL) {
		struct connection_waiter *w = list_entry(node, struct connection_waiter, node);

		w->connection = NULL;
		w->ready(w);
	}
}

void connection_wait(struct connection *c, struct connection_waiter *w)
{
	w->connection = c;
	list_append(&waiters, &w->node);
	token_timer.fire = token_arrives;
	loop_timer_set(c->loop, &token_timer, world.no_token_until_ms);
}

void connection_unwait(struct connection_waiter *w)
{
	if (w->connection == NULL)
		return;
	list_remove(&w->node);
	w->connection = NULL;
	if (list_is_empty(&waiters))
		loop_timer_cancel(w->loop, &token_timer);
}

bool connection_rejected(struct connection *c, uint64_t generation)
{
	(void)c;
	(void)generation;
	return false;
}

void connection_accepted(struct connection *c, uint64_t generation)
{
	(void)c;
	(void)generation;
}

bool connection_is_renewable(const struct connection *c)
{
	(void)c;
	return false;
}

void connection_get_status(struct connection *c, struct connection_status *ret)
{
	(void)c;
	*ret = (struct connection_status){.token_age_ms = -1, .token_expires_in_ms = -1};
}

const char *connection_state_name(enum connection_state s)
{
	(void)s;
	return "";
}
