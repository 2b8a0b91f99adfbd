/* SPDX-License-Identifier: Apache-2.0 */
#include "app/engine/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "dead_letter.h"
#include "gauges.h"
#include "retention.h"
#include "tracing.h"
#include "base/log.h"

/* How often gauges are sampled. Counters are updated as events occur. */
#define SAMPLE_MS 1000

/* What librdkafka may read ahead: in the whole process, divided among its lanes, and at most in
 * one lane. */
#define PREFETCH_BYTES    (128 << 20)
#define LANE_PREFETCH_MAX (32 << 20)

struct engine_lane {
	struct list node;
	struct lane *lane;
	bool wanted; /* by the configuration being applied */
	bool closing, closed;
};

struct engine_destination {
	struct list node;
	char *name;
	struct destination *dest;
	bool wanted;
};

struct engine {
	struct engine_context context;
	const struct engine_callbacks *cb;
	void *ctx;
	struct conf *conf;
	struct connections *connections;
	struct list lanes, destinations;
	struct loop_timer sampler;
	struct engine_gauges gauges;
	struct tracing_gauges tracing;
	struct topic_gauges *topics; /* of the dead-letter topics, in the producer's order */
	size_t topic_count, topic_at;
	struct loop_call reap; /* frees what has closed, outside of its own callbacks */
	bool apply_again; /* once a lane has left its group: another of its name is to be made */
	bool draining, drained;
};

static void reap_run(struct loop_call *call);
static struct destination *on_resolve(void *ctx, const struct conf_destination *settings);
static void on_share_changed(void *ctx, struct lane *lane);
static void on_closed(void *ctx, struct lane *lane);
static void on_fenced(void *ctx, struct lane *lane, const char *text);

static const struct lane_callbacks lane_events = {
	.resolve = on_resolve,
	.share_changed = on_share_changed,
	.closed = on_closed,
	.fenced = on_fenced,
};

static void sample_topic(void *ctx, const struct deadletter_topic_state *s)
{
	struct engine *e = ctx;

	if (e->topic_at == e->topic_count) {
		e->topics = xreallocarray(e->topics, ++e->topic_count, sizeof *e->topics);
		topic_gauges_init(&e->topics[e->topic_at], e->context.metrics, s->topic);
	}
	topic_gauges_sample(&e->topics[e->topic_at++], s);
}

static void sample_process(struct engine *e)
{
	struct engine_context *context = &e->context;
	struct engine_status s = {
		.longest_pass_us = loop_longest_pass_us(context->loop),
		.stalls = loop_stalls(context->loop),
		.letters_pending = deadletter_pending(context->deadletter),
		.deliveries_limit = context->budget.deliveries.max,
		.bytes_limit = context->budget.bytes.max,
	};

	engine_gauges_sample(&e->gauges, &s);
	tracing_sample(&e->tracing, context);
	e->topic_at = 0;
	deadletter_visit(context->deadletter, sample_topic, e);
}

static void sample_fire(struct loop_timer *timer)
{
	struct engine *e = container_of(timer, struct engine, sampler);

	list_foreach (node, &e->lanes)
		lane_sample(list_entry(node, struct engine_lane, node)->lane);
	list_foreach (node, &e->destinations)
		destination_sample(list_entry(node, struct engine_destination, node)->dest);
	sample_process(e);
	loop_timer_set(e->context.loop, timer, loop_now_ms(e->context.loop) + SAMPLE_MS);
}

struct engine *engine_new(struct loop *loop, unsigned number, struct metrics *metrics,
	const struct engine_callbacks *cb, void *ctx)
{
	struct engine *e = xcalloc(1, sizeof *e);

	/* Records come after engine_apply(), which sets their limits. */
	engine_context_init(&e->context, loop);
	e->context.number = number;
	e->context.metrics = metrics;
	e->context.retention = retention_new(loop);
	budget_init(&e->context.budget, 1, 1);
	e->cb = cb;
	e->ctx = ctx;
	list_init(&e->lanes);
	list_init(&e->destinations);
	loop_call_init(&e->reap, reap_run);
	engine_gauges_init(&e->gauges, metrics, number);
	dead_letter_hold_counters(metrics);
	e->sampler.fire = sample_fire;
	return e;
}

/* --- destinations ----------------------------------------------------------------------- */

static struct engine_destination *destination_find(const struct engine *e, const char *name)
{
	list_foreach (node, &e->destinations) {
		struct engine_destination *d =
			list_entry(node, struct engine_destination, node);

		if (strcmp(d->name, name) == 0)
			return d;
	}
	return NULL;
}

