/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gate/delivery.h"

#include <stdlib.h>

#define TO(state) (1u << DELIVERY_##state)

/* The diagram in delivery.h as a table. Change both together. */
static const struct {
	const char *name;
	unsigned next;
} states[DELIVERY_NR_STATES] = {
	[DELIVERY_QUEUED] = {"queued", TO(SENDING) | TO(DEAD)},
	[DELIVERY_SENDING] = {"sending", TO(DONE) | TO(WAITING) | TO(DEAD)},
	[DELIVERY_WAITING] = {"waiting", TO(SENDING) | TO(DEAD)},
	[DELIVERY_DEAD] = {"dead", TO(DONE)},
	[DELIVERY_DONE] = {"done", 0},
};

const char *delivery_state_name(enum delivery_state s)
{
	return states[s].name;
}

bool delivery_may_move(enum delivery_state from, enum delivery_state to)
{
	return (states[from].next & (1u << to)) != 0;
}

void delivery_facts_release(struct delivery_facts *f)
{
	free(f->error_message);
	free(f->response);
	*f = (struct delivery_facts){0};
}

void delivery_facts_set_message(struct delivery_facts *f, const char *text)
{
	free(f->error_message);
	f->error_message = text != NULL && text[0] != '\0' ? xstrdup(text) : NULL;
}

void delivery_facts_set_response(struct delivery_facts *f, struct slice body)
{
	free(f->response);
	f->response = body.len > 0 ? xmemdup(body.data, body.len) : NULL;
	f->response_len = (uint32_t)body.len;
}
