/* SPDX-License-Identifier: Apache-2.0 */
#include "gauges.h"

#include <stdio.h>

#include "attempt.h"
#include "app/engine/destination.h"
#include "app/engine/lane.h"
#include "io/deadletter/deadletter.h"

static void release(struct metric *const *instances, size_t count)
{
	for (size_t i = 0; i < count; i++)
		metric_release(instances[i]);
}

/* --- destinations ----------------------------------------------------------------------- */

void destination_gauges_init(
	struct destination_gauges *g, struct metrics *m, const char *destination)
{
	static const char *const classes[GAUGES_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
#define OBTAIN(id) metrics_obtain(m, METRIC_##id, destination, NULL, NULL)
	*g = (struct destination_gauges){
		.attempts = OBTAIN(INVOCATION_ATTEMPTS),
		.successes = OBTAIN(SUCCESSFUL_ATTEMPTS),
		.retries = OBTAIN(RETRY_ATTEMPTS),
		.throttled = OBTAIN(THROTTLED),
		.reauthorizations = OBTAIN(REAUTHORIZATIONS),
		.attempt_seconds = OBTAIN(ATTEMPT_SECONDS),
		.connect_seconds = OBTAIN(CONNECT_SECONDS),
		.tls_seconds = OBTAIN(TLS_SECONDS),
		.first_byte_seconds = OBTAIN(FIRST_BYTE_SECONDS),
		.queue_seconds = OBTAIN(QUEUE_SECONDS),
		.event_seconds = OBTAIN(EVENT_SECONDS),
		.event_age = OBTAIN(EVENT_AGE),
		.in_flight = OBTAIN(IN_FLIGHT),
		.window = OBTAIN(WINDOW),
		.queued = OBTAIN(QUEUED),
		.waiting = OBTAIN(WAITING),
		.breaker_open = OBTAIN(BREAKER_OPEN),
		.rate_waited = OBTAIN(RATE_WAITED),
		.connections_open = OBTAIN(CONNECTIONS_OPEN),
		.connections_opened = OBTAIN(CONNECTIONS_OPENED),
		.guard_paused = OBTAIN(GUARD_PAUSED),
		.breaker_changes = OBTAIN(BREAKER_CHANGES),
	};
#undef OBTAIN
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
	if (o->transport != RETRY_TRANSPORT_OK) {
		metric_add(g->transports[o->transport], 1);
		return;
	}
	if (o->status >= 100 && o->status <= 599)
		metric_add(g->classes[o->status / 100 - 1], 1);
	metric_add(g->successes, o->status >= 200 && o->status <= 299);
	metric_add(g->throttled, o->status == 429);
}

void destination_gauges_sent(
	struct destination_gauges *g, const struct delivery *d, int64_t wall_ms)
{
	if (d->facts.attempts == 1)
		metric_observe(
			g->queue_seconds, max_i64(wall_ms - d->ev->f.taken_up_ms, 0) * 1000);
}

void destination_gauges_settled(
	struct destination_gauges *g, const struct delivery *d, int64_t wall_ms)
{
	const struct event_fields *f = &d->ev->f;

