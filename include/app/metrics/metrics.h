/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - counters, gauges and histograms from one table (metrics_table.h), as Prometheus
 * reads them (text exposition format 0.0.4).
 *
 * An instance is obtained once by its label values and then updated through its pointer,
 * without a lock, nor an atomic addition, which would make each worker wait for the others'
 * caches. So it is updated by one thread: each has a part of the metrics that it obtains from.
 * What is shown is the sum over all parts: counters add up, and a gauge is the sum of what each
 * one says (metric_gauge moves it by the difference to what the caller said before).
 *
 * Label values are shown while somebody uses an instance with them, in whichever part; when all
 * who obtained one have released it they are not, until it is obtained again. Its memory, and
 * what a counter has counted, stay until metrics_free(), so that no pointer is ever left
 * hanging: label values come from configurations, and are few.
 *
 * A lock guards the tables of instances alone: a scrape, on a thread of its own, holds up
 * whoever obtains or releases, never who counts. A NULL registry gives NULL instances, on
 * which every update does nothing: for tests.
 */
#ifndef APP_METRICS_METRICS_H
#define APP_METRICS_METRICS_H

#include "base/buf.h"

enum metric_id {
#define METRIC(id, type, name, labels, scale, help) METRIC_##id,
#include "app/metrics/metrics_table.h"
#undef METRIC
	METRIC_NR_VALUES
};

struct metrics;
struct metric;

/* The first part, of the thread that makes the others. */
struct metrics *metrics_new(void);
/* A part for another thread; it goes with @m. Accepts NULL. */
struct metrics *metrics_part(struct metrics *m);
/* Accepts NULL. All parts and instances go with it. */
void metrics_free(struct metrics *m);

/* This part's instance with these label values, as many as the table names; the others are
 * NULL. Made when there is none. */
struct metric *metrics_obtain(struct metrics *m, enum metric_id id, const char *first,
	const char *second, const char *third);
/* The caller does not use it any more: once for each metrics_obtain(), or the metric is shown
 * for ever. A gauge must have been reported as 0 before. Accepts NULL. */
void metric_release(struct metric *i);

/* The opposite of metric_release(): the caller, who had obtained and released it, uses it again. */
void metric_retain(struct metric *i);

void metric_add(struct metric *c, int64_t n);
/* Report that a gauge is @value now, or a counter that is kept elsewhere. *reported is what this
 * caller reported last (0 at first). */
void metric_gauge(struct metric *g, int64_t *reported, int64_t value);
/* @value in the histogram's whole units, microseconds. */
void metric_observe(struct metric *h, int64_t value);

/* All parts, given the first one, in the text format, families in the table's order. Only
 * families with an instance are shown. From any thread. */
void metrics_expose(struct metrics *m, struct buf *out);

#endif
