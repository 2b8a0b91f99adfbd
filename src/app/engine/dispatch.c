/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a destination sends, and when.
 *
 *   submitted --> gate --(window, rate, breaker, key)--> guard --> credentials --> attempt
 *                  ^                                                                  |
 *                  +------------- dispatch_again(), by its outcome (outcome.c) -------+
 *
 * The gate hands out the deliveries that may be sent now. While the connection has no
 * credentials nothing is taken from the gate, so that no attempt is wasted. While the failure
 * guard is paused (core/gate/guard.h) only its probes are sent, and nothing becomes a dead
 * letter. When the bodies of requests have taken the memory that there is for them, the next is
 * made when one has been answered. A pass of the loop that has used up its slice goes on in the
 * next one: other destinations, and replies, come between.
 */
#include "dead_letter.h"
#include "destination_private.h"
#include "base/log.h"

/* How soon a destination that waits for memory looks again, if none of its own requests ends. */
#define MEMORY_LOOK_MS 20

/* --- the failure guard ------------------------------------------------------------------ */

static void report_guard(const struct destination *dest, const struct delivery *d)
{
	const struct conf_target *t = d->target;

	log_error("dead_letter_guard",
		"all deliveries of a target fail for good, for one reason: they are held and "
		"become no dead letters; probes continue; fix the cause, or set "
		"dead_letter_guard = false, and run postrider reload",
		log_str("destination", dest->settings->name), log_str("rule", t->rule->name),
		log_str("target", t->id),
		log_str("code", d->facts.error_code ? d->facts.error_code : "UNKNOWN"),
		log_str("last", dest->last_error),
		log_int("probe_in_ms",
			d->route->guard.next_probe_ms - destination_now_ms(dest)));
}

void dispatch_release_held(struct destination *dest, struct route *route)
{
	while (!list_is_empty(&route->held))
		gate_unpark(dest->gate, gate_parked_entry(route->held.next));
	dispatch_soon(dest);
}

/* @d waits until its guard lets it go. */
static void hold(struct destination *dest, struct delivery *d)
{
	if (d->state == DELIVERY_SENDING)
		delivery_move(d, DELIVERY_WAITING);
	gate_park(dest->gate, &d->gate, &d->route->held);
	dispatch_soon(dest);
}

void dispatch_end_probe(struct destination *dest, const struct delivery *d, bool failed)
{
	struct route *route = d->route;
	int64_t now_ms = destination_now_ms(dest);

	if (route->probe != d)
		return;
	route->probe = NULL;
	if (failed)
		guard_probe_failed(&route->guard, now_ms);
	else
		guard_probe_undone(&route->guard, now_ms);
	if (failed && guard_is_paused(&route->guard))
		report_guard(dest, d);
	dispatch_soon(dest);
}

void dispatch_guard_delivered(struct destination *dest, const struct delivery *d)
{
	struct route *route = d->route;
	bool is_probe = route->probe == d;

	if (is_probe)
		route->probe = NULL;
	if (!guard_delivered(&route->guard, is_probe, destination_now_ms(dest)))
		return;
	log_info("dead_letter_guard_released", "a probe was delivered: deliveries continue",
		log_str("destination", dest->settings->name),
		log_str("rule", d->target->rule->name), log_str("target", d->target->id));
	dispatch_release_held(dest, route);
}

bool dispatch_guard_holds(struct destination *dest, struct delivery *d)
{
	struct guard *guard = &d->route->guard;
	uint32_t reason = guard_reason(d->facts.error_code, d->facts.status);
	bool was_paused = guard_is_paused(guard);

	if (!guard_failed(guard, reason, destination_now_ms(dest)))
		return false;
	if (!was_paused)
		report_guard(dest, d);
	d->facts.exhausted = RETRY_NOT_EXHAUSTED;
	hold(dest, d);
	if (d->facts.attempts > 0 || d->facts.last_attempt_ms > 0)
		d->owner->failed_attempt(d);
	return true;
}

/* The next probe of each paused guard may be due: then the one that has been held longest gets
 * ready. Returns when to look again. */
static int64_t ready_probes(struct destination *dest, int64_t now_ms)
{
	int64_t again_ms = INT64_MAX;

	list_foreach (node, &dest->routes) {
		struct route *route = list_entry(node, struct route, node);

		if (route->guard.state != GUARD_PAUSED || list_is_empty(&route->held))
			continue;
		if (route->guard.next_probe_ms <= now_ms)
			gate_unpark(dest->gate, gate_parked_entry(route->held.next));
		else
			again_ms = min_i64(again_ms, route->guard.next_probe_ms);
	}
	return again_ms;
}

