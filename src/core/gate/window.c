/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"

#define SLOW_SLACK_US   5000
#define SLOW_ROUNDS_MAX 4

static unsigned clamp(unsigned size, unsigned limit)
{
	if (size > limit)
		return limit;
	return size < 1 && limit > 0 ? 1 : size;
}

static void begin_round(struct window *w)
{
	w->answers = w->size;
	w->was_full = false;
	w->latency_sum_ms = 0;
	w->latency_count = 0;
}

static void apply(struct window *w)
{
	w->limit = (unsigned)((uint64_t)w->settings.max * w->part / w->whole);
	if (w->limit == 0 && w->part > 0)
		w->limit = 1;
	w->size = w->settings.automatic ? clamp(w->size, w->limit) : w->limit;
	begin_round(w);
}

void window_init(struct window *w, const struct window_settings *s)
{
	*w = (struct window){.settings = *s, .part = 1, .whole = 1, .size = WINDOW_AUTO_BEGIN};
	apply(w);
}

void window_configure(struct window *w, const struct window_settings *s)
{
	if (s->automatic && !w->settings.automatic) {
		w->size = WINDOW_AUTO_BEGIN;
		w->has_shrunk = false;
		w->usual_us = 0;
	}
	w->settings = *s;
	apply(w);
}

void window_set_share(struct window *w, unsigned part, unsigned whole)
{
	w->whole = whole < 1 ? 1 : whole;
	w->part = part < w->whole ? part : w->whole;
	apply(w);
}

static void shrink(struct window *w, unsigned eighths, unsigned in_flight)
{
	w->size = clamp((unsigned)((uint64_t)w->size * eighths / 8), w->limit);
	w->has_shrunk = true;
	w->ignored = in_flight;
	begin_round(w);
}

static unsigned square_root(unsigned n)
{
	unsigned root = 1;

	while ((uint64_t)(root + 1) * (root + 1) <= n)
		root++;
	return root;
}

static void grow(struct window *w)
{
	unsigned step = w->has_shrunk ? square_root(w->size) : w->size;

	w->size = clamp(w->size + step, w->limit);
}

/* After this many slow rounds in a row the window is three fifths of what it was (seven
 * eighths to the power of four). Had our load been the reason, latency would have fallen as
 * much. */
static void doubt_usual(struct window *w, int64_t mean_us)
{
	if (w->slow_rounds++ == 0)
		w->slow_first_us = mean_us;
	if (w->slow_rounds <= SLOW_ROUNDS_MAX)
		return;
	if (mean_us > w->slow_first_us * 3 / 4)
		w->usual_us = mean_us;
	w->slow_rounds = 0;
}

static bool is_slow(struct window *w, int64_t mean_us)
{
	if (w->usual_us > 0 && mean_us > w->usual_us * 3 / 2 + SLOW_SLACK_US) {
		doubt_usual(w, mean_us);
		return true;
	}
	w->slow_rounds = 0;
	if (w->usual_us == 0)
		w->usual_us = max_i64(mean_us, 1);
	else if (mean_us < w->usual_us)
		w->usual_us -= (w->usual_us - mean_us) / 4;
	return false;
}

static void end_round(struct window *w, unsigned in_flight)
{
	bool slow =
		w->latency_count > 0 && is_slow(w, w->latency_sum_ms * 1000 / w->latency_count);

	if (slow) {
		shrink(w, 7, in_flight);
		return;
	}
	if (w->was_full)
		grow(w);
	begin_round(w);
}

void window_note(struct window *w, enum window_answer a, int64_t latency_ms, unsigned in_flight)
{
	bool is_ignored = w->ignored > 0;

	if (!w->settings.automatic)
		return;
	w->ignored -= is_ignored;
	if (a == WINDOW_NOTHING)
		return;
	if (a == WINDOW_OVERLOADED) {
		if (!is_ignored)
			shrink(w, 6, in_flight);
		return;
	}
	w->latency_sum_ms += latency_ms;
	w->latency_count++;
	if (w->answers > 0 && --w->answers > 0)
		return;
	end_round(w, in_flight);
}
