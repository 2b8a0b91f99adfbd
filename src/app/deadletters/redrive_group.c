/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka consumer group of a redrive: partitions are assigned and revoked, records are
 * read up to where the topic ended at the start, progress is committed. */
#include <stdio.h>
#include <stdlib.h>

#include "redrive_private.h"
#include "base/log.h"

/* Records looked at in one pass before other things of the loop get their turn. */
#define PULL_BATCH      256
#define COMMIT_MS       20
#define COMMIT_RETRY_MS 1000
#define PARTS_A_COMMIT  256
#define PREFETCH_BYTES  ((size_t)4 << 20)
/* The last offsets of a topic may hold no record (a transaction's marker): when Kafka gives
 * nothing for so long, there is nothing. */
#define QUIET_MS 10000

/* --- partitions come and go ------------------------------------------------------------- */

/* Where the group stands in the topic: a committed offset beyond its end is of a topic that was
 * made anew since. */
static int64_t position_of(const struct redrive_bound *bound, int64_t committed)
{
	if (bound == NULL)
		return max_i64(committed, 0);
	return committed < 0 || committed > bound->end ? bound->low : committed;
}

struct offsets *redrive_tracker_new(const struct redrive_group *g,
	const struct redrive_bound *bound, const char *topic, int32_t partition,
	int64_t committed, struct slice metadata, bool quiet)
{
	struct offsets_settings s = g->consumer->offsets;
	struct offsets *tracker;
	struct err err;

	s.place = offsets_place(g->name, topic, partition);
	s.leaves = true;
	tracker = offsets_new(&s, position_of(bound, committed));
	if (committed >= 0 && offsets_restore(tracker, metadata, &err) != 0 && !quiet)
		log_warn("redrive_map_ignored",
			"what earlier runs have sent above the committed offset is not known: it may be sent again",
			log_str("group", g->name), log_str("topic", topic),
			log_int("partition", partition), log_str("reason", err.text));
	if (bound != NULL) {
		offsets_skip_below(tracker, bound->low); /* retention took it */
		offsets_leave_below(tracker, bound->from);
	}
	return tracker;
}

static int64_t on_assigned(
	void *ctx, struct source_partition *sp, int64_t committed, struct slice metadata)
{
	struct redrive_group *g = ctx;
	const struct redrive_bound *bound =
		redrive_bound_find(g->run, sp->topic, sp->partition);
	struct redrive_part *part = xcalloc(1, sizeof *part);

	part->group = g;
	part->source = sp;
	sp->owner = part;
	list_init(&part->letters);
	list_append(&g->parts, &part->node);
	part->tracker = redrive_tracker_new(
		g, bound, sp->topic, sp->partition, committed, metadata, false);
	g->quiet_since_ms = loop_now_ms(g->run->context.loop);
	redrive_group_settle_up_soon(g);
	/* One that was made since we looked has no bound: nothing of it is wanted. */
	part->next = offsets_next(part->tracker);
	part->end = bound ? bound->end : 0;
	return part->next;
}

static void part_free(struct redrive_part *part)
{
	list_remove(&part->node);
	offsets_free(part->tracker);
	free(part);
}

static void on_revoked(void *ctx, struct source_partition *sp, enum source_end end)
{
	struct redrive_group *g = ctx;
	struct redrive_part *part = sp->owner;
	struct loop *loop = g->run->context.loop;

	if (end != SOURCE_REVOKED) {
		redrive_withdraw(part, true);
		source_release(g->source, sp);
		part_free(part);
		return;
	}
	part->retiring = true;
	part->retire_by_ms = loop_now_ms(loop) + (g->closing ? g->run->conf->shutdown_grace_ms
							     : g->consumer->rebalance_drain_ms);
	loop_timer_set(loop, &g->retire_timer, part->retire_by_ms);
	redrive_withdraw(part, false);
	redrive_group_settle_up_soon(g);
}

static void retire_fire(struct loop_timer *timer)
{
	struct redrive_group *g = container_of(timer, struct redrive_group, retire_timer);

	list_foreach (node, &g->parts) {
		struct redrive_part *part = list_entry(node, struct redrive_part, node);

		if (part->retiring)
			redrive_withdraw(part, true);
	}
	redrive_group_settle_up_soon(g);
}

