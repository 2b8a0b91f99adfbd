/* SPDX-License-Identifier: Apache-2.0 */
/* Makes deliveries of the records that a lane reads, and settles records when their
 * deliveries end. */
#include <stdlib.h>

#include "dead_letter.h"
#include "lane_private.h"
#include "base/log.h"

/* How often to look for deliveries that have grown too old. */
#define SWEEP_MS 1000
/* A record that is not a valid event has one "target": its dead letter. */
#define NO_EVENT_IDENTITY ((offsets_target)1)

/* --- a delivery's life ------------------------------------------------------------------ */

static struct lane_partition *partition_of(const struct delivery *d)
{
	return container_of(d->owner, struct lane_partition, owner);
}

static struct lane *lane_of_partition(const struct lane_partition *p)
{
	return lane_of(p->base.loop);
}

static size_t size_of(const struct delivery *d)
{
	return sizeof *d + d->spot_count * sizeof *d->spots;
}

static void delivery_forget(struct delivery *d)
{
	struct lane_partition *p = partition_of(d);
	struct lane *lane = lane_of_partition(p);
	size_t bytes = size_of(d) + (d->ev->refs == 1 ? d->ev->bytes : 0);

	list_remove(&d->node);
	p->base.open--;
	budget_give(&lane->budget, 1, bytes);
	engine_context_unref_event(lane->context, d->ev);
	conf_unref(d->conf);
	delivery_facts_release(&d->facts);
	free(d);
}

static offsets_target identity_of(const struct delivery *d)
{
	return d->target ? d->target->identity : NO_EVENT_IDENTITY;
}

static void delivery_settled(struct delivery *d)
{
	struct lane_partition *p = partition_of(d);

	offsets_settle(p->base.tracker, d->record, identity_of(d));
	delivery_forget(d);
	consumer_loop_settled(p->base.loop);
}

static void delivery_failed_attempt(struct delivery *d)
{
	struct lane_partition *p = partition_of(d);

	offsets_note_attempts(p->base.tracker, d->record, identity_of(d), d->facts.attempts,
		d->facts.first_attempt_ms);
	if (p->base.revoked && destination_withdraw_idle(d))
		delivery_forget(d);
	consumer_loop_settled(p->base.loop);
}

void lane_own(struct lane_partition *p)
{
	p->owner = (struct delivery_owner){
		.context = lane_of_partition(p)->context,
		.budget = &lane_of_partition(p)->budget,
		.settled = delivery_settled,
		.failed_attempt = delivery_failed_attempt,
	};
}

/* When a wall time was that somebody else has noted, as the clocks were when @ev was taken up.
 * From then on a step of the wall clock makes nothing older. */
static int64_t monotonic_of(const struct event *ev, int64_t wall_ms)
{
	return ev->f.taken_up_at_ms - (ev->f.taken_up_ms - wall_ms);
}

static struct delivery *delivery_new(struct lane_partition *p, struct event *ev,
	struct offsets_record *record, const struct router_hit *hit)
{
	struct lane *lane = lane_of_partition(p);
	const struct jx_index *ix = hit ? engine_context_fresh_index(lane->context, ev) : NULL;
	int spots = ix ? request_plan_spot_count(hit->target->plan) : -1;
	size_t room = (size_t)(spots > 0 ? spots : 0);
	struct delivery *d = xcalloc(1, sizeof *d + room * sizeof *d->spots);

	d->spot_count = (uint8_t)room;
	d->is_found = spots >= 0;
	if (d->is_found)
		request_plan_find(hit->target->plan, ix, d->spots);
	d->owner = &p->owner;
	d->record = record;
	d->ev = event_ref(ev);
	d->conf = conf_ref(lane->conf);
	d->target = hit ? hit->target : NULL;
	d->dest = hit ? hit->dest : NULL;
	d->ended = hit ? hit->ended : NULL;
	metric_add(hit ? hit->created : NULL, 1);
	d->state = DELIVERY_QUEUED;
	d->age_from_at_ms = ev->f.taken_up_at_ms;
	if (d->target != NULL && d->target->retry.age_from_timestamp && ev->f.timestamp_ms >= 0)
		d->age_from_at_ms = monotonic_of(ev, ev->f.timestamp_ms);
	list_append(&p->deliveries, &d->node);
	p->base.open++;
	budget_take(&lane->budget, 1, size_of(d));
	return d;
}

void lane_withdraw(struct consumer_partition *base, bool all)
{
	struct lane_partition *p = lane_partition_of(base);

	list_foreach_safe (node, &p->deliveries) {
		struct delivery *d = list_entry(node, struct delivery, node);

		if (d->dest != NULL && destination_withdraw_idle(d)) {
			delivery_forget(d);
		} else if (all) {
			destination_withdraw(d);
			delivery_forget(d);
		}
	}
}

