/* SPDX-License-Identifier: Apache-2.0 */
/* The commit half of a lane: when to commit, what goes into the commit, and how a partition
 * is retired (drained, committed, released) when a rebalance or a shutdown takes it away. */
#include <stdio.h>

#include "lane_private.h"
#include "base/log.h"

/* Attempts of what is still open need not be told as closely as what is settled. */
#define ATTEMPTS_INTERVAL_MS 1000
/* A commit walks over every record that is open in its partitions, 25 to 60 ns for each. The
 * next one keeps as far from it that this is a fiftieth of a core at most: with 10,000 requests
 * in flight, which a crash repeats, a few hundred more matter little. */
#define RECORDS_A_MS 400
/* Partitions in one commit; the rest go with the next. */
#define PARTITIONS_A_COMMIT 256

/* Collect what is new. The maps' texts stand in @maps until the commit has copied them. */
static size_t gather(struct lane *lane, struct source_commit *items, struct buf *maps)
{
	size_t count = 0;

	lane->walked = 0;
	list_foreach (node, &lane->partitions) {
		struct partition *p = list_entry(node, struct partition, node);

		if (count == PARTITIONS_A_COMMIT || !partition_has_news(p))
			continue;
		buf_init(&maps[count], BUF_UNLIMITED);
		offsets_encode(p->tracker, &maps[count]);
		p->map_bytes = maps[count].len;
		p->in_commit = true;
		lane->walked += offsets_open_records(p->tracker);
		items[count] = (struct source_commit){p->source, offsets_position(p->tracker),
			slice_of(buf_str(&maps[count]), maps[count].len)};
		p->sent = recall_mark(items[count].offset, items[count].metadata);
		count++;
	}
	return count;
}

static void commit_now(struct lane *lane)
{
	struct source_commit items[PARTITIONS_A_COMMIT];
	struct buf maps[PARTITIONS_A_COMMIT];
	size_t count = gather(lane, items, maps);

	if (count == 0)
		return;
	lane->commit_sent_ms = loop_now_ms(lane->context->loop);
	if (source_commit(lane->source, items, count) != 0)
		lane_committed(lane, ERR_STATE, "the consumer can't commit now");
	for (size_t i = 0; i < count; i++)
		buf_release(&maps[i]);
}

/* How soon does what is new want to be committed? */
enum haste {
	NOTHING_NEW,
	ATTEMPTS_ONLY, /* a restart would only count them again: once a second is enough */
	SETTLED,
	AWAITED, /* a partition is given back as soon as it is committed */
};

static enum haste haste_of(const struct partition *p)
{
	if (!partition_has_news(p))
		return NOTHING_NEW;
	if (p->retiring && p->open == 0)
		return AWAITED;
	return offsets_has_settled(p->tracker) ? SETTLED : ATTEMPTS_ONLY;
}

static int64_t due_at_ms(const struct lane *lane)
{
	enum haste haste = NOTHING_NEW;

	list_foreach (node, &lane->partitions) {
		enum haste of = haste_of(list_entry(node, struct partition, node));

		haste = of > haste ? of : haste;
	}
	switch (haste) {
	case ATTEMPTS_ONLY:
		return lane->commit_not_before_ms + ATTEMPTS_INTERVAL_MS;
	case SETTLED:
		return lane->commit_not_before_ms;
	case AWAITED:
		return 0;
	case NOTHING_NEW:
		break;
	}
	return INT64_MAX;
}

static int64_t pause_ms(const struct lane *lane)
{
	return lane->consumer->commit_interval_ms +
	       min_i64((int64_t)lane->walked / RECORDS_A_MS, ATTEMPTS_INTERVAL_MS);
}

/* One in flight; the next no sooner than the interval after the last one's answer. */
static void commit_if_due(struct lane *lane)
{
	struct loop *loop = lane->context->loop;
	int64_t at_ms;

	if (source_is_committing(lane->source))
		return;
	at_ms = due_at_ms(lane);
	if (at_ms <= loop_now_ms(loop))
		commit_now(lane);
	else if (at_ms < INT64_MAX && (!loop_timer_is_set(&lane->commit_timer) ||
					      lane->commit_timer.node.at_ms > at_ms))
		loop_timer_set(loop, &lane->commit_timer, at_ms);
}

void lane_commit_timer(struct loop_timer *timer)
{
	commit_if_due(container_of(timer, struct lane, commit_timer));
}

