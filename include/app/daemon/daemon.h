/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon.h - `postrider run`: the process around the engines.
 *
 * The control loop runs on the main thread, together with the first worker; further workers
 * have threads of their own and are reached by posted errands only. Signals:
 *
 *   SIGTERM, SIGINT   drain and leave; a second one quits at once (nothing uncommitted is lost)
 *   SIGHUP            read the configuration again; one with a fault changes nothing
 *   SIGQUIT           print the state of everything to the log, and go on
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
