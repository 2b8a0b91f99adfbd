/* SPDX-License-Identifier: Apache-2.0 */
#include "app/engine/destination.h"

#include <stdio.h>
#include <stdlib.h>

#include "attempt.h"
#include "gauges.h"
#include "app/engine/context.h"
#include "base/log.h"
#include "core/gate/guard.h"

/* So many stand ready behind a full window: more would have grown cold when they are sent, and
 * only take room. */
#define READY_AHEAD 64

/* A client of before a reload, kept until what is on its wire has ended. */
struct old_client {
	struct list node;
	struct http_client *http;
};

struct destination {
	struct engine_context *context;
	struct conf *conf;
	const struct conf_destination *settings;
	struct connection *connection;
	struct connection_waiter waiter;
	struct gate *gate;
	struct http_client *http;
	struct list old_clients;
	struct attempt_pool attempts;
	struct destination_gauges gauges;
	struct loop_call pump;
	struct loop_timer pump_timer;
	struct guard guard;
	const struct delivery *probe; /* the guard's, while it is on the wire */
	enum gate_breaker announced;  /* the breaker's state that the log knows */
	size_t deliveries;            /* in it, in whatever state */
	int64_t last_error_ms;
	char last_error[256];
	uint64_t delivered, failed_attempts, buried;
};

static void pump_run(struct loop_call *call);
static void pump_fire(struct loop_timer *timer);
static void credentials_ready(struct connection_waiter *waiter);

struct destination *destination_new(struct engine_context *context, struct conf *conf,
	const struct conf_destination *settings, struct connection *connection, struct err *err)
{
	struct destination *dest = xcalloc(1, sizeof *dest);

	dest->http = http_client_new(context->loop, &settings->http, err);
	if (dest->http == NULL) {
		free(dest);
		return NULL;
	}
	dest->context = context;
	dest->conf = conf_ref(conf);
	dest->settings = settings;
	dest->connection = connection;
	dest->gate = gate_new(&settings->gate, &context->rng, loop_now_ms(context->loop));
	guard_init(&dest->guard, settings->dead_letter_guard, loop_now_ms(context->loop));
	dest->waiter.loop = context->loop;
	dest->waiter.ready = credentials_ready;
	dest->pump_timer.fire = pump_fire;
	list_init(&dest->old_clients);
	attempt_pool_init(&dest->attempts);
	destination_gauges_init(&dest->gauges, context->metrics, settings->name);
	loop_call_init(&dest->pump, pump_run);
	return dest;
}

static void free_old_clients(struct destination *dest)
{
	list_foreach_safe (node, &dest->old_clients) {
		struct old_client *old = list_entry(node, struct old_client, node);

		if (http_client_get_state(old->http).in_flight > 0)
			continue;
		list_remove(&old->node);
		http_client_free(old->http);
		free(old);
	}
}

void destination_free(struct destination *dest)
{
	if (dest == NULL)
		return;
	loop_timer_cancel(dest->context->loop, &dest->pump_timer);
	loop_undefer(&dest->pump);
	connection_unwait(&dest->waiter);
	attempt_pool_release(&dest->attempts);
	destination_gauges_clear(&dest->gauges);
	gate_free(dest->gate);
	free_old_clients(dest);
	http_client_free(dest->http);
	conf_unref(dest->conf);
	free(dest);
}

static void pump_soon(struct destination *dest)
{
	loop_defer(dest->context->loop, &dest->pump);
}

/* One line for each change of the breaker, with what an operator greps for. */
static void announce_breaker(struct destination *dest)
{
	struct gate_state state = gate_get_state(dest->gate);
	bool open = state.breaker == GATE_OPEN || state.breaker == GATE_PROBING;
	bool was_open = dest->announced == GATE_OPEN || dest->announced == GATE_PROBING;

	if (state.breaker == dest->announced)
		return;
	dest->announced = state.breaker;
	metric_add(dest->gauges.breaker_changes, 1);
	if (open && !was_open)
		log_warn("destination_open",
			"the breaker has opened: deliveries wait, nothing is lost; probes go on",
			log_str("destination", dest->settings->name), log_str("state", "open"),
			log_int("after", state.consecutive_failures),
			log_str("last", dest->last_error),
			log_int("probe_in_ms",
				state.next_probe_ms - loop_now_ms(dest->context->loop)));
	else if (was_open && !open)
		log_info("destination_closed", "the breaker has closed: deliveries go on",
			log_str("destination", dest->settings->name),
			log_str("state", gate_breaker_name(state.breaker)));
}

