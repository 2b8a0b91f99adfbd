/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - counters, gauges and histograms from one table (metrics_table.h), as Prometheus
 * reads them.
 *
 * An instance is obtained once by its label values and then updated through its pointer, from
 * any thread, without a lock. Several workers share an instance: counters add up, and a gauge
 * is the sum of what each one says (metric_gauge moves it by the difference to what the caller
 * said before).
 *
 * A NULL registry gives NULL instances, on which every update does nothing: for tests.
 */
#ifndef CORE_METRICS_H
#define CORE_METRICS_H

#include "base/buf.h"

enum metric_id {
#define METRIC(id, type, name, labels, scale, help) METRIC_##id,
#include "core/metrics_table.h"
#undef METRIC
	METRIC_NR_VALUES
};

struct metrics;
struct metric;

struct metrics *metrics_new(void);
/* Accepts NULL. All instances go with it. */
void metrics_free(struct metrics *m);

/* The instance with these label values (as many as the table names; the others NULL), made when
 * there is none. It stays until metrics_free(): label values come from configurations, and are
 * few. */
struct metric *metrics_obtain(struct metrics *m, enum metric_id id, const char *first,
	const char *second, const char *third);

void metric_add(struct metric *c, int64_t n);
/* A gauge's part is @value now; *said is what this caller said before (0 at first). */
void metric_gauge(struct metric *g, int64_t *said, int64_t value);
/* A counter that somebody else counts: *said is its value when last told. */
static inline void metric_follow(struct metric *c, int64_t *said, int64_t value)
{
	metric_gauge(c, said, value);
}
/* @value in the histogram's whole units, microseconds. */
void metric_observe(struct metric *h, int64_t value);

/* The text format, families in the table's order. Only families with an instance are shown. */
void metrics_expose(struct metrics *m, struct buf *out);

/* The table, for the manual: the name of metric @id, its labels and its help. */
const char *metrics_name(enum metric_id id);
const char *metrics_labels(enum metric_id id);
const char *metrics_help(enum metric_id id);
const char *metrics_type(enum metric_id id);

#endif
