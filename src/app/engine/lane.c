/* SPDX-License-Identifier: Apache-2.0 */
#include "app/engine/lane.h"

#include <stdio.h>
#include <stdlib.h>

#include "lane_private.h"
#include "retention.h"
#include "base/log.h"

/* --- what the source says --------------------------------------------------------------- */

/* As the group knows it, or as we do. */
static struct partition *partition_come(struct lane *lane, struct source_partition *sp,
	int64_t committed, struct slice metadata)
{
	struct recall_mark found = recall_mark(committed, metadata);
	struct buf map;
	bool recalled =
		recall_take(&lane->recall, sp->topic, sp->partition, found, &committed, &map);
	struct partition *p = partition_new(lane, lane->group_id, sp, &lane->consumer->offsets,
		committed, recalled ? buf_slice(&map) : metadata);

	p->acknowledged = p->sent = found;
	if (recalled) {
		log_info("partition_recalled",
			"a partition that was lost has come back, and nobody has committed meanwhile: what was "
			"delivered since the last commit is not repeated",
			log_str("lane", lane->name), log_str("topic", sp->topic),
			log_int("partition", sp->partition), log_int("committed", found.offset),
			log_int("position", committed));
		/* What the group has is older, and may be all that there is to be done here. */
		offsets_mark_changed(p->tracker);
		lane_settle_up_soon(lane);
		buf_release(&map);
	}
	return p;
}

static void partition_remember(struct partition *p)
{
	struct buf map;

	if (offsets_position(p->tracker) < 0)
		return;
	buf_init(&map, BUF_UNLIMITED);
	offsets_encode(p->tracker, &map);
	recall_keep(&p->lane->recall, p->source->topic, p->source->partition, p->acknowledged,
		p->sent, offsets_position(p->tracker), &map);
}

static int64_t on_assigned(
	void *ctx, struct source_partition *sp, int64_t committed, struct slice metadata)
{
	struct lane *lane = ctx;
	struct partition *p = partition_come(lane, sp, committed, metadata);

	lane_own(p);
	sp->owner = p;
	list_append(&lane->partitions, &p->node);
	partition_gauges_init(
		&p->gauges, lane->context->metrics, lane->name, sp->topic, sp->partition);
	return offsets_position(p->tracker);
}

static void on_revoked(void *ctx, struct source_partition *sp, enum source_end end)
{
	struct lane *lane = ctx;
	struct partition *p = sp->owner;

	if (end == SOURCE_REVOKED) {
		lane_retire(p);
		return;
	}
	lane_withdraw(p, true);
	if (end == SOURCE_LOST)
		partition_remember(p);
	source_release(lane->source, sp);
	partition_free(p);
}

static void on_readable(void *ctx)
{
	struct lane *lane = ctx;

	loop_defer(lane->context->loop, &lane->pull);
}

static void on_committed(void *ctx, int code, const char *text)
{
	lane_committed(ctx, code, text);
}

static void on_share_changed(void *ctx, unsigned assigned, unsigned whole)
{
	struct lane *lane = ctx;

	lane->assigned = assigned;
	lane->whole = whole;
	lane->cb->share_changed(lane->ctx, lane);
}

static void on_records_lost(void *ctx, struct source_partition *sp, int64_t from, int64_t count)
{
	struct lane *lane = ctx;

	metric_add(lane->gauges.lost, count);
	log_error("records_lost",
		"retention has removed records before they were read: they can't be delivered",
		log_str("lane", lane->name), log_str("topic", sp->topic),
		log_int("partition", sp->partition), log_int("from_offset", from),
		log_int("records", count));
}

static void on_fenced(void *ctx, const char *text)
{
	struct lane *lane = ctx;

	lane->closing = true;
	list_foreach (node, &lane->partitions)
		lane_withdraw(list_entry(node, struct partition, node), true);
	lane->cb->fenced(lane->ctx, lane, text);
}

