/* SPDX-License-Identifier: Apache-2.0 */
/* Which metrics a destination, a lane, a partition and a dead-letter topic have, and where the
 * values of those that are sampled come from: one table each. */
#include "gauges.h"

#include <stdio.h>

#include "attempt.h"
#include "app/engine/destination.h"
#include "app/engine/lane.h"
#include "io/deadletter/deadletter.h"

/* --- the loops over a table ------------------------------------------------------------- */

/* The first member of a struct gauge is its metric. */
static struct metric **handle_of(void *handles, const struct gauge_entry *e)
{
	return (struct metric **)(void *)((char *)handles + e->handle);
}

static struct gauge *gauge_of(void *handles, const struct gauge_entry *e)
{
	return (struct gauge *)(void *)((char *)handles + e->handle);
}

static int64_t read_source(const struct gauge_entry *e, const void *status)
{
	const char *at = (const char *)status + e->source;
	uint64_t whole;
	uint32_t half;

	switch (e->source_size) {
	case sizeof whole:
		memcpy(&whole, at, sizeof whole);
		return (int64_t)whole;
	case sizeof half:
		memcpy(&half, at, sizeof half);
		return half;
	default:
		return *at != 0; /* a bool */
	}
}

static void sample_known(struct gauge *g, int64_t value)
{
	bool hide = value < 0;

	metric_gauge(g->metric, &g->reported, max_i64(value, 0));
	if (hide && !g->hidden)
		metric_release(g->metric);
	else if (!hide && g->hidden)
		metric_retain(g->metric);
	g->hidden = hide;
}

void gauges_init(void *handles, struct gauge_table t, struct metrics *m, const char *first,
	const char *second, const char *third)
{
	for (size_t i = 0; i < t.count; i++) {
		const struct gauge_entry *e = &t.entries[i];

		*handle_of(handles, e) = metrics_obtain(m, e->id, first, second, third);
		if (e->kind == GAUGE_NONE)
			continue;
		gauge_of(handles, e)->reported = 0;
		gauge_of(handles, e)->hidden = false;
		if (e->kind == GAUGE_KNOWN)
			sample_known(gauge_of(handles, e), -1);
	}
}

void gauges_sample(void *handles, struct gauge_table t, const void *status)
{
	for (size_t i = 0; i < t.count; i++) {
		const struct gauge_entry *e = &t.entries[i];
		struct gauge *g = gauge_of(handles, e);
		int64_t value;

		if (e->kind == GAUGE_NONE)
			continue;
		value = read_source(e, status);
		if (e->kind == GAUGE_KNOWN) {
			sample_known(g, value);
			continue;
		}
		if (e->kind == GAUGE_FLAG)
			value = value != 0;
		else if (e->kind == GAUGE_VALUE)
			value = max_i64(value, 0);
		else if (value < g->reported) /* as with a new HTTP client after a reload */
			g->reported = 0;
		metric_gauge(g->metric, &g->reported, value);
	}
}

void gauges_clear(void *handles, struct gauge_table t)
{
	for (size_t i = 0; i < t.count; i++) {
		const struct gauge_entry *e = &t.entries[i];
		struct metric **handle = handle_of(handles, e);

		if (e->kind == GAUGE_KNOWN) {
			sample_known(gauge_of(handles, e), -1);
			*handle = NULL;
			continue;
		}
		if (e->kind == GAUGE_VALUE || e->kind == GAUGE_FLAG)
			metric_gauge(*handle, &gauge_of(handles, e)->reported, 0);
		metric_release(*handle);
		*handle = NULL;
	}
}

/* --- destinations ----------------------------------------------------------------------- */

#define COUNTED(id, member) GAUGE_COUNTED(struct destination_gauges, member, id)
#define SAMPLED(id, member, kind, source)                                                      \
	GAUGE_SAMPLED(struct destination_gauges, member, id, kind, struct destination_status,  \
		source)
static const struct gauge_entry of_destination[] = {
	COUNTED(INVOCATION_ATTEMPTS, attempts),
	COUNTED(SUCCESSFUL_ATTEMPTS, successes),
	COUNTED(RETRY_ATTEMPTS, retries),
	COUNTED(THROTTLED, throttled),
	COUNTED(REAUTHORIZATIONS, reauthorizations),
	COUNTED(BODIES_UNREAD, bodies_unread),
	COUNTED(REQUESTS_RESENT, resent),
	COUNTED(SHORTAGES, shortages),
	COUNTED(ATTEMPT_SECONDS, attempt_seconds),
	COUNTED(CONNECT_SECONDS, connect_seconds),
	COUNTED(TLS_SECONDS, tls_seconds),
	COUNTED(FIRST_BYTE_SECONDS, first_byte_seconds),
	COUNTED(QUEUE_SECONDS, queue_seconds),
	COUNTED(EVENT_SECONDS, event_seconds),
	COUNTED(EVENT_AGE, event_age),
	COUNTED(BREAKER_CHANGES, breaker_changes),
	SAMPLED(IN_FLIGHT, in_flight, VALUE, gate.in_flight),
	SAMPLED(WINDOW, window, VALUE, gate.window),
	SAMPLED(QUEUED, queued, VALUE, gate.queued),
	SAMPLED(WAITING, waiting, VALUE, gate.waiting),
	SAMPLED(BREAKER_OPEN, breaker_open, FLAG, gate.breaker),
	SAMPLED(RATE_WAITED, rate_waited, TOTAL, gate.rate_waited_ms),
	SAMPLED(CONNECTIONS_OPEN, connections_open, VALUE, http.connections_open),
	SAMPLED(CONNECTIONS_OPENED, connections_opened, TOTAL, http.connections_opened),
	SAMPLED(GUARD_PAUSED, guard_paused, FLAG, guard_paused),
};
#undef COUNTED
#undef SAMPLED