void destination_note_time(const struct delivery *d)
{
	struct destination *dest = d->dest;

	destination_gauges_settled(&dest->gauges, d, loop_wall_ms(dest->context->loop));
}

static void settle(struct destination *dest, struct delivery *d)
{
	delivery_move(d, DELIVERY_DONE);
	dest->deliveries--;
	metric_add(d->ended, 1);
	destination_note_time(d);
	d->owner->settled(d);
}

static void remember_error(struct destination *dest, const struct delivery *d)
{
	dest->last_error_ms = loop_wall_ms(dest->context->loop);
	if (d->facts.status != 0)
		snprintf(dest->last_error, sizeof dest->last_error, "HTTP %d", d->facts.status);
	else
		snprintf(dest->last_error, sizeof dest->last_error, "%s",
			d->facts.error_message ? d->facts.error_message : "no answer");
}

/* --- the guard against a flood of dead letters ------------------------------------------ */

static void announce_guard(struct destination *dest, const struct delivery *d)
{
	log_error("dead_letter_guard",
		"nearly everything fails for good here, for one reason: deliveries are held and become no dead "
		"letters; probes go on; mend it, or let go by a reload",
		log_str("destination", dest->settings->name),
		log_str("code", d->facts.error_code ? d->facts.error_code : "UNKNOWN"),
		log_str("last", dest->last_error),
		log_int("probe_in_ms",
			dest->guard.next_probe_ms - loop_now_ms(dest->context->loop)));
}

/* What came of the guard's probe, if @d is that; a delivered one is
 * told by guard_delivered(). */
static void probe_ends(struct destination *dest, const struct delivery *d, bool failed)
{
	int64_t now_ms = loop_now_ms(dest->context->loop);

	if (dest->probe != d)
		return;
	dest->probe = NULL;
	if (failed)
		guard_probe_failed(&dest->guard, now_ms);
	else
		guard_probe_undone(&dest->guard, now_ms);
	if (failed && guard_is_paused(&dest->guard))
		announce_guard(dest, d);
	pump_soon(dest);
}

static void note_delivered(struct destination *dest, const struct delivery *d)
{
	bool probe = dest->probe == d;

	if (probe)
		dest->probe = NULL;
	if (guard_delivered(&dest->guard, probe, loop_now_ms(dest->context->loop)))
		log_info("dead_letter_guard_released",
			"a probe was delivered: deliveries go on",
			log_str("destination", dest->settings->name));
}

/* True: the guard is paused, and @d, which has left the gate's wire, is tried again. */
static bool guard_keeps(struct destination *dest, struct delivery *d)
{
	int64_t now_ms = loop_now_ms(dest->context->loop);
	bool was_paused = guard_is_paused(&dest->guard);

	if (!guard_failed(
		    &dest->guard, guard_reason(d->facts.error_code, d->facts.status), now_ms))
		return false;
	if (!was_paused)
		announce_guard(dest, d);
	d->facts.exhausted = RETRY_NOT_EXHAUSTED;
	if (d->state == DELIVERY_SENDING)
		delivery_move(d, DELIVERY_WAITING);
	gate_wait(dest->gate, &d->gate, guard_hold_until(&dest->guard, now_ms));
	pump_soon(dest);
	if (d->facts.attempts > 0)
		d->owner->failed_attempt(d);
	return true;
}

/*
 * Its end without delivery. It has left the wire, but keeps its line until Kafka has its
 * letter: a crash before that will send it again, and what is behind it must not be ahead of it
 * then.
 */
static void bury(struct destination *dest, struct delivery *d)
{
	if (guard_keeps(dest, d))
		return;
	dest->buried++;
	delivery_bury(d, d->target->dead_letter_topic);
}

void destination_leave(struct delivery *d)
{
	struct destination *dest = d->dest;

	gate_drop(dest->gate, &d->gate);
	dest->deliveries--;
	pump_soon(dest);
}

