/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gate/gate.h"

#include <stdlib.h>

#include "breaker.h"
#include "core/gate/bucket.h"
#include "key_queue.h"
#include "window.h"

/* At most this many entries whose time has come are made ready in one gate_take(), so that
 * none takes long. It is more than a take removes, so they are all made ready in the end. */
#define DUE_AT_ONCE 8

/* After a shortage: how long it is respected, for how short a time at first where nothing is on the
 * wire, and when it is over. */
#define SHORTAGE_MS           1000
#define SHORTAGE_FIRST_MS     50
#define SHORTAGE_FORGOTTEN_MS 1000

enum entry_state {
	OUTSIDE,
	BEHIND,  /* in its line's queue */
	FRESH,   /* ready, in `fresh` */
	READY,   /* ready, in `ready` */
	WAITING, /* for its time, in `waiting` */
	PARKED,  /* in a list of the caller's */
	SENDING,
	LEFT,
};

/* Ready entries are kept in two places, so that a usual entry costs O(1). Those that were
 * ready when they joined are a list, in order of joining without sorting. Those that became
 * ready later, behind a line or after a retry, are in a heap ordered by their turns. The
 * next entry is the earlier of the two heads. */
struct gate {
	struct rng *rng;
	struct breaker breaker;
	struct window window;
	struct bucket bucket;
	struct line_table lines;
	struct list fresh;
	size_t fresh_count;
	struct heap ready;   /* by turn */
	struct heap waiting; /* by time */
	uint64_t next_turn;
	unsigned in_flight;
	size_t queued, parked;
	int64_t held_until_ms;
	/* Our own side lacks something: so many may be on the wire until then. */
	unsigned short_window;
	int64_t short_until_ms, short_pause_ms;
	struct quota *quota; /* of the connection; NULL: none */
	struct quota_member member;
	bool rate_holds; /* since: */
	int64_t rate_held_since_ms, rate_waited_ms;
};

const struct gate_settings gate_default_settings = {
	.max_concurrency = 64,
	.max_concurrency_limit = 1000,
	.breaker_failures = 10,
	.breaker_probe_ms = 1000,
	.breaker_probe_max_ms = 60000,
	.breaker_retry_after_ms = 60000,
};

static struct breaker_settings breaker_settings_of(const struct gate_settings *s)
{
	return (struct breaker_settings){
		.failures = s->breaker_failures,
		.probe_ms = s->breaker_probe_ms,
		.probe_max_ms = s->breaker_probe_max_ms,
		.retry_after_ms = s->breaker_retry_after_ms,
	};
}

static struct window_settings window_settings_of(const struct gate_settings *s)
{
	return (struct window_settings){
		.max = s->auto_concurrency ? s->max_concurrency_limit : s->max_concurrency,
		.automatic = s->auto_concurrency,
	};
}

struct gate *gate_new(const struct gate_settings *s, struct rng *rng, int64_t now_ms)
{
	struct breaker_settings breaker = breaker_settings_of(s);
	struct window_settings window = window_settings_of(s);
	struct gate *g = xcalloc(1, sizeof *g);

	g->rng = rng;
	g->held_until_ms = g->short_until_ms = INT64_MIN;
	breaker_init(&g->breaker, &breaker, now_ms);
	window_init(&g->window, &window);
	bucket_init(&g->bucket, s->rate_per_1000s, s->burst, now_ms);
	line_table_init(&g->lines);
	list_init(&g->fresh);
	heap_init(&g->ready);
	heap_init(&g->waiting);
	return g;
}

void gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	line_table_release(&g->lines);
	heap_release(&g->ready);
	heap_release(&g->waiting);
	free(g);
}

void gate_reconfigure(struct gate *g, const struct gate_settings *s, int64_t now_ms)
{
	struct breaker_settings breaker = breaker_settings_of(s);
	struct window_settings window = window_settings_of(s);

	breaker_configure(&g->breaker, &breaker, now_ms);
	window_configure(&g->window, &window);
	bucket_set_rate(&g->bucket, s->rate_per_1000s, s->burst, now_ms);
}