_Static_assert(GATE_CLOSED == 0, "the flag BREAKER_OPEN counts on it");

void destination_gauges_init(
	struct destination_gauges *g, struct metrics *m, const char *destination)
{
	static const char *const classes[GAUGES_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

	*g = (struct destination_gauges){0};
	gauges_init(g, GAUGE_TABLE(of_destination), m, destination, NULL, NULL);
	for (size_t i = 0; i < GAUGES_CLASSES; i++)
		g->classes[i] =
			metrics_obtain(m, METRIC_RESPONSES, destination, classes[i], NULL);
	for (size_t i = RETRY_TRANSPORT_OK + 1; i < RETRY_TRANSPORT_NR_VALUES; i++)
		g->transports[i] = metrics_obtain(m, METRIC_RESPONSES, destination,
			retry_transport_name((enum retry_transport)i), NULL);
}

static void count_times(struct destination_gauges *g, const struct attempt_report *r)
{
	metric_observe(g->attempt_seconds, r->latency_us);
	if (r->first_byte_us > 0)
		metric_observe(g->first_byte_seconds, r->first_byte_us);
	if (r->connect_us > 0)
		metric_observe(g->connect_seconds, r->connect_us);
	if (r->tls_us > 0)
		metric_observe(g->tls_seconds, r->tls_us);
}

void destination_gauges_count(
	struct destination_gauges *g, const struct attempt_report *r, bool was_retry)
{
	const struct retry_outcome *o = &r->outcome;

	metric_add(g->attempts, 1);
	metric_add(g->retries, was_retry);
	count_times(g, r);
	metric_add(g->resent, r->was_resent);
	metric_add(g->shortages, o->transport == RETRY_TRANSPORT_INTERNAL);
	if (o->status == 0) {
		metric_add(g->transports[o->transport], 1);
		return;
	}
	metric_add(g->bodies_unread, o->transport != RETRY_TRANSPORT_OK);
	if (o->status >= 100 && o->status <= 599)
		metric_add(g->classes[o->status / 100 - 1], 1);
	metric_add(g->successes, retry_is_delivered(o));
	metric_add(g->throttled, o->status == 429);
}

void destination_gauges_sent(
	struct destination_gauges *g, const struct delivery *d, int64_t now_ms)
{
	if (d->facts.attempts == 1)
		metric_observe(g->queue_seconds, (now_ms - d->ev->f.taken_up_at_ms) * 1000);
}

void destination_gauges_settled(
	struct destination_gauges *g, const struct delivery *d, int64_t now_ms, int64_t wall_ms)
{
	const struct event_fields *f = &d->ev->f;

