/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a delivery when its attempt has ended. The verdict on a status or a transport
 * failure is retry_judge()'s (core/gate/retry.h); here it is followed.
 *
 *   attempt ended --> judge() --> steps that concern the destination --> one of four ends:
 *
 *     RETRY_DELIVERED    settled
 *     RETRY_LATER        back into the queue for its time, or exhausted: failed
 *     RETRY_REAUTHORISE  back into the queue at once, for other credentials; costs no attempt
 *     RETRY_REFUSE       failed
 *
 *   failed --> the guard holds it: back into the queue (dispatch.c)
 *          --> a dead letter, and settled when Kafka has acknowledged it
 *
 * judge() alone decides what an outcome means and whose fault it is; everything below it obeys
 * the verdict.
 */
#include <stdio.h>

#include "dead_letter.h"
#include "destination_private.h"
#include "base/log.h"

/* After so long without one a shortage is news again. */
#define SHORTAGE_SAID_MS 60000

/* --- the verdict ------------------------------------------------------------------------ */

/* Tell the connection that the API rejected the credentials of this attempt. False: there are
 * no others, so that trying again at once would be in vain. */
static bool are_replaceable(
	struct destination *dest, struct delivery *d, const struct attempt_report *report)
{
	d->rejected_generation = (uint32_t)report->generation;
	return connection_rejected(dest->connection, report->generation);
}

/* The final verdict: the policy's, corrected by what the connection knows of its credentials. */
static struct retry_verdict judge(
	struct destination *dest, struct delivery *d, const struct attempt_report *report)
{
	struct retry_outcome outcome = report->outcome;
	struct retry_verdict verdict;

	outcome.is_probe = gate_entry_is_probe(&d->gate) || d->route->probe == d;
	verdict = retry_judge(&d->target->retry, &outcome);

	/* Whatever the verdict, the connection must hear of it. */
	if (verdict.fault == RETRY_FAULT_CREDENTIALS && !are_replaceable(dest, d, report) &&
		verdict.action == RETRY_REAUTHORISE)
		verdict.action = RETRY_LATER;
	return verdict;
}

/* --- what it means for the destination -------------------------------------------------- */

static enum gate_outcome gate_outcome_of(const struct retry_verdict *verdict)
{
	if (verdict->action == RETRY_DELIVERED)
		return GATE_DELIVERED;
	if (verdict->fault == RETRY_FAULT_SITE)
		return GATE_SITE_FAILURE;
	/* A shortage on our own side says nothing about the site. */
	return verdict->fault == RETRY_FAULT_NONE ? GATE_NO_ANSWER : GATE_EVENT_FAILURE;
}

static void tell_gate(struct destination *dest, struct delivery *d,
	const struct attempt_report *report, const struct retry_verdict *verdict)
{
	const struct retry_outcome *outcome = &report->outcome;
	struct gate_left left = {
		.outcome = gate_outcome_of(verdict),
		.latency_ms = report->latency_us / 1000,
		.throttled = retry_is_throttled(outcome),
		.retry_after_ms =
			outcome->retry_after == RETRY_AFTER_DELAY ? outcome->retry_after_ms : 0,
	};

	gate_leave(dest->gate, &d->gate, &left, destination_now_ms(dest));
}

static void tell_connection(struct destination *dest, const struct attempt_report *report,
	const struct retry_verdict *verdict)
{
	if (verdict->action == RETRY_DELIVERED)
		connection_accepted(dest->connection, report->generation);
}

void outcome_note_error(struct destination *dest, const struct delivery *d)
{
	dest->last_error_at_ms = destination_now_ms(dest);
	if (d->facts.status != 0)
		snprintf(dest->last_error, sizeof dest->last_error, "HTTP %d", d->facts.status);
	else
		snprintf(dest->last_error, sizeof dest->last_error, "%s",
			d->facts.error_message ? d->facts.error_message : "no answer");
}

static void note_failure(
	struct destination *dest, struct delivery *d, const struct retry_verdict *verdict)
{
	if (verdict->action == RETRY_DELIVERED)
		return;
	dest->failed_attempts++;
	d->facts.error_code = verdict->error_code;
	outcome_note_error(dest, d);
}

static bool lets_nothing_pass(enum gate_breaker breaker)
{
	return breaker == GATE_OPEN || breaker == GATE_PROBING;
}

/* One line for each time the breaker opens or closes. */
static void report_breaker(struct destination *dest)
{
	struct gate_state state = gate_get_state(dest->gate);
	bool is_open = lets_nothing_pass(state.breaker);
	bool was_open = lets_nothing_pass(dest->reported);

	if (state.breaker == dest->reported)
		return;
	dest->reported = state.breaker;
	metric_add(dest->gauges.breaker_changes, 1);
	if (is_open && !was_open)
		log_warn("destination_open",
			"the breaker has opened: deliveries wait, nothing is lost; probes continue",
			log_str("destination", dest->settings->name), log_str("state", "open"),
			log_int("after", state.consecutive_failures),
			log_str("last", dest->last_error),
			log_int("probe_in_ms", state.next_probe_ms - destination_now_ms(dest)));
	else if (was_open && !is_open)
		log_info("destination_closed", "the breaker has closed: deliveries continue",
			log_str("destination", dest->settings->name),
			log_str("state", gate_breaker_name(state.breaker)));
}