void gate_set_share(struct gate *g, unsigned part, unsigned whole, int64_t now_ms)
{
	window_set_share(&g->window, part, whole);
	bucket_set_share(&g->bucket, part, whole, now_ms);
}

void gate_set_quota(struct gate *g, struct quota *quota)
{
	if (g->quota != NULL)
		quota_return(g->quota, &g->member);
	g->quota = quota;
}

/* --- who is ready ------------------------------------------------------------------------ */

static void make_ready(struct gate *g, struct gate_entry *e)
{
	e->state = READY;
	heap_set(&g->ready, &e->timer, (int64_t)e->turn);
}

static void make_due_ready(struct gate *g, int64_t now_ms)
{
	for (int i = 0; i < DUE_AT_ONCE; i++) {
		struct heap_node *first = heap_first(&g->waiting);

		if (first == NULL || first->at_ms > now_ms)
			return;
		heap_remove(&g->waiting, first);
		make_ready(g, container_of(first, struct gate_entry, timer));
	}
}

static struct gate_entry *first_ready(const struct gate *g)
{
	struct list *node = list_first(&g->fresh);
	struct heap_node *first = heap_first(&g->ready);
	struct gate_entry *fresh = node ? list_entry(node, struct gate_entry, node) : NULL;
	struct gate_entry *ready = first ? container_of(first, struct gate_entry, timer) : NULL;

	if (fresh == NULL || (ready != NULL && ready->turn < fresh->turn))
		return ready;
	return fresh;
}

/* Remove it from the list or heap that it is in. */
static void unlink_entry(struct gate *g, struct gate_entry *e)
{
	switch ((enum entry_state)e->state) {
	case FRESH:
		g->fresh_count--;
		list_remove(&e->node);
		break;
	case PARKED:
		g->parked--;
		list_remove(&e->node);
		break;
	case BEHIND:
		list_remove(&e->node);
		break;
	case READY:
		heap_remove(&g->ready, &e->timer);
		break;
	case WAITING:
		heap_remove(&g->waiting, &e->timer);
		break;
	case OUTSIDE:
	case SENDING:
	case LEFT:
		break;
	}
}

void gate_join(struct gate *g, struct gate_entry *e, uint64_t line)
{
	bool held = true;

	e->turn = g->next_turn++;
	e->line = line ? line_join(&g->lines, line, &e->node, &held) : NULL;
	g->queued++;
	e->state = held ? FRESH : BEHIND;
	if (held) {
		list_append(&g->fresh, &e->node);
		g->fresh_count++;
	}
}

/* --- who may go -------------------------------------------------------------------------- */

/* Measure the time in which a request was ready and only the rate held it back. */
static void account_rate(struct gate *g, bool holds, int64_t now_ms)
{
	if (g->rate_holds)
		g->rate_waited_ms += max_i64(now_ms - g->rate_held_since_ms, 0);
	g->rate_holds = holds;
	g->rate_held_since_ms = now_ms;
}

static int64_t held_until_ms(const struct gate *g)
{
	return g->quota ? max_i64(g->quota->held_until_ms, g->held_until_ms) : g->held_until_ms;
}

/* When the first ready entry may go, as far as this destination is concerned; INT64_MAX when
 * only a request that ends, or new settings, can tell. */
static int64_t passage_ms(struct gate *g, int64_t now_ms)
{
	unsigned allowed = breaker_allows(&g->breaker, g->window.size, now_ms);

	if (g->in_flight >= g->window.size) {
		window_note_full(&g->window);
		return INT64_MAX;
	}
	if (now_ms < held_until_ms(g))
		return held_until_ms(g);
	if (now_ms < g->short_until_ms && g->in_flight >= g->short_window)
		return g->short_until_ms;
	if (allowed == 0 && g->breaker.state == BREAKER_OPEN)
		return g->breaker.next_probe_ms;
	if (g->in_flight >= allowed)
		return INT64_MAX;
	return bucket_ready_at(&g->bucket, now_ms);
}