/* --- sending ---------------------------------------------------------------------------- */

/* Nothing was learnt about the site: the slot is free again, and the rate's token too if
 * nothing was sent. */
static void leave_unanswered(
	struct destination *dest, struct delivery *d, enum gate_outcome outcome)
{
	gate_leave(dest->gate, &d->gate, &(struct gate_left){.outcome = outcome},
		destination_now_ms(dest));
}

void dispatch_again(struct destination *dest, struct delivery *d, int64_t at_ms)
{
	if (d->state == DELIVERY_SENDING)
		delivery_move(d, DELIVERY_WAITING);
	gate_wait(dest->gate, &d->gate, at_ms);
	dispatch_soon(dest);
}

static void wait_for_credentials(struct destination *dest, struct delivery *d)
{
	leave_unanswered(dest, d, GATE_UNTRIED);
	dispatch_end_probe(dest, d, false);
	dispatch_again(dest, d, destination_now_ms(dest));
	connection_wait(dest->connection, &dest->waiter);
}

static void cannot_be_sent(struct destination *dest, struct delivery *d)
{
	leave_unanswered(dest, d, GATE_UNTRIED);
	outcome_note_error(dest, d);
	dispatch_end_probe(dest, d, true);
	outcome_failed(dest, d);
}

static void send(struct destination *dest, struct delivery *d)
{
	delivery_move(d, DELIVERY_SENDING);
	delivery_refresh(d, dest->conf);
	switch (attempt_begin(
		&dest->attempts, d, dest->connection, dest->http, outcome_of_attempt)) {
	case ATTEMPT_SENT:
		destination_gauges_sent(&dest->gauges, d, destination_now_ms(dest));
		break;
	case ATTEMPT_IMPOSSIBLE:
		cannot_be_sent(dest, d);
		break;
	case ATTEMPT_UNAUTHORISED:
		wait_for_credentials(dest, d);
		break;
	}
}

/* May @d, which the gate has let go, be sent? If not, its guard holds it. */
static bool pass_guard(struct destination *dest, struct delivery *d, int64_t now_ms)
{
	struct route *route = d->route;

	if (guard_ready_at(&route->guard, now_ms) <= now_ms) {
		if (guard_send(&route->guard))
			route->probe = d;
		return true;
	}
	leave_unanswered(dest, d, GATE_UNTRIED);
	hold(dest, d);
	return false;
}

/* The next delivery that may be sent now, or NULL; then *ret_at_ms is when to look again. */
static struct delivery *next(struct destination *dest, int64_t now_ms, int64_t *ret_at_ms)
{
	int64_t probe_at_ms = ready_probes(dest, now_ms);
	struct gate_entry *e;

	while ((e = gate_take(dest->gate, now_ms, ret_at_ms)) != NULL) {
		struct delivery *d = container_of(e, struct delivery, gate);

		if (pass_guard(dest, d, now_ms))
			return d;
		probe_at_ms = ready_probes(dest, now_ms);
	}
	*ret_at_ms = min_i64(*ret_at_ms, probe_at_ms);
	return NULL;
}

static void set_timer(struct destination *dest, int64_t at_ms)
{
	struct loop *loop = dest->context->loop;

	if (at_ms == INT64_MAX)
		loop_timer_cancel(loop, &dest->dispatch_timer);
	else
		loop_timer_set(loop, &dest->dispatch_timer, at_ms);
}

/* May another body be made? One request is in flight whatever the memory. */
static bool has_memory(const struct destination *dest)
{
	return budget_has_room_for_requests(&dest->context->budget) ||
	       gate_get_state(dest->gate).in_flight == 0;
}

/* Sends at least one, if any may be sent: so all get on, however late the pass is. */
static void dispatch(struct destination *dest)
{
	int64_t now_ms = destination_now_ms(dest), at_ms;
	struct delivery *d;

	while (dest->waiter.connection == NULL) {
		if (!has_memory(dest)) {
			set_timer(dest, now_ms + MEMORY_LOOK_MS);
			return;
		}
		d = next(dest, now_ms, &at_ms);
		if (d == NULL) {
			set_timer(dest, at_ms);
			return;
		}
		send(dest, d);
		if (loop_is_late(dest->context->loop)) {
			dispatch_soon(dest);
			return;
		}
	}
}

static void on_call(struct loop_call *call)
{
	dispatch(container_of(call, struct destination, dispatch));
}

static void on_time(struct loop_timer *timer)
{
	dispatch(container_of(timer, struct destination, dispatch_timer));
}

