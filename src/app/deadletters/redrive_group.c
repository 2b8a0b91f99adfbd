/* SPDX-License-Identifier: Apache-2.0 */
/* One group of a redrive: a policy for the consumer loop that chooses letters, each for one target
 * or for all of its rule's, and leaves the others for a later run. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "redrive_private.h"

#define PREFETCH_BYTES ((size_t)4 << 20)
/* The last offsets of a topic may hold no record (a transaction's marker): when Kafka gives
 * nothing for so long, there is nothing. */
#define QUIET_MS 10000

static struct redrive_group *group_of(const struct consumer_loop *l)
{
	return container_of(l, struct redrive_group, consumer_loop);
}

/* --- partitions --------------------------------------------------------------------------- */

const struct redrive_bound *redrive_bound_find(
	const struct redrive *run, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < run->bound_count; i++)
		if (run->bounds[i].partition == partition &&
			strcmp(run->bounds[i].topic, topic) == 0)
			return &run->bounds[i];
	return NULL;
}

int64_t redrive_position(const struct redrive_bound *bound, int64_t committed)
{
	if (bound == NULL)
		return max_i64(committed, 0);
	return committed < 0 || committed > bound->end ? bound->low : committed;
}

void redrive_begin(struct offsets *tracker, const struct redrive_bound *bound)
{
	offsets_skip_below(tracker, bound->low); /* retention took it */
	offsets_leave_below(tracker, bound->from);
}

static struct consumer_partition *part_new(struct consumer_loop *l)
{
	struct redrive_part *part = xcalloc(1, sizeof *part);

	(void)l;
	list_init(&part->letters);
	return &part->base;
}

static void part_free(struct consumer_partition *p)
{
	free(redrive_part_of(p));
}

static int64_t position(
	const struct consumer_loop *l, const struct source_partition *source, int64_t committed)
{
	return redrive_position(
		redrive_bound_find(group_of(l)->run, source->topic, source->partition),
		committed);
}

static void map_ignored(
	const struct consumer_partition *p, int64_t committed, const char *reason)
{
	(void)committed;
	log_warn("redrive_map_ignored",
		"what earlier runs have sent above the committed offset is not known: it may be sent again",
		log_str("group", p->loop->settings.name), log_str("topic", p->source->topic),
		log_int("partition", p->source->partition), log_str("reason", reason));
}

static void assigned(struct consumer_partition *p)
{
	struct redrive_part *part = redrive_part_of(p);
	const struct redrive_bound *bound =
		redrive_bound_find(redrive_of(p), p->source->topic, p->source->partition);

	/* One that was made since the start has no bound: nothing of it is wanted. */
	if (bound != NULL)
		redrive_begin(p->tracker, bound);
	part->next = offsets_next(p->tracker);
	part->end = bound ? bound->end : 0;
	consumer_loop_settled(p->loop);
}

static bool is_over(const struct consumer_partition *p)
{
	const struct redrive_part *part = redrive_part_of(p);

	return part->next >= part->end || part->crowded || redrive_of(p)->limit_reached;
}

/* What lies behind the end was written after the start, and is a later run's. */
static int64_t pass(struct consumer_partition *p, int64_t offset)
{
	struct redrive_part *part = redrive_part_of(p);

	part->next = max_i64(part->next, min_i64(offset, part->end));
	return part->next;
}

/* --- letters ------------------------------------------------------------------------------ */

static void choose_and_send(
	struct redrive_part *part, struct offsets_record *r, const struct event_fields *record)
{
	struct redrive *run = redrive_of(&part->base);
	const struct conf_target *targets;
	struct letter_view v;
	size_t count;

	switch (redrive_choose(run, record, &v, &targets, &count)) {
	case REDRIVE_PASSED:
		offsets_end(part->base.tracker, r);
		break;
	case REDRIVE_LEFT:
		offsets_leave(part->base.tracker, r);
		break;
	case REDRIVE_CHOSEN:
		bucket_take(&run->rate);
		if (!redrive_send(part, r, record, &v, targets, count))
			offsets_leave(part->base.tracker, r);
		break;
	}
}

static void take(struct consumer_partition *p, struct event_fields *record)
{
	struct redrive *run = redrive_of(p);
	struct redrive_part *part = redrive_part_of(p);
	struct offsets_record *r;

	if (record->offset < part->next || record->offset >= part->end) {
		part->next = max_i64(part->next, min_i64(record->offset, part->end));
		return;
	}
	part->next = record->offset + 1;
	r = offsets_begin(p->tracker, record->offset);
	if (r == NULL) {
		run->counts.done_before++;
		return;
	}
	choose_and_send(part, r, record);
	if (run->o->filter.limit > 0 && run->counts.chosen >= run->o->filter.limit)
		run->limit_reached = true;
}

/* When it is the rate that has no room, a timer goes on. */
static bool wants_more(struct consumer_loop *l)
{
	struct redrive *run = group_of(l)->run;
	int64_t now_ms = loop_now_ms(l->loop), at_ms = bucket_ready_at(&run->rate, now_ms);

	if (run->stopping || run->limit_reached ||
		run->open_deliveries >= run->conf->max_in_flight ||
		!budget_has_room(&run->budget))
		return false;
	if (at_ms > now_ms)
		loop_timer_set(l->loop, &group_of(l)->rate_timer, at_ms);
	return at_ms <= now_ms;
}

static void rate_fire(struct loop_timer *timer)
{
	consumer_loop_pull_soon(
		&container_of(timer, struct redrive_group, rate_timer)->consumer_loop);
}