/* --- records ---------------------------------------------------------------------------- */

static bool part_is_over(const struct redrive_part *part)
{
	return part->next >= part->end || part->crowded || part->group->run->limit_reached;
}

/* What is held gives no records. */
static void hold(struct redrive_part *part, bool held)
{
	if (part->held == held || part->retiring)
		return;
	part->held = held;
	source_hold(part->group->source, part->source, held);
}

static void take(struct redrive_part *part, const struct event_fields *record)
{
	struct redrive *run = part->group->run;
	const struct conf_target *targets;
	struct offsets_record *r;
	struct letter_view v;
	size_t count;

	if (record->offset < part->next || record->offset >= part->end) {
		part->next = max_i64(part->next, min_i64(record->offset, part->end));
		return;
	}
	part->next = record->offset + 1;
	r = offsets_begin(part->tracker, record->offset);
	if (r == NULL) {
		run->counts.done_before++;
		return;
	}
	switch (redrive_choose(run, record, &v, &targets, &count)) {
	case REDRIVE_PASSED:
		offsets_end(part->tracker, r);
		break;
	case REDRIVE_LEFT:
		offsets_leave(part->tracker, r);
		break;
	case REDRIVE_CHOSEN:
		bucket_take(&run->rate);
		if (!redrive_send(part, r, record, &v, targets, count))
			offsets_leave(part->tracker, r);
		break;
	}
	if (run->o->filter.limit > 0 && run->counts.chosen >= run->o->filter.limit)
		run->limit_reached = true;
}

/* True: not now. A timer or a settlement goes on. */
static bool must_wait(struct redrive_group *g)
{
	struct redrive *run = g->run;
	struct loop *loop = run->context.loop;
	int64_t at_ms = bucket_ready_at(&run->rate, loop_now_ms(loop));

	if (g->closing || run->stopping || run->limit_reached ||
		run->open_deliveries >= run->conf->max_in_flight ||
		run->open_bytes >= run->conf->max_memory_bytes)
		return true;
	if (at_ms <= loop_now_ms(loop))
		return false;
	loop_timer_set(loop, &g->rate_timer, at_ms);
	return true;
}

static void pull_run(struct loop_call *call)
{
	struct redrive_group *g = container_of(call, struct redrive_group, pull);
	struct source_partition *sp;
	struct event_fields record;
	size_t taken = 0;

	for (; taken < PULL_BATCH && !must_wait(g); taken++) {
		struct redrive_part *part;

		if (!source_next(g->source, &sp, &record))
			break;
		part = sp->owner;
		take(part, &record);
		if (part_is_over(part) || offsets_is_crowded(part->tracker))
			hold(part, true);
	}
	if (taken == 0)
		return;
	g->quiet_since_ms = loop_now_ms(g->run->context.loop);
	redrive_group_settle_up_soon(g);
	if (taken == PULL_BATCH)
		loop_defer(g->run->context.loop, &g->pull);
}

static void rate_fire(struct loop_timer *timer)
{
	struct redrive_group *g = container_of(timer, struct redrive_group, rate_timer);

	loop_defer(g->run->context.loop, &g->pull);
}

static void on_readable(void *ctx)
{
	struct redrive_group *g = ctx;

	loop_defer(g->run->context.loop, &g->pull);
}

/* --- commits ---------------------------------------------------------------------------- */

static void on_committed(void *ctx, int code, const char *text)
{
	struct redrive_group *g = ctx;
	int64_t now_ms = loop_now_ms(g->run->context.loop);

	g->commit_not_before_ms = now_ms + (code == ERR_OK ? COMMIT_MS : COMMIT_RETRY_MS);
	if (code != ERR_OK)
		log_warn("commit_failed", "a commit failed; the next one says it again",
			log_str("group", g->name), log_str("reason", text));
	list_foreach (node, &g->parts) {
		struct redrive_part *part = list_entry(node, struct redrive_part, node);

		if (code != ERR_OK && part->in_commit)
			offsets_mark_changed(part->tracker);
		part->in_commit = false;
	}
	redrive_group_settle_up_soon(g);
}