static void retry_at(struct destination *dest, struct delivery *d, int64_t at_ms)
{
	delivery_move(d, DELIVERY_WAITING);
	gate_wait(dest->gate, &d->gate, at_ms);
	pump_soon(dest);
}

static void retry_later(
	struct destination *dest, struct delivery *d, const struct retry_verdict *verdict)
{
	int64_t delay_ms;

	d->facts.error_code = verdict->error_code;
	d->facts.exhausted = retry_schedule(&d->target->retry, verdict, d->facts.attempts,
		delivery_age_ms(d), &dest->context->rng, &delay_ms);
	if (d->facts.exhausted != RETRY_NOT_EXHAUSTED) {
		bury(dest, d);
		return;
	}
	retry_at(dest, d, loop_now_ms(dest->context->loop) + delay_ms);
	d->owner->failed_attempt(d);
}

/* The API refused the token: a new one is tried at no cost, if one can be had. */
static void reauthorise(struct destination *dest, struct delivery *d)
{
	metric_add(dest->gauges.reauthorizations, 1);
	d->facts.attempts--;
	retry_at(dest, d, loop_now_ms(dest->context->loop));
}

static enum gate_outcome gate_outcome_of(const struct retry_verdict *verdict)
{
	if (verdict->action == RETRY_DELIVERED)
		return GATE_DELIVERED;
	if (verdict->fault == RETRY_FAULT_SITE)
		return GATE_SITE_FAILURE;
	/* Our own shortage of something says nothing of the site. */
	return verdict->fault == RETRY_FAULT_NONE ? GATE_NO_ANSWER : GATE_EVENT_FAILURE;
}

/* Whether it costs an attempt or not: *these* credentials are no good. False: there will be no
 * others. */
static bool tell_rejected(
	struct destination *dest, struct delivery *d, const struct attempt_report *report)
{
	d->rejected_generation = (uint32_t)report->generation;
	return connection_rejected(dest->connection, report->generation);
}

static void attempt_done(struct delivery *d, const struct attempt_report *report)
{
	struct destination *dest = d->dest;
	const struct retry_outcome *outcome = &report->outcome;
	struct retry_verdict verdict = retry_judge(&d->target->retry, outcome);
	struct gate_left left = {
		.outcome = gate_outcome_of(&verdict),
		.latency_ms = report->latency_us / 1000,
		.throttled = outcome->status == 429 || outcome->status == 503,
		.retry_after_ms =
			outcome->retry_after == RETRY_AFTER_DELAY ? outcome->retry_after_ms : 0,
	};

	destination_gauges_count(&dest->gauges, report, d->facts.attempts > 1);
	gate_leave(dest->gate, &d->gate, &left, loop_now_ms(dest->context->loop));
	if (verdict.action != RETRY_DELIVERED) {
		dest->failed_attempts++;
		remember_error(dest, d);
	}
	announce_breaker(dest);
	if (verdict.action != RETRY_DELIVERED)
		probe_ends(dest, d, verdict.action != RETRY_REAUTHORISE);
	if (verdict.fault == RETRY_FAULT_CREDENTIALS && !tell_rejected(dest, d, report))
		verdict.action =
			verdict.action == RETRY_REAUTHORISE ? RETRY_LATER : verdict.action;
	switch (verdict.action) {
	case RETRY_DELIVERED:
		connection_accepted(dest->connection, report->generation);
		gate_drop(dest->gate, &d->gate);
		dest->delivered++;
		note_delivered(dest, d);
		settle(dest, d);
		pump_soon(dest);
		break;
	case RETRY_LATER:
		retry_later(dest, d, &verdict);
		break;
	case RETRY_REAUTHORISE:
		reauthorise(dest, d);
		break;
	case RETRY_REFUSE:
		d->facts.error_code = verdict.error_code;
		bury(dest, d);
		break;
	}
}

/* Nothing was learnt of the site: the slot goes back, and the token too
 * where it was not used. */
static void leave_unanswered(
	struct destination *dest, struct delivery *d, enum gate_outcome outcome)
{
	gate_leave(dest->gate, &d->gate, &(struct gate_left){.outcome = outcome},
		loop_now_ms(dest->context->loop));
}

