/* SPDX-License-Identifier: Apache-2.0 */
/* Decides when a consumer commits, and what. io/source sends the commit. */
#include <stdio.h>

#include "base/log.h"
#include "commit_cache.h"
#include "consumer_loop_private.h"

/* Attempt counts are committed less often than offsets: losing one repeats no delivery. */
#define ATTEMPTS_INTERVAL_MS 1000
/* Collecting a commit visits every open record of its partitions, which takes 25 to 60 ns
 * for each. The pause before the next commit is so long that this takes a fiftieth of a core
 * at most. With 10,000 requests in flight, which a crash repeats anyway, a few hundred more
 * matter little. */
#define RECORDS_A_MS 400
/* The extra wait after a failed commit. */
#define RETRY_MS 1000
/* Partitions in one commit; the rest go with the next. */
#define PARTITIONS_A_COMMIT 256

bool consumer_has_news(const struct consumer_partition *p)
{
	return offsets_position(p->tracker) >= 0 && offsets_changed(p->tracker);
}

bool consumer_loop_is_committed(const struct consumer_loop *l)
{
	list_foreach (node, &l->partitions)
		if (consumer_has_news(consumer_partition_of(node)))
			return false;
	return !source_is_committing(l->source);
}

/* Collect what has changed. @maps holds the text of the maps until the commit has copied
 * them. */
static size_t gather(struct consumer_loop *l, struct source_commit *items, struct buf *maps)
{
	size_t count = 0;

	l->committed_records = 0;
	list_foreach (node, &l->partitions) {
		struct consumer_partition *p = consumer_partition_of(node);

		if (count == PARTITIONS_A_COMMIT || !consumer_has_news(p))
			continue;
		buf_init(&maps[count], BUF_UNLIMITED);
		offsets_encode(p->tracker, &maps[count]);
		p->map_bytes = maps[count].len;
		p->in_commit = true;
		l->committed_records += offsets_open_records(p->tracker);
		items[count] = (struct source_commit){p->source, offsets_position(p->tracker),
			slice_of(buf_str(&maps[count]), maps[count].len)};
		p->sent = commit_mark(items[count].offset, items[count].metadata);
		count++;
	}
	return count;
}

static void commit_now(struct consumer_loop *l)
{
	struct source_commit items[PARTITIONS_A_COMMIT];
	struct buf maps[PARTITIONS_A_COMMIT];
	size_t count = gather(l, items, maps);

	if (count == 0)
		return;
	l->commit_sent_ms = loop_now_ms(l->loop);
	if (source_commit(l->source, items, count) != 0)
		consumer_committed(l, ERR_STATE, "the consumer can't commit now");
	for (size_t i = 0; i < count; i++)
		buf_release(&maps[i]);
}

/* How soon must the changes be committed? */
enum urgency {
	NOTHING_NEW,
	ATTEMPTS_ONLY, /* a restart would only count them again: once a second is enough */
	SETTLED,
	AWAITED, /* a partition is given back as soon as it is committed */
};

static enum urgency urgency_of(const struct consumer_partition *p)
{
	if (!consumer_has_news(p))
		return NOTHING_NEW;
	if (p->revoked && p->open == 0)
		return AWAITED;
	return offsets_has_settled(p->tracker) ? SETTLED : ATTEMPTS_ONLY;
}

static int64_t due_at_ms(const struct consumer_loop *l)
{
	enum urgency urgency = NOTHING_NEW;

	list_foreach (node, &l->partitions) {
		enum urgency of = urgency_of(consumer_partition_of(node));

		urgency = of > urgency ? of : urgency;
	}
	switch (urgency) {
	case ATTEMPTS_ONLY:
		return l->commit_not_before_ms + ATTEMPTS_INTERVAL_MS;
	case SETTLED:
		return l->commit_not_before_ms;
	case AWAITED:
		return 0;
	case NOTHING_NEW:
		break;
	}
	return INT64_MAX;
}

static int64_t pause_ms(const struct consumer_loop *l)
{
	return l->settings.commit_interval_ms +
	       min_i64((int64_t)l->committed_records / RECORDS_A_MS, ATTEMPTS_INTERVAL_MS);
}

/* One commit is in flight at a time. The next is sent no sooner than the interval after the
 * last one's answer. */
void consumer_commit_if_due(struct consumer_loop *l)
{
	struct loop *loop = l->loop;
	int64_t at_ms;

	if (source_is_committing(l->source))
		return;
	at_ms = due_at_ms(l);
	if (at_ms <= loop_now_ms(loop))
		commit_now(l);
	else if (at_ms < INT64_MAX &&
		 (!loop_timer_is_set(&l->commit_timer) || l->commit_timer.node.at_ms > at_ms))
		loop_timer_set(loop, &l->commit_timer, at_ms);
}

void consumer_commit_timer(struct loop_timer *timer)
{
	consumer_commit_if_due(container_of(timer, struct consumer_loop, commit_timer));
}

void consumer_committed(struct consumer_loop *l, int code, const char *text)
{
	int64_t now_ms = loop_now_ms(l->loop);
	struct list done, *back;

	list_init(&done);
	l->commits++;
	metric_observe(l->settings.commit_seconds, (now_ms - l->commit_sent_ms) * 1000);
	l->commit_not_before_ms = now_ms + pause_ms(l);
	if (code != ERR_OK) {
		l->commit_failures++;
		snprintf(l->commit_error, sizeof l->commit_error, "%s", text);
		log_warn("commit_failed", "a commit failed; the next commit includes it",
			log_str(l->policy->log_key, l->settings.name), log_str("reason", text));
		l->commit_not_before_ms += RETRY_MS;
	}
	list_foreach_safe (node, &l->partitions) {
		struct consumer_partition *p = consumer_partition_of(node);

		/* A failed commit does not hold up a partition that is given back: its next
		 * owner repeats the deliveries. */
		if (code != ERR_OK && p->in_commit && !(p->revoked && p->open == 0))
			offsets_mark_changed(p->tracker);
		if (code == ERR_OK && p->in_commit)
			p->acknowledged = p->sent;
		if (p->in_commit) {
			/* Move to the end of the list, behind partitions that did not fit
			 * into this commit. */
			list_remove(&p->node);
			list_append(&done, &p->node);
		}
		p->in_commit = false;
	}
	while ((back = list_shift(&done)) != NULL)
		list_append(&l->partitions, back);
	consumer_loop_settled(l);
}