static void on_credentials(struct connection_waiter *waiter)
{
	dispatch_soon(container_of(waiter, struct destination, waiter));
}

void dispatch_soon(struct destination *dest)
{
	loop_defer(dest->context->loop, &dest->dispatch);
}

void dispatch_init(struct destination *dest)
{
	dest->waiter.loop = dest->context->loop;
	dest->waiter.ready = on_credentials;
	dest->dispatch_timer.fire = on_time;
	loop_call_init(&dest->dispatch, on_call);
}

void dispatch_release(struct destination *dest)
{
	loop_timer_cancel(dest->context->loop, &dest->dispatch_timer);
	loop_undefer(&dest->dispatch);
	connection_unwait(&dest->waiter);
}

/* --- coming and going ------------------------------------------------------------------- */

/* Deliveries with the same number are sent one after the other; 0: without any order. */
static uint64_t order_number(const struct destination *dest, const struct event *ev)
{
	enum conf_ordering ordering = dest->settings->ordering;
	uint64_t number =
		util_hash(ev->f.topic, strlen(ev->f.topic)) + (uint64_t)ev->f.partition;

	if (ordering == CONF_ORDERING_NONE ||
		(ordering == CONF_ORDERING_KEY && ev->f.key.data == NULL))
		return 0;
	if (ordering == CONF_ORDERING_KEY)
		number =
			number * 0x9e3779b97f4a7c15u + util_hash(ev->f.key.data, ev->f.key.len);
	return number ? number : 1;
}

static struct route *route_of(struct destination *dest, const struct conf_target *t)
{
	struct route *made;

	list_foreach (node, &dest->routes) {
		struct route *r = list_entry(node, struct route, node);

		if (r->identity == t->identity)
			return r;
	}
	made = route_new(t, destination_now_ms(dest));
	list_append(&dest->routes, &made->node);
	return made;
}

void destination_submit(struct delivery *first)
{
	for (struct delivery *d = first, *after; d != NULL; d = after) {
		struct destination *dest = d->dest;

		after = d->next; /* @d may be settled and freed at once */
		d->next = NULL;
		dest->deliveries++;
		d->route = route_of(dest, d->target);
		gate_join(dest->gate, &d->gate, order_number(dest, d->ev));
		/* One record for many targets must not have all its requests made in one pass. */
		if (loop_is_late(dest->context->loop))
			dispatch_soon(dest);
		else
			dispatch(dest);
	}
}

void dispatch_leave(struct destination *dest, struct delivery *d)
{
	gate_drop(dest->gate, &d->gate);
	dest->deliveries--;
	dispatch_soon(dest);
}

bool destination_withdraw_idle(struct delivery *d)
{
	if (d->state != DELIVERY_QUEUED && d->state != DELIVERY_WAITING)
		return false;
	dispatch_leave(d->dest, d);
	return true;
}

void destination_withdraw(struct delivery *d)
{
	struct destination *dest = d->dest;

	switch (d->state) {
	case DELIVERY_SENDING:
		attempt_cancel(d);
		leave_unanswered(dest, d, GATE_NO_ANSWER);
		dispatch_end_probe(dest, d, false);
		dispatch_leave(dest, d);
		break;
	case DELIVERY_DEAD:
		dead_letter_cancel(d);
		if (dest != NULL)
			dispatch_leave(dest, d);
		break;
	default:
		destination_withdraw_idle(d);
		break;
	}
}

/* --- growing old ------------------------------------------------------------------------ */

/* A delivery that was never tried still has its one attempt, however old it is; but not while
 * there are no credentials for it. */
static bool may_expire(const struct destination *dest, const struct delivery *d)
{
	return (d->state == DELIVERY_QUEUED || d->state == DELIVERY_WAITING) &&
	       !guard_is_paused(&d->route->guard) &&
	       delivery_age_ms(d) >= d->target->retry.maximum_event_age_ms &&
	       (d->facts.attempts > 0 || d->facts.last_attempt_ms > 0 ||
		       dest->waiter.connection != NULL);
}

void destination_expire(struct delivery *d)
{
	struct destination *dest = d->dest;

	if (!may_expire(dest, d) || !gate_retract(dest->gate, &d->gate))
		return;
	d->facts.exhausted = RETRY_MAXIMUM_EVENT_AGE;
	if (dest->waiter.connection != NULL) {
		struct connection_status status;

		connection_get_status(dest->connection, &status);
		d->facts.error_code = "NO_PERMISSIONS";
		delivery_facts_set_message(&d->facts, status.reason);
	}
	outcome_failed(dest, d);
}