/* False: there are no credentials, and nothing else may be taken until there are. */
static bool send(struct destination *dest, struct delivery *d)
{
	delivery_move(d, DELIVERY_SENDING);
	delivery_refresh(d, dest->conf);
	switch (attempt_begin(&dest->attempts, d, dest->connection, dest->http, attempt_done)) {
	case ATTEMPT_SENT:
		destination_gauges_sent(&dest->gauges, d, loop_wall_ms(dest->context->loop));
		return true;
	case ATTEMPT_IMPOSSIBLE:
		leave_unanswered(dest, d, GATE_UNTRIED);
		remember_error(dest, d);
		probe_ends(dest, d, true);
		bury(dest, d);
		return true;
	case ATTEMPT_UNAUTHORISED:
		break;
	}
	leave_unanswered(dest, d, GATE_UNTRIED);
	probe_ends(dest, d, false);
	delivery_move(d, DELIVERY_WAITING);
	gate_wait(dest->gate, &d->gate, loop_now_ms(dest->context->loop));
	connection_wait(dest->connection, &dest->waiter);
	return false;
}

static void pump(struct destination *dest)
{
	struct loop *loop = dest->context->loop;
	int64_t now_ms = loop_now_ms(loop), at_ms;
	struct gate_entry *e;

	while (dest->waiter.connection == NULL) {
		at_ms = guard_ready_at(&dest->guard, now_ms);
		e = at_ms <= now_ms ? gate_take(dest->gate, now_ms, &at_ms) : NULL;
		if (e == NULL) {
			if (at_ms == INT64_MAX)
				loop_timer_cancel(loop, &dest->pump_timer);
			else
				loop_timer_set(loop, &dest->pump_timer, at_ms);
			return;
		}
		if (guard_send(&dest->guard))
			dest->probe = container_of(e, struct delivery, gate);
		if (!send(dest, container_of(e, struct delivery, gate)))
			return;
	}
}

static void pump_run(struct loop_call *call)
{
	pump(container_of(call, struct destination, pump));
}

static void pump_fire(struct loop_timer *timer)
{
	pump(container_of(timer, struct destination, pump_timer));
}

static void credentials_ready(struct connection_waiter *waiter)
{
	pump_soon(container_of(waiter, struct destination, waiter));
}

static uint64_t line_of(const struct destination *dest, const struct event *ev)
{
	enum conf_ordering ordering = dest->settings->ordering;
	uint64_t line = util_hash(ev->f.topic, strlen(ev->f.topic)) + (uint64_t)ev->f.partition;

	if (ordering == CONF_ORDERING_NONE ||
		(ordering == CONF_ORDERING_KEY && ev->f.key.data == NULL))
		return 0;
	if (ordering == CONF_ORDERING_KEY)
		line = line * 0x9e3779b97f4a7c15u + util_hash(ev->f.key.data, ev->f.key.len);
	return line ? line : 1;
}

void destination_submit(struct delivery *first)
{
	for (struct delivery *d = first, *next; d != NULL; d = next) {
		struct destination *dest = d->dest;

		next = d->next; /* it may be settled and freed at once */
		d->next = NULL;
		dest->deliveries++;
		gate_join(dest->gate, &d->gate, line_of(dest, d->ev));
		pump(dest);
	}
}

bool destination_withdraw_idle(struct delivery *d)
{
	if (d->state != DELIVERY_QUEUED && d->state != DELIVERY_WAITING)
		return false;
	destination_leave(d);
	return true;
}

void destination_withdraw(struct delivery *d)
{
	struct destination *dest = d->dest;

	if (d->state == DELIVERY_DEAD) {
		delivery_unbury(d);
		if (dest != NULL)
			destination_leave(d);
		return;
	}
	if (d->state == DELIVERY_SENDING) {
		attempt_cancel(d);
		leave_unanswered(dest, d, GATE_NO_ANSWER);
		probe_ends(dest, d, false);
		destination_leave(d);
		return;
	}
	destination_withdraw_idle(d);
}

/*
 * A delivery that waits for its retry, or for credentials, ends when its age does. One that
 * was never tried only ends when there are no credentials: else it still has its one attempt.
 */