/* The same with regard to its connection. It stands in the quota's way only while nothing else
 * holds it back. */
static int64_t passage_with_quota_ms(struct gate *g, int64_t now_ms)
{
	int64_t at_ms = passage_ms(g, now_ms);

	if (g->quota == NULL)
		return at_ms;
	if (at_ms <= now_ms)
		return quota_ready_at(g->quota, &g->member, now_ms);
	quota_return(g->quota, &g->member);
	return at_ms;
}

static struct gate_entry *take_nothing(struct gate *g, int64_t now_ms, int64_t *ret_at_ms)
{
	struct heap_node *waiting = heap_first(&g->waiting);

	*ret_at_ms = waiting ? waiting->at_ms : INT64_MAX;
	account_rate(g, false, now_ms);
	if (g->quota != NULL)
		quota_return(g->quota, &g->member);
	return NULL;
}

struct gate_entry *gate_take(struct gate *g, int64_t now_ms, int64_t *ret_at_ms)
{
	struct gate_entry *e;
	int64_t at_ms;

	make_due_ready(g, now_ms);
	e = first_ready(g);
	if (e == NULL)
		return take_nothing(g, now_ms, ret_at_ms);
	at_ms = passage_with_quota_ms(g, now_ms);
	if (at_ms > now_ms) {
		*ret_at_ms = at_ms;
		account_rate(g,
			at_ms != INT64_MAX && g->breaker.state != BREAKER_OPEN &&
				now_ms >= held_until_ms(g),
			now_ms);
		return NULL;
	}
	account_rate(g, false, now_ms);
	unlink_entry(g, e);
	e->state = SENDING;
	e->probe = breaker_send(&g->breaker, now_ms);
	e->epoch = breaker_epoch(&g->breaker);
	bucket_take(&g->bucket);
	quota_take(&g->member);
	g->in_flight++;
	g->queued--;
	return e;
}

/* --- what came of it --------------------------------------------------------------------- */

static void tell_window(struct gate *g, const struct gate_left *l)
{
	enum window_answer a = WINDOW_NOTHING;

	if (l->throttled || l->outcome == GATE_SITE_FAILURE)
		a = WINDOW_OVERLOADED;
	else if (l->outcome == GATE_DELIVERED || l->outcome == GATE_EVENT_FAILURE)
		a = WINDOW_ANSWERED;
	window_note(&g->window, a, l->latency_ms, g->in_flight);
}

static void tell_breaker(
	struct gate *g, const struct gate_entry *e, const struct gate_left *l, int64_t now_ms)
{
	switch (l->outcome) {
	case GATE_DELIVERED:
	case GATE_EVENT_FAILURE:
		breaker_answered(&g->breaker, e->epoch, g->window.size, now_ms);
		return;
	case GATE_SITE_FAILURE:
		breaker_failed(&g->breaker, e->epoch, l->retry_after_ms, g->rng, now_ms);
		return;
	case GATE_NO_ANSWER:
	case GATE_UNTRIED:
		break;
	}
	if (e->probe)
		breaker_probe_undone(&g->breaker, now_ms);
}

static void give_back_token(struct gate *g)
{
	bucket_give_back(&g->bucket);
	if (g->quota != NULL)
		quota_give_back(g->quota);
}

/* As the site has told: that holds for all that share the rate. */
static void hold_as_told(struct gate *g, int64_t until_ms)
{
	g->held_until_ms = max_i64(g->held_until_ms, until_ms);
	if (g->quota != NULL)
		quota_hold(g->quota, until_ms);
}