static void commit_now(struct redrive_group *g)
{
	struct source_commit items[PARTS_A_COMMIT];
	struct buf maps[PARTS_A_COMMIT];
	size_t count = 0;

	list_foreach (node, &g->parts) {
		struct redrive_part *part = list_entry(node, struct redrive_part, node);

		if (count == PARTS_A_COMMIT || !offsets_changed(part->tracker))
			continue;
		buf_init(&maps[count], BUF_UNLIMITED);
		offsets_encode(part->tracker, &maps[count]);
		part->in_commit = true;
		items[count] =
			(struct source_commit){part->source, offsets_position(part->tracker),
				slice_of(buf_str(&maps[count]), maps[count].len)};
		count++;
	}
	if (count > 0 && source_commit(g->source, items, count) != 0)
		on_committed(g, ERR_STATE, "the consumer can't commit now");
	for (size_t i = 0; i < count; i++)
		buf_release(&maps[i]);
}

static bool has_news(const struct redrive_group *g)
{
	list_foreach (node, &g->parts)
		if (offsets_changed(list_entry(node, struct redrive_part, node)->tracker))
			return true;
	return false;
}

static void commit_if_due(struct redrive_group *g)
{
	struct loop *loop = g->run->context.loop;

	if (source_is_committing(g->source) || !has_news(g))
		return;
	if (g->commit_not_before_ms <= loop_now_ms(loop))
		commit_now(g);
	else
		loop_timer_set(loop, &g->commit_timer, g->commit_not_before_ms);
}

static void commit_fire(struct loop_timer *timer)
{
	commit_if_due(container_of(timer, struct redrive_group, commit_timer));
}

/* --- settling up ------------------------------------------------------------------------ */

/* Held because it was crowded: go on when it is not any more; give up when nothing is on its
 * way that could change it. */
static void look_at_crowd(struct redrive_part *part)
{
	if (part->retiring || !part->held || part_is_over(part))
		return;
	if (!offsets_is_crowded(part->tracker)) {
		hold(part, false);
	} else if (part->open == 0) {
		part->crowded = true;
		part->group->run->crowded++;
		log_warn("redrive_crowded",
			"between the letters that are done stand so many others that the group's commit can't tell more "
			"of them apart: redrive or skip those from committed_offset on first",
			log_str("topic", part->source->topic),
			log_int("partition", part->source->partition),
			log_int("committed_offset", offsets_position(part->tracker)),
			log_int("stopped_at_offset", part->next));
	}
}

static void release_if_quiet(struct redrive_part *part)
{
	struct redrive_group *g = part->group;

	if (!part->retiring || part->open > 0 || part->in_commit ||
		offsets_changed(part->tracker))
		return;
	source_release(g->source, part->source);
	part_free(part);
}

static void settle_up_run(struct loop_call *call)
{
	struct redrive_group *g = container_of(call, struct redrive_group, settle_up);

	commit_if_due(g);
	list_foreach_safe (node, &g->parts) {
		struct redrive_part *part = list_entry(node, struct redrive_part, node);

		if (part_is_over(part))
			hold(part, true);
		look_at_crowd(part);
		release_if_quiet(part);
	}
	if (!must_wait(g))
		loop_defer(g->run->context.loop, &g->pull);
	loop_defer(g->run->context.loop, &g->run->end_check);
}

/* --- the group -------------------------------------------------------------------------- */

static void on_share_changed(void *ctx, unsigned assigned, unsigned whole)
{
	(void)ctx;
	(void)assigned;
	(void)whole;
}

static void on_records_lost(void *ctx, struct source_partition *sp, int64_t from, int64_t count)
{
	(void)ctx;
	log_warn("letters_lost", "retention has removed letters before they were read",
		log_str("topic", sp->topic), log_int("partition", sp->partition),
		log_int("from_offset", from), log_int("letters", count));
}

