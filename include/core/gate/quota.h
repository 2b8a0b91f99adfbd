/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota.h - what destinations of one connection share: its rate, and what it was told to wait.
 *
 * Quotas of an API belong to an account, so a connection may have a rate for all its
 * destinations. Each of their gates is a member. Who asks and finds no token gets a *turn*: the
 * time at which the next token comes, which is taken for it at once, so that whoever asks later
 * gets a later turn and nobody can be overtaken. Who has nothing to send any more gives its
 * turn back.
 *
 * All members together get no more than the rate and the burst (bucket.h), and one token for
 * each member that is late for its turn.
 *
 * One object a connection and a loop; its share is that of the loop, as with gate_set_share().
 * Pure; time is a parameter.
 */
#ifndef CORE_GATE_QUOTA_H
#define CORE_GATE_QUOTA_H

#include "core/gate/bucket.h"

struct quota {
	struct bucket bucket;
	uint32_t generation; /* bumped when turns given out before are void */
	int64_t held_until_ms;
};

/* Zero before its first use. */
struct quota_member {
	bool has_turn;
	uint32_t generation;
	int64_t turn_ms;
};

void quota_init(struct quota *q, int64_t rate_per_1000s, unsigned burst, int64_t now_ms);
void quota_set_rate(struct quota *q, int64_t rate_per_1000s, unsigned burst, int64_t now_ms);
void quota_set_share(struct quota *q, unsigned part, unsigned whole, int64_t now_ms);

/* Nothing goes before @until_ms. What was told before stays where it is later. */
void quota_hold(struct quota *q, int64_t until_ms);

/* When @m may send: @now_ms for now, later, or INT64_MAX for not before something changes.
 * It has a turn from now on, but for INT64_MAX. */
int64_t quota_ready_at(struct quota *q, struct quota_member *m, int64_t now_ms);
/* @m sends, as quota_ready_at() has allowed. */
void quota_take(struct quota_member *m);
/* It has nothing to send now, or it had no turn. */
void quota_return(struct quota *q, struct quota_member *m);
/* What was taken has not been used. */
void quota_give_back(struct quota *q);

#endif