void gate_leave(struct gate *g, struct gate_entry *e, const struct gate_left *l, int64_t now_ms)
{
	g->in_flight--;
	e->state = LEFT;
	if (l->outcome == GATE_UNTRIED)
		give_back_token(g);
	if (l->throttled && l->retry_after_ms > 0)
		hold_as_told(g, now_ms + min_i64(l->retry_after_ms, GATE_HOLD_MAX_MS));
	tell_window(g, l);
	tell_breaker(g, e, l, now_ms);
	e->probe = false;
}

void gate_note_shortage(struct gate *g, int64_t now_ms)
{
	bool goes_on = g->short_until_ms != INT64_MIN &&
		       now_ms - g->short_until_ms < SHORTAGE_FORGOTTEN_MS;

	g->short_window = g->in_flight;
	g->short_pause_ms =
		goes_on ? min_i64(g->short_pause_ms * 2, SHORTAGE_MS) : SHORTAGE_FIRST_MS;
	g->short_until_ms = now_ms + (g->in_flight > 0 ? SHORTAGE_MS : g->short_pause_ms);
}

void gate_wait(struct gate *g, struct gate_entry *e, int64_t at_ms)
{
	e->state = WAITING;
	heap_set(&g->waiting, &e->timer, at_ms);
	g->queued++;
}

void gate_park(struct gate *g, struct gate_entry *e, struct list *parked)
{
	e->state = PARKED;
	list_append(parked, &e->node);
	g->parked++;
	g->queued++;
}

void gate_unpark(struct gate *g, struct gate_entry *e)
{
	unlink_entry(g, e);
	make_ready(g, e);
}

bool gate_retract(struct gate *g, struct gate_entry *e)
{
	if (e->state != FRESH && e->state != READY && e->state != WAITING && e->state != PARKED)
		return false;
	unlink_entry(g, e);
	g->queued--;
	e->state = LEFT;
	return true;
}

void gate_drop(struct gate *g, struct gate_entry *e)
{
	struct list *next;

	if (e->state != LEFT)
		g->queued--;
	unlink_entry(g, e);
	if (e->line != NULL && e->state != BEHIND) {
		next = line_pass(&g->lines, e->line);
		if (next != NULL)
			make_ready(g, list_entry(next, struct gate_entry, node));
	}
	e->line = NULL;
	e->state = OUTSIDE;
}

/* --- what it says of itself -------------------------------------------------------------- */

static enum gate_breaker breaker_of(enum breaker_state s)
{
	static const enum gate_breaker names[] = {
		[BREAKER_CLOSED] = GATE_CLOSED,
		[BREAKER_OPEN] = GATE_OPEN,
		[BREAKER_PROBING] = GATE_PROBING,
		[BREAKER_RECOVERING] = GATE_RECOVERING,
	};

	return names[s];
}

struct gate_state gate_get_state(const struct gate *g)
{
	const struct breaker *b = &g->breaker;
	unsigned window = g->window.size;

	return (struct gate_state){
		.breaker = breaker_of(b->state),
		.breaker_since_ms = b->since_ms,
		.next_probe_ms = max_i64(b->next_probe_ms, held_until_ms(g)),
		.held_until_ms = held_until_ms(g),
		.consecutive_failures = b->consecutive_failures,
		.window = b->state == BREAKER_RECOVERING && b->opening < window ? b->opening
										: window,
		.in_flight = g->in_flight,
		.queued = g->queued,
		.waiting = g->waiting.count + g->parked,
		.ready = g->fresh_count + g->ready.count,
		.rate_waited_ms = g->rate_waited_ms,
		.breaker_changes = b->changes,
	};
}

const char *gate_breaker_name(enum gate_breaker b)
{
	static const char *const names[] = {
		[GATE_CLOSED] = "closed",
		[GATE_OPEN] = "open",
		[GATE_PROBING] = "probing",
		[GATE_RECOVERING] = "recovering",
	};

	return names[b];
}