	metric_observe(g->event_seconds, (now_ms - f->taken_up_at_ms) * 1000);
	if (f->timestamp_ms >= 0)
		metric_observe(g->event_age, max_i64(wall_ms - f->timestamp_ms, 0) * 1000);
}

void destination_gauges_sample(struct destination_gauges *g, const struct destination_status *s)
{
	gauges_sample(g, GAUGE_TABLE(of_destination), s);
}

void destination_gauges_clear(struct destination_gauges *g)
{
	gauges_clear(g, GAUGE_TABLE(of_destination));
	for (size_t i = 0; i < GAUGES_CLASSES; i++)
		metric_release(g->classes[i]);
	for (size_t i = 0; i < RETRY_TRANSPORT_NR_VALUES; i++)
		metric_release(g->transports[i]);
}

/* --- lanes ------------------------------------------------------------------------------ */

#define COUNTED(id, member) GAUGE_COUNTED(struct lane_gauges, member, id)
#define SAMPLED(id, member, kind, source)                                                      \
	GAUGE_SAMPLED(struct lane_gauges, member, id, kind, struct lane_status, source)
static const struct gauge_entry of_lane[] = {
	COUNTED(EVENTS, events),
	COUNTED(MATCHED_EVENTS, matched),
	COUNTED(INVALID_EVENTS, invalid),
	COUNTED(TOMBSTONES, tombstones),
	COUNTED(SKIPPED_EVENTS, skipped),
	COUNTED(LOST_RECORDS, lost),
	COUNTED(COMMIT_SECONDS, commit_seconds),
	SAMPLED(OPEN_DELIVERIES, open_deliveries, VALUE, open_deliveries),
	SAMPLED(OPEN_BYTES, open_bytes, VALUE, open_bytes),
	SAMPLED(READING_STOPPED, reading_stopped, FLAG, stalled),
	SAMPLED(COMMITS, commits, TOTAL, commits),
	SAMPLED(COMMIT_FAILURES, commit_failures, TOTAL, commit_failures),
	SAMPLED(REBALANCES, rebalances, TOTAL, source.rebalances),
	SAMPLED(KAFKA_REACHABLE, reachable, FLAG, source.reachable),
	SAMPLED(UNREADY, unready, FLAG, unready),
	SAMPLED(ASSIGNED, assigned, VALUE, source.assigned),
};
#undef COUNTED
#undef SAMPLED

void lane_gauges_init(struct lane_gauges *g, struct metrics *m, const char *lane)
{
	gauges_init(g, GAUGE_TABLE(of_lane), m, lane, NULL, NULL);
}

void lane_gauges_sample(struct lane_gauges *g, const struct lane_status *s)
{
	gauges_sample(g, GAUGE_TABLE(of_lane), s);
}

void lane_gauges_clear(struct lane_gauges *g)
{
	gauges_clear(g, GAUGE_TABLE(of_lane));
}

/* --- partitions ------------------------------------------------------------------------- */

#define SAMPLED(id, member, kind, source)                                                      \
	GAUGE_SAMPLED(struct partition_gauges, member, id, kind, struct lane_partition_status, \
		source)
static const struct gauge_entry of_partition[] = {
	SAMPLED(LAG, lag, KNOWN, lag),
	SAMPLED(PARTITION_FAILING, failing, FLAG, problem),
	SAMPLED(OPEN_RECORDS, open_records, VALUE, open_records),
	SAMPLED(OLDEST_OPEN, oldest, VALUE, oldest_open_ms),
	SAMPLED(RETENTION_USED, retention, VALUE, retention_used_permille),
	SAMPLED(MAP_BYTES, map_bytes, VALUE, map_bytes),
	SAMPLED(PARTITION_HELD, held, FLAG, held),
};
#undef SAMPLED

void partition_gauges_init(struct partition_gauges *g, struct metrics *m, const char *lane,
	const char *topic, int32_t partition)
{
	char number[16];

	snprintf(number, sizeof number, "%d", (int)partition);
	gauges_init(g, GAUGE_TABLE(of_partition), m, lane, topic, number);
}

void partition_gauges_sample(struct partition_gauges *g, const struct lane_partition_status *s)
{
	gauges_sample(g, GAUGE_TABLE(of_partition), s);
}

void partition_gauges_clear(struct partition_gauges *g)
{
	gauges_clear(g, GAUGE_TABLE(of_partition));
}

/* --- dead-letter topics ----------------------------------------------------------------- */

#define SAMPLED(id, member, kind, source)                                                      \
	GAUGE_SAMPLED(                                                                         \
		struct topic_gauges, member, id, kind, struct deadletter_topic_state, source)
static const struct gauge_entry of_topic[] = {
	SAMPLED(DLQ_FAILURES, failures, TOTAL, failures),
	SAMPLED(LETTER_TOPIC_FAILING, failing, FLAG, holding),
};
#undef SAMPLED

void topic_gauges_init(struct topic_gauges *g, struct metrics *m, const char *topic)
{
	gauges_init(g, GAUGE_TABLE(of_topic), m, topic, NULL, NULL);
}

void topic_gauges_sample(struct topic_gauges *g, const struct deadletter_topic_state *s)
{
	gauges_sample(g, GAUGE_TABLE(of_topic), s);
}

void topic_gauges_clear(struct topic_gauges *g)
{
	gauges_clear(g, GAUGE_TABLE(of_topic));
}

/* --- an engine -------------------------------------------------------------------------- */

#define SAMPLED(id, member, kind, source)                                                      \
	GAUGE_SAMPLED(struct engine_gauges, member, id, kind, struct engine_status, source)
static const struct gauge_entry of_loop[] = {
	SAMPLED(LOOP_STALL, longest_pass, VALUE, longest_pass_us),
	SAMPLED(LOOP_STALLS, stalls, TOTAL, stalls),
};
static const struct gauge_entry of_process[] = {
	SAMPLED(LETTERS_PENDING, letters_pending, VALUE, letters_pending),
	SAMPLED(DELIVERIES_LIMIT, deliveries_limit, VALUE, deliveries_limit),
	SAMPLED(MEMORY_LIMIT, bytes_limit, VALUE, bytes_limit),
};
#undef SAMPLED

void engine_gauges_init(struct engine_gauges *g, struct metrics *m, unsigned number)
{
	char name[16];

	snprintf(name, sizeof name, "%u", number);
	gauges_init(g, GAUGE_TABLE(of_loop), m, name, NULL, NULL);
	gauges_init(g, GAUGE_TABLE(of_process), m, NULL, NULL, NULL);
}

void engine_gauges_sample(struct engine_gauges *g, const struct engine_status *s)
{
	gauges_sample(g, GAUGE_TABLE(of_loop), s);
	gauges_sample(g, GAUGE_TABLE(of_process), s);
}