/* --- records become deliveries ---------------------------------------------------------- */

/* A former owner of the partition tried this delivery already: continue with its attempts
 * and age. */
static void resume(struct delivery *d, const struct offsets_history *history)
{
	d->facts.attempts = history->attempts;
	d->facts.first_attempt_ms = history->first_attempt_ms;
	if (history->first_attempt_ms > 0)
		d->age_from_at_ms = min_i64(
			d->age_from_at_ms, monotonic_of(d->ev, history->first_attempt_ms));
}

static struct event *keep(struct lane *lane, const struct event_fields *record)
{
	struct event *ev = event_new(record);

	budget_take(&lane->budget, 0, ev->bytes);
	engine_context_adopt_index(lane->context, record, ev);
	return ev;
}

static void let_go(struct lane *lane, struct event *ev)
{
	if (ev->refs == 1)
		budget_give(&lane->budget, 0, ev->bytes);
	engine_context_unref_event(lane->context, ev);
}

/* Open all targets before the first delivery is submitted: a delivery that is settled at
 * once would close the record before its other deliveries exist. */
static void deliver(struct lane_partition *p, struct offsets_record *r,
	const struct event_fields *record, const struct router_hit *hits, size_t count)
{
	struct lane *lane = lane_of_partition(p);
	struct event *ev = keep(lane, record);
	struct delivery *made = NULL, **last = &made;

	for (size_t i = 0; i < count; i++) {
		struct offsets_history history =
			offsets_open(p->base.tracker, r, hits[i].target->identity);
		struct delivery *d;

		if (history.done)
			continue;
		d = delivery_new(p, ev, r, &hits[i]);
		resume(d, &history);
		*last = d;
		last = &d->next;
	}
	offsets_end(p->base.tracker, r);
	destination_submit(made);
	let_go(lane, ev);
}

/* The record is not a valid event: it becomes a dead letter, with the reason. */
static void reject(struct lane_partition *p, struct offsets_record *r,
	const struct event_fields *record, const char *reason)
{
	struct lane *lane = lane_of_partition(p);
	bool done = offsets_open(p->base.tracker, r, NO_EVENT_IDENTITY).done;
	struct event *ev;
	struct delivery *d;

	offsets_end(p->base.tracker, r);
	if (done)
		return;
	ev = keep(lane, record);
	d = delivery_new(p, ev, r, NULL);
	d->facts.error_code = "INVALID_EVENT";
	delivery_facts_set_message(&d->facts, reason);
	log_warn("invalid_event", "a record is not a valid event: it becomes a dead letter",
		log_str("lane", lane->name), log_str("topic", record->topic),
		log_int("partition", record->partition), log_int("offset", record->offset),
		log_str("reason", reason));
	dead_letter_write(d, lane->consumer->dead_letter_topic, delivery_settle);
	let_go(lane, ev);
}

void lane_take(struct consumer_partition *base, struct event_fields *record)
{
	struct lane *lane = lane_of(base->loop);
	struct lane_partition *p = lane_partition_of(base);
	struct offsets_record *r = offsets_begin(base->tracker, record->offset);
	const struct router_hit *hits;
	size_t count;
	struct err err;

	metric_add(lane->gauges.events, 1);
	if (r == NULL) { /* a former owner of the partition settled it */
		metric_add(lane->gauges.skipped, 1);
		return;
	}
	record->taken_up_ms = loop_wall_ms(lane->context->loop);
	record->taken_up_at_ms = loop_now_ms(lane->context->loop);
	if (record->value.data == NULL) {
		metric_add(
			lane->gauges.tombstones, 1); /* a tombstone: there is nothing to send */
		offsets_end(base->tracker, r);
	} else if (router_match(lane->router, lane->context, record, &hits, &count, &err) !=
		   0) {
		metric_add(lane->gauges.invalid, 1);
		reject(p, r, record, err.text);
	} else if (count == 0) {
		offsets_end(base->tracker, r);
	} else {
		metric_add(lane->gauges.matched, 1);
		deliver(p, r, record, hits, count);
	}
}

bool lane_wants_more(struct consumer_loop *l)
{
	const struct lane *lane = lane_of(l);

	return budget_has_room(&lane->budget) && router_wants_more(lane->router);
}

void lane_sweep(struct loop_timer *timer)
{
	struct lane *lane = container_of(timer, struct lane, sweep_timer);

	list_foreach (pnode, &lane->consumer_loop.partitions) {
		struct lane_partition *p = lane_partition_of(consumer_partition_of(pnode));

		list_foreach_safe (node, &p->deliveries)
			destination_expire(list_entry(node, struct delivery, node));
	}
	loop_timer_set(lane->context->loop, timer, loop_now_ms(lane->context->loop) + SWEEP_MS);
}
