/* SPDX-License-Identifier: Apache-2.0 */
#include "router.h"

#include <stdlib.h>

#include "app/engine/destination.h"
#include "core/event/metadata.h"
#include "core/ruleset/ruleset.h"

/* One enabled rule, and where its targets lie in `hits`. */
struct route {
	const struct conf_rule *rule;
	struct metric *triggered;
	size_t first, count;
};

struct router {
	struct conf *conf;
	const struct conf_consumer *consumer;
	struct ruleset *ruleset;
	struct ruleset_scratch *scratch;
	struct route *routes;
	size_t route_count;
	struct router_hit *hits; /* of all routes, one route's behind the other's */
	size_t hit_count;
	struct metric **held; /* what is looked up when it happens: shown from 0 on */
	size_t held_count;
	struct destination **destinations;
	size_t destination_count;

	struct router_hit *found; /* targets of one record */

	/* The record's metadata as a JSON object, for rules that match on it. */
	struct metadata metadata;
	bool needs_metadata;
};

static void add_destination(struct router *r, struct destination *dest)
{
	for (size_t i = 0; i < r->destination_count; i++)
		if (r->destinations[i] == dest)
			return;
	r->destinations = xreallocarray(
		r->destinations, r->destination_count + 1, sizeof *r->destinations);
	r->destinations[r->destination_count++] = dest;
}

static struct router_hit hit_of(
	struct metrics *m, const struct conf_target *t, struct destination *dest)
{
	return (struct router_hit){
		.target = t,
		.dest = dest,
		.created = metrics_obtain(
			m, METRIC_INVOCATIONS_CREATED, t->rule->name, t->id, NULL),
		.ended = metrics_obtain(m, METRIC_INVOCATIONS, t->rule->name, t->id, NULL),
	};
}

static void hold(struct router *r, struct metrics *m, enum metric_id id, const char *rule,
	const char *target)
{
	r->held = xreallocarray(r->held, r->held_count + 1, sizeof *r->held);
	r->held[r->held_count++] = metrics_obtain(m, id, rule, target, NULL);
}

/* An alert on an increase misses the first event of a counter that begins with it. */
static void hold_counters(struct router *r, struct metrics *m, const struct conf_target *t)
{
	enum metric_id end = t->dead_letter_topic != NULL ? METRIC_SENT_TO_DLQ : METRIC_DROPPED;

	hold(r, m, METRIC_FAILED_INVOCATIONS, t->rule->name, t->id);
	hold(r, m, end, t->rule->name, t->id);
}

static void add_rule(struct router *r, struct metrics *m, const struct conf_rule *rule,
	router_resolve_fn resolve, void *ctx)
{
	struct route route = {.rule = rule, .first = r->hit_count};

	for (size_t i = 0; i < rule->target_count; i++) {
		struct destination *dest = resolve(ctx, rule->targets[i].destination);

		if (dest == NULL)
			continue;
		r->hits = xreallocarray(r->hits, r->hit_count + 1, sizeof *r->hits);
		r->hits[r->hit_count++] = hit_of(m, &rule->targets[i], dest);
		hold_counters(r, m, &rule->targets[i]);
		route.count++;
		add_destination(r, dest);
	}
	if (route.count == 0)
		return;
	route.triggered = metrics_obtain(m, METRIC_TRIGGERED_RULES, rule->name, NULL, NULL);
	r->needs_metadata |= rule->kafka_pattern != NULL;
	r->routes = xreallocarray(r->routes, r->route_count + 1, sizeof *r->routes);
	r->routes[r->route_count++] = route;
}

static void compile(struct router *r)
{
	const struct pattern **patterns = xcalloc(r->route_count, sizeof *patterns);

	for (size_t i = 0; i < r->route_count; i++)
		patterns[i] = r->routes[i].rule->pattern;
	r->ruleset = ruleset_new(patterns, r->route_count);
	r->scratch = ruleset_scratch_new(r->ruleset);
	r->found = xcalloc(r->hit_count, sizeof *r->found);
	free(patterns);
}

struct router *router_new(struct conf *conf, const struct conf_consumer *consumer,
	struct metrics *m, router_resolve_fn resolve, void *ctx)
{
	struct router *r = xcalloc(1, sizeof *r);

	r->conf = conf_ref(conf);
	r->consumer = consumer;
	metadata_init(&r->metadata);
	/* Records that are no event become dead letters of no rule. */
	hold(r, m, METRIC_FAILED_INVOCATIONS, "", "");
	hold(r, m, METRIC_SENT_TO_DLQ, "", "");
	for (size_t i = 0; i < conf->rule_count; i++)
		if (conf->rules[i].enabled && conf->rules[i].consumer == consumer)
			add_rule(r, m, &conf->rules[i], resolve, ctx);
	compile(r);
	return r;
}

void router_free(struct router *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->hit_count; i++) {
		metric_release(r->hits[i].created);
		metric_release(r->hits[i].ended);
	}
	for (size_t i = 0; i < r->route_count; i++)
		metric_release(r->routes[i].triggered);
	for (size_t i = 0; i < r->held_count; i++)
		metric_release(r->held[i]);
	ruleset_scratch_free(r->scratch);
	ruleset_free(r->ruleset);
	metadata_release(&r->metadata);
	free(r->routes);
	free(r->hits);
	free(r->held);
	free(r->destinations);
	free(r->found);
	conf_unref(r->conf);
	free(r);
}

bool router_wants_more(const struct router *r)
{
	for (size_t i = 0; i < r->destination_count; i++)
		if (destination_wants_more(r->destinations[i]))
			return true;
	return r->destination_count == 0;
}

static size_t collect(struct router *r, const uint32_t *rules, size_t matched,
	const struct event_fields *record)
{
	const struct jx_index *metadata = NULL;
	size_t count = 0;

	if (matched > 0 && r->needs_metadata)
		metadata = metadata_index(&r->metadata, record);
	for (size_t i = 0; i < matched; i++) {
		const struct route *route = &r->routes[rules[i]];
		const struct pattern *pattern = route->rule->kafka_pattern;

		if (pattern != NULL && !pattern_matches(pattern, metadata))
			continue;
		metric_add(route->triggered, 1);
		memcpy(&r->found[count], &r->hits[route->first],
			route->count * sizeof *r->found);
		count += route->count;
	}
	return count;
}

int router_match(struct router *r, struct engine_context *context,
	const struct event_fields *record, const struct router_hit **ret_hits,
	size_t *ret_count, struct err *err)
{
	const uint32_t *rules;
	size_t matched;
	int code;

	context->indexed = NULL;
	code = envelope_index(r->consumer->envelope, record, &context->envelope_work,
		&context->ix, ruleset_keys(r->ruleset), err);
	if (code != 0)
		return code;
	matched = ruleset_match(
		r->ruleset, r->scratch, envelope_pattern_index(&context->ix), &rules);
	*ret_hits = r->found;
	*ret_count = collect(r, rules, matched, record);
	return 0;
}