	metric_observe(g->event_seconds, max_i64(wall_ms - f->taken_up_ms, 0) * 1000);
	if (f->timestamp_ms >= 0)
		metric_observe(g->event_age, max_i64(wall_ms - f->timestamp_ms, 0) * 1000);
}

void destination_gauges_sample(struct destination_gauges *g, const struct destination_status *s)
{
	metric_gauge(g->in_flight, &g->said.in_flight, s->gate.in_flight);
	metric_gauge(g->window, &g->said.window, s->gate.window);
	metric_gauge(g->queued, &g->said.queued, (int64_t)s->gate.queued);
	metric_gauge(g->waiting, &g->said.waiting, (int64_t)s->gate.waiting);
	metric_gauge(g->breaker_open, &g->said.breaker_open, s->gate.breaker != GATE_CLOSED);
	metric_gauge(g->guard_paused, &g->said.guard_paused, s->guard_paused);
	metric_gauge(g->connections_open, &g->said.connections_open, s->http.connections_open);
	metric_follow(g->rate_waited, &g->said.rate_waited, s->gate.rate_waited_ms);
	/* A reload may begin a new client, which counts from nothing. */
	if ((int64_t)s->http.connections_opened < g->said.connections_opened)
		g->said.connections_opened = 0;
	metric_follow(g->connections_opened, &g->said.connections_opened,
		(int64_t)s->http.connections_opened);
}

void destination_gauges_clear(struct destination_gauges *g)
{
	struct metric *const all[] = {g->attempts, g->successes, g->retries, g->throttled,
		g->reauthorizations, g->attempt_seconds, g->connect_seconds, g->tls_seconds,
		g->first_byte_seconds, g->queue_seconds, g->event_seconds, g->event_age,
		g->in_flight, g->window, g->queued, g->waiting, g->breaker_open, g->rate_waited,
		g->connections_open, g->connections_opened, g->guard_paused,
		g->breaker_changes};

	metric_gauge(g->in_flight, &g->said.in_flight, 0);
	metric_gauge(g->window, &g->said.window, 0);
	metric_gauge(g->queued, &g->said.queued, 0);
	metric_gauge(g->waiting, &g->said.waiting, 0);
	metric_gauge(g->breaker_open, &g->said.breaker_open, 0);
	metric_gauge(g->guard_paused, &g->said.guard_paused, 0);
	metric_gauge(g->connections_open, &g->said.connections_open, 0);
	release(all, COUNT_OF(all));
	release(g->classes, COUNT_OF(g->classes));
	release(g->transports, COUNT_OF(g->transports));
}

/* --- lanes ------------------------------------------------------------------------------ */

void lane_gauges_init(struct lane_gauges *g, struct metrics *m, const char *lane)
{
#define OBTAIN(id) metrics_obtain(m, METRIC_##id, lane, NULL, NULL)
	*g = (struct lane_gauges){
		.registry = m,
		.events = OBTAIN(EVENTS),
		.matched = OBTAIN(MATCHED_EVENTS),
		.invalid = OBTAIN(INVALID_EVENTS),
		.tombstones = OBTAIN(TOMBSTONES),
		.skipped = OBTAIN(SKIPPED_EVENTS),
		.lost = OBTAIN(LOST_RECORDS),
		.open_deliveries = OBTAIN(OPEN_DELIVERIES),
		.open_bytes = OBTAIN(OPEN_BYTES),
		.reading_stopped = OBTAIN(READING_STOPPED),
		.commits = OBTAIN(COMMITS),
		.commit_failures = OBTAIN(COMMIT_FAILURES),
		.rebalances = OBTAIN(REBALANCES),
		.reachable = OBTAIN(KAFKA_REACHABLE),
		.assigned = OBTAIN(ASSIGNED),
		.commit_seconds = OBTAIN(COMMIT_SECONDS),
	};
#undef OBTAIN
}

void lane_gauges_sample(struct lane_gauges *g, const struct lane *lane)
{
	struct lane_status s;

	lane_get_status(lane, &s);
	metric_gauge(g->open_deliveries, &g->said.open_deliveries, (int64_t)s.open_deliveries);
	metric_gauge(g->open_bytes, &g->said.open_bytes, (int64_t)s.open_bytes);
	metric_gauge(g->reading_stopped, &g->said.reading_stopped, s.stalled);
	metric_gauge(g->reachable, &g->said.reachable, s.source.reachable);
	metric_gauge(g->assigned, &g->said.assigned, s.source.assigned);
	metric_follow(g->commits, &g->said.commits, (int64_t)s.commits);
	metric_follow(g->commit_failures, &g->said.commit_failures, (int64_t)s.commit_failures);
	metric_follow(g->rebalances, &g->said.rebalances, (int64_t)s.source.rebalances);
}

void lane_gauges_clear(struct lane_gauges *g)
{
	struct metric *const all[] = {g->events, g->matched, g->invalid, g->tombstones,
		g->skipped, g->lost, g->open_deliveries, g->open_bytes, g->reading_stopped,
		g->commits, g->commit_failures, g->rebalances, g->reachable, g->assigned,
		g->commit_seconds};

	metric_gauge(g->open_deliveries, &g->said.open_deliveries, 0);
	metric_gauge(g->open_bytes, &g->said.open_bytes, 0);
	metric_gauge(g->reading_stopped, &g->said.reading_stopped, 0);
	metric_gauge(g->reachable, &g->said.reachable, 0);
	metric_gauge(g->assigned, &g->said.assigned, 0);
	release(all, COUNT_OF(all));
}

/* --- partitions ------------------------------------------------------------------------- */

void partition_gauges_init(struct partition_gauges *g, struct metrics *m, const char *lane,
	const char *topic, int32_t partition)
{
	char number[16];

	snprintf(number, sizeof number, "%d", (int)partition);
	*g = (struct partition_gauges){
		.lag = metrics_obtain(m, METRIC_LAG, lane, topic, number),
		.open_records = metrics_obtain(m, METRIC_OPEN_RECORDS, lane, topic, number),
		.oldest = metrics_obtain(m, METRIC_OLDEST_OPEN, lane, topic, number),
		.retention = metrics_obtain(m, METRIC_RETENTION_USED, lane, topic, number),
		.map_bytes = metrics_obtain(m, METRIC_MAP_BYTES, lane, topic, number),
		.held = metrics_obtain(m, METRIC_PARTITION_HELD, lane, topic, number),
	};
}

void partition_gauges_sample(struct partition_gauges *g, const struct lane_partition_status *s)
{
	bool known = s->high >= 0 && s->position >= 0;

	metric_gauge(g->lag, &g->said.lag, known ? max_i64(s->high - s->position, 0) : 0);
	metric_gauge(g->open_records, &g->said.open_records, (int64_t)s->open_records);
	metric_gauge(g->oldest, &g->said.oldest, s->oldest_open_ms);
	metric_gauge(g->retention, &g->said.retention,
		s->retention_ms > 0 ? s->oldest_age_ms * 1000 / s->retention_ms : 0);
	metric_gauge(g->map_bytes, &g->said.map_bytes, (int64_t)s->map_bytes);
	metric_gauge(g->held, &g->said.held, s->held);
}

void partition_gauges_clear(struct partition_gauges *g)
{
	static const struct lane_partition_status nothing;
	struct metric *const all[] = {
		g->lag, g->open_records, g->oldest, g->retention, g->map_bytes, g->held};

	partition_gauges_sample(g, &nothing);
	release(all, COUNT_OF(all));
}

/* --- dead-letter topics ----------------------------------------------------------------- */

void topic_gauges_init(struct topic_gauges *g, struct metrics *m, const char *topic)
{
	*g = (struct topic_gauges){
		.failures = metrics_obtain(m, METRIC_DLQ_FAILURES, topic, NULL, NULL),
		.failing = metrics_obtain(m, METRIC_LETTER_TOPIC_FAILING, topic, NULL, NULL),
	};
}

void topic_gauges_sample(struct topic_gauges *g, const struct deadletter_topic_state *s)
{
	metric_follow(g->failures, &g->said.failures, (int64_t)s->failures);
	metric_gauge(g->failing, &g->said.failing, s->holding);
}

void topic_gauges_clear(struct topic_gauges *g)
{
	metric_gauge(g->failing, &g->said.failing, 0);
	metric_release(g->failures);
	metric_release(g->failing);
}
