/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry_after.h - when does a reply say that one may come back?
 *
 * Retry-After is the standard's header, but many APIs say it in another one. They are asked in
 * this order, and the first that can be read decides:
 *
 *   Retry-After
 *   those that a destination names (retry_after_headers)
 *   X-RateLimit-Retry-After
 *   RateLimit-Reset
 *   RateLimit                 a structured field: "default";r=0;t=30, or limit=9, reset=30
 *   X-RateLimit-Reset-After
 *   X-RateLimit-Reset
 *   X-Rate-Limit-Reset
 *
 * What the value means is told by its form and its size, since one header has different units
 * at different APIs: a number below 10^8 counts seconds from now, below 10^11 seconds since
 * 1970, and any other milliseconds since 1970; a fraction is rounded up to a second. A date is
 * one of HTTP (RFC 9110, 5.6.7, in any of its three forms) or of ISO 8601. No delay is longer
 * than RETRY_AFTER_MAX_MS, and what is past is a delay of 0.
 *
 * Pure; wall time is a parameter.
 */
#ifndef CORE_GATE_RETRY_AFTER_H
#define CORE_GATE_RETRY_AFTER_H

#include "base/util.h"

#define RETRY_AFTER_MAX_MS ((int64_t)7 * 24 * 3600 * 1000)

enum retry_after_kind {
	RETRY_AFTER_NONE,
	RETRY_AFTER_DELAY, /* so long from now, 0 and up */
	RETRY_AFTER_STOP,  /* a negative Retry-After: do not come back */
};

/* The value of one header. Anything that is neither number nor date is NONE. */
enum retry_after_kind retry_after_parse(
	struct slice value, int64_t wall_ms, int64_t *ret_delay_ms);

/* Names of further headers, in any case; borrowed. */
struct retry_after_names {
	const char *const *names;
	size_t count;
};

/* Does retry_after_read() look at a header of this name? @more may be NULL. */
bool retry_after_is_named(struct slice name, const struct retry_after_names *more);

/*
 * What the reply's @head says: lines "Name: value", each with a line feed behind it; of
 * several with one name the last counts. Only Retry-After is asked unless @throttled, since the
 * other headers stand in any reply and say only of one that refuses for its rate that this is
 * the time to wait for. A negative number means STOP in Retry-After and nothing elsewhere.
 */
enum retry_after_kind retry_after_read(struct slice head, const struct retry_after_names *more,
	bool throttled, int64_t wall_ms, int64_t *ret_delay_ms);

#endif
