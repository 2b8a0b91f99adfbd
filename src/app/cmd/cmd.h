/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd.h - the subcommands, one file each. argv[0] is the subcommand's name; the result is the
 * exit status: 0 done, 1 failed (a configuration with faults, say), 2 wrong usage or bad input.
 */
#ifndef APP_CMD_CMD_H
#define APP_CMD_CMD_H

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_test_event(int argc, char **argv);
int cmd_test_pattern(int argc, char **argv);
int cmd_test_transform(int argc, char **argv);
int cmd_broker(int argc, char **argv);
int cmd_dead_letters(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_status(int argc, char **argv);

#endif
