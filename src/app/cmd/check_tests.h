/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_tests.h - a user's own tests of a configuration: `postrider check --tests FILE.json`.
 *
 * The file holds a list of tests, each an event and the requests that it must lead to:
 *
 *   [ { "name": "a large order is told",
 *       "event": { "detail-type": "Order Placed", "detail": { "amount": 250 } },
 *       "topic": "orders", "key": "o-1", "headers": { "kind": "x" },     (may be absent)
 *       "expect": [ { "rule": "large_orders", "target": "slack", "method": "POST",
 *                     "url": "https://…", "headers": { "X-Order": "o-1" },
 *                     "body": { "text": "…" } } ] } ]
 *
 * What an expected request does not say is not compared; a request that nobody expects is a
 * failure, and so is one that is missing. "error": "INVALID_JSON" expects that the request
 * can't be made, "INVALID_EVENT" that the record is no event of its consumer. "body" is compared
 * as JSON unless it is a text. Compared are the true values; "***" may stand for a secret, and
 * messages show it so.
 *
 * An "event" that is a text is the record's value, byte for byte. A header is a text, null (it
 * has no value), or a list of these. With a "topic" only rules of consumers that read it count.
 */
#ifndef APP_CMD_CHECK_TESTS_H
#define APP_CMD_CHECK_TESTS_H

#include "app/conf/conf.h"

struct check_tests_result {
	size_t passed, failed;
};

/* Prints what differs. ERR_IO, ERR_INVALID: the file is not what it should be. */
int check_tests_run(const struct conf *conf, const char *path, struct check_tests_result *ret,
	struct err *err) ATTR_MUST_CHECK;

#endif
