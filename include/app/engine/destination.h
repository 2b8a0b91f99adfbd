/* SPDX-License-Identifier: Apache-2.0 */
/*
 * destination.h - one destination at run time, on one loop: gate, connection, requests.
 *
 *   destination_submit --> gate --> attempt --> verdict --+--> settled
 *                           ^                             +--> dead letter --> settled
 *                           +----------- retry -----------+
 *
 * The gate (core/gate/gate.h) says which delivery may be sent and when; the destination renders,
 * authorises and sends it, and obeys the verdict (core/gate/retry.h). While the connection has
 * no credentials nothing is taken from the gate, so that no attempt is wasted.
 */
#ifndef APP_ENGINE_DESTINATION_H
#define APP_ENGINE_DESTINATION_H

#include "app/engine/delivery.h"
#include "app/engine/context.h"
#include "io/auth/connection.h"

/* @settings live as long as @conf, of which a reference is kept. @connection is borrowed. */
struct destination *destination_new(struct engine_context *context, struct conf *conf,
	const struct conf_destination *settings, struct connection *connection,
	struct err *err);
/* No delivery may be in it. Accepts NULL. */
void destination_free(struct destination *dest);
/* New settings for what is sent from now on. ERR_INVALID changes nothing. */
int destination_reconfigure(struct destination *dest, struct conf *conf,
	const struct conf_destination *settings, struct connection *connection,
	struct err *err) ATTR_MUST_CHECK;

/* Its share of rate and window: see gate_set_share(). */
void destination_set_share(struct destination *dest, unsigned part, unsigned whole);

/* Each of the deliveries from @first on, linked by `next`, is taken up by its destination.
 * Their state is QUEUED; some may be sent before this returns. */
void destination_submit(struct delivery *first);
/* Take @d back without settling it, whatever its state: a request in flight is cancelled. */
void destination_withdraw(struct delivery *d);
/* The same, but only if neither a request nor a dead letter of it is in flight. True: done. */
bool destination_withdraw_idle(struct delivery *d);
/* End @d if it has waited in the queue beyond its maximum age, or do nothing. To be called for
 * each delivery, once in a while. */
void destination_expire(struct delivery *d);

/* Would reading more events help it? */
bool destination_wants_more(const struct destination *dest);
/* The loop's monotonic now, to which the times of its gate belong. */
int64_t destination_now_ms(const struct destination *dest);
const char *destination_name(const struct destination *dest);

struct destination_status {
	struct gate_state gate;
	struct http_client_state http;
	struct connection_status connection;
	bool guard_paused;                       /* core/gate/guard.h */
	int64_t guard_for_ms, guard_probe_in_ms; /* -1: it is not paused; no probe is due */
	int64_t last_error_age_ms;               /* -1: there was none */
	char last_error[256];
	uint64_t delivered, failed_attempts, dead_letters;
};

/* Update its gauges: once a second. */
void destination_sample(struct destination *dest);
void destination_get_status(const struct destination *dest, struct destination_status *ret);

#endif
