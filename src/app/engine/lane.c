/* SPDX-License-Identifier: Apache-2.0 */
/* A lane's life, its policy for the consumer loop, and its status. */
#include "app/engine/lane.h"

#include <stdio.h>
#include <stdlib.h>

#include "lane_private.h"
#include "retention.h"
#include "base/log.h"

/* --- the consumer loop's policy ----------------------------------------------------------- */

static struct consumer_partition *lane_partition_new(struct consumer_loop *l)
{
	struct lane_partition *p = xcalloc(1, sizeof *p);

	(void)l;
	list_init(&p->deliveries);
	return &p->base;
}

static void lane_partition_free(struct consumer_partition *base)
{
	struct lane_partition *p = lane_partition_of(base);

	partition_gauges_clear(&p->gauges);
	free(p);
}

static void map_ignored(
	const struct consumer_partition *p, int64_t committed, const char *reason)
{
	log_warn("completion_map_ignored",
		"the group's commit metadata is not ours or is damaged: what was delivered above the "
		"committed offset will be delivered again",
		log_str("topic", p->source->topic), log_int("partition", p->source->partition),
		log_int("offset", committed), log_str("reason", reason));
}

static void assigned(struct consumer_partition *base)
{
	struct lane_partition *p = lane_partition_of(base);
	const struct lane *lane = lane_of(base->loop);

	lane_own(p);
	partition_gauges_init(&p->gauges, lane->context->metrics, lane->name,
		base->source->topic, base->source->partition);
}

/* Join the queue for room that other lanes give back, unless there is room now. */
static void queue_for_room(struct consumer_loop *l)
{
	struct lane *lane = lane_of(l);

	list_remove(&lane->stalled_node);
	if (l->stalled && !l->closing)
		list_append(&lane->context->stalled, &lane->stalled_node);
}

/* Another lane may wait for the room that this one has given back: wake the one that has
 * waited longest. */
static void wake_next(struct consumer_loop *l)
{
	struct list *node = list_first(&lane_of(l)->context->stalled);

	if (node != NULL)
		consumer_loop_pull_soon(
			&list_entry(node, struct lane, stalled_node)->consumer_loop);
}

static void share_changed(struct consumer_loop *l)
{
	lane_of(l)->cb->share_changed(lane_of(l)->ctx, lane_of(l));
}

static void records_lost(struct consumer_loop *l, const struct source_partition *source,
	int64_t from, int64_t count)
{
	metric_add(lane_of(l)->gauges.lost, count);
	log_error("records_lost",
		"retention has removed records before they were read: they can't be delivered",
		log_str("lane", lane_of(l)->name), log_str("topic", source->topic),
		log_int("partition", source->partition), log_int("from_offset", from),
		log_int("records", count));
}

static void fenced(struct consumer_loop *l, const char *text)
{
	lane_of(l)->cb->fenced(lane_of(l)->ctx, lane_of(l), text);
}

static void closed(struct consumer_loop *l)
{
	lane_of(l)->cb->closed(lane_of(l)->ctx, lane_of(l));
}

static const struct consumer_policy policy = {
	.partition_new = lane_partition_new,
	.partition_free = lane_partition_free,
	.map_ignored = map_ignored,
	.assigned = assigned,
	.wants_more = lane_wants_more,
	.take = lane_take,
	.has_read = queue_for_room,
	.withdraw = lane_withdraw,
	.has_settled = wake_next,
	.share_changed = share_changed,
	.records_lost = records_lost,
	.fenced = fenced,
	.closed = closed,
	.log_key = "lane",
};

/* --- the lane --------------------------------------------------------------------------- */

static struct destination *resolve(void *ctx, const struct conf_destination *settings)
{
	struct lane *lane = ctx;

	if (!lane_works_for(lane, settings->name))
		return NULL;
	return lane->cb->resolve(lane->ctx, settings);
}

static int open_source(struct lane *lane, struct err *err)
{
	const struct conf_consumer *consumer = lane->consumer;
	struct source_settings s = {
		.instance_id = lane->instance_id,
		.topics = (const char *const *)consumer->topics,
		.topic_count = consumer->topic_count,
		.auto_offset_reset = consumer->auto_offset_reset,
		.prefetch_bytes = consumer->prefetch_bytes ? consumer->prefetch_bytes
							   : lane->context->lane_prefetch_bytes,
	};
	char **properties;
	size_t count;
	int code;

	if (conf_kafka_properties(lane->conf, consumer, &properties, &count, err) != 0)
		return ERR_INVALID;
	s.properties = (const char *const *)properties;
	s.property_count = count;
	code = consumer_loop_open(&lane->consumer_loop, &s, err);
	conf_free_properties(properties, count);
	return code;
}

