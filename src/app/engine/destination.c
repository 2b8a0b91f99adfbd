/* SPDX-License-Identifier: Apache-2.0 */
/* A destination's life: made, reconfigured by a reload, asked for its status, freed. */
#include <stdio.h>
#include <stdlib.h>

#include "destination_private.h"

/* Deliveries prepared ahead of a full window. More would be evicted from the cache before they
 * are sent, and only take room. */
#define READY_AHEAD 64

/* A client from before a reload, kept until its requests have ended. */
struct old_client {
	struct list node;
	struct http_client *http;
};

struct destination *destination_new(struct engine_context *context, struct conf *conf,
	const struct conf_destination *settings, struct connection *connection, struct err *err)
{
	struct destination *dest = xcalloc(1, sizeof *dest);
	int64_t now_ms = loop_now_ms(context->loop);

	dest->http = http_client_new(context->loop, &settings->http, err);
	if (dest->http == NULL) {
		free(dest);
		return NULL;
	}
	dest->context = context;
	dest->conf = conf_ref(conf);
	dest->settings = settings;
	dest->connection = connection;
	dest->gate = gate_new(&settings->gate, &context->rng, now_ms);
	list_init(&dest->routes);
	list_init(&dest->old_clients);
	attempt_pool_init(&dest->attempts);
	destination_gauges_init(&dest->gauges, context->metrics, settings->name);
	dispatch_init(dest);
	return dest;
}

static void free_old_clients(struct destination *dest)
{
	list_foreach_safe (node, &dest->old_clients) {
		struct old_client *old = list_entry(node, struct old_client, node);

		if (http_client_get_state(old->http).in_flight > 0)
			continue;
		list_remove(&old->node);
		http_client_free(old->http);
		free(old);
	}
}

void destination_free(struct destination *dest)
{
	if (dest == NULL)
		return;
	dispatch_release(dest);
	attempt_pool_release(&dest->attempts);
	destination_gauges_clear(&dest->gauges);
	list_foreach_safe (node, &dest->routes)
		route_free(list_entry(node, struct route, node));
	gate_free(dest->gate);
	free_old_clients(dest);
	http_client_free(dest->http);
	conf_unref(dest->conf);
	free(dest);
}

/* Requests in flight end on the client that they began on. */
static int change_client(
	struct destination *dest, const struct http_settings *s, struct err *err)
{
	struct http_client *fresh;
	struct old_client *old;

	if (http_settings_equal(&dest->settings->http, s))
		return 0;
	fresh = http_client_new(dest->context->loop, s, err);
	if (fresh == NULL)
		return ERR_INVALID;
	old = xcalloc(1, sizeof *old);
	old->http = dest->http;
	list_append(&dest->old_clients, &old->node);
	dest->http = fresh;
	return 0;
}

static const struct conf_target *find_target(const struct conf *conf, offsets_target identity)
{
	for (size_t i = 0; i < conf->rule_count; i++)
		for (size_t k = 0; k < conf->rules[i].target_count; k++)
			if (conf->rules[i].targets[k].identity == identity)
				return &conf->rules[i].targets[k];
	return NULL;
}

/* Whoever has changed something of a target, its destination or its connection may have mended
 * it; a reload that changes something else has not. */
static bool is_changed(
	const struct destination *dest, const struct conf *conf, const struct route *route)
{
	const struct conf_target *before = find_target(dest->conf, route->identity);
	const struct conf_target *after = find_target(conf, route->identity);

	return before == NULL || after == NULL || before->digest != after->digest;
}

static void reconfigure_guards(struct destination *dest, const struct conf *conf,
	const struct conf_destination *settings)
{
	int64_t now_ms = destination_now_ms(dest);

	list_foreach (node, &dest->routes) {
		struct route *route = list_entry(node, struct route, node);

		if (is_changed(dest, conf, route))
			guard_release(&route->guard, now_ms);
		guard_enable(&route->guard, settings->dead_letter_guard, now_ms);
		if (!guard_is_paused(&route->guard))
			dispatch_release_held(dest, route);
	}
}

int destination_reconfigure(struct destination *dest, struct conf *conf,
	const struct conf_destination *settings, struct connection *connection, struct err *err)
{
	int64_t now_ms = destination_now_ms(dest);

	if (change_client(dest, &settings->http, err) != 0)
		return ERR_INVALID;
	connection_unwait(&dest->waiter);
	dest->connection = connection;
	gate_reconfigure(dest->gate, &settings->gate, now_ms);
	dest->settings = settings;
	reconfigure_guards(dest, conf, settings);
	conf_ref(conf);
	conf_unref(dest->conf);
	dest->conf = conf;
	dispatch_soon(dest);
	return 0;
}

void destination_set_share(struct destination *dest, unsigned part, unsigned whole)
{
	gate_set_share(dest->gate, part, whole, destination_now_ms(dest));
	dispatch_soon(dest);
}

/* Of the routes, those whose guard is paused; *ret_first: the one that has been so longest. */
static size_t count_paused(const struct destination *dest, const struct guard **ret_first)
{
	size_t count = 0;

	list_foreach (node, &dest->routes) {
		const struct guard *g = &list_entry(node, struct route, node)->guard;

		if (!guard_is_paused(g))
			continue;
		if (ret_first != NULL && (count == 0 || g->since_ms < (*ret_first)->since_ms))
			*ret_first = g;
		count++;
	}
	return count;
}

/* Is nothing sent but probes, since no target works? */
static bool is_all_paused(const struct destination *dest)
{
	size_t count = 0;

	list_foreach (node, &dest->routes)
		count++;
	return count > 0 && count_paused(dest, NULL) == count;
}

bool destination_wants_more(const struct destination *dest)
{
	struct gate_state state = gate_get_state(dest->gate);

	if (state.breaker == GATE_OPEN || state.breaker == GATE_PROBING || is_all_paused(dest))
		return state.queued < state.window;
	return state.in_flight < state.window ||
	       (state.ready < READY_AHEAD && state.queued - state.waiting < state.window);
}

int64_t destination_now_ms(const struct destination *dest)
{
	return loop_now_ms(dest->context->loop);
}

const char *destination_name(const struct destination *dest)
{
	return dest->settings->name;
}

void destination_get_status(const struct destination *dest, struct destination_status *ret)
{
	const struct guard *guard = NULL;
	int64_t now_ms = destination_now_ms(dest);
	bool is_paused = count_paused(dest, &guard) > 0;

	*ret = (struct destination_status){
		.gate = gate_get_state(dest->gate),
		.http = http_client_get_state(dest->http),
		.guard_paused = is_paused,
		.guard_for_ms = is_paused ? now_ms - guard->since_ms : -1,
		.guard_probe_in_ms = is_paused && guard->state == GUARD_PAUSED
					     ? max_i64(guard->next_probe_ms - now_ms, 0)
					     : -1,
		.last_error_age_ms =
			dest->last_error_at_ms ? now_ms - dest->last_error_at_ms : -1,
		.delivered = dest->delivered,
		.failed_attempts = dest->failed_attempts,
		.dead_letters = dest->dead_letters,
	};
	snprintf(ret->last_error, sizeof ret->last_error, "%s", dest->last_error);
	connection_get_status(dest->connection, &ret->connection);
}

void destination_sample(struct destination *dest)
{
	struct destination_status s;

	free_old_clients(dest);
	destination_get_status(dest, &s);
	destination_gauges_sample(&dest->gauges, &s);
}
