/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_gauges.h - what every Prometheus client says of its process: CPU time, memory, file
 * descriptors, start; and which versions run.
 *
 * Called by the control loop alone.
 */
#ifndef APP_DAEMON_PROCESS_GAUGES_H
#define APP_DAEMON_PROCESS_GAUGES_H

#include "app/metrics/metrics.h"

struct process_gauge {
	struct metric *metric;
	int64_t reported;
};

struct process_gauges {
	struct process_gauge cpu, resident, virtual, open_fds, max_fds;
};

/* Also says what does not change: the versions, and when the process started. */
void process_gauges_init(struct process_gauges *g, struct metrics *m);
/* Read /proc and report it; what can't be read stays as it was. */
void process_gauges_sample(struct process_gauges *g);

#endif