static struct destination *on_resolve(void *ctx, const struct conf_destination *settings)
{
	struct engine_destination *d = destination_find(ctx, settings->name);

	return d ? d->dest : NULL;
}

static void destination_remove(struct engine_destination *d)
{
	list_remove(&d->node);
	destination_free(d->dest);
	free(d->name);
	free(d);
}

static int apply_destination(struct engine *e, struct conf *conf,
	const struct conf_destination *settings, struct err *err)
{
	struct connection *connection =
		connections_find(e->connections, settings->connection->name);
	struct engine_destination *d = destination_find(e, settings->name);
	struct destination *dest;

	if (d != NULL) {
		d->wanted = true;
		return destination_reconfigure(d->dest, conf, settings, connection, err);
	}
	dest = destination_new(&e->context, conf, settings, connection, err);
	if (dest == NULL)
		return ERR_INVALID;
	d = xcalloc(1, sizeof *d);
	d->name = xstrdup(settings->name);
	d->dest = dest;
	d->wanted = true;
	list_append(&e->destinations, &d->node);
	return 0;
}

/* --- lanes ------------------------------------------------------------------------------ */

static struct engine_lane *lane_find(
	const struct engine *e, const char *consumer, const char *destination)
{
	list_foreach (node, &e->lanes) {
		struct engine_lane *l = list_entry(node, struct engine_lane, node);
		const char *of = lane_destination_name(l->lane);

		if (strcmp(lane_consumer_name(l->lane), consumer) == 0 &&
			(of == destination ||
				(of && destination && strcmp(of, destination) == 0)))
			return l;
	}
	return NULL;
}

static int apply_lane(struct engine *e, struct conf *conf, const struct conf_consumer *consumer,
	const struct conf_destination *destination, struct err *err)
{
	struct engine_lane *l =
		lane_find(e, consumer->name, destination ? destination->name : NULL);

	if (l != NULL && (l->closing || lane_must_restart(l->lane, consumer))) {
		e->apply_again =
			true; /* it is closed, being unwanted; then a new one is made */
		return 0;
	}
	if (l != NULL) {
		lane_reconfigure(l->lane, conf, consumer);
		l->wanted = true;
		return 0;
	}
	l = xcalloc(1, sizeof *l);
	l->lane = lane_new(&e->context, conf, consumer, destination, &lane_events, e, err);
	if (l->lane == NULL) {
		free(l);
		return ERR_INVALID;
	}
	l->wanted = true;
	list_append(&e->lanes, &l->node);
	return 0;
}

/* Does an enabled rule of @consumer have a target there (or, with NULL, anywhere)? */
static bool consumer_feeds(const struct conf *conf, const struct conf_consumer *consumer,
	const struct conf_destination *destination)
{
	for (size_t i = 0; i < conf->rule_count; i++) {
		const struct conf_rule *rule = &conf->rules[i];

		if (!rule->enabled || rule->consumer != consumer)
			continue;
		for (size_t t = 0; t < rule->target_count; t++)
			if (destination == NULL || rule->targets[t].destination == destination)
				return true;
	}
	return false;
}

static size_t count_lanes(const struct conf *conf)
{
	size_t count = 0;

	for (size_t i = 0; i < conf->consumer_count; i++) {
		const struct conf_consumer *consumer = &conf->consumers[i];

		if (consumer->isolation == CONF_ISOLATION_SHARED)
			count += consumer_feeds(conf, consumer, NULL);
		else
			for (size_t d = 0; d < conf->destination_count; d++)
				count += consumer_feeds(conf, consumer, &conf->destinations[d]);
	}
	return count;
}

static int apply_consumer(struct engine *e, struct conf *conf,
	const struct conf_consumer *consumer, struct err *err)
{
	if (consumer->isolation == CONF_ISOLATION_SHARED)
		return consumer_feeds(conf, consumer, NULL)
			       ? apply_lane(e, conf, consumer, NULL, err)
			       : 0;
	for (size_t i = 0; i < conf->destination_count; i++) {
		const struct conf_destination *destination = &conf->destinations[i];

		if (consumer_feeds(conf, consumer, destination) &&
			apply_lane(e, conf, consumer, destination, err) != 0)
			return ERR_INVALID;
	}
	return 0;
}

static void lane_close_soon(struct engine_lane *l, int64_t grace_ms)
{
	if (l->closing)
		return;
	l->closing = true;
	lane_close(l->lane, grace_ms);
}

