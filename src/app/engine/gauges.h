/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gauges.h - the metrics of one destination, lane, partition, …: looked up once, then updated
 * through their handles.
 *
 * Counters are updated in place, as events occur; gauges (in flight, lag, …) are sampled once
 * a second, so that a scrape asks nothing of a loop.
 *
 * Each kind of object has a table with one line for each of its metrics (gauges.c). Making,
 * sampling and clearing them are loops over that table, so that none can be forgotten.
 */
#ifndef APP_ENGINE_GAUGES_H
#define APP_ENGINE_GAUGES_H

#include <stddef.h>

#include "app/metrics/metrics.h"
#include "core/gate/retry.h"

struct attempt_report;
struct deadletter_topic_state;
struct delivery;
struct destination_status;
struct lane_partition_status;
struct lane_status;

/* --- the tables ------------------------------------------------------------------------- */

/* The handle of a metric that is sampled. That of another is a struct metric *. */
struct gauge {
	struct metric *metric;
	int64_t reported; /* what the registry has of it */
	bool hidden;      /* of GAUGE_KNOWN: it is not shown */
};

enum gauge_kind {
	GAUGE_NONE,  /* not sampled: whoever sees it happen updates it */
	GAUGE_VALUE, /* what the status says; less than 0, "not known", is shown as 0 */
	GAUGE_KNOWN, /* the same, but less than 0 is not shown */
	GAUGE_FLAG,  /* 1 unless the status says 0 */
	GAUGE_TOTAL, /* a counter that the status has; it may begin again at 0 */
};

struct gauge_entry {
	enum metric_id id;
	enum gauge_kind kind;
	size_t handle;              /* where its handle is among the object's handles */
	size_t source, source_size; /* where its value is in the object's status */
};

#define GAUGE_COUNTED(handles, member, id)                                                     \
	{                                                                                      \
		METRIC_##id, GAUGE_NONE, offsetof(handles, member), 0, 0                       \
	}
#define GAUGE_SAMPLED(handles, member, id, kind, status, source)                               \
	{                                                                                      \
		METRIC_##id, GAUGE_##kind, offsetof(handles, member),                          \
			offsetof(status, source), sizeof(((status *)0)->source)                \
	}

struct gauge_table {
	const struct gauge_entry *entries;
	size_t count;
};
#define GAUGE_TABLE(entries)                                                                   \
	(struct gauge_table)                                                                   \
	{                                                                                      \
		entries, COUNT_OF(entries)                                                     \
	}

/* Look up all metrics of @t under these labels and put them into @handles. */
void gauges_init(void *handles, struct gauge_table t, struct metrics *m, const char *first,
	const char *second, const char *third);
/* Report what @status says. */
void gauges_sample(void *handles, struct gauge_table t, const void *status);
/* The object goes away: take its gauges back, and don't show its metrics any more. */
void gauges_clear(void *handles, struct gauge_table t);

/* --- destinations ----------------------------------------------------------------------- */

enum {
	GAUGES_CLASSES = 5
};

struct destination_gauges {
	struct metric *attempts, *successes, *retries, *throttled, *reauthorizations;
	struct metric *bodies_unread, *resent, *shortages;
	struct metric *attempt_seconds, *connect_seconds, *tls_seconds, *first_byte_seconds;
	struct metric *queue_seconds, *event_seconds, *event_age, *breaker_changes;
	struct metric *classes[GAUGES_CLASSES]; /* 1xx to 5xx */
	struct metric *transports[RETRY_TRANSPORT_NR_VALUES];
	struct gauge in_flight, window, queued, waiting, breaker_open, rate_waited,
		connections_open, connections_opened, guard_paused;
};

void destination_gauges_init(
	struct destination_gauges *g, struct metrics *m, const char *destination);
/* One attempt has ended. */
void destination_gauges_count(
	struct destination_gauges *g, const struct attempt_report *r, bool was_retry);
/* @d has just been sent; its first request says how long it queued. */
void destination_gauges_sent(
	struct destination_gauges *g, const struct delivery *d, int64_t now_ms);
/* @d has ended, delivered or not. */
void destination_gauges_settled(struct destination_gauges *g, const struct delivery *d,
	int64_t now_ms, int64_t wall_ms);
void destination_gauges_sample(
	struct destination_gauges *g, const struct destination_status *s);
void destination_gauges_clear(struct destination_gauges *g);

/* --- lanes ------------------------------------------------------------------------------ */

struct lane_gauges {
	struct metric *events, *matched, *invalid, *tombstones, *skipped, *lost,
		*commit_seconds;
	struct gauge open_deliveries, open_bytes, reading_stopped, commits, commit_failures,
		rebalances, reachable, unready, assigned;
};

void lane_gauges_init(struct lane_gauges *g, struct metrics *m, const char *lane);
void lane_gauges_sample(struct lane_gauges *g, const struct lane_status *s);
void lane_gauges_clear(struct lane_gauges *g);

/* --- partitions, while they are assigned ------------------------------------------------ */

struct partition_gauges {
	struct gauge lag, failing, open_records, oldest, retention, map_bytes, held;
};

void partition_gauges_init(struct partition_gauges *g, struct metrics *m, const char *lane,
	const char *topic, int32_t partition);
void partition_gauges_sample(struct partition_gauges *g, const struct lane_partition_status *s);
void partition_gauges_clear(struct partition_gauges *g);

/* --- dead-letter topics ----------------------------------------------------------------- */

struct topic_gauges {
	struct gauge failures, failing;
};

void topic_gauges_init(struct topic_gauges *g, struct metrics *m, const char *topic);
void topic_gauges_sample(struct topic_gauges *g, const struct deadletter_topic_state *s);
void topic_gauges_clear(struct topic_gauges *g);

/* --- an engine, but for its destinations and lanes -------------------------------------- */

struct engine_status {
	int64_t longest_pass_us;
	uint64_t stalls;
	size_t letters_pending, deliveries_limit, bytes_limit;
};

/* The last three are the process's, of which each engine reports its share. */
struct engine_gauges {
	struct gauge longest_pass, stalls;
	struct gauge letters_pending, deliveries_limit, bytes_limit;
};

/* @number: the engine's, among the process's. */
void engine_gauges_init(struct engine_gauges *g, struct metrics *m, unsigned number);
void engine_gauges_sample(struct engine_gauges *g, const struct engine_status *s);

#endif
