/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict, the schedule, and sets of statuses. */
#include "core/gate/retry.h"

#include <stdio.h>
#include <stdlib.h>

#define STATUS_MIN 100
#define STATUS_MAX 599

const struct retry_policy retry_default_policy = {
	.maximum_retry_attempts = 185,
	.maximum_event_age_ms = 24 * 3600 * 1000LL,
	.retry_base_ms = 1000,
	.retry_cap_ms = 600 * 1000,
};

static const char *const transport_names[RETRY_TRANSPORT_NR_VALUES] = {
	[RETRY_TRANSPORT_OK] = "ok",
	[RETRY_TRANSPORT_TIMEOUT] = "timeout",
	[RETRY_TRANSPORT_CONNECT] = "connect",
	[RETRY_TRANSPORT_TLS] = "tls",
	[RETRY_TRANSPORT_RESET] = "reset",
	[RETRY_TRANSPORT_DNS] = "dns",
	[RETRY_TRANSPORT_PROTOCOL] = "protocol",
	[RETRY_TRANSPORT_INTERNAL] = "internal",
};

const char *retry_transport_name(enum retry_transport t)
{
	return transport_names[t];
}

/* --- sets of statuses ------------------------------------------------------------------- */

static void statuses_set(struct retry_statuses *s, int status)
{
	s->bits[(status - STATUS_MIN) / 64] |= (uint64_t)1 << ((status - STATUS_MIN) % 64);
}

int retry_statuses_add(struct retry_statuses *s, const char *item, struct err *err)
{
	bool digit = item[0] >= '1' && item[0] <= '5';
	bool delivered = item[0] == '2' && strlen(item) == 3;
	char *end;
	long status;

	if (delivered)
		return err_set(err, ERR_INVALID,
			"'%s' can be neither retried nor refused: 2xx is delivered", item);
	if (digit && (strcmp(item + 1, "xx") == 0 || strcmp(item + 1, "XX") == 0)) {
		for (int i = 0; i < 100; i++)
			statuses_set(s, (item[0] - '0') * 100 + i);
		return 0;
	}
	status = strtol(item, &end, 10);
	if (!digit || *end != '\0' || status < STATUS_MIN || status > STATUS_MAX)
		return err_set(err, ERR_INVALID,
			"'%s' is not an HTTP status: it must be 100 to 599, or a class such as \"5xx\"",
			item);
	statuses_set(s, (int)status);
	return 0;
}

bool retry_statuses_have(const struct retry_statuses *s, int status)
{
	if (status < STATUS_MIN || status > STATUS_MAX)
		return false;
	return (s->bits[(status - STATUS_MIN) / 64] >> ((status - STATUS_MIN) % 64)) & 1;
}

/* --- verdict ---------------------------------------------------------------------------- */

static bool is_retried_by_default(int status)
{
	switch (status) {
	case 401:
	case 407:
	case 408:
	case 409:
	case 425:
	case 429:
		return true;
	default:
		return status >= 500 && status <= 599;
	}
}

static struct retry_verdict judge_transport(const struct retry_outcome *o)
{
	static const char *const codes[RETRY_TRANSPORT_NR_VALUES] = {
		[RETRY_TRANSPORT_TIMEOUT] = "TIMEOUT",
		[RETRY_TRANSPORT_CONNECT] = "CONNECTION_FAILURE",
		[RETRY_TRANSPORT_TLS] = "CONNECTION_FAILURE",
		[RETRY_TRANSPORT_RESET] = "CONNECTION_FAILURE",
		[RETRY_TRANSPORT_DNS] = "SDK_CLIENT_ERROR",
		[RETRY_TRANSPORT_PROTOCOL] = "ERROR_FROM_TARGET",
		[RETRY_TRANSPORT_INTERNAL] = "INTERNAL_ERROR",
	};
	struct retry_verdict v = {.action = RETRY_LATER, .fault = RETRY_FAULT_SITE};

	v.error_code = codes[o->transport];
	if (o->transport == RETRY_TRANSPORT_INTERNAL) {
		v.fault = RETRY_FAULT_NONE; /* ours: says nothing about the site */
		v.charge = RETRY_CHARGE_NOBODY;
	}
	return v;
}

static const char *code_of(int status, bool credentials)
{
	if (status == 429)
		return "THROTTLING";
	return credentials ? "NO_PERMISSIONS" : "ERROR_FROM_TARGET";
}

/* Of what is retried. 409 and 425 speak of this event's state, and so does what only the target
 * has added to the list; the others speak of the site's. */
static enum retry_fault fault_of(const struct retry_outcome *o, bool credentials)
{
	if (credentials)
		return RETRY_FAULT_CREDENTIALS;
	return o->has_rule || o->is_unknown || o->status >= 500 || o->status == 408 ||
			       o->status == 429
		       ? RETRY_FAULT_SITE
		       : RETRY_FAULT_EVENT;
}

