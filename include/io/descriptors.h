/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptors.h - how many files and sockets this process may have, and who may have them.
 *
 * A part of them is kept from requests, for Kafka's connections, the admin listener and files:
 * a destination with a wide window must not cut the process off from its broker.
 */
#ifndef IO_DESCRIPTORS_H
#define IO_DESCRIPTORS_H

#include <stddef.h>

/* Raise the soft limit to the hard one, but not beyond what any program has use for. Once, before
 * any thread is started. */
void descriptors_raise(void);
/* How many requests may have, of those that the limit allows. Any thread. */
size_t descriptors_for_requests(void);

#endif
