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

struct intake {
	struct conf *conf;
	const struct conf_consumer *consumer;
	struct ruleset *ruleset;
	struct ruleset_scratch *scratch;
	struct route *routes;
	size_t route_count;
	struct intake_hit *hits; /* of all routes, one route's behind the other's */
	size_t hit_count;
	struct destination **destinations;
	size_t destination_count;

	struct intake_hit *found; /* targets of one record */

	/* The record's metadata as a JSON object, for rules that match on it. */
	struct metadata metadata;
	bool needs_metadata;
};

static void add_destination(struct intake *in, struct destination *dest)
{
	for (size_t i = 0; i < in->destination_count; i++)
		if (in->destinations[i] == dest)
			return;
	in->destinations = xreallocarray(
		in->destinations, in->destination_count + 1, sizeof *in->destinations);
	in->destinations[in->destination_count++] = dest;
}

static struct intake_hit hit_of(
	struct metrics *m, const struct conf_target *t, struct destination *dest)
{
	return (struct intake_hit){
		.target = t,
		.dest = dest,
		.created = metrics_obtain(
			m, METRIC_INVOCATIONS_CREATED, t->rule->name, t->id, NULL),
		.ended = metrics_obtain(m, METRIC_INVOCATIONS, t->rule->name, t->id, NULL),
	};
}

static void add_rule(struct intake *in, struct metrics *m, const struct conf_rule *rule,
	intake_resolve_fn resolve, void *ctx)
{
	struct route route = {.rule = rule, .first = in->hit_count};

	for (size_t i = 0; i < rule->target_count; i++) {
		struct destination *dest = resolve(ctx, rule->targets[i].destination);

		if (dest == NULL)
			continue;
		in->hits = xreallocarray(in->hits, in->hit_count + 1, sizeof *in->hits);
		in->hits[in->hit_count++] = hit_of(m, &rule->targets[i], dest);
		route.count++;
		add_destination(in, dest);
	}
	if (route.count == 0)
		return;
	route.triggered = metrics_obtain(m, METRIC_TRIGGERED_RULES, rule->name, NULL, NULL);
	in->needs_metadata |= rule->kafka_pattern != NULL;
	in->routes = xreallocarray(in->routes, in->route_count + 1, sizeof *in->routes);
	in->routes[in->route_count++] = route;
}

static void compile(struct intake *in)
{
	const struct pattern **patterns = xcalloc(in->route_count, sizeof *patterns);

	for (size_t i = 0; i < in->route_count; i++)
		patterns[i] = in->routes[i].rule->pattern;
	in->ruleset = ruleset_new(patterns, in->route_count);
	in->scratch = ruleset_scratch_new(in->ruleset);
	in->found = xcalloc(in->hit_count, sizeof *in->found);
	free(patterns);
}

struct intake *intake_new(struct conf *conf, const struct conf_consumer *consumer,
	struct metrics *m, intake_resolve_fn resolve, void *ctx)
{
	struct intake *in = xcalloc(1, sizeof *in);

	in->conf = conf_ref(conf);
	in->consumer = consumer;
	metadata_init(&in->metadata);
	for (size_t i = 0; i < conf->rule_count; i++)
		if (conf->rules[i].enabled && conf->rules[i].consumer == consumer)
			add_rule(in, m, &conf->rules[i], resolve, ctx);
	compile(in);
	return in;
}

void intake_free(struct intake *in)
{
	if (in == NULL)
		return;
	for (size_t i = 0; i < in->hit_count; i++) {
		metric_release(in->hits[i].created);
		metric_release(in->hits[i].ended);
	}
	for (size_t i = 0; i < in->route_count; i++)
		metric_release(in->routes[i].triggered);
	ruleset_scratch_free(in->scratch);
	ruleset_free(in->ruleset);
	metadata_release(&in->metadata);
	free(in->routes);
	free(in->hits);
	free(in->destinations);
	free(in->found);
	conf_unref(in->conf);
	free(in);
}

bool intake_is_hungry(const struct intake *in)
{
	for (size_t i = 0; i < in->destination_count; i++)
		if (destination_wants_more(in->destinations[i]))
			return true;
	return in->destination_count == 0;
}

static size_t collect(struct intake *in, const uint32_t *rules, size_t matched,
	const struct event_fields *record)
{
	const struct jx_index *metadata = NULL;
	size_t count = 0;

	if (matched > 0 && in->needs_metadata)
		metadata = metadata_index(&in->metadata, record);
	for (size_t i = 0; i < matched; i++) {
		const struct route *route = &in->routes[rules[i]];
		const struct pattern *pattern = route->rule->kafka_pattern;

		if (pattern != NULL && !pattern_matches(pattern, metadata))
			continue;
		metric_add(route->triggered, 1);
		memcpy(&in->found[count], &in->hits[route->first],
			route->count * sizeof *in->found);
		count += route->count;
	}
	return count;
}

int intake_match(struct intake *in, struct engine_context *context,
	const struct event_fields *record, const struct intake_hit **ret_hits,
	size_t *ret_count, struct err *err)
{
	const uint32_t *rules;
	size_t matched;
	int code;

	context->indexed = NULL;
	code = envelope_index(in->consumer->envelope, record, &context->envelope_work,
		&context->ix, ruleset_keys(in->ruleset), err);
	if (code != 0)
		return code;
	matched = ruleset_match(
		in->ruleset, in->scratch, envelope_pattern_index(&context->ix), &rules);
	*ret_hits = in->found;
	*ret_count = collect(in, rules, matched, record);
	return 0;
}
