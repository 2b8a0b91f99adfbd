/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gauges.h - the metrics of one destination and of one lane: obtained once, updated without a
 * look-up.
 *
 * What happens is counted where it happens; what is so (in flight, lag, …) is sampled once a
 * second, so that a scrape asks nothing of a loop.
 */
#ifndef APP_ENGINE_GAUGES_H
#define APP_ENGINE_GAUGES_H

#include "app/metrics/metrics.h"
#include "core/gate/retry.h"

struct attempt_report;
struct deadletter_topic_state;
struct delivery;
struct destination_status;
struct lane;
struct lane_partition_status;

enum {
	GAUGES_CLASSES = 5
};

struct destination_gauges {
	struct metric *attempts, *successes, *retries, *throttled, *reauthorizations;
	struct metric *classes[GAUGES_CLASSES]; /* 1xx to 5xx */
	struct metric *transports[RETRY_TRANSPORT_NR_VALUES];
	struct metric *attempt_seconds, *connect_seconds, *tls_seconds, *first_byte_seconds;
	struct metric *queue_seconds, *event_seconds, *event_age;
	struct metric *in_flight, *window, *queued, *waiting, *breaker_open, *rate_waited,
		*connections_open, *connections_opened, *guard_paused, *breaker_changes;
	struct {
		int64_t in_flight, window, queued, waiting, breaker_open, rate_waited,
			connections_open, connections_opened, guard_paused;
	} said;
};

void destination_gauges_init(
	struct destination_gauges *g, struct metrics *m, const char *destination);
/* One attempt has ended. */
void destination_gauges_count(
	struct destination_gauges *g, const struct attempt_report *r, bool was_retry);
/* @d has just been sent; only its first request says how long it queued. */
void destination_gauges_sent(
	struct destination_gauges *g, const struct delivery *d, int64_t wall_ms);
/* @d has ended on the wire, delivered. */
void destination_gauges_settled(
	struct destination_gauges *g, const struct delivery *d, int64_t wall_ms);
void destination_gauges_sample(
	struct destination_gauges *g, const struct destination_status *s);
/* The destination goes: what was said of it as it is, is taken back, and nothing is shown. */
void destination_gauges_clear(struct destination_gauges *g);

struct lane_gauges {
	struct metrics *registry;
	struct metric *events, *matched, *invalid, *tombstones, *skipped, *lost;
	struct metric *open_deliveries, *open_bytes, *reading_stopped, *commits,
		*commit_failures, *rebalances, *reachable, *assigned, *commit_seconds;
	struct {
		int64_t open_deliveries, open_bytes, reading_stopped, commits, commit_failures,
			rebalances, reachable, assigned;
	} said;
};

void lane_gauges_init(struct lane_gauges *g, struct metrics *m, const char *lane);
void lane_gauges_sample(struct lane_gauges *g, const struct lane *lane);
void lane_gauges_clear(struct lane_gauges *g);

/* Of one partition while it is assigned. */
struct partition_gauges {
	struct metric *lag, *open_records, *oldest, *retention, *map_bytes, *held;
	struct {
		int64_t lag, open_records, oldest, retention, map_bytes, held;
	} said;
};

void partition_gauges_init(struct partition_gauges *g, struct metrics *m, const char *lane,
	const char *topic, int32_t partition);
void partition_gauges_sample(struct partition_gauges *g, const struct lane_partition_status *s);
void partition_gauges_clear(struct partition_gauges *g);

/* Of one dead-letter topic. */
struct topic_gauges {
	struct metric *failures, *failing;
	struct {
		int64_t failures, failing;
	} said;
};

void topic_gauges_init(struct topic_gauges *g, struct metrics *m, const char *topic);
void topic_gauges_sample(struct topic_gauges *g, const struct deadletter_topic_state *s);
void topic_gauges_clear(struct topic_gauges *g);

#endif
