/* SPDX-License-Identifier: Apache-2.0 */
#include "core/window.h"

#define START_SIZE 8

void window_set(struct window *w, const struct gate_settings *s)
{
	w->is_auto = s->auto_concurrency;
	w->max = s->auto_concurrency ? s->max_concurrency_limit : s->max_concurrency;
	if (w->size > w->max)
		w->size = w->max;
}

void window_init(struct window *w, const struct gate_settings *s)
{
	*w = (struct window){.part = 1, .whole = 1, .size = START_SIZE};
	window_set(w, s);
}

void window_set_share(struct window *w, unsigned part, unsigned whole)
{
	w->part = part;
	w->whole = whole;
}

unsigned window_size(const struct window *w)
{
	uint64_t size = w->is_auto ? (uint64_t)w->size : w->max;

	if (w->part == 0)
		return 0;
	return (unsigned)max_i64((int64_t)(size * w->part / w->whole), 1);
}

static void shrink(struct window *w, double factor, int64_t now_ms)
{
	if (now_ms < w->not_again_before_ms)
		return;
	w->met_setback = true;
	w->not_again_before_ms = now_ms + (int64_t)w->fastest_ms + 1;
	w->size = w->size * factor < 1 ? 1 : w->size * factor;
}

static void grow(struct window *w)
{
	w->size += w->met_setback ? 1 / w->size : 1;
	if (w->size > w->max)
		w->size = w->max;
}

void window_answered(
	struct window *w, const struct gate_left *l, unsigned in_flight, int64_t now_ms)
{
	double latency_ms = l->latency_ms > 1 ? (double)l->latency_ms : 1;

	if (!w->is_auto || l->outcome == GATE_NO_ANSWER)
		return;
	if (l->throttled || l->outcome == GATE_SITE_FAILURE) {
		shrink(w, 0.7, now_ms);
		return;
	}
	if (w->fastest_ms == 0 || latency_ms < w->fastest_ms)
		w->fastest_ms = latency_ms;
	else
		w->fastest_ms += (latency_ms - w->fastest_ms) / 256;
	if (latency_ms > 2 * w->fastest_ms + 2)
		shrink(w, 0.9, now_ms);
	else if (in_flight + 1 >= window_size(w))
		grow(w);
}
