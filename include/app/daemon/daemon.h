/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon.h - `postrider run`: the process around the engines.
 *
 * The control loop runs on the main thread, and so does the first engine. Each further one of
 * the `workers` is an engine with a thread of its own, which is reached by posted commands only.
 * Signals:
 *
 *   SIGTERM, SIGINT   drain and exit; a second one exits at once (what is not committed is sent again)
 *   SIGHUP            read the configuration again; one with a fault changes nothing
 *   SIGQUIT           print the state of everything to standard error, and go on
 */
#ifndef APP_DAEMON_DAEMON_H
#define APP_DAEMON_DAEMON_H

#include "app/conf/conf.h"

struct daemon_options {
	const char *conf_path;
	bool embedded;              /* bring our own broker */
	const char *bootstrap_file; /* write its address here when it is ready; NULL: don't */
};

enum {
	DAEMON_EXIT_OK = 0,
	DAEMON_EXIT_CONFIGURATION = 1,
	DAEMON_EXIT_FENCED = 78, /* EX_CONFIG: not to be restarted blindly */
};

/* Runs until a signal ends it; returns the exit status. */
int daemon_run(const struct daemon_options *options);

#endif
