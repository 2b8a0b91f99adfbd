/* SPDX-License-Identifier: Apache-2.0 */
/* One dead letter during a redrive: whether it is chosen, the deliveries made for it, and
 * what happens when they end. */
#include <stdlib.h>

#include "app/engine/destination.h"
#include "redrive_private.h"

/* A letter is done as a whole: for the tracker it has one target. */
#define LETTER_IDENTITY ((offsets_target)1)

/* One letter on its way: to one target, or to all of its rule's. */
struct letter_job {
	struct list node; /* its part's */
	struct redrive_part *part;
	struct offsets_record *record;
	struct delivery_letter letter; /* its topic is owned */
	struct event *ev;
	struct delivery_owner owner; /* of these */
	struct list deliveries;
	bool failed;
};

/* --- choosing --------------------------------------------------------------------------- */

/* False: the letter is left, since it may be forged. */
static bool is_believed(struct redrive *run, const struct event_fields *record,
	const struct letter_view *v, const struct conf_target *target)
{
	const char *why = redrive_distrust(run, record, v, target);

	if (why == NULL)
		return true;
	redrive_report_reason(run, run->o->force ? REDRIVE_FORCED : REDRIVE_DISTRUSTED, v, why);
	return run->o->force;
}

enum redrive_choice redrive_choose(struct redrive *run, const struct event_fields *record,
	struct letter_view *v, const struct conf_target **ret_targets, size_t *ret_count)
{
	const struct redrive_options *o = run->o;
	const char *why;

	run->counts.looked_at++;
	if (record->value.data == NULL || !letter_view_read(v, record)) {
		run->counts.foreign++;
		return REDRIVE_PASSED;
	}
	if (!letters_filter_wants(&o->filter, v, record)) {
		run->counts.unwanted++;
		return REDRIVE_LEFT;
	}
	run->counts.chosen++;
	if (v->omitted.data != NULL) {
		redrive_report_reason(run, REDRIVE_UNROUTABLE, v,
			"the letter was too large for its topic and is without its value: send the "
			"record that SOURCE_TOPIC, SOURCE_PARTITION and SOURCE_OFFSET name");
		return REDRIVE_LEFT;
	}
	*ret_count = 1;
	*ret_targets = letters_target(
		run->conf, v->rule, o->to_target ? slice_str(o->to_target) : v->target, &why);
	if (*ret_targets == NULL) {
		redrive_report_reason(run, REDRIVE_UNROUTABLE, v, why);
		return REDRIVE_LEFT;
	}
	if (!is_believed(run, record, v, *ret_targets))
		return REDRIVE_LEFT;
	if (o->all_targets) {
		*ret_count = (*ret_targets)->rule->target_count;
		*ret_targets = (*ret_targets)->rule->targets;
	}
	return REDRIVE_CHOSEN;
}

/* --- the deliveries of a letter --------------------------------------------------------- */

static void delivery_forget(struct redrive *run, struct delivery *d)
{
	list_remove(&d->node);
	run->open_deliveries--;
	engine_context_unref_event(&run->context, d->ev);
	conf_unref(d->conf);
	delivery_facts_release(&d->facts);
	free(d);
}

static struct letter_job *job_of(const struct delivery *d)
{
	return container_of(d->owner, struct letter_job, owner);
}

static void job_free(struct letter_job *job)
{
	struct redrive *run = redrive_of(&job->part->base);

	list_remove(&job->node);
	job->part->base.open--;
	budget_give(&run->budget, 0, job->ev->bytes);
	engine_context_unref_event(&run->context, job->ev);
	free((char *)job->letter.topic);
	free(job);
}

static void job_done(struct letter_job *job)
{
	struct redrive_part *part = job->part;
	struct redrive_counts *counts = &redrive_of(&part->base)->counts;

	offsets_settle(part->base.tracker, job->record, LETTER_IDENTITY);
	if (job->failed)
		counts->failed++;
	else
		counts->delivered++;
	job_free(job);
	consumer_loop_settled(part->base.loop);
}

static void delivery_settled(struct delivery *d)
{
	struct letter_job *job = job_of(d);

	job->failed |= d->failed;
	delivery_forget(redrive_of(&job->part->base), d);
	if (list_is_empty(&job->deliveries))
		job_done(job);
}

/* Not done: it counts as if it had not been looked at. */
static void job_withdraw(struct letter_job *job)
{
	struct redrive *run = redrive_of(&job->part->base);

	list_foreach_safe (node, &job->deliveries) {
		struct delivery *d = list_entry(node, struct delivery, node);

		destination_withdraw(d);
		delivery_forget(run, d);
	}
	run->counts.chosen--;
	job_free(job);
}