static bool is_retried(const struct retry_policy *p, const struct retry_outcome *o)
{
	if (o->has_rule)
		return o->rule != RETRY_REFUSE;
	if (o->is_unknown)
		return true;
	if (o->retry_after == RETRY_AFTER_STOP || retry_statuses_have(&p->fail_on, o->status))
		return false;
	return is_retried_by_default(o->status) || retry_statuses_have(&p->retry_on, o->status);
}

/* Does the reply speak of the credentials? */
static bool is_about_credentials(const struct retry_outcome *o)
{
	if (o->has_rule)
		return o->rule == RETRY_REAUTHORISE;
	return o->status == 401 || o->status == 407 ||
	       (o->status == 403 && o->reauthorise_on_403);
}

bool retry_is_delivered(const struct retry_outcome *o)
{
	if (o->status == 0)
		return false;
	if (o->has_rule)
		return o->rule == RETRY_DELIVERED;
	return !o->is_unknown && o->status >= 200 && o->status <= 299;
}

bool retry_is_throttled(const struct retry_outcome *o)
{
	return o->has_rule ? o->rule == RETRY_LATER : o->status == 429 || o->status == 503;
}

static struct retry_verdict judge_failure(
	const struct retry_policy *p, const struct retry_outcome *o)
{
	bool credentials = is_about_credentials(o);
	struct retry_verdict v = {.action = RETRY_LATER};

	v.error_code = code_of(o->status, credentials);
	v.fault = fault_of(o, credentials);
	if (credentials && o->can_reauthorise && !o->fresh_token) {
		v.action = RETRY_REAUTHORISE;
		v.charge = RETRY_CHARGE_NOBODY;
	} else if (credentials && o->has_credentials && !o->is_proven) {
		v.charge = RETRY_CHARGE_CONNECTION;
	} else if (is_retried(p, o)) {
		v.charge = o->is_probe ? RETRY_CHARGE_NOBODY : RETRY_CHARGE_EVENT;
		v.not_before_ms = o->retry_after == RETRY_AFTER_DELAY ? o->retry_after_ms : 0;
	} else {
		v.action = RETRY_REFUSE;
		v.fault = credentials ? RETRY_FAULT_CREDENTIALS : RETRY_FAULT_EVENT;
	}
	return v;
}

struct retry_verdict retry_judge(const struct retry_policy *p, const struct retry_outcome *o)
{
	struct retry_verdict v = {.action = RETRY_DELIVERED};

	if (o->status == 0 && o->transport != RETRY_TRANSPORT_OK) {
		v = judge_transport(o);
		if (o->is_probe)
			v.charge = RETRY_CHARGE_NOBODY;
		return v;
	}
	return retry_is_delivered(o) ? v : judge_failure(p, o);
}

/* --- schedule --------------------------------------------------------------------------- */

const char *retry_exhausted_name(enum retry_exhausted e)
{
	static const char *const names[] = {
		[RETRY_NOT_EXHAUSTED] = NULL,
		[RETRY_MAXIMUM_RETRY_ATTEMPTS] = "MaximumRetryAttempts",
		[RETRY_MAXIMUM_EVENT_AGE] = "MaximumEventAgeInSeconds",
	};

	return names[e];
}

static int64_t backoff_ceiling_ms(const struct retry_policy *p, unsigned attempts)
{
	int64_t ceiling_ms = p->retry_base_ms;

	for (unsigned i = 1; i < attempts && ceiling_ms < p->retry_cap_ms; i++)
		ceiling_ms *= 2;
	return min_i64(ceiling_ms, p->retry_cap_ms);
}

/* No attempt is scheduled in the last stretch before the maximum age. Delays are capped by
 * the time that is left, so retries there would come in a burst of ever shorter delays. */
static int64_t last_stretch_ms(const struct retry_policy *p)
{
	return min_i64(p->retry_base_ms, p->maximum_event_age_ms / 64);
}

enum retry_exhausted retry_schedule(const struct retry_policy *p, const struct retry_verdict *v,
	unsigned attempts, int64_t age_ms, struct rng *rng, int64_t *ret_delay_ms)
{
	int64_t left_ms = p->maximum_event_age_ms - age_ms, ceiling_ms;

	if (attempts > p->maximum_retry_attempts)
		return RETRY_MAXIMUM_RETRY_ATTEMPTS;
	if (left_ms <= last_stretch_ms(p) || v->not_before_ms > left_ms)
		return RETRY_MAXIMUM_EVENT_AGE;
	ceiling_ms = min_i64(backoff_ceiling_ms(p, attempts), left_ms);
	*ret_delay_ms = max_i64((int64_t)rng_upto(rng, (uint64_t)ceiling_ms), v->not_before_ms);
	return RETRY_NOT_EXHAUSTED;
}
