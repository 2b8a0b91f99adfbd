/* SPDX-License-Identifier: Apache-2.0 */
/* How credentials stand with the API: the states of standing.h. */
#include "standing.h"

bool standing_is_proven(const struct standing *s, uint64_t generation)
{
	return s->has_proof && s->proven_generation == generation;
}

int64_t standing_ready_at(const struct standing *s, int64_t now_ms)
{
	if (!s->is_refused)
		return now_ms;
	return s->is_trial_out ? INT64_MAX : max_i64(s->next_trial_ms, now_ms);
}

bool standing_send(struct standing *s)
{
	if (!s->is_refused)
		return false;
	s->is_trial_out = true;
	return true;
}

bool standing_accepted(struct standing *s, uint64_t generation)
{
	bool was_refused = s->is_refused;

	/* What was sent with older ones says nothing of those that are in use now. */
	if (s->has_proof && generation < s->proven_generation)
		return false;
	*s = (struct standing){.has_proof = true, .proven_generation = generation};
	return was_refused;
}

bool standing_rejected(struct standing *s, uint64_t generation, bool trial, int64_t now_ms)
{
	if (standing_is_proven(s, generation)) {
		s->has_proof = ++s->refusals < STANDING_DOUBT;
		return false;
	}
	if (trial)
		s->is_trial_out = false;
	if (s->is_refused && !trial)
		return true; /* it left before the refusal was known */
	s->interval_ms = s->is_refused ? min_i64(s->interval_ms * 2, STANDING_TRIAL_MAX_MS)
				       : STANDING_TRIAL_MS;
	s->is_refused = true;
	s->next_trial_ms = now_ms + s->interval_ms;
	return true;
}

void standing_trial_undone(struct standing *s, int64_t now_ms)
{
	if (!s->is_trial_out)
		return;
	s->is_trial_out = false;
	s->next_trial_ms = now_ms;
}

void standing_mended(struct standing *s, int64_t now_ms)
{
	s->next_trial_ms = now_ms;
	s->interval_ms = STANDING_TRIAL_MS;
}

void standing_renumbered(struct standing *s, uint64_t from, uint64_t to)
{
	if (standing_is_proven(s, from))
		s->proven_generation = to;
}
