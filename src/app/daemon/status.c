/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

void status_init(struct status_parts *parts)
{
	buf_init(&parts->lanes, BUF_UNLIMITED);
	buf_init(&parts->destinations, BUF_UNLIMITED);
	buf_init(&parts->dead_letter_topics, BUF_UNLIMITED);
	parts->ready = true;
}

void status_release(struct status_parts *parts)
{
	buf_release(&parts->lanes);
	buf_release(&parts->destinations);
	buf_release(&parts->dead_letter_topics);
}

static void member(struct buf *b, const char *name)
{
	if (b->len > 0 && b->data[b->len - 1] != '{')
		buf_add_char(b, ',');
	buf_addf(b, "\"%s\":", name);
}

static void add_text(struct buf *b, const char *name, const char *value)
{
	member(b, name);
	buf_add_json_string(b, slice_str(value ? value : ""));
}

static void add_number(struct buf *b, const char *name, int64_t value)
{
	member(b, name);
	buf_add_int(b, value);
}

static void add_flag(struct buf *b, const char *name, bool value)
{
	member(b, name);
	buf_add_str(b, value ? "true" : "false");
}

/* Objects of one array follow each other. */
static void open_object(struct buf *b)
{
	if (b->len > 0 && b->data[b->len - 1] == '}')
		buf_add_char(b, ',');
	buf_add_char(b, '{');
}

/* --- lanes ------------------------------------------------------------------------------ */

static void add_partition(void *ctx, const struct lane_partition_status *p)
{
	struct buf *b = ctx;

	open_object(b);
	add_text(b, "topic", p->topic);
	add_number(b, "partition", p->partition);
	add_number(b, "position", p->position);
	add_number(b, "lag", p->lag);
	add_number(b, "open_records", (int64_t)p->open_records);
	add_number(b, "oldest_open_ms", p->oldest_open_ms);
	add_number(b, "oldest_age_ms", p->oldest_age_ms);
	add_number(b, "retention_ms", p->retention_ms == INT64_MAX ? -1 : p->retention_ms);
	add_flag(b, "held", p->held);
	buf_add_char(b, '}');
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
	struct buf *b = &parts->lanes;
	struct lane_status s;

	lane_get_status(lane, &s);
	parts->ready &= s.source.joined && !s.closing;
	open_object(b);
	add_text(b, "name", lane_name(lane));
	add_text(b, "consumer", lane_consumer_name(lane));
	add_text(b, "destination", lane_destination_name(lane));
	add_text(b, "group", lane_group_id(lane));
	add_text(b, "state", lane_state(&s));
	add_text(b, "kafka_error", s.source.reachable ? "" : s.source.last_error);
	add_number(b, "open_deliveries", (int64_t)s.open_deliveries);
	add_number(b, "open_bytes", (int64_t)s.open_bytes);
	add_number(b, "assigned_partitions", s.source.assigned);
	add_number(b, "all_partitions", s.source.whole);
	add_number(b, "rebalances", (int64_t)s.source.rebalances);
	add_number(b, "commits", (int64_t)s.commits);
	add_number(b, "commit_failures", (int64_t)s.commit_failures);
	add_text(b, "commit_error", s.commit_error);
	member(b, "partitions");
	buf_add_char(b, '[');
	lane_visit_partitions(lane, add_partition, b);
	buf_add_str(b, "]}");
}

/* --- destinations ----------------------------------------------------------------------- */

static void add_connection(struct buf *b, const struct connection_status *c)
{
	member(b, "connection");
	buf_add_char(b, '{');
	add_text(b, "state", connection_state_name(c->state));
	add_text(b, "reason", c->reason);
	add_number(b, "token_age_ms", c->token_age_ms);
	add_number(b, "token_expires_in_ms", c->token_expires_in_ms);
	add_number(b, "refreshes", (int64_t)c->refreshes);
	add_number(b, "refresh_failures", (int64_t)c->refresh_failures);
	buf_add_char(b, '}');
}

static void add_destination(void *ctx, struct destination *dest)
{
	struct status_parts *parts = ctx;
	struct buf *b = &parts->destinations;
	struct destination_status s;
	int64_t now_ms = destination_now_ms(dest);

	destination_get_status(dest, &s);
	open_object(b);
	add_text(b, "name", destination_name(dest));
	add_text(b, "breaker", gate_breaker_name(s.gate.breaker));
	add_number(b, "breaker_for_ms", now_ms - s.gate.breaker_since_ms);
	add_number(b, "next_probe_in_ms",
		s.gate.breaker == GATE_OPEN ? s.gate.next_probe_ms - now_ms : -1);
	add_flag(b, "dead_letter_guard_paused", s.guard_paused);
	add_number(b, "dead_letter_guard_paused_for_ms", s.guard_for_ms);
	add_number(b, "dead_letter_guard_probe_in_ms", s.guard_probe_in_ms);
	add_number(b, "window", s.gate.window);
	add_number(b, "in_flight", s.gate.in_flight);
	add_number(b, "queued", (int64_t)s.gate.queued);
	add_number(b, "waiting_for_retry", (int64_t)s.gate.waiting);
	add_number(b, "delivered", (int64_t)s.delivered);
	add_number(b, "failed_attempts", (int64_t)s.failed_attempts);
	add_number(b, "dead_letters", (int64_t)s.dead_letters);
	add_text(b, "last_error", s.last_error);
	add_number(b, "last_error_age_ms", s.last_error_ms ? s.last_error_age_ms : -1);
	add_number(b, "connections_open", s.http.connections_open);
	add_connection(b, &s.connection);
	buf_add_char(b, '}');
}

/* --- dead-letter topics ----------------------------------------------------------------- */

static void add_topic(void *ctx, const struct deadletter_topic_state *s)
{
	struct buf *b = ctx;

	open_object(b);
	add_text(b, "topic", s->topic);
	add_number(b, "pending", (int64_t)s->pending);
	add_flag(b, "holding", s->holding);
	add_text(b, "reason", s->holding ? s->reason : "");
	buf_add_char(b, '}');
}

void status_collect(const struct engine *e, struct status_parts *parts)
{
	const struct deadletter *letters = engine_context(e)->deadletter;

	engine_visit_lanes(e, add_lane, parts);
	engine_visit_destinations(e, add_destination, parts);
	if (letters != NULL)
		deadletter_visit(letters, add_topic, &parts->dead_letter_topics);
}
