/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd.h - the subcommands, one file each, and what they share. argv[0] is "postrider run", for getopt();
 * the result is the exit status: 0 done, 1 failed (a configuration with faults, say), 2 wrong
 * usage or bad input.
 */
#ifndef APP_CMD_CMD_H
#define APP_CMD_CMD_H

#include "app/conf/conf.h"
#include "base/buf.h"
#include "base/err.h"

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_test_event(int argc, char **argv);
int cmd_test_pattern(int argc, char **argv);
int cmd_test_transform(int argc, char **argv);
int cmd_broker(int argc, char **argv);
int cmd_dead_letters(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_status(int argc, char **argv);

/* Print @why, unless getopt() has said it (NULL), and where the usage is, to standard error.
 * Returns 2. */
int cmd_wrong_usage(const char *command, const char *why);
/* For conf_load(): print faults and warnings, or faults alone, to standard error. */
void cmd_print_finding(void *ctx, enum conf_severity severity, const char *line);
void cmd_print_fault(void *ctx, enum conf_severity severity, const char *line);
/* Read a whole file, or standard input if @path is "-". The error begins with its name. */
int cmd_read_input(const char *path, struct buf *out, struct err *err) ATTR_MUST_CHECK;

#endif