void destination_expire(struct delivery *d)
{
	struct destination *dest = d->dest;
	bool no_credentials;

	if ((d->state != DELIVERY_QUEUED && d->state != DELIVERY_WAITING) ||
		guard_is_paused(&dest->guard) ||
		delivery_age_ms(d) < d->target->retry.maximum_event_age_ms)
		return;
	no_credentials = dest->waiter.connection != NULL;
	if ((d->facts.attempts == 0 && !no_credentials) || !gate_retract(dest->gate, &d->gate))
		return;
	d->facts.exhausted = RETRY_MAXIMUM_EVENT_AGE;
	if (no_credentials) {
		struct connection_status status;

		connection_get_status(dest->connection, &status);
		d->facts.error_code = "NO_PERMISSIONS";
		delivery_facts_set_message(&d->facts, status.reason);
	}
	bury(dest, d);
}

/* What is on the wire ends on the client it began on. */
static int change_client(
	struct destination *dest, const struct http_settings *s, struct err *err)
{
	struct http_client *fresh;
	struct old_client *old;

	if (http_settings_equal(&dest->settings->http, s))
		return 0;
	fresh = http_client_new(dest->context->loop, s, err);
	if (fresh == NULL)
		return ERR_INVALID;
	old = xcalloc(1, sizeof *old);
	old->http = dest->http;
	list_append(&dest->old_clients, &old->node);
	dest->http = fresh;
	return 0;
}

int destination_reconfigure(struct destination *dest, struct conf *conf,
	const struct conf_destination *settings, struct connection *connection, struct err *err)
{
	if (change_client(dest, &settings->http, err) != 0)
		return ERR_INVALID;
	connection_unwait(&dest->waiter);
	dest->connection = connection;
	gate_reconfigure(dest->gate, &settings->gate, loop_now_ms(dest->context->loop));
	dest->settings = settings;
	/* Whoever reloads may have mended something: that lets go. */
	guard_release(&dest->guard, loop_now_ms(dest->context->loop));
	guard_enable(
		&dest->guard, settings->dead_letter_guard, loop_now_ms(dest->context->loop));
	conf_ref(conf);
	conf_unref(dest->conf);
	dest->conf = conf;
	pump_soon(dest);
	return 0;
}

void destination_set_share(struct destination *dest, unsigned part, unsigned whole)
{
	gate_set_share(dest->gate, part, whole, loop_now_ms(dest->context->loop));
	pump_soon(dest);
}

bool destination_is_hungry(const struct destination *dest)
{
	struct gate_state state = gate_get_state(dest->gate);

	if (state.breaker == GATE_OPEN || state.breaker == GATE_PROBING ||
		guard_is_paused(&dest->guard))
		return state.queued < state.window;
	return state.in_flight < state.window ||
	       (state.ready < READY_AHEAD && state.queued - state.waiting < state.window);
}

int64_t destination_now_ms(const struct destination *dest)
{
	return loop_now_ms(dest->context->loop);
}

const char *destination_name(const struct destination *dest)
{
	return dest->settings->name;
}

void destination_get_status(const struct destination *dest, struct destination_status *ret)
{
	const struct guard *guard = &dest->guard;
	int64_t now_ms = loop_now_ms(dest->context->loop);

	*ret = (struct destination_status){
		.gate = gate_get_state(dest->gate),
		.http = http_client_get_state(dest->http),
		.guard_paused = guard_is_paused(guard),
		.guard_for_ms = guard_is_paused(guard) ? now_ms - guard->since_ms : -1,
		.guard_probe_in_ms = guard->state == GUARD_PAUSED
					     ? max_i64(guard->next_probe_ms - now_ms, 0)
					     : -1,
		.last_error_ms = dest->last_error_ms,
		.last_error_age_ms = loop_wall_ms(dest->context->loop) - dest->last_error_ms,
		.delivered = dest->delivered,
		.failed_attempts = dest->failed_attempts,
		.buried = dest->buried,
	};
	snprintf(ret->last_error, sizeof ret->last_error, "%s", dest->last_error);
	connection_get_status(dest->connection, &ret->connection);
}

void destination_sample(struct destination *dest)
{
	struct destination_status s;

	free_old_clients(dest);
	destination_get_status(dest, &s);
	destination_gauges_sample(&dest->gauges, &s);
}