void lane_committed(struct lane *lane, int code, const char *text)
{
	int64_t now_ms = loop_now_ms(lane->context->loop);
	struct list done, *back;

	list_init(&done);
	lane->commits++;
	metric_observe(lane->gauges.commit_seconds, (now_ms - lane->commit_sent_ms) * 1000);
	lane->commit_not_before_ms = now_ms + pause_ms(lane);
	if (code != ERR_OK) {
		lane->commit_failures++;
		snprintf(lane->commit_error, sizeof lane->commit_error, "%s", text);
		log_warn("commit_failed", "a commit failed; the next one says it again",
			log_str("lane", lane->name), log_str("reason", text));
		lane->commit_not_before_ms += 1000;
	}
	list_foreach_safe (node, &lane->partitions) {
		struct partition *p = list_entry(node, struct partition, node);

		/* A partition that goes is not held up by a commit that fails: its next owner
		 * repeats. */
		if (code != ERR_OK && p->in_commit && !(p->retiring && p->open == 0))
			offsets_mark_changed(p->tracker);
		if (code == ERR_OK && p->in_commit)
			p->acknowledged = p->sent;
		if (p->in_commit) {
			/* Behind the others, which may not have had room in this commit. */
			list_remove(&p->node);
			list_append(&done, &p->node);
		}
		p->in_commit = false;
	}
	while ((back = list_shift(&done)) != NULL)
		list_append(&lane->partitions, back);
	lane_settle_up_soon(lane);
}

static void release_if_quiet(struct partition *p)
{
	struct lane *lane = p->lane;

	if (!p->retiring || p->open > 0 || p->in_commit || partition_has_news(p))
		return;
	source_release(lane->source, p->source);
	partition_free(p);
}

static void unhold(struct partition *p)
{
	if (!p->held || offsets_is_crowded(p->tracker))
		return;
	p->held = false;
	source_hold(p->lane->source, p->source, false);
	loop_defer(p->lane->context->loop, &p->lane->pull);
}

/* What this lane gave back may be what another waits for: the one that has waited longest
 * looks. */
static void wake_next(struct engine_context *context)
{
	struct list *node = list_first(&context->stalled);

	if (node != NULL)
		loop_defer(context->loop, &list_entry(node, struct lane, stalled_node)->pull);
}

void lane_settle_up(struct loop_call *call)
{
	struct lane *lane = container_of(call, struct lane, settle_up);

	commit_if_due(lane);
	list_foreach_safe (node, &lane->partitions) {
		struct partition *p = list_entry(node, struct partition, node);

		unhold(p);
		release_if_quiet(p);
	}
	if (lane->stalled)
		loop_defer(lane->context->loop, &lane->pull);
	wake_next(lane->context);
}

void lane_retire(struct partition *p)
{
	struct lane *lane = p->lane;
	struct loop *loop = lane->context->loop;

	p->retiring = true;
	p->retire_by_ms = lane->closing
				  ? lane->close_by_ms
				  : loop_now_ms(loop) + lane->consumer->rebalance_drain_ms;
	if (!loop_timer_is_set(&lane->retire_timer) ||
		lane->retire_timer.node.at_ms > p->retire_by_ms)
		loop_timer_set(loop, &lane->retire_timer, p->retire_by_ms);
	lane_withdraw(p, false);
	lane_settle_up_soon(lane);
}

void lane_retire_timer(struct loop_timer *timer)
{
	struct lane *lane = container_of(timer, struct lane, retire_timer);
	int64_t now_ms = loop_now_ms(lane->context->loop);

	list_foreach (node, &lane->partitions) {
		struct partition *p = list_entry(node, struct partition, node);

		if (!p->retiring)
			continue;
		if (p->retire_by_ms > now_ms) {
			if (!loop_timer_is_set(timer) || timer->node.at_ms > p->retire_by_ms)
				loop_timer_set(lane->context->loop, timer, p->retire_by_ms);
			continue;
		}
		if (p->open > 0)
			log_warn("drain_timed_out",
				"deliveries were still on the wire when their partition had to be given back: "
				"they will be sent again",
				log_str("lane", lane->name), log_str("topic", p->source->topic),
				log_int("partition", p->source->partition),
				log_int("deliveries", (int64_t)p->open));
		lane_withdraw(p, true);
	}
	lane_settle_up_soon(lane);
}