static void on_fenced(void *ctx, const char *text)
{
	struct redrive_group *g = ctx;

	log_error("fenced", "another process has taken our place in the group",
		log_str("group", g->name), log_str("reason", text));
	list_foreach (node, &g->parts)
		redrive_withdraw(list_entry(node, struct redrive_part, node), true);
	g->run->interrupted = true;
	g->closing = g->closed = true;
	loop_defer(g->run->context.loop, &g->run->end_check);
}

static void on_closed(void *ctx)
{
	struct redrive_group *g = ctx;

	g->closed = true;
	loop_defer(g->run->context.loop, &g->run->end_check);
}

static const struct source_callbacks source_events = {
	.assigned = on_assigned,
	.revoked = on_revoked,
	.readable = on_readable,
	.committed = on_committed,
	.share_changed = on_share_changed,
	.records_lost = on_records_lost,
	.fenced = on_fenced,
	.closed = on_closed,
};

static int open_source(struct redrive_group *g, struct source_settings *s, struct err *err)
{
	const char **all;
	char **properties;
	size_t count;

	if (conf_kafka_properties(g->run->conf, g->consumer, &properties, &count, err) != 0)
		return ERR_INVALID;
	all = xcalloc(count + 1, sizeof *all);
	/* A run that was killed must not keep the next one waiting for a minute. */
	all[0] = "session.timeout.ms=10000";
	for (size_t i = 0; i < count; i++)
		all[i + 1] = properties[i];
	s->properties = all;
	s->property_count = count + 1;
	g->source = source_new(g->run->context.loop, s, &source_events, g, err);
	conf_free_properties(properties, count);
	free(all);
	return g->source ? 0 : ERR_INVALID;
}

int redrive_group_start(struct redrive_group *g, struct err *err)
{
	struct source_settings s = {
		.name = g->name,
		.group_id = g->name,
		.topics = g->topics,
		.topic_count = g->topic_count,
		.auto_offset_reset = "earliest",
		.prefetch_bytes = PREFETCH_BYTES,
	};

	list_init(&g->parts);
	loop_call_init(&g->pull, pull_run);
	loop_call_init(&g->settle_up, settle_up_run);
	g->commit_timer.fire = commit_fire;
	g->retire_timer.fire = retire_fire;
	g->rate_timer.fire = rate_fire;
	return open_source(g, &s, err);
}

void redrive_group_close(struct redrive_group *g)
{
	if (g->closing)
		return;
	g->closing = true;
	source_close(g->source, g->run->conf->shutdown_grace_ms + 5000);
}

/* Kafka answers, and gives nothing. */
static bool is_quiet(const struct redrive_group *g, const struct source_state *state)
{
	int64_t now_ms = loop_now_ms(g->run->context.loop);

	return state->reachable && now_ms - g->quiet_since_ms > QUIET_MS &&
	       !loop_timer_is_set(&g->rate_timer) && g->run->open_deliveries == 0;
}

bool redrive_group_is_over(const struct redrive_group *g)
{
	struct source_state state;

	source_get_state(g->source, &state);
	if (!state.joined || has_news(g) || source_is_committing(g->source))
		return false;
	list_foreach (node, &g->parts) {
		const struct redrive_part *part = list_entry(node, struct redrive_part, node);

		if (part->open > 0 || part->retiring ||
			(!part_is_over(part) && !is_quiet(g, &state)))
			return false;
	}
	return true;
}

static void stop_group(struct redrive_group *g)
{
	struct loop *loop = g->run->context.loop;

	list_foreach_safe (node, &g->parts) {
		struct redrive_part *part = list_entry(node, struct redrive_part, node);

		redrive_withdraw(part, true);
		part_free(part);
	}
	source_free(g->source);
	loop_timer_cancel(loop, &g->commit_timer);
	loop_timer_cancel(loop, &g->retire_timer);
	loop_timer_cancel(loop, &g->rate_timer);
	loop_undefer(&g->pull);
	loop_undefer(&g->settle_up);
}

void redrive_group_release(struct redrive_group *g)
{
	if (g->parts.next != NULL) /* it was started: a dry run has no loop */
		stop_group(g);
	free(g->topics);
	free(g->name);
}
