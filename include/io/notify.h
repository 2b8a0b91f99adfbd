/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.h - tell systemd (sd_notify(3)'s protocol): one datagram to $NOTIFY_SOCKET.
 *
 * Where the variable is not set nothing happens. Any thread.
 */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H

/* For example "READY=1", "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000", "WATCHDOG=1". */
void notify_systemd(const char *state);

#endif
