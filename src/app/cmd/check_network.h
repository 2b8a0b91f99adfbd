/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_network.h - `postrider check --network`: is what a configuration names really there?
 *
 * Topics are looked up, tokens are got, and a connection is made to every destination, TLS
 * included, by the same code that the daemon uses. No request is made of an API, no event is
 * read, nothing is written or made. All of it goes on at once, each step for
 * NETWORK_TIMEOUT_MS at most, and one that fails stops no other.
 */
#ifndef APP_CMD_CHECK_NETWORK_H
#define APP_CMD_CHECK_NETWORK_H

#include "app/conf/conf.h"

#define NETWORK_TIMEOUT_MS 15000

struct network_result {
	size_t passed, failed;
};

/* Appends one line a step to @out: "ok" or "FAILED", what, how long it took, and why. No secret
 * is in it. */
void network_check(struct conf *conf, struct buf *out, struct network_result *ret);

#endif