static void on_closed(void *ctx, struct lane *lane)
{
	struct engine *e = ctx;

	list_foreach (node, &e->lanes) {
		struct engine_lane *l = list_entry(node, struct engine_lane, node);

		if (l->lane == lane)
			l->closed = true;
	}
	loop_defer(e->context.loop, &e->reap);
}

static void on_fenced(void *ctx, struct lane *lane, const char *text)
{
	struct engine *e = ctx;

	(void)lane;
	e->cb->fenced(e->ctx, e, text);
}

/* A destination's share counts all lanes that feed it. */
static void recount_share(struct engine *e, struct engine_destination *d)
{
	unsigned part = 0, whole = 0, assigned, all;

	list_foreach (node, &e->lanes) {
		struct engine_lane *l = list_entry(node, struct engine_lane, node);

		if (l->closing || !lane_works_for(l->lane, d->name))
			continue;
		lane_get_share(l->lane, &assigned, &all);
		part += assigned;
		whole += all;
	}
	destination_set_share(d->dest, part, whole ? whole : 1);
}

static void on_share_changed(void *ctx, struct lane *lane)
{
	struct engine *e = ctx;

	list_foreach (node, &e->destinations) {
		struct engine_destination *d =
			list_entry(node, struct engine_destination, node);

		if (lane_works_for(lane, d->name))
			recount_share(e, d);
	}
}

/* --- reaping ---------------------------------------------------------------------------- */

static bool is_used(const struct engine *e, const char *destination)
{
	list_foreach (node, &e->lanes)
		if (lane_works_for(
			    list_entry(node, struct engine_lane, node)->lane, destination))
			return true;
	return false;
}

static bool reap_lanes(struct engine *e)
{
	bool reaped = false;

	list_foreach_safe (node, &e->lanes) {
		struct engine_lane *l = list_entry(node, struct engine_lane, node);

		if (!l->closed)
			continue;
		log_info("lane_left", "the lane has committed its offsets and left its group",
			log_str("lane", lane_name(l->lane)));
		list_remove(&l->node);
		lane_free(l->lane);
		free(l);
		reaped = true;
	}
	return reaped;
}

static int apply_lanes(struct engine *e, struct conf *conf, struct err *err);

static void reap_run(struct loop_call *call)
{
	struct engine *e = container_of(call, struct engine, reap);
	struct err err;

	if (reap_lanes(e) && e->apply_again && !e->draining) {
		e->apply_again = false;
		/* The destinations are there; only lanes had to wait, for those of the same name. */
		if (apply_lanes(e, e->conf, &err) != 0)
			log_error("lane_failed", "a lane could not be made again",
				log_str("reason", err.text));
	}
	list_foreach_safe (node, &e->destinations) {
		struct engine_destination *d =
			list_entry(node, struct engine_destination, node);

		if (!d->wanted && !is_used(e, d->name))
			destination_remove(d);
	}
	if (e->draining && list_is_empty(&e->lanes) && !e->drained) {
		e->drained = true;
		e->cb->drained(e->ctx, e);
	}
}

/* --- the engine ------------------------------------------------------------------------- */

static void unmark_all(struct engine *e)
{
	list_foreach (node, &e->lanes)
		list_entry(node, struct engine_lane, node)->wanted = false;
	list_foreach (node, &e->destinations)
		list_entry(node, struct engine_destination, node)->wanted = false;
}

/* Make or reconfigure the producer of dead letters. */
static int apply_deadletter(struct engine *e, struct conf *conf, struct err *err)
{
	struct deadletter_settings s = {0};
	char **properties;
	int code = 0;

	if (e->context.deadletter != NULL && conf->kafka_digest == e->conf->kafka_digest)
		return 0;
	if (conf_kafka_properties(conf, NULL, &properties, &s.property_count, err) != 0)
		return ERR_INVALID;
	s.properties = (const char *const *)properties;
	if (e->context.deadletter != NULL)
		code = deadletter_reconfigure(e->context.deadletter, &s, err);
	else if ((e->context.deadletter = deadletter_new(e->context.loop, &s, err)) == NULL)
		code = ERR_INVALID;
	conf_free_properties(properties, s.property_count);
	return code == 0 ? 0 : err_wrap(err, "kafka.properties, for dead letters");
}

