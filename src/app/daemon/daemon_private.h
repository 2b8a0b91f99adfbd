/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon_private.h - what the two files of the daemon share: daemon.c (starting, signals,
 * commands to the engines, ending) calls reload.c (another configuration becomes the daemon's).
 */
#ifndef APP_DAEMON_DAEMON_PRIVATE_H
#define APP_DAEMON_DAEMON_PRIVATE_H

#include "admin.h"
#include "engine_thread.h"
#include "letter_topics.h"
#include "process_gauges.h"
#include "secret_watch.h"
#include "app/daemon/daemon.h"
#include "app/engine/connections.h"
#include "app/metrics/metrics.h"
#include "io/kafka/embedded.h"

struct daemon {
	const struct daemon_options *options;
	struct loop *loop; /* the control loop; the first engine runs on it too */
	struct conf *conf;
	struct connections *connections;
	struct metrics *metrics;
	struct process_gauges process;
	struct embedded *embedded;
	struct admin_api *admin; /* NULL: no admin listener */
	struct letter_topics *letter_topics;
	struct secret_watch *secret_watch;
	struct loop_timer watchdog, sampler, trimmer;
	int64_t watchdog_ms;
	int64_t clock_gap_ms; /* of the wall clock to the monotonic one, when last looked at */
	struct engine_thread *threads;
	unsigned thread_count;
	unsigned drained_count;  /* of the threads */
	unsigned applying_count; /* that have not yet taken over conf */
	bool apply_failed;       /* one of them could not */
	bool stopping;
	bool reload_again, refresh_again; /* asked for while conf was being taken over */
	int exit_status;
	uint64_t generation;                        /* of the configuration read last */
	int64_t reported_successful, reported_time; /* of the metrics of reloads */
};

/* The first configuration; NULL: it has faults, which were printed to the terminal. */
struct conf *reload_first(struct daemon *d);
void reload_point_at_embedded(struct daemon *d, struct conf *conf);
/* Have the metrics of reloads shown from 0 on. */
void reload_hold_counters(struct daemon *d);
/* For the metrics: whether the last load was successful, and when. */
void reload_note(struct daemon *d, bool successful);

/* Read the files again. True: d->conf is a new one, which the engines have to take over. False:
 * it was refused, and everything is as before. */
bool reload_files(struct daemon *d);
/* The same, but only the secrets have changed. */
bool reload_secrets(struct daemon *d);
/* All engines have taken over d->conf, or tried to (d->apply_failed). */
void reload_done(struct daemon *d);

#endif
