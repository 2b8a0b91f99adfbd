/* SPDX-License-Identifier: Apache-2.0 */
/* Reads records, and handles partitions as they come and go. Commits: consumer_commit.c. */
#include "app/engine/consumer_loop.h"

#include <stdlib.h>

#include "base/log.h"
#include "commit_cache.h"
#include "consumer_loop_private.h"

/* Records taken in one pass before other things of the loop get their turn, if they are small:
 * large ones use up the pass's slice before. */
#define PULL_BATCH 256
/* The source may take longer than the grace to leave the group. */
#define LEAVE_MS 5000

/* --- partitions come ---------------------------------------------------------------------- */

static struct offsets *tracker_new(
	const struct consumer_loop *l, const struct source_partition *source, int64_t position)
{
	struct offsets_settings s = l->settings.offsets;

	s.place = offsets_place(l->settings.group_id, source->topic, source->partition);
	return offsets_new(&s, position);
}

/* Restore what this process knew when it lost the partition, if nobody has committed since. */
static bool restore_from_cache(struct consumer_partition *p, int64_t committed)
{
	struct consumer_loop *l = p->loop;
	struct buf map;
	struct err err;
	int64_t position;

	if (!commit_cache_take(&l->cache, p->source->topic, p->source->partition,
		    p->acknowledged, &position, &map))
		return false;
	log_info("partition_recalled",
		"a partition that was lost has come back, and nobody has committed meanwhile: what was "
		"delivered since the last commit is not repeated",
		log_str(l->policy->log_key, l->settings.name),
		log_str("topic", p->source->topic), log_int("partition", p->source->partition),
		log_int("committed", committed), log_int("position", position));
	p->tracker = tracker_new(l, p->source, position);
	if (offsets_restore(p->tracker, buf_slice(&map), &err) != 0)
		p->loop->policy->map_ignored(p, position, err.text);
	buf_release(&map);
	/* What the group has committed is older. If nothing else is new, nothing would cause
	 * a commit: commit it now. */
	offsets_mark_changed(p->tracker);
	consumer_loop_settled(l);
	return true;
}

static void restore_from_group(
	struct consumer_partition *p, int64_t committed, struct slice metadata)
{
	const struct consumer_loop *l = p->loop;
	int64_t position = committed;
	struct err err;

	if (l->policy->position != NULL)
		position = l->policy->position(l, p->source, committed);
	p->tracker = tracker_new(l, p->source, position);
	if (offsets_restore(p->tracker, metadata, &err) != 0)
		l->policy->map_ignored(p, committed, err.text);
}

static int64_t on_assigned(
	void *ctx, struct source_partition *source, int64_t committed, struct slice metadata)
{
	struct consumer_loop *l = ctx;
	struct consumer_partition *p = l->policy->partition_new(l);

	p->loop = l;
	p->source = source;
	p->acknowledged = p->sent = commit_mark(committed, metadata);
	if (!restore_from_cache(p, committed))
		restore_from_group(p, committed, metadata);
	source->owner = p;
	list_append(&l->partitions, &p->node);
	l->last_record_ms = loop_now_ms(l->loop);
	l->policy->assigned(p);
	return offsets_next(p->tracker);
}

/* --- partitions go ------------------------------------------------------------------------ */

static void partition_free(struct consumer_partition *p)
{
	list_remove(&p->node);
	offsets_free(p->tracker);
	p->loop->policy->partition_free(p);
}

static void partition_release(struct consumer_partition *p)
{
	source_release(p->loop->source, p->source);
	partition_free(p);
}

static void revoke_at(struct consumer_loop *l, int64_t at_ms)
{
	if (!loop_timer_is_set(&l->revoke_timer) || l->revoke_timer.node.at_ms > at_ms)
		loop_timer_set(l->loop, &l->revoke_timer, at_ms);
}

/* Requests in flight may finish until the deadline. */
static void partition_revoke(struct consumer_partition *p)
{
	struct consumer_loop *l = p->loop;

	p->revoked = true;
	p->revoke_by_ms =
		l->closing ? l->close_by_ms : loop_now_ms(l->loop) + l->settings.drain_ms;
	revoke_at(l, p->revoke_by_ms);
	l->policy->withdraw(p, false);
	consumer_loop_settled(l);
}