/* Look up the leaders of all dead-letter topics, so that the first letter need not wait. */
static void prepare_dead_letters(struct engine *e, const struct conf *conf)
{
	for (size_t i = 0; i < conf->consumer_count; i++)
		deadletter_prepare(e->context.deadletter, conf->consumers[i].dead_letter_topic);
	for (size_t i = 0; i < conf->rule_count; i++)
		for (size_t t = 0; t < conf->rules[i].target_count; t++)
			if (conf->rules[i].targets[t].dead_letter_topic != NULL)
				deadletter_prepare(e->context.deadletter,
					conf->rules[i].targets[t].dead_letter_topic);
}

static int apply_lanes(struct engine *e, struct conf *conf, struct err *err)
{
	for (size_t i = 0; i < conf->consumer_count; i++)
		if (apply_consumer(e, conf, &conf->consumers[i], err) != 0)
			return ERR_INVALID;
	return 0;
}

static int apply_all(struct engine *e, struct conf *conf, struct err *err)
{
	for (size_t i = 0; i < conf->destination_count; i++)
		if (apply_destination(e, conf, &conf->destinations[i], err) != 0)
			return ERR_INVALID;
	return apply_lanes(e, conf, err);
}

static void close_unwanted(struct engine *e)
{
	list_foreach_safe (node, &e->lanes) {
		struct engine_lane *l = list_entry(node, struct engine_lane, node);

		if (!l->wanted)
			lane_close_soon(l, e->conf->shutdown_grace_ms);
	}
}

int engine_apply(
	struct engine *e, struct conf *conf, struct connections *connections, struct err *err)
{
	struct conf *old = e->conf;
	int code;

	if (apply_deadletter(e, conf, err) != 0 ||
		tracing_apply(&e->context, e->conf, conf, err) != 0)
		return ERR_INVALID;
	e->conf = conf_ref(conf);
	e->connections = connections;
	e->context.log_sample = conf->log_deliveries ? conf->log_deliveries_sample : 0;
	e->context.lane_prefetch_bytes = (size_t)min_i64(
		PREFETCH_BYTES / max_i64((int64_t)(count_lanes(conf) * conf->workers), 1),
		LANE_PREFETCH_MAX);
	budget_set_limits(&e->context.budget, conf->max_in_flight / conf->workers,
		conf->max_memory_bytes / conf->workers);
	if (!loop_timer_is_set(&e->sampler) && e->context.metrics != NULL)
		loop_timer_set(e->context.loop, &e->sampler, loop_now_ms(e->context.loop));
	retention_configure(e->context.retention, conf);
	prepare_dead_letters(e, conf);
	unmark_all(e);
	code = apply_all(e, conf, err);
	if (code == 0)
		close_unwanted(e);
	list_foreach (node, &e->destinations)
		recount_share(e, list_entry(node, struct engine_destination, node));
	loop_defer(e->context.loop, &e->reap);
	conf_unref(old);
	return code;
}

void engine_seed(struct engine *e, uint64_t seed)
{
	rng_seed(&e->context.rng, seed);
}

void engine_drain(struct engine *e, int64_t grace_ms)
{
	e->draining = true;
	list_foreach_safe (node, &e->lanes)
		lane_close_soon(list_entry(node, struct engine_lane, node), grace_ms);
	loop_defer(e->context.loop, &e->reap);
}

void engine_free(struct engine *e)
{
	if (e == NULL)
		return;
	loop_undefer(&e->reap);
	loop_timer_cancel(e->context.loop, &e->sampler);
	list_foreach_safe (node, &e->lanes) {
		struct engine_lane *l = list_entry(node, struct engine_lane, node);

		list_remove(&l->node);
		lane_free(l->lane);
		free(l);
	}
	list_foreach_safe (node, &e->destinations)
		destination_remove(list_entry(node, struct engine_destination, node));
	for (size_t i = 0; i < e->topic_count; i++)
		topic_gauges_clear(&e->topics[i]);
	free(e->topics);
	deadletter_free(e->context.deadletter);
	retention_free(e->context.retention);
	tracing_stop(&e->context);
	conf_unref(e->conf);
	engine_context_release(&e->context);
	free(e);
}

struct loop *engine_loop(const struct engine *e)
{
	return e->context.loop;
}

const struct engine_context *engine_context(const struct engine *e)
{
	return &e->context;
}

void engine_visit_lanes(
	const struct engine *e, void (*visit)(void *ctx, struct lane *lane), void *ctx)
{
	list_foreach (node, &e->lanes)
		visit(ctx, list_entry(node, struct engine_lane, node)->lane);
}

void engine_visit_destinations(
	const struct engine *e, void (*visit)(void *ctx, struct destination *dest), void *ctx)
{
	list_foreach (node, &e->destinations)
		visit(ctx, list_entry(node, struct engine_destination, node)->dest);
}