static void on_closed(void *ctx)
{
	struct lane *lane = ctx;

	lane->cb->closed(lane->ctx, lane);
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

/* --- the lane --------------------------------------------------------------------------- */

static struct destination *resolve(void *ctx, const struct conf_destination *settings)
{
	struct lane *lane = ctx;

	if (!lane_works_for(lane, settings->name))
		return NULL;
	return lane->cb->resolve(lane->ctx, settings);
}

static struct source *open_source(struct lane *lane, struct err *err)
{
	const struct conf_consumer *consumer = lane->consumer;
	struct source_settings s = {
		.name = lane->name,
		.group_id = lane->group_id,
		.instance_id = lane->instance_id,
		.topics = (const char *const *)consumer->topics,
		.topic_count = consumer->topic_count,
		.auto_offset_reset = consumer->auto_offset_reset,
		.prefetch_bytes = consumer->prefetch_bytes ? consumer->prefetch_bytes
							   : lane->context->lane_prefetch_bytes,
	};
	struct source *source;
	char **properties;
	size_t count;

	if (conf_kafka_properties(lane->conf, consumer, &properties, &count, err) != 0)
		return NULL;
	s.properties = (const char *const *)properties;
	s.property_count = count;
	source = source_new(lane->context->loop, &s, &source_events, lane, err);
	conf_free_properties(properties, count);
	return source;
}

/* Every process of a group needs an id of its own in each lane; so does every worker of a
 * process. */
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

struct lane *lane_new(struct engine_context *context, struct conf *conf,
	const struct conf_consumer *consumer, const struct conf_destination *destination,
	const struct lane_callbacks *cb, void *ctx, struct err *err)
{
	struct lane *lane = xcalloc(1, sizeof *lane);

	lane->context = context;
	lane->cb = cb;
	lane->ctx = ctx;
	lane->conf = conf_ref(conf);
	recall_init(&lane->recall);
	lane->consumer = consumer;
	lane_name_it(lane, destination);
	list_init(&lane->partitions);
	list_init(&lane->stalled_node);
	loop_call_init(&lane->pull, lane_pull);
	loop_call_init(&lane->settle_up, lane_settle_up);
	lane->commit_timer.fire = lane_commit_timer;
	lane->sweep_timer.fire = lane_sweep;
	lane->retire_timer.fire = lane_retire_timer;
	budget_join(&context->budget, &lane->budget);
	lane_gauges_init(&lane->gauges, context->metrics, lane->name);
	lane->intake = intake_new(conf, consumer, lane->context->metrics, resolve, lane);
	lane->source = open_source(lane, err);
	if (lane->source == NULL) {
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
	list_foreach_safe (node, &lane->partitions) {
		struct partition *p = list_entry(node, struct partition, node);

		lane_withdraw(p, true);
		partition_free(p);
	}
	source_free(lane->source);
	loop_timer_cancel(lane->context->loop, &lane->commit_timer);
	loop_timer_cancel(lane->context->loop, &lane->sweep_timer);
	loop_timer_cancel(lane->context->loop, &lane->retire_timer);
	loop_undefer(&lane->pull);
	list_remove(&lane->stalled_node);
	loop_undefer(&lane->settle_up);
	budget_part(&lane->budget);
	lane_gauges_clear(&lane->gauges);
	intake_free(lane->intake);
	conf_unref(lane->conf);
	free(lane->name);
	free(lane->group_id);
	recall_release(&lane->recall);
	free(lane->instance_id);
	free(lane->destination);
	free(lane);
}

void lane_reconfigure(
	struct lane *lane, struct conf *conf, const struct conf_consumer *consumer)
{
	struct intake *old = lane->intake;
	struct conf *old_conf = lane->conf;

	lane->conf = conf_ref(conf);
	lane->consumer = consumer;
	lane->intake = intake_new(conf, consumer, lane->context->metrics, resolve, lane);
	intake_free(old);
	conf_unref(old_conf);
	loop_defer(lane->context->loop, &lane->pull);
}

void lane_close(struct lane *lane, int64_t grace_ms)
{
	/* A fenced lane is closing already, and has yet to leave. */
	lane->closing = true;
	lane->close_by_ms = loop_now_ms(lane->context->loop) + grace_ms;
	source_close(lane->source, grace_ms + 5000);
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
	*ret_assigned = lane->assigned;
	*ret_whole = lane->whole;
}

void lane_get_status(const struct lane *lane, struct lane_status *ret)
{
	*ret = (struct lane_status){
		.open_deliveries = lane->budget.deliveries,
		.open_bytes = lane->budget.bytes,
		.stalled = lane->stalled,
		.closing = lane->closing,
		.commits = lane->commits,
		.commit_failures = lane->commit_failures,
	};
	snprintf(ret->commit_error, sizeof ret->commit_error, "%s", lane->commit_error);
	source_get_state(lane->source, &ret->source);
	list_foreach (node, &lane->partitions)
		ret->partition_count++;
}

static struct lane_partition_status partition_status(
	const struct lane *lane, const struct partition *p)
{
	struct lane_partition_status s = {
		.topic = p->source->topic,
		.partition = p->source->partition,
		.position = offsets_position(p->tracker),
		.open_records = offsets_open_records(p->tracker),
		.map_bytes = p->map_bytes,
		.held = p->held,
		.retiring = p->retiring,
		.retention_ms = retention_of(lane->context->retention, p->source->topic),
	};
	int64_t low, wall_ms = loop_wall_ms(lane->context->loop);

	source_watermarks(lane->source, p->source, &low, &s.high);
	if (!list_is_empty(&p->deliveries)) {
		const struct delivery *oldest =
			list_entry(p->deliveries.next, struct delivery, node);

		s.oldest_open_ms = wall_ms - oldest->ev->f.taken_up_ms;
		if (oldest->ev->f.timestamp_ms >= 0)
			s.oldest_age_ms = max_i64(wall_ms - oldest->ev->f.timestamp_ms, 0);
	}
	s.lag = s.high >= 0 && s.position >= 0 ? max_i64(s.high - s.position, 0) : -1;
	if (s.retention_ms > 0)
		s.retention_used_permille = s.oldest_age_ms * 1000 / s.retention_ms;
	return s;
}

void lane_visit_partitions(const struct lane *lane,
	void (*visit)(void *ctx, const struct lane_partition_status *p), void *ctx)
{
	list_foreach (node, &lane->partitions) {
		struct lane_partition_status s =
			partition_status(lane, list_entry(node, struct partition, node));

		visit(ctx, &s);
	}
}

/* Said once, and again only when it was better in between. */
static void watch_age(
	const struct lane *lane, struct partition *p, const struct lane_partition_status *s)
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
	list_foreach (node, &lane->partitions) {
		struct partition *p = list_entry(node, struct partition, node);
		struct lane_partition_status s = partition_status(lane, p);

		partition_gauges_sample(&p->gauges, &s);
		watch_age(lane, p, &s);
	}
}