static void partition_remember(struct consumer_partition *p)
{
	struct buf map;

	if (offsets_position(p->tracker) < 0)
		return;
	buf_init(&map, BUF_UNLIMITED);
	offsets_encode(p->tracker, &map);
	commit_cache_keep(&p->loop->cache, p->source->topic, p->source->partition,
		p->acknowledged, p->sent, offsets_position(p->tracker), &map);
}

static void on_revoked(void *ctx, struct source_partition *source, enum source_end end)
{
	struct consumer_loop *l = ctx;
	struct consumer_partition *p = source->owner;

	if (end == SOURCE_REVOKED) {
		partition_revoke(p);
		return;
	}
	l->policy->withdraw(p, true);
	if (end == SOURCE_LOST)
		partition_remember(p);
	partition_release(p);
}

/* The deadline has passed: abandon the requests that are still in flight. */
static void partition_time_out(struct consumer_partition *p)
{
	struct consumer_loop *l = p->loop;

	if (p->open > 0)
		log_warn("drain_timed_out",
			"deliveries were still on the wire when their partition had to be given back: "
			"they will be sent again",
			log_str(l->policy->log_key, l->settings.name),
			log_str("topic", p->source->topic),
			log_int("partition", p->source->partition),
			log_int("deliveries", (int64_t)p->open));
	l->policy->withdraw(p, true);
}

static void revoke_timer(struct loop_timer *timer)
{
	struct consumer_loop *l = container_of(timer, struct consumer_loop, revoke_timer);
	int64_t now_ms = loop_now_ms(l->loop);

	list_foreach (node, &l->partitions) {
		struct consumer_partition *p = consumer_partition_of(node);

		if (p->revoked && p->revoke_by_ms > now_ms)
			revoke_at(l, p->revoke_by_ms);
		else if (p->revoked)
			partition_time_out(p);
	}
	consumer_loop_settled(l);
}

/* --- reading ------------------------------------------------------------------------------ */

static bool is_over(const struct consumer_partition *p)
{
	const struct consumer_policy *policy = p->loop->policy;

	return policy->is_over != NULL && policy->is_over(p);
}

static void partition_update_pause(struct consumer_partition *p)
{
	struct consumer_loop *l = p->loop;
	bool pause = offsets_is_nearly_full(p->tracker) || is_over(p);

	if (p->revoked || pause == p->paused)
		return;
	p->paused = pause;
	source_hold(l->source, p->source, pause);
	if (!pause)
		consumer_loop_pull_soon(l);
}

static void pull_run(struct loop_call *call)
{
	struct consumer_loop *l = container_of(call, struct consumer_loop, pull);
	struct source_partition *source;
	struct event_fields record;
	size_t taken = 0;
	bool is_late = false;

	while (taken < PULL_BATCH && !is_late) {
		l->stalled = l->closing || !l->policy->wants_more(l);
		if (l->stalled || !source_next(l->source, &source, &record))
			break;
		l->policy->take(source->owner, &record);
		partition_update_pause(source->owner);
		taken++;
		is_late = loop_is_late(l->loop);
	}
	if (l->policy->has_read != NULL)
		l->policy->has_read(l);
	if (taken > 0) {
		l->last_record_ms = loop_now_ms(l->loop);
		consumer_loop_settled(l);
	}
	if (taken == PULL_BATCH || is_late)
		consumer_loop_pull_soon(l);
}

/* --- after settlements -------------------------------------------------------------------- */

static void release_if_quiet(struct consumer_partition *p)
{
	if (p->revoked && p->open == 0 && !p->in_commit && !consumer_has_news(p))
		partition_release(p);
}

static void settle_run(struct loop_call *call)
{
	struct consumer_loop *l = container_of(call, struct consumer_loop, settle);

	consumer_commit_if_due(l);
	list_foreach_safe (node, &l->partitions) {
		struct consumer_partition *p = consumer_partition_of(node);

		/* Settling never lengthens a map, so a partition that is being read is not
		 * nearly full. */
		if (p->paused || is_over(p))
			partition_update_pause(p);
		release_if_quiet(p);
	}
	if (l->stalled)
		consumer_loop_pull_soon(l);
	l->policy->has_settled(l);
}

