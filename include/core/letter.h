/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letter.h - what a dead letter says: the event's own headers, then why it was given up.
 *
 * The value and key of the letter are the event's, byte for byte, and are not in here; its
 * headers come first, untouched, a header of the same name too. Ours follow
 * (doc/design.md, Dead letters), UTF-8 text: ERROR_CODE ERROR_MESSAGE
 * EXHAUSTED_RETRY_CONDITION RETRY_ATTEMPTS RULE_NAME TARGET_ID DESTINATION HTTP_STATUS
 * SOURCE_TOPIC SOURCE_PARTITION SOURCE_OFFSET SOURCE_TIMESTAMP FIRST_ATTEMPT_TIME
 * LAST_ATTEMPT_TIME, and last RESPONSE_BODY, printable,
 * which a letter that is too large can go without. What is not known is absent. Never a
 * credential.
 *
 * A letter that is too large even so has, in the place of the event's value and headers, a last
 * header LETTER_OMITTED that names what it is without: the event itself is the record that SOURCE_*
 * say, for as long as that topic keeps it.
 *
 * Pure. A letter borrows the event's bytes and owns its own.
 */
#ifndef CORE_LETTER_H
#define CORE_LETTER_H

#include "base/buf.h"
#include "core/gate/delivery.h"
#include "core/event/event.h"

#define LETTER_OMITTED "OMITTED"

struct letter_facts {
	const struct delivery_facts *delivery;
	const char *rule_name, *target_id,
		*destination;   /* NULL: not of one (an invalid event) */
	unsigned redrive_count; /* 0: first letter, no header */
};

struct letter {
	struct event_header *headers;
	size_t header_count;
	size_t own_at;         /* ours begin here */
	size_t required_count; /* without the last, optional ones */
	struct buf text;       /* the values of our headers; private */
};

/* What ERROR_CODE may be (doc/eventbridge.md, Error codes); NULL is behind the last. */
extern const char *const letter_error_codes[];

/* Fill @l, which letter_release() frees. */
void letter_build(struct letter *l, const struct event *ev, const struct letter_facts *f);
void letter_release(struct letter *l);

#endif