/* Every process of a group, and every worker of a process, needs an instance id of its own
 * in each lane. */
static char *instance_id_of(const struct lane *lane)
{
	const char *id = lane->consumer->instance_id;

	if (id == NULL)
		return NULL;
	return lane->context->number == 0 ? xstrdup(id)
					  : xasprintf("%s-%u", id, lane->context->number);
}

static void lane_name_it(struct lane *lane, const struct conf_destination *destination)
{
	const struct conf_consumer *consumer = lane->consumer;

	if (destination == NULL) {
		lane->name = xstrdup(consumer->name);
		lane->group_id = xstrdup(consumer->group_id);
	} else {
		lane->name = xasprintf("%s.%s", consumer->name, destination->name);
		lane->group_id = xasprintf("%s.%s", consumer->group_id, destination->name);
		lane->destination = xstrdup(destination->name);
	}
	lane->instance_id = instance_id_of(lane);
}

static void init_consumer_loop(struct lane *lane)
{
	const struct consumer_loop_settings s = {
		.name = lane->name,
		.group_id = lane->group_id,
		.offsets = lane->consumer->offsets,
		.commit_interval_ms = lane->consumer->commit_interval_ms,
		.drain_ms = lane->consumer->rebalance_drain_ms,
		.commit_seconds = lane->gauges.commit_seconds,
	};

	consumer_loop_init(&lane->consumer_loop, lane->context->loop, &policy, &s);
}

struct lane *lane_new(struct engine_context *context, struct conf *conf,
	const struct conf_consumer *consumer, const struct conf_destination *destination,
	const struct lane_callbacks *cb, void *ctx, struct err *err)
{
	struct lane *lane = xcalloc(1, sizeof *lane);

	lane->context = context;
	lane->cb = cb;
	lane->ctx = ctx;
	lane->conf = conf_ref(conf);
	lane->consumer = consumer;
	lane_name_it(lane, destination);
	list_init(&lane->stalled_node);
	lane->sweep_timer.fire = lane_sweep;
	budget_join(&context->budget, &lane->budget);
	lane_gauges_init(&lane->gauges, context->metrics, lane->name);
	init_consumer_loop(lane);
	lane->router = router_new(conf, consumer, lane->context->metrics, resolve, lane);
	if (open_source(lane, err) != 0) {
		err_wrap(err, "consumer '%s'", consumer->name);
		lane_free(lane);
		return NULL;
	}
	lane_sweep(&lane->sweep_timer);
	return lane;
}

void lane_free(struct lane *lane)
{
	if (lane == NULL)
		return;
	consumer_loop_release(&lane->consumer_loop);
	loop_timer_cancel(lane->context->loop, &lane->sweep_timer);
	list_remove(&lane->stalled_node);
	budget_part(&lane->budget);
	lane_gauges_clear(&lane->gauges);
	router_free(lane->router);
	conf_unref(lane->conf);
	free(lane->name);
	free(lane->group_id);
	free(lane->instance_id);
	free(lane->destination);
	free(lane);
}

void lane_reconfigure(
	struct lane *lane, struct conf *conf, const struct conf_consumer *consumer)
{
	struct router *old = lane->router;
	struct conf *old_conf = lane->conf;

	lane->conf = conf_ref(conf);
	lane->consumer = consumer;
	lane->consumer_loop.settings.offsets = consumer->offsets;
	lane->consumer_loop.settings.commit_interval_ms = consumer->commit_interval_ms;
	lane->consumer_loop.settings.drain_ms = consumer->rebalance_drain_ms;
	lane->router = router_new(conf, consumer, lane->context->metrics, resolve, lane);
	router_free(old);
	conf_unref(old_conf);
	consumer_loop_pull_soon(&lane->consumer_loop);
}

void lane_close(struct lane *lane, int64_t grace_ms)
{
	consumer_loop_close(&lane->consumer_loop, grace_ms);
}

static bool same_texts(char *const *a, size_t a_count, char *const *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!str_eq(a[i], b[i]))
			return false;
	return true;
}

bool lane_must_restart(const struct lane *lane, const struct conf_consumer *c)
{
	const struct conf_consumer *mine = lane->consumer;

	return !str_eq(mine->group_id, c->group_id) ||
	       !str_eq(mine->instance_id, c->instance_id) ||
	       !str_eq(mine->auto_offset_reset, c->auto_offset_reset) ||
	       mine->prefetch_bytes != c->prefetch_bytes ||
	       mine->event_format != c->event_format || mine->kafka_digest != c->kafka_digest ||
	       !same_texts(mine->topics, mine->topic_count, c->topics, c->topic_count);
}

const char *lane_name(const struct lane *lane)
{
	return lane->name;
}

