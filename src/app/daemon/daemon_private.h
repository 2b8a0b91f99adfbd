/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon_private.h - what the files of the daemon share, and nobody else includes:
 * daemon.c (starting, signals, ending) and reload.c (a configuration in another's place).
 */
#ifndef APP_DAEMON_DAEMON_PRIVATE_H
#define APP_DAEMON_DAEMON_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "app/engine/connections.h"
#include "app/daemon/daemon.h"
#include "app/engine/engine.h"
#include "letter_topics.h"
#include "admin.h"
#include "secret_watch.h"
#include "app/metrics/metrics.h"
#include "io/kafka/embedded.h"

struct crew;

/* What the control loop wants an engine's own thread to do, one errand at a time. */
struct errand {
	struct loop_call call; /* there, and then back */
	struct crew *crew;
	enum {
		ERRAND_APPLY,
		ERRAND_DRAIN,
	} kind;
	struct conf *conf;
	struct err err;
	int code;
};

/* A worker and its thread. */
struct crew {
	struct daemon *daemon;
	struct engine *engine;
	struct loop *loop;
	pthread_t thread;
	bool threaded;
	struct errand errand;
	struct loop_call drained; /* posted to the control loop */
	struct loop_call fenced;
	atomic_bool was_fenced, dumping;
	struct loop_call dump; /* posted to its own loop, while `dumping` */
	bool has_drained;
};

struct daemon {
	const struct daemon_options *options;
	struct loop *loop; /* the control loop: the first worker's too */
	struct conf *conf;
	struct connections *connections;
	struct metrics *metrics;
	struct embedded *embedded;
	struct observer *observer; /* NULL: no admin listener */
	struct letter_topics *letter_topics;
	struct refresher *refresher;
	struct loop_timer watchdog, sampler, trimmer;
	int64_t said_successful, said_time;
	int64_t watchdog_ms;
	struct crew *crews;
	unsigned crew_count, drained_count, applying;
	bool stopping;
	/* Asked for while a configuration was being applied. */
	bool reload_again, refresh_again;
	int exit_status;
	uint64_t generation;
};

/* daemon.c */
/* Every worker makes what runs agree with d->conf; daemon_applied() when all have. */
void daemon_apply(struct daemon *d);

/* reload.c */
/* The first configuration; NULL: it has faults, which were told at the terminal. */
struct conf *daemon_load_first(struct daemon *d);
void daemon_point_at_embedded(struct daemon *d, struct conf *conf);
/* Of metrics: whether the last load was good, and when. */
void daemon_note_load(struct daemon *d, bool successful);
/* Read the files again; while another configuration is being applied, after that. */
void daemon_reload(struct daemon *d);
/* A file with a secret has changed, and nothing else. @ctx is the daemon. */
void daemon_refresh(void *ctx);
/* All workers have taken over d->conf. */
void daemon_applied(struct daemon *d);

#endif
