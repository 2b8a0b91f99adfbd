/* SPDX-License-Identifier: Apache-2.0 */
#include "breaker.h"

static void enter(struct breaker *b, enum breaker_state state, int64_t now_ms)
{
	b->state = state;
	b->since_ms = now_ms;
	b->changes++;
}

static void close_it(struct breaker *b, int64_t now_ms)
{
	enter(b, BREAKER_CLOSED, now_ms);
	b->consecutive_failures = 0;
	b->interval_ms = b->settings.probe_ms;
}

void breaker_init(struct breaker *b, const struct breaker_settings *s, int64_t now_ms)
{
	*b = (struct breaker){.settings = *s, .since_ms = now_ms, .interval_ms = s->probe_ms};
}

void breaker_configure(struct breaker *b, const struct breaker_settings *s, int64_t now_ms)
{
	b->settings = *s;
	if (b->state == BREAKER_CLOSED)
		b->interval_ms = s->probe_ms;
	else if (s->failures == 0)
		close_it(b, now_ms);
	b->interval_ms = min_i64(b->interval_ms, s->probe_max_ms);
}

unsigned breaker_allows(const struct breaker *b, unsigned window, int64_t now_ms)
{
	switch (b->state) {
	case BREAKER_OPEN:
		return now_ms < b->next_probe_ms ? 0 : window;
	case BREAKER_PROBING:
		return 0;
	case BREAKER_RECOVERING:
		return b->opening < window ? b->opening : window;
	case BREAKER_CLOSED:
		break;
	}
	return window;
}

bool breaker_send(struct breaker *b, int64_t now_ms)
{
	if (b->state != BREAKER_OPEN)
		return false;
	enter(b, BREAKER_PROBING, now_ms);
	return true;
}

static void plan_probe(
	struct breaker *b, int64_t retry_after_ms, struct rng *rng, int64_t now_ms)
{
	int64_t half = b->interval_ms / 2;
	int64_t delay_ms =
		b->interval_ms - half + (int64_t)rng_upto(rng, (uint64_t)max_i64(half, 0));

	b->next_probe_ms =
		now_ms + max_i64(delay_ms, min_i64(retry_after_ms, BREAKER_RETRY_AFTER_MAX_MS));
	b->interval_ms = min_i64(b->interval_ms * 2, b->settings.probe_max_ms);
}

static void open_it(struct breaker *b, int64_t retry_after_ms, struct rng *rng, int64_t now_ms)
{
	b->epoch++;
	plan_probe(b, retry_after_ms, rng, now_ms);
	enter(b, BREAKER_OPEN, now_ms);
}

static void begin_round(struct breaker *b, unsigned opening, int64_t now_ms)
{
	b->opening = opening;
	b->answered = 0;
	b->round_since_ms = now_ms;
}

static void recover(struct breaker *b, unsigned window, int64_t now_ms)
{
	if (++b->answered >= b->opening && now_ms - b->round_since_ms >= BREAKER_ROUND_MS)
		begin_round(b, b->opening * 2, now_ms);
	if (b->opening >= window || now_ms - b->failed_ms >= BREAKER_QUIET_MS)
		close_it(b, now_ms);
}

void breaker_answered(struct breaker *b, uint32_t epoch, unsigned window, int64_t now_ms)
{
	if (epoch != b->epoch)
		return;
	b->consecutive_failures = 0;
	if (b->state == BREAKER_PROBING) {
		enter(b, BREAKER_RECOVERING, now_ms);
		b->failed_ms = now_ms;
		begin_round(b, 1, now_ms);
	} else if (b->state == BREAKER_RECOVERING) {
		recover(b, window, now_ms);
	}
}

static void fail_in_recovery(
	struct breaker *b, int64_t retry_after_ms, struct rng *rng, int64_t now_ms)
{
	b->failed_ms = now_ms;
	if (b->opening == 1)
		open_it(b, retry_after_ms, rng, now_ms);
	else
		begin_round(b, b->opening / 2, now_ms);
}

void breaker_failed(struct breaker *b, uint32_t epoch, int64_t retry_after_ms, struct rng *rng,
	int64_t now_ms)
{
	bool told_to_stay_away =
		b->settings.retry_after_ms > 0 && retry_after_ms > b->settings.retry_after_ms;

	if (epoch != b->epoch || b->settings.failures == 0)
		return;
	b->consecutive_failures++;
	if (b->state == BREAKER_PROBING || told_to_stay_away ||
		(b->state == BREAKER_CLOSED && b->consecutive_failures >= b->settings.failures))
		open_it(b, retry_after_ms, rng, now_ms);
	else if (b->state == BREAKER_RECOVERING)
		fail_in_recovery(b, retry_after_ms, rng, now_ms);
}

void breaker_probe_undone(struct breaker *b, int64_t now_ms)
{
	if (b->state != BREAKER_PROBING)
		return;
	enter(b, BREAKER_OPEN, now_ms);
	b->next_probe_ms = now_ms;
}