const char *lane_group_id(const struct lane *lane)
{
	return lane->group_id;
}

const char *lane_destination_name(const struct lane *lane)
{
	return lane->destination;
}

const char *lane_consumer_name(const struct lane *lane)
{
	return lane->consumer->name;
}

bool lane_works_for(const struct lane *lane, const char *destination)
{
	return lane->destination == NULL || strcmp(lane->destination, destination) == 0;
}

void lane_get_share(const struct lane *lane, unsigned *ret_assigned, unsigned *ret_whole)
{
	*ret_assigned = lane->consumer_loop.assigned;
	*ret_whole = lane->consumer_loop.whole;
}

void lane_get_status(const struct lane *lane, struct lane_status *ret)
{
	const struct consumer_loop *l = &lane->consumer_loop;

	*ret = (struct lane_status){
		.open_deliveries = lane->budget.deliveries,
		.open_bytes = lane->budget.bytes,
		.stalled = l->stalled,
		.closing = l->closing,
		.commits = l->commits,
		.commit_failures = l->commit_failures,
	};
	snprintf(ret->commit_error, sizeof ret->commit_error, "%s", l->commit_error);
	source_get_state(l->source, &ret->source);
	list_foreach (node, &l->partitions) {
		struct source_health health;

		source_get_health(l->source, consumer_partition_of(node)->source, &health);
		ret->failing += health.problem != NULL;
		ret->partition_count++;
	}
	ret->unready = !ret->source.joined || l->closing || ret->failing > 0;
}

/* What the group has not committed; all that there is, if it has committed nothing. */
static int64_t lag_of(const struct consumer_partition *p, const struct source_health *health)
{
	int64_t from = p->acknowledged.offset >= 0 ? p->acknowledged.offset : health->low;

	return health->end >= 0 && from >= 0 ? max_i64(health->end - from, 0) : -1;
}

static struct lane_partition_status partition_status(
	const struct lane *lane, const struct lane_partition *lp)
{
	const struct consumer_partition *p = &lp->base;
	struct lane_partition_status s = {
		.topic = p->source->topic,
		.partition = p->source->partition,
		.position = offsets_position(p->tracker),
		.open_records = offsets_open_records(p->tracker),
		.map_bytes = p->map_bytes,
		.held = p->paused,
		.retiring = p->revoked,
		.retention_ms = retention_of(lane->context->retention, p->source->topic),
	};
	int64_t wall_ms = loop_wall_ms(lane->context->loop);
	struct source_health health;

	source_get_health(lane->consumer_loop.source, p->source, &health);
	s.high = health.end;
	s.lag = lag_of(p, &health);
	s.problem = health.problem;
	if (!list_is_empty(&lp->deliveries)) {
		const struct delivery *oldest =
			list_entry(lp->deliveries.next, struct delivery, node);

		s.oldest_open_ms =
			loop_now_ms(lane->context->loop) - oldest->ev->f.taken_up_at_ms;
		if (oldest->ev->f.timestamp_ms >= 0)
			s.oldest_age_ms = max_i64(wall_ms - oldest->ev->f.timestamp_ms, 0);
	}
	if (s.retention_ms > 0)
		s.retention_used_permille = s.oldest_age_ms * 1000 / s.retention_ms;
	return s;
}

void lane_visit_partitions(const struct lane *lane,
	void (*visit)(void *ctx, const struct lane_partition_status *p), void *ctx)
{
	list_foreach (node, &lane->consumer_loop.partitions) {
		struct lane_partition_status s =
			partition_status(lane, lane_partition_of(consumer_partition_of(node)));

		visit(ctx, &s);
	}
}

/* Log it once, and again only after it has been better in between. */
static void watch_age(const struct lane *lane, struct lane_partition *p,
	const struct lane_partition_status *s)
{
	bool was = p->ageing;

	p->ageing = retention_is_near(s->oldest_age_ms, s->retention_ms, was);
	if (p->ageing && !was)
		log_warn("retention_near",
			"records wait to be delivered that their topic's retention will soon remove: what is "
			"removed unread is lost",
			log_str("lane", lane->name), log_str("topic", s->topic),
			log_int("partition", s->partition), log_int("offset", s->position),
			log_int("age_ms", s->oldest_age_ms),
			log_int("retention_ms", s->retention_ms));
}

void lane_sample(struct lane *lane)
{
	struct lane_status status;

	lane_get_status(lane, &status);
	lane_gauges_sample(&lane->gauges, &status);
	list_foreach (node, &lane->consumer_loop.partitions) {
		struct lane_partition *p = lane_partition_of(consumer_partition_of(node));
		struct lane_partition_status s = partition_status(lane, p);

		partition_gauges_sample(&p->gauges, &s);
		watch_age(lane, p, &s);
	}
}
