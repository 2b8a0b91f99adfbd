/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry.h - what did it mean, whose fault is it, and when again?
 *
 * Two pure functions hold the whole failure policy (doc/design.md, Failure contract):
 *
 *   retry_judge()     what came of an attempt  ->  verdict
 *   retry_schedule()  verdict, attempts, age   ->  the time of the next attempt, or give up
 *
 * A received status decides, whatever becomes of the body. Delivered: 2xx. Reauthorise: 401 and
 * 407 (and 403 where the connection says so), once for a token that has not just been renewed.
 * Retry: 401/407 otherwise, 408, 409, 425, 429, 5xx; without a status time-outs, connection and
 * TLS failures, names that do not resolve. Refuse: everything else, redirects included. A target
 * may move statuses between retry and refuse (retry_on, fail_on); fail_on wins. A response rule
 * (core/reply) goes before the status. Credentials go before retry_on and fail_on: an expired
 * token is no answer to the event.
 *
 * Fault: SITE feeds the destination's breaker (5xx, 408, 429, what the transport says, and what
 * a rule retries); EVENT says nothing about the site (what is refused, 409, 425, and what only
 * this target retries); CREDENTIALS concerns the connection; NONE is our own side's.
 *
 * Charge: who pays for a failed attempt. Usually the event, one of whose attempts is gone.
 * Nobody does for what the event can't help: a probe of breaker or guard that failed, our own
 * shortage of something, a token that is renewed. Credentials with which no delivery has yet
 * succeeded are charged to the connection: all its deliveries wait until one of them is taken.
 *
 * Error codes (doc/eventbridge.md, Error codes): TIMEOUT; CONNECTION_FAILURE (refused, reset,
 * TLS); SDK_CLIENT_ERROR (the name does not resolve); INTERNAL_ERROR (ours); THROTTLING (429);
 * NO_PERMISSIONS (401, 407, and what else means credentials); ERROR_FROM_TARGET (every other
 * status, and a reply that is none).
 *
 * Back-off is full jitter: evenly between 0 and min(cap, base * 2^(attempts - 1)), but never
 * sooner than Retry-After; a negative Retry-After stops. (AWS architecture blog,
 * "Exponential Backoff And Jitter"; EventBridge guide, eb-rule-retry-policy.) The time that
 * is left of the maximum age bounds it too: nothing is given up while there is time for an
 * attempt, and none is made in the last moment of it.
 */
#ifndef CORE_GATE_RETRY_H
#define CORE_GATE_RETRY_H

#include "base/err.h"
#include "base/rng.h"
#include "base/util.h"
#include "core/gate/retry_after.h"

/* What the transport says; io/http translates libcurl's codes into it. */
enum retry_transport {
	RETRY_TRANSPORT_OK,       /* there is a status */
	RETRY_TRANSPORT_TIMEOUT,  /* connect, whole request, or no progress */
	RETRY_TRANSPORT_CONNECT,  /* refused, unreachable, proxy */
	RETRY_TRANSPORT_TLS,      /* handshake or certificate */
	RETRY_TRANSPORT_RESET,    /* closed or broken before a whole reply */
	RETRY_TRANSPORT_DNS,      /* the name does not resolve */
	RETRY_TRANSPORT_PROTOCOL, /* the reply is not HTTP, or over a limit */
	RETRY_TRANSPORT_INTERNAL, /* our own side: a descriptor or memory short */
	RETRY_TRANSPORT_NR_VALUES
};

const char *retry_transport_name(enum retry_transport t);

/* A set of HTTP statuses 100 to 599. */
struct retry_statuses {
	uint64_t bits[8];
};

/* Add one item of a configuration list: "503", "5xx", "4xx". ERR_INVALID otherwise, and for
 * 2xx, which is delivered whatever a target says. */
int retry_statuses_add(
	struct retry_statuses *s, const char *item, struct err *err) ATTR_MUST_CHECK;
bool retry_statuses_have(const struct retry_statuses *s, int status);

struct retry_policy {
	unsigned maximum_retry_attempts; /* 185: retries, the first attempt not counted */
	int64_t maximum_event_age_ms;    /* 24 h */
	bool age_from_timestamp;         /* the record's, not the time of taking up */
	int64_t retry_base_ms;           /* 1 s */
	int64_t retry_cap_ms;            /* 600 s */
	struct retry_statuses retry_on, fail_on;
};

extern const struct retry_policy retry_default_policy;

enum retry_action {
	RETRY_DELIVERED,
	RETRY_LATER,
	RETRY_REAUTHORISE,
	RETRY_REFUSE,
};

struct retry_outcome {
	enum retry_transport transport; /* not OK with a status: the body broke off */
	int status;                     /* 0: there was no reply */
	bool has_rule;                  /* a response rule matches, whose outcome is: */
	enum retry_action rule;
	bool is_unknown; /* a rule might have matched, had the body been read */
	enum retry_after_kind retry_after;
	int64_t retry_after_ms;
	bool is_probe;        /* of the breaker or the guard */
	bool has_credentials; /* the connection presents any */
	bool is_proven;       /* and a delivery has succeeded with these */
	bool fresh_token;     /* the attempt used a token newer than the last 401 */
	bool can_reauthorise; /* the connection has a token that can be renewed */
	bool reauthorise_on_403;
};

enum retry_fault {
	RETRY_FAULT_NONE,
	RETRY_FAULT_SITE,
	RETRY_FAULT_EVENT,
	RETRY_FAULT_CREDENTIALS,
};

enum retry_charge {
	RETRY_CHARGE_EVENT,
	RETRY_CHARGE_NOBODY,
	RETRY_CHARGE_CONNECTION,
};

struct retry_verdict {
	enum retry_action action;
	enum retry_fault fault;
	enum retry_charge charge; /* of what is tried again */
	/* Of doc/eventbridge.md, Error codes, for the dead letter; NULL when delivered. */
	const char *error_code;
	int64_t not_before_ms; /* from now, by Retry-After; 0: none */
};

/* Is it delivered? The one outcome that ends well. */
bool retry_is_delivered(const struct retry_outcome *o);
/* Does the reply refuse for the rate of requests? Then what it says about when to come back is
 * meant for the whole destination. */
bool retry_is_throttled(const struct retry_outcome *o);

struct retry_verdict retry_judge(const struct retry_policy *p, const struct retry_outcome *o);

/* Why no further attempt is made, in the words of EXHAUSTED_RETRY_CONDITION. */
enum retry_exhausted {
	RETRY_NOT_EXHAUSTED,
	RETRY_MAXIMUM_RETRY_ATTEMPTS,
	RETRY_MAXIMUM_EVENT_AGE,
};

/* "MaximumRetryAttempts", "MaximumEventAgeInSeconds", or NULL. */
const char *retry_exhausted_name(enum retry_exhausted e);

/*
 * When to try again after @attempts attempts (1 and up), the event being @age_ms old:
 * *ret_delay_ms from now. When that could only be beyond the maximum age the delivery is
 * exhausted now.
 */
enum retry_exhausted retry_schedule(const struct retry_policy *p, const struct retry_verdict *v,
	unsigned attempts, int64_t age_ms, struct rng *rng, int64_t *ret_delay_ms);

#endif
