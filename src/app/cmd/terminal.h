/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal.h - what commands print can't command a terminal.
 *
 * Names, headers and bodies of events, replies of APIs and texts of servers end up in what a
 * command prints, and a terminal obeys escape sequences in it. So the streams themselves replace
 * everything of that kind, whoever prints it: there is no call that could be forgotten.
 */
#ifndef APP_CMD_TERMINAL_H
#define APP_CMD_TERMINAL_H

/*
 * From now on stdout and stderr print blanks instead of what utf8_is_control() (base/utf8.h), but
 * for line ends and tabs, and U+FFFD instead of what is no UTF-8. Call it once, before anything
 * is printed.
 */
void terminal_guard(void);

#endif