static bool job_is_idle(const struct letter_job *job)
{
	list_foreach (node, &job->deliveries) {
		const struct delivery *d = list_entry(node, struct delivery, node);

		if (d->state != DELIVERY_QUEUED && d->state != DELIVERY_WAITING)
			return false;
	}
	return true;
}

static void delivery_failed_attempt(struct delivery *d)
{
	struct letter_job *job = job_of(d);
	struct redrive_part *part = job->part;

	if (!part->base.revoked || !job_is_idle(job))
		return;
	job_withdraw(job);
	consumer_loop_settled(part->base.loop);
}

void redrive_withdraw(struct consumer_partition *p, bool all)
{
	list_foreach_safe (node, &redrive_part_of(p)->letters) {
		struct letter_job *job = list_entry(node, struct letter_job, node);

		if (all || job_is_idle(job))
			job_withdraw(job);
	}
}

void redrive_expire(struct redrive_part *part)
{
	list_foreach_safe (node, &part->letters) {
		struct letter_job *job = list_entry(node, struct letter_job, node);

		list_foreach_safe (inner, &job->deliveries)
			destination_expire(list_entry(inner, struct delivery, node));
	}
}

/* --- sending ---------------------------------------------------------------------------- */

/* Made when the first letter needs it: the others' connections are not opened. */
static struct destination *destination_for(
	struct redrive *run, const struct conf_destination *settings, struct err *err)
{
	struct destination **slot = &run->destinations[settings->index];

	if (*slot == NULL)
		*slot = destination_new(&run->context, run->conf, settings,
			connections_find(run->connections, settings->connection->name), err);
	return *slot;
}

static struct delivery *delivery_new(
	struct letter_job *job, const struct conf_target *target, struct destination *dest)
{
	struct redrive *run = redrive_of(&job->part->base);
	struct delivery *d = xcalloc(1, sizeof *d);

	d->owner = &job->owner;
	d->ev = event_ref(job->ev);
	d->conf = conf_ref(run->conf);
	d->target = target;
	d->dest = dest;
	d->letter = &job->letter;
	d->state = DELIVERY_QUEUED;
	/* Its age begins anew: it was old when it was chosen. */
	d->age_from_at_ms = loop_now_ms(run->context.loop);
	list_append(&job->deliveries, &d->node);
	run->open_deliveries++;
	return d;
}

static struct letter_job *job_new(struct redrive_part *part, struct offsets_record *r,
	const struct event_fields *record, const struct letter_view *v)
{
	struct event_fields event = letter_view_event(v, record);
	struct letter_job *job = xcalloc(1, sizeof *job);

	job->part = part;
	job->record = r;
	(void)offsets_open(part->base.tracker, r, LETTER_IDENTITY);
	offsets_end(part->base.tracker, r);
	job->letter = (struct delivery_letter){xstrdup(record->topic), v->redrives + 1};
	job->owner = (struct delivery_owner){
		.context = &redrive_of(&part->base)->context,
		.budget = &redrive_of(&part->base)->budget,
		.settled = delivery_settled,
		.failed_attempt = delivery_failed_attempt,
	};
	job->ev = event_new(&event);
	list_init(&job->deliveries);
	list_append(&part->letters, &job->node);
	part->base.open++;
	budget_take(&redrive_of(&part->base)->budget, 0, job->ev->bytes);
	return job;
}

static bool has_destinations(struct redrive *run, const struct letter_view *v,
	const struct conf_target *targets, size_t count)
{
	struct err err;

	for (size_t i = 0; i < count; i++) {
		if (destination_for(run, targets[i].destination, &err) != NULL)
			continue;
		redrive_report_reason(run, REDRIVE_UNROUTABLE, v, err.text);
		return false;
	}
	return true;
}

bool redrive_send(struct redrive_part *part, struct offsets_record *r,
	const struct event_fields *record, const struct letter_view *v,
	const struct conf_target *targets, size_t count)
{
	struct redrive *run = redrive_of(&part->base);
	struct letter_job *job;
	struct delivery *made = NULL, **last = &made;

	if (!has_destinations(run, v, targets, count))
		return false;
	job = job_new(part, r, record, v);
	for (size_t i = 0; i < count; i++) {
		struct destination *dest = destination_for(run, targets[i].destination, NULL);

		*last = delivery_new(job, &targets[i], dest);
		last = &(*last)->next;
	}
	/* One that is settled at once must not end a letter that has others to come. */
	destination_submit(made);
	return true;
}
