/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gate/guard.h"

void guard_init(struct guard *g, bool enabled, int64_t now_ms)
{
	*g = (struct guard){.enabled = enabled, .since_ms = now_ms};
}

void guard_enable(struct guard *g, bool enabled, int64_t now_ms)
{
	if (!enabled)
		guard_release(g, now_ms);
	g->enabled = enabled;
}

void guard_release(struct guard *g, int64_t now_ms)
{
	guard_init(g, g->enabled, now_ms);
}

uint32_t guard_reason(const char *error_code, int status)
{
	uint64_t hash = error_code ? util_hash(error_code, strlen(error_code)) : 0;
	uint32_t reason = (uint32_t)hash ^ ((uint32_t)status << 22);

	return reason ? reason : 1;
}

int64_t guard_ready_at(const struct guard *g, int64_t now_ms)
{
	if (g->state == GUARD_PROBING)
		return INT64_MAX;
	return g->state == GUARD_PAUSED ? max_i64(g->next_probe_ms, now_ms) : now_ms;
}

bool guard_send(struct guard *g)
{
	if (g->state != GUARD_PAUSED)
		return false;
	g->state = GUARD_PROBING;
	return true;
}

bool guard_delivered(struct guard *g, bool probe, int64_t now_ms)
{
	if (!g->enabled)
		return false;
	if (probe && guard_is_paused(g)) {
		guard_release(g, now_ms);
		return true;
	}
	/* Deliveries sent before the pause say nothing about whether the fault is over. */
	if (!guard_is_paused(g))
		g->run = 0;
	return false;
}

bool guard_failed(struct guard *g, uint32_t reason, int64_t now_ms)
{
	if (!g->enabled)
		return false;
	if (guard_is_paused(g))
		return true;
	g->run = reason == g->reason ? g->run + 1 : 1;
	g->reason = reason;
	if (g->run < GUARD_RUN)
		return false;
	g->state = GUARD_PAUSED;
	g->since_ms = now_ms;
	g->interval_ms = GUARD_PROBE_MS;
	g->next_probe_ms = now_ms + g->interval_ms;
	return true;
}

void guard_probe_failed(struct guard *g, int64_t now_ms)
{
	if (g->state != GUARD_PROBING)
		return;
	g->state = GUARD_PAUSED;
	g->interval_ms = min_i64(g->interval_ms * 2, GUARD_PROBE_MAX_MS);
	g->next_probe_ms = now_ms + g->interval_ms;
}

void guard_probe_undone(struct guard *g, int64_t now_ms)
{
	if (g->state != GUARD_PROBING)
		return;
	g->state = GUARD_PAUSED;
	g->next_probe_ms = now_ms;
}
