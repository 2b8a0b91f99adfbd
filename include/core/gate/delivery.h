/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery.h - the life of one event on its way to one target.
 *
 *               +----------------------------------+
 *               v                                  |
 *   QUEUED --> SENDING --+--> DONE                 |
 *     |          ^       +--> WAITING -------------+   (its time has come)
 *     |          |       |       |
 *     v          |       v       v
 *   DEAD <-------+------ DEAD <--+
 *     +--> DONE   (dead letter acknowledged)
 *
 * DONE is the only final state, and the only one in which the delivery has been settled with
 * the offset tracker. A shutdown may leave deliveries in any other state: their offsets are not
 * committed, so they will be seen again.
 *
 * Here stand the states, and the facts that a dead letter tells; the delivery itself is
 * app/engine/delivery.h. Pure.
 */
#ifndef CORE_GATE_DELIVERY_H
#define CORE_GATE_DELIVERY_H

#include "core/gate/retry.h"

enum delivery_state {
	DELIVERY_QUEUED,  /* in its gate, never sent in this life */
	DELIVERY_SENDING, /* on the wire */
	DELIVERY_WAITING, /* in its gate, for its retry or for credentials */
	DELIVERY_DEAD,    /* given up; its letter is being written */
	DELIVERY_DONE,    /* settled */
	DELIVERY_NR_STATES
};

const char *delivery_state_name(enum delivery_state s);
bool delivery_may_move(enum delivery_state from, enum delivery_state to);

/* What is known of its attempts. Zero at first; release it at the end. */
struct delivery_facts {
	int64_t first_attempt_ms, last_attempt_ms; /* wall time; 0: never */
	const char *error_code;                    /* a literal (retry.h); NULL: none yet */
	char *error_message;                       /* owned; NULL: none */
	char *response; /* owned: first bytes of the last reply's body, response_len of them */
	uint32_t response_len;
	unsigned attempts;
	int16_t status;                     /* of the last reply; 0: there was none */
	enum retry_transport transport : 8; /* of the last attempt */
	enum retry_exhausted exhausted : 8;
};

void delivery_facts_release(struct delivery_facts *f);
/* Copies. An empty text is as none. */
void delivery_facts_set_message(struct delivery_facts *f, const char *text);
void delivery_facts_set_response(struct delivery_facts *f, struct slice body);

#endif
