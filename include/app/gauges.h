/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gauges.h - the metrics of one destination and of one lane: obtained once, updated without a
 * look-up.
 *
 * What happens is counted where it happens; what is so (in flight, lag, …) is sampled once a
 * second, so that a scrape asks nothing of a loop.
 */
#ifndef APP_GAUGES_H
#define APP_GAUGES_H

#include "core/metrics.h"
#include "core/retry.h"

struct destination_status;
struct lane;

enum {
	GAUGES_CLASSES = 5
};

struct destination_gauges {
	struct metric *attempts, *successes, *retries, *throttled, *reauthorizations;
	struct metric *classes[GAUGES_CLASSES]; /* 1xx to 5xx */
	struct metric *transports[RETRY_TRANSPORT_NR_VALUES];
	struct metric *attempt_seconds, *event_seconds;
	struct metric *in_flight, *window, *queued, *waiting, *breaker_open, *rate_waited,
		*connections_open, *connections_opened, *guard_paused;
	struct {
		int64_t in_flight, window, queued, waiting, breaker_open, rate_waited,
			connections_open, connections_opened, guard_paused;
	} said;
};

void destination_gauges_init(
	struct destination_gauges *g, struct metrics *m, const char *destination);
/* One attempt has ended. */
void destination_gauges_count(struct destination_gauges *g, const struct retry_outcome *o,
	bool was_retry, int64_t latency_us);
void destination_gauges_sample(
	struct destination_gauges *g, const struct destination_status *s);
/* The destination goes: what was said of it as it is, is taken back. */
void destination_gauges_clear(struct destination_gauges *g);

struct lane_gauges {
	struct metrics *registry;
	struct metric *events, *matched, *invalid, *tombstones, *skipped, *lost;
	struct metric *open_deliveries, *open_bytes, *reading_stopped, *commits,
		*commit_failures, *rebalances, *reachable;
	struct {
		int64_t open_deliveries, open_bytes, reading_stopped, commits, commit_failures,
			rebalances, reachable;
	} said;
};

void lane_gauges_init(struct lane_gauges *g, struct metrics *m, const char *lane);
void lane_gauges_sample(struct lane_gauges *g, const struct lane *lane);
void lane_gauges_clear(struct lane_gauges *g);

/* Of one partition while it is assigned. */
struct partition_gauges {
	struct metric *lag, *open_records, *oldest;
	struct {
		int64_t lag, open_records, oldest;
	} said;
};

void partition_gauges_init(struct partition_gauges *g, struct metrics *m, const char *lane,
	const char *topic, int32_t partition);
void partition_gauges_sample(
	struct partition_gauges *g, int64_t lag, size_t open_records, int64_t oldest_ms);
void partition_gauges_clear(struct partition_gauges *g);

#endif