/* --- the other news of the source --------------------------------------------------------- */

static void on_readable(void *ctx)
{
	consumer_loop_pull_soon(ctx);
}

static void on_committed(void *ctx, int code, const char *text)
{
	consumer_committed(ctx, code, text);
}

static void on_share_changed(void *ctx, unsigned assigned, unsigned whole)
{
	struct consumer_loop *l = ctx;

	l->assigned = assigned;
	l->whole = whole;
	if (l->policy->share_changed != NULL)
		l->policy->share_changed(l);
}

static void on_records_lost(
	void *ctx, struct source_partition *source, int64_t from, int64_t count)
{
	struct consumer_loop *l = ctx;

	l->policy->records_lost(l, source, from, count);
}

static void on_passed(void *ctx, struct source_partition *source, int64_t offset)
{
	struct consumer_loop *l = ctx;
	struct consumer_partition *p = source->owner;

	if (l->policy->pass != NULL)
		offset = l->policy->pass(p, offset);
	offsets_skip_below(p->tracker, offset);
	consumer_loop_settled(l);
}

static void on_fenced(void *ctx, const char *text)
{
	struct consumer_loop *l = ctx;

	l->closing = true;
	list_foreach (node, &l->partitions)
		l->policy->withdraw(consumer_partition_of(node), true);
	l->policy->fenced(l, text);
}

static void on_closed(void *ctx)
{
	struct consumer_loop *l = ctx;

	l->policy->closed(l);
}

static const struct source_callbacks source_events = {
	.assigned = on_assigned,
	.revoked = on_revoked,
	.readable = on_readable,
	.committed = on_committed,
	.share_changed = on_share_changed,
	.records_lost = on_records_lost,
	.passed = on_passed,
	.fenced = on_fenced,
	.closed = on_closed,
};

/* --- the loop ----------------------------------------------------------------------------- */

void consumer_loop_init(struct consumer_loop *l, struct loop *loop,
	const struct consumer_policy *policy, const struct consumer_loop_settings *s)
{
	*l = (struct consumer_loop){.loop = loop, .policy = policy, .settings = *s};
	list_init(&l->partitions);
	commit_cache_init(&l->cache);
	loop_call_init(&l->pull, pull_run);
	loop_call_init(&l->settle, settle_run);
	l->commit_timer.fire = consumer_commit_timer;
	l->revoke_timer.fire = revoke_timer;
}

int consumer_loop_open(
	struct consumer_loop *l, const struct source_settings *s, struct err *err)
{
	struct source_settings mine = *s;

	mine.name = l->settings.name;
	mine.group_id = l->settings.group_id;
	l->source = source_new(l->loop, &mine, &source_events, l, err);
	return l->source != NULL ? 0 : ERR_INVALID;
}

void consumer_loop_release(struct consumer_loop *l)
{
	list_foreach_safe (node, &l->partitions) {
		l->policy->withdraw(consumer_partition_of(node), true);
		partition_free(consumer_partition_of(node));
	}
	source_free(l->source);
	commit_cache_release(&l->cache);
	loop_timer_cancel(l->loop, &l->commit_timer);
	loop_timer_cancel(l->loop, &l->revoke_timer);
	loop_undefer(&l->pull);
	loop_undefer(&l->settle);
}

void consumer_loop_pull_soon(struct consumer_loop *l)
{
	loop_defer(l->loop, &l->pull);
}

void consumer_loop_settled(struct consumer_loop *l)
{
	loop_defer(l->loop, &l->settle);
}

void consumer_loop_close(struct consumer_loop *l, int64_t grace_ms)
{
	/* A fenced consumer is closing already, and has yet to leave the group. */
	l->closing = true;
	l->close_by_ms = loop_now_ms(l->loop) + grace_ms;
	source_close(l->source, grace_ms + LEAVE_MS);
}
