/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clients.h - who is connected to the admin listener, how many, and for how long.
 *
 * Times count from the connection's start, and no byte renews them: a client that trickles its
 * request, or takes its reply a byte at a time, is cut off as one that is silent. When an address,
 * or all clients together, have too many connections, the oldest one whose request has not come
 * yet is cut off, so that a new client that asks at once is answered however many dawdle; but none
 * within its first CLIENTS_GRACE_MS, so that a crowd that comes at once does not push it out. Some
 * places are kept for clients on this machine.
 *
 * Single-threaded: it belongs to the listener's thread. Times are of clock_monotonic_ms().
 */
#ifndef IO_HTTPD_CLIENTS_H
#define IO_HTTPD_CLIENTS_H

#include <sys/socket.h>

#include "base/list.h"
#include "io/httpd/httpd.h"

#define CLIENTS_GRACE_MS 50

struct client {
	struct list node;
	int fd;                    /* borrowed */
	unsigned char address[16]; /* IPv6 (its first half: a network) or mapped IPv4 */
	bool local;                /* loopback, or a Unix socket */
	bool asked;                /* the head of its request has come */
	bool cut_off;              /* and counts no more */
	int64_t since_ms;
};

struct clients {
	const struct admin_limits *limits; /* borrowed */
	struct list list;                  /* the oldest first */
	bool is_unsettled;                 /* some limit may be passed */
};

void clients_init(struct clients *set, const struct admin_limits *limits);
/* A client has connected from @address (NULL: unknown, as with a Unix socket). Never NULL. */
struct client *clients_add(
	struct clients *set, const struct sockaddr *address, int fd, int64_t now_ms);
/* Its connection has ended; @fd is still open. */
void clients_remove(struct client *c);
/* Cut off those whose time is over, and those that are too many. Returns when to call again; INT64_MAX: nobody waits. */
int64_t clients_expire(struct clients *set, int64_t now_ms);

#endif
