/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

static void init_list(struct status_list *l)
{
	buf_init(&l->text, BUF_UNLIMITED);
	jw_init(&l->json, &l->text);
}

void status_init(struct status_parts *parts)
{
	init_list(&parts->lanes);
	init_list(&parts->destinations);
	init_list(&parts->dead_letter_topics);
	parts->ready = true;
}

void status_release(struct status_parts *parts)
{
	buf_release(&parts->lanes.text);
	buf_release(&parts->destinations.text);
	buf_release(&parts->dead_letter_topics.text);
}

static void append(struct status_list *to, const struct status_list *from)
{
	if (from->text.len > 0)
		jw_raw(&to->json, NULL, buf_slice(&from->text));
}

void status_append(struct status_parts *to, const struct status_parts *from)
{
	append(&to->lanes, &from->lanes);
	append(&to->destinations, &from->destinations);
	append(&to->dead_letter_topics, &from->dead_letter_topics);
	to->ready &= from->ready;
}

static void write_list(struct json_writer *w, const char *name, const struct status_list *l)
{
	jw_open(w, name, '[');
	if (l->text.len > 0)
		jw_raw(w, NULL, buf_slice(&l->text));
	jw_close(w);
}

void status_write(const struct status_parts *parts, struct json_writer *w)
{
	write_list(w, "lanes", &parts->lanes);
	write_list(w, "destinations", &parts->destinations);
	write_list(w, "dead_letter_topics", &parts->dead_letter_topics);
}

static void add_text(struct json_writer *w, const char *name, const char *value)
{
	jw_text(w, name, slice_str(value ? value : ""));
}

/* --- lanes ------------------------------------------------------------------------------ */

static void add_partition(void *ctx, const struct lane_partition_status *p)
{
	struct json_writer *w = ctx;

	jw_open(w, NULL, '{');
	add_text(w, "topic", p->topic);
	jw_int(w, "partition", p->partition);
	jw_int(w, "position", p->position);
	if (p->lag >= 0)
		jw_int(w, "lag", p->lag);
	else
		jw_null(w, "lag");
	add_text(w, "problem", p->problem);
	jw_int(w, "open_records", (int64_t)p->open_records);
	jw_int(w, "oldest_open_ms", p->oldest_open_ms);
	jw_int(w, "oldest_age_ms", p->oldest_age_ms);
	jw_int(w, "retention_ms", p->retention_ms == INT64_MAX ? -1 : p->retention_ms);
	jw_bool(w, "held", p->held);
	jw_close(w);
}

static const char *lane_state(const struct lane_status *s)
{
	if (s->closing)
		return "leaving";
	if (!s->source.reachable)
		return "kafka unreachable";
	if (!s->source.joined)
		return "joining";
	return s->stalled ? "full" : "running";
}

static void add_lane(void *ctx, struct lane *lane)
{
	struct status_parts *parts = ctx;
	struct json_writer *w = &parts->lanes.json;
	struct lane_status s;

	lane_get_status(lane, &s);
	parts->ready &= !s.unready;
	jw_open(w, NULL, '{');
	add_text(w, "name", lane_name(lane));
	add_text(w, "consumer", lane_consumer_name(lane));
	add_text(w, "destination", lane_destination_name(lane));
	add_text(w, "group", lane_group_id(lane));
	add_text(w, "state", lane_state(&s));
	add_text(w, "kafka_error", s.source.reachable ? "" : s.source.last_error);
	jw_int(w, "open_deliveries", (int64_t)s.open_deliveries);
	jw_int(w, "open_bytes", (int64_t)s.open_bytes);
	jw_int(w, "assigned_partitions", s.source.assigned);
	jw_int(w, "all_partitions", s.source.whole);
	jw_int(w, "rebalances", (int64_t)s.source.rebalances);
	jw_int(w, "commits", (int64_t)s.commits);
	jw_int(w, "commit_failures", (int64_t)s.commit_failures);
	add_text(w, "commit_error", s.commit_error);
	jw_open(w, "partitions", '[');
	lane_visit_partitions(lane, add_partition, w);
	jw_close(w);
	jw_close(w);
}

/* --- destinations ----------------------------------------------------------------------- */

static void add_connection(struct json_writer *w, const struct connection_status *c)
{
	jw_open(w, "connection", '{');
	add_text(w, "state", connection_state_name(c->state));
	add_text(w, "reason", c->reason);
	jw_int(w, "token_age_ms", c->token_age_ms);
	jw_int(w, "token_expires_in_ms", c->token_expires_in_ms);
	jw_int(w, "refreshes", (int64_t)c->refreshes);
	jw_int(w, "refresh_failures", (int64_t)c->refresh_failures);
	jw_close(w);
}

static void add_destination(void *ctx, struct destination *dest)
{
	struct status_parts *parts = ctx;
	struct json_writer *w = &parts->destinations.json;
	struct destination_status s;
	int64_t now_ms = destination_now_ms(dest);

	destination_get_status(dest, &s);
	jw_open(w, NULL, '{');
	add_text(w, "name", destination_name(dest));
	add_text(w, "breaker", gate_breaker_name(s.gate.breaker));
	jw_int(w, "breaker_for_ms", now_ms - s.gate.breaker_since_ms);
	jw_int(w, "next_probe_in_ms",
		s.gate.breaker == GATE_OPEN ? s.gate.next_probe_ms - now_ms : -1);
	jw_bool(w, "dead_letter_guard_paused", s.guard_paused);
	jw_int(w, "dead_letter_guard_paused_for_ms", s.guard_for_ms);
	jw_int(w, "dead_letter_guard_probe_in_ms", s.guard_probe_in_ms);
	jw_int(w, "window", s.gate.window);
	jw_int(w, "in_flight", s.gate.in_flight);
	jw_int(w, "queued", (int64_t)s.gate.queued);
	jw_int(w, "waiting_for_retry", (int64_t)s.gate.waiting);
	jw_int(w, "delivered", (int64_t)s.delivered);
	jw_int(w, "failed_attempts", (int64_t)s.failed_attempts);
	jw_int(w, "dead_letters", (int64_t)s.dead_letters);
	add_text(w, "last_error", s.last_error);
	jw_int(w, "last_error_age_ms", s.last_error_age_ms);
	jw_int(w, "connections_open", s.http.connections_open);
	add_connection(w, &s.connection);
	jw_close(w);
}

/* --- dead-letter topics ----------------------------------------------------------------- */

static void add_topic(void *ctx, const struct deadletter_topic_state *s)
{
	struct json_writer *w = ctx;

	jw_open(w, NULL, '{');
	add_text(w, "topic", s->topic);
	jw_int(w, "pending", (int64_t)s->pending);
	jw_bool(w, "holding", s->holding);
	add_text(w, "reason", s->holding ? s->reason : "");
	jw_close(w);
}

void status_collect(const struct engine *e, struct status_parts *parts)
{
	const struct deadletter *letters = engine_context(e)->deadletter;

	engine_visit_lanes(e, add_lane, parts);
	engine_visit_destinations(e, add_destination, parts);
	if (letters != NULL)
		deadletter_visit(letters, add_topic, &parts->dead_letter_topics.json);
}

static void add_lane_ready(void *ctx, struct lane *lane)
{
	struct status_parts *parts = ctx;
	struct lane_status s;

	lane_get_status(lane, &s);
	parts->ready &= !s.unready;
}

void status_collect_ready(const struct engine *e, struct status_parts *parts)
{
	engine_visit_lanes(e, add_lane_ready, parts);
}
