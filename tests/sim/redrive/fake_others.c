/* SPDX-License-Identifier: Apache-2.0 */
/* What else a redrive stands on: the loop's turning, destinations whose requests take their time
 * and sometimes end as a new letter, and Kafka's questions. */
#include <stdio.h>
#include <stdlib.h>

#include "app/deadletters/redrive_private.h"
#include "app/engine/destination.h"
#include "io/http/http.h"
#include "io/kafka/kafka.h"
#include "redrive_sim.h"

/* --- the loop ----------------------------------------------------------------------------- */

static void (*on_signal)(void *ctx, int signo);
static void *signal_ctx;

struct loop *loop_new(void)
{
	redrive_world.loop = sim_loop_new(0);
	return redrive_world.loop;
}

void loop_on_signals(
	struct loop *l, const sigset_t *set, void (*fn)(void *ctx, int signo), void *ctx)
{
	(void)l;
	(void)set;
	on_signal = fn;
	signal_ctx = ctx;
}

void loop_stop(struct loop *l)
{
	(void)l;
	redrive_world.loop_stopped = true;
}

/* A killed process turns no further: all that it knew is freed without a word to Kafka. */
void loop_run(struct loop *l)
{
	(void)l;
	redrive_world.loop_stopped = redrive_world.was_killed = false;
	for (unsigned step = 1; !redrive_world.loop_stopped; step++) {
		if (step == redrive_world.steps_to_live) {
			redrive_world.was_killed = true;
			redrive_world.kills++;
			return;
		}
		if (step == redrive_world.steps_to_signal)
			on_signal(signal_ctx, SIGTERM);
		if (step > 2000000 || !sim_time_step()) {
			redrive_fail("the run does not end");
			return;
		}
	}
}

/* --- destinations ------------------------------------------------------------------------- */

struct attempt {
	struct loop_timer timer;
	struct delivery *delivery;
};

static struct sim_letter *letter_of(const struct delivery *d)
{
	struct sim_part *p = &redrive_world.parts[d->ev->f.partition];

	for (size_t i = 0; i < p->count; i++)
		if (p->letters[i].offset == d->ev->f.offset)
			return &p->letters[i];
	redrive_fail("there is no letter %lld", (long long)d->ev->f.offset);
	return &p->letters[0];
}

static void attempt_forget(struct attempt *a)
{
	loop_timer_cancel(redrive_world.loop, &a->timer);
	free(a);
}

static void attempt_start(struct attempt *a)
{
	loop_timer_set(redrive_world.loop, &a->timer,
		loop_now_ms(redrive_world.loop) + (int64_t)redrive_random(200));
}

static void attempt_ends(struct loop_timer *t)
{
	struct attempt *a = container_of(t, struct attempt, timer);
	struct delivery *d = a->delivery;
	struct sim_letter *l = letter_of(d);

	if (d->state == DELIVERY_WAITING) { /* for its next attempt */
		d->state = DELIVERY_SENDING;
		l->on_wire = true;
		attempt_start(a);
		return;
	}
	l->on_wire = false;
	if (redrive_chance(10)) {
		d->state = DELIVERY_WAITING;
		attempt_start(a);
		d->owner->failed_attempt(d);
		return;
	}
	d->failed = redrive_chance(10); /* its new letter is written */
	l->done = l->known = true;
	attempt_forget(a);
	d->owner->settled(d);
}

static void check_send(const struct delivery *d, struct sim_letter *l)
{
	if (l->told)
		redrive_fail("the letter %lld was sent again, and its commit was there",
			(long long)l->offset);
	if (l->foreign)
		redrive_fail("the record %lld is no letter", (long long)l->offset);
	if (redrive_world.wanted_rule >= 0 && l->rule != (unsigned)redrive_world.wanted_rule)
		redrive_fail("the letter %lld was not wanted", (long long)l->offset);
	if (l->on_wire)
		redrive_fail("the letter %lld was sent twice at once", (long long)l->offset);
	if (strcmp(d->letter->topic, SIM_TOPIC) != 0)
		redrive_fail("a letter of %s", d->letter->topic);
	redrive_world.repeats += l->done;
	l->sends++;
}

void destination_submit(struct delivery *first)
{
	for (struct delivery *d = first, *next; d != NULL; d = next) {
		struct sim_letter *l = letter_of(d);
		struct attempt *a = xcalloc(1, sizeof *a);

		next = d->next;
		check_send(d, l);
		l->on_wire = true;
		a->delivery = d;
		a->timer.fire = attempt_ends;
		d->attempt = a;
		d->state = DELIVERY_SENDING;
		attempt_start(a);
	}
}

void destination_withdraw(struct delivery *d)
{
	letter_of(d)->on_wire = false;
	attempt_forget(d->attempt);
}

void destination_expire(struct delivery *d)
{
	(void)d;
}

struct destination *destination_new(struct engine_context *context, struct conf *conf,
	const struct conf_destination *settings, struct connection *connection, struct err *err)
{
	(void)context;
	(void)conf;
	(void)settings;
	(void)connection;
	(void)err;
	return xcalloc(1, 1);
}

void destination_free(struct destination *dest)
{
	free(dest);
}

void destination_get_status(const struct destination *dest, struct destination_status *ret)
{
	(void)dest;
	*ret = (struct destination_status){0};
}

/* --- what is not there -------------------------------------------------------------------- */

const struct http_settings http_default_settings = {0};

struct connections *connections_new(struct loop *loop)
{
	(void)loop;
	return NULL;
}

void connections_free(struct connections *c)
{
	(void)c;
}

int connections_apply(struct connections *c, struct conf *conf, struct err *err)
{
	(void)c;
	(void)conf;
	(void)err;
	return 0;
}

struct connection *connections_find(const struct connections *c, const char *name)
{
	(void)c;
	(void)name;
	return NULL;
}

struct deadletter *deadletter_new(
	struct loop *l, const struct deadletter_settings *s, struct err *err)
{
	(void)l;
	(void)s;
	(void)err;
	return xcalloc(1, 1);
}

void deadletter_free(struct deadletter *d)
{
	free(d);
}

bool kafka_reap(int64_t timeout_ms)
{
	(void)timeout_ms;
	return true;
}

struct reader *reader_new(const struct reader_settings *s, struct err *err)
{
	(void)s;
	(void)err;
	return NULL;
}

int redrive_dry_run(struct redrive *run, struct err *err)
{
	(void)run;
	(void)err;
	return 0;
}

/* The ends of the topic are those of the world. */
int redrive_scan(struct redrive *run, struct err *err)
{
	struct redrive_group *g;

	(void)err;
	run->bounds = xcalloc(SIM_PARTS, sizeof *run->bounds);
	run->bound_count = SIM_PARTS;
	for (int32_t i = 0; i < SIM_PARTS; i++) {
		const struct sim_part *p = &redrive_world.parts[i];

		run->bounds[i] = (struct redrive_bound){.topic = xstrdup(SIM_TOPIC),
			.partition = i,
			.low = p->low,
			.from = p->from,
			.end = p->end};
	}
	run->groups = g = xcalloc(1, sizeof *run->groups);
	run->group_count = 1;
	g->run = run;
	g->consumer = &run->conf->consumers[0];
	g->name = xstrdup(SIM_GROUP);
	g->topics = xcalloc(1, sizeof *g->topics);
	g->topics[g->topic_count++] = SIM_TOPIC;
	return 0;
}