static void tell_guard(
	struct destination *dest, const struct delivery *d, const struct retry_verdict *verdict)
{
	if (verdict->action == RETRY_DELIVERED)
		dispatch_guard_delivered(dest, d);
	else
		dispatch_end_probe(dest, d, verdict->action != RETRY_REAUTHORISE);
}

/* --- what it means for the delivery ----------------------------------------------------- */

static void settle(struct delivery *d)
{
	struct destination *dest = d->dest;

	destination_gauges_settled(
		&dest->gauges, d, destination_now_ms(dest), loop_wall_ms(dest->context->loop));
	dispatch_leave(dest, d);
	delivery_settle(d);
}

/* While its dead letter is written it is out of flight, but its key stays taken: after a crash
 * it is sent again, and those behind it must not have been sent before. */
void outcome_failed(struct destination *dest, struct delivery *d)
{
	if (dispatch_guard_holds(dest, d))
		return;
	dest->dead_letters++;
	dead_letter_write(d, d->target->dead_letter_topic, settle);
}

static void delivered(struct destination *dest, struct delivery *d)
{
	dest->delivered++;
	settle(d);
}

/* Our own side lacks something; said once, until there has been enough for a while. */
static void note_shortage(
	struct destination *dest, const struct delivery *d, const struct retry_verdict *verdict)
{
	int64_t now_ms = destination_now_ms(dest);

	if (verdict->action != RETRY_LATER || verdict->fault != RETRY_FAULT_NONE)
		return;
	gate_note_shortage(dest->gate, now_ms);
	if (dest->shortage_ms == 0 || now_ms - dest->shortage_ms > SHORTAGE_SAID_MS)
		log_warn("shortage",
			"requests cannot be made for want of something on this side: deliveries "
			"wait, and no attempt is counted",
			log_str("destination", dest->settings->name),
			log_str("reason", d->facts.error_message));
	dest->shortage_ms = now_ms;
}

static void retry(
	struct destination *dest, struct delivery *d, const struct retry_verdict *verdict)
{
	int64_t delay_ms;

	if (verdict->charge != RETRY_CHARGE_EVENT)
		d->facts.attempts--;
	d->facts.exhausted = retry_schedule(&d->target->retry, verdict, d->facts.attempts,
		delivery_age_ms(d), &dest->context->rng, &delay_ms);
	if (d->facts.exhausted != RETRY_NOT_EXHAUSTED) {
		outcome_failed(dest, d);
		return;
	}
	if (verdict->fault == RETRY_FAULT_NONE)
		delay_ms = 0; /* it is for the gate to say when there is enough again */
	dispatch_again(dest, d, destination_now_ms(dest) + delay_ms);
	d->owner->failed_attempt(d);
}

static void retry_with_new_credentials(struct destination *dest, struct delivery *d)
{
	metric_add(dest->gauges.reauthorizations, 1);
	d->facts.attempts--; /* it was the connection's fault */
	dispatch_again(dest, d, destination_now_ms(dest));
}

static void carry_out(
	struct destination *dest, struct delivery *d, const struct retry_verdict *verdict)
{
	switch (verdict->action) {
	case RETRY_DELIVERED:
		delivered(dest, d);
		break;
	case RETRY_LATER:
		retry(dest, d, verdict);
		break;
	case RETRY_REAUTHORISE:
		retry_with_new_credentials(dest, d);
		break;
	case RETRY_REFUSE:
		outcome_failed(dest, d);
		break;
	}
}

void outcome_of_attempt(struct delivery *d, const struct attempt_report *report)
{
	struct destination *dest = d->dest;
	struct retry_verdict verdict = judge(dest, d, report);

	/* Metrics first: @d may be freed at the end. */
	destination_gauges_count(&dest->gauges, report, d->facts.attempts > 1);
	/* Frees the slot and feeds the breaker; what follows asks for the breaker's state, or
	 * puts @d back into the gate. */
	tell_gate(dest, d, report, &verdict);
	/* The log lines of the breaker and of the guard quote the last error. */
	note_failure(dest, d, &verdict);
	note_shortage(dest, d, &verdict);
	report_breaker(dest);
	/* Before @d may fail for good: the guard has to know by then how its probe ended. */
	tell_guard(dest, d, &verdict);
	tell_connection(dest, report, &verdict);
	/* Last: @d may be freed. */
	carry_out(dest, d, &verdict);
}