/* --- after settlements -------------------------------------------------------------------- */

/* A partition whose map is nearly full, and nothing on its way that could change it: give up. */
static void give_up_if_full(struct redrive_part *part)
{
	const struct consumer_partition *p = &part->base;

	if (p->revoked || !p->paused || is_over(p) || p->open > 0)
		return;
	part->crowded = true;
	redrive_of(p)->crowded++;
	log_warn("redrive_crowded",
		"there are so many open dead letters between those that are done that the group's commit cannot record more "
		"of them: first redrive or skip those from committed_offset on",
		log_str("topic", p->source->topic), log_int("partition", p->source->partition),
		log_int("committed_offset", offsets_position(p->tracker)),
		log_int("stopped_at_offset", part->next));
}

static void has_settled(struct consumer_loop *l)
{
	struct redrive *run = group_of(l)->run;

	list_foreach (node, &l->partitions)
		give_up_if_full(redrive_part_of(consumer_partition_of(node)));
	/* The room is all groups'. */
	for (size_t i = 0; i < run->group_count; i++)
		if (run->groups[i].consumer_loop.stalled && !run->groups[i].closed)
			consumer_loop_pull_soon(&run->groups[i].consumer_loop);
	loop_defer(l->loop, &run->end_check);
}

/* --- the group ---------------------------------------------------------------------------- */

static void records_lost(struct consumer_loop *l, const struct source_partition *source,
	int64_t from, int64_t count)
{
	(void)l;
	log_warn("letters_lost", "retention has removed letters before they were read",
		log_str("topic", source->topic), log_int("partition", source->partition),
		log_int("from_offset", from), log_int("letters", count));
}

static void closed(struct consumer_loop *l)
{
	group_of(l)->closed = true;
	loop_defer(l->loop, &group_of(l)->run->end_check);
}

static void fenced(struct consumer_loop *l, const char *text)
{
	log_error("fenced", "another process has taken our place in the group",
		log_str("group", group_of(l)->name), log_str("reason", text));
	group_of(l)->run->interrupted = true;
	closed(l);
}

static const struct consumer_policy policy = {
	.partition_new = part_new,
	.partition_free = part_free,
	.position = position,
	.map_ignored = map_ignored,
	.assigned = assigned,
	.wants_more = wants_more,
	.take = take,
	.pass = pass,
	.is_over = is_over,
	.withdraw = redrive_withdraw,
	.has_settled = has_settled,
	.records_lost = records_lost,
	.fenced = fenced,
	.closed = closed,
	.log_key = "group",
};

static int open_source(struct redrive_group *g, struct source_settings *s, struct err *err)
{
	const char **all;
	char **properties;
	size_t count;
	int code;

	if (conf_kafka_properties(g->run->conf, g->consumer, &properties, &count, err) != 0)
		return ERR_INVALID;
	all = xcalloc(count + 1, sizeof *all);
	/* A run that was killed must not keep the next one waiting for a minute. */
	all[0] = "session.timeout.ms=10000";
	for (size_t i = 0; i < count; i++)
		all[i + 1] = properties[i];
	s->properties = all;
	s->property_count = count + 1;
	code = consumer_loop_open(&g->consumer_loop, s, err);
	conf_free_properties(properties, count);
	free(all);
	return code;
}

int redrive_group_start(struct redrive_group *g, struct err *err)
{
	struct source_settings s = {
		.topics = g->topics,
		.topic_count = g->topic_count,
		.auto_offset_reset = "earliest",
		.prefetch_bytes = PREFETCH_BYTES,
	};
	struct consumer_loop_settings settings = {
		.name = g->name,
		.group_id = g->name,
		.offsets = g->consumer->offsets,
		.commit_interval_ms = g->consumer->commit_interval_ms,
		.drain_ms = g->consumer->rebalance_drain_ms,
	};

	settings.offsets.leaves = true;
	consumer_loop_init(&g->consumer_loop, g->run->context.loop, &policy, &settings);
	g->rate_timer.fire = rate_fire;
	g->started = true;
	return open_source(g, &s, err);
}

void redrive_group_close(struct redrive_group *g)
{
	if (!g->consumer_loop.closing)
		consumer_loop_close(&g->consumer_loop, g->run->conf->shutdown_grace_ms);
}

/* Kafka answers, and gives nothing. */
static bool is_quiet(const struct redrive_group *g, const struct source_state *state)
{
	const struct consumer_loop *l = &g->consumer_loop;

	return state->reachable && loop_now_ms(l->loop) - l->last_record_ms > QUIET_MS &&
	       !loop_timer_is_set(&g->rate_timer) && g->run->open_deliveries == 0;
}

bool redrive_group_is_over(const struct redrive_group *g)
{
	const struct consumer_loop *l = &g->consumer_loop;
	struct source_state state;

	source_get_state(l->source, &state);
	if (!state.joined || !consumer_loop_is_committed(l))
		return false;
	list_foreach (node, &l->partitions) {
		const struct consumer_partition *p = consumer_partition_of(node);

		if (p->open > 0 || p->revoked || (!is_over(p) && !is_quiet(g, &state)))
			return false;
	}
	return true;
}

void redrive_group_release(struct redrive_group *g)
{
	if (g->started) { /* a dry run has no loop */
		consumer_loop_release(&g->consumer_loop);
		loop_timer_cancel(g->run->context.loop, &g->rate_timer);
	}
	free(g->topics);
	free(g->name);
}
