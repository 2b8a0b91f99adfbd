/* SPDX-License-Identifier: Apache-2.0 */
#include "core/gate.h"

#include <stdlib.h>

#include "core/breaker.h"
#include "core/bucket.h"
#include "core/window.h"

#define uthash_fatal(text) abort()
#include <uthash.h>

/* Entries of one number. Its head is elsewhere (ready, timed or sending); `behind` waits for
 * it. */
struct gate_line {
	uint64_t number;
	struct list behind;
	UT_hash_handle hh;
};

enum entry_state {
	OUTSIDE,
	READY,  /* in `ready` or `due` */
	BEHIND, /* in its line */
	TIMED,  /* in the heap */
	SENDING,
	LEFT, /* answered; its owner decides */
};

struct gate {
	struct gate_settings settings;
	struct rng *rng;
	struct breaker breaker;
	struct bucket bucket;
	struct window window;
	struct gate_line *lines; /* by number */
	struct gate_line *spare; /* one, so that the usual join and drop do not allocate */
	struct list due;         /* retries whose time has come: before `ready` */
	struct list ready;
	struct heap timed;
	unsigned in_flight;
	size_t queued;
	int64_t rate_waited_ms;
	int64_t rate_since_ms; /* only the rate has held something back since then; 0: it has
				  not */
};

const struct gate_settings gate_default_settings = {
	.max_concurrency = 64,
	.max_concurrency_limit = 1000,
	.breaker_failures = 10,
	.breaker_probe_ms = 1000,
	.breaker_probe_max_ms = 60000,
	.breaker_retry_after_ms = 60000,
};

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

struct gate *gate_new(const struct gate_settings *s, struct rng *rng, int64_t now_ms)
{
	struct gate *g = xcalloc(1, sizeof *g);

	g->settings = *s;
	g->rng = rng;
	breaker_init(&g->breaker, now_ms);
	bucket_init(&g->bucket, s->rate_per_1000s, s->burst, now_ms);
	window_init(&g->window, s);
	list_init(&g->due);
	list_init(&g->ready);
	heap_init(&g->timed);
	return g;
}

void gate_free(struct gate *g)
{
	if (g == NULL)
		return;
	heap_release(&g->timed);
	free(g->spare);
	free(g);
}

void gate_reconfigure(struct gate *g, const struct gate_settings *s, int64_t now_ms)
{
	g->settings = *s;
	bucket_set_rate(&g->bucket, s->rate_per_1000s, s->burst, now_ms);
	window_set(&g->window, s);
}

void gate_set_share(struct gate *g, unsigned part, unsigned whole, int64_t now_ms)
{
	bucket_set_share(&g->bucket, part, whole, now_ms);
	window_set_share(&g->window, part, whole);
}

/* --- lines ------------------------------------------------------------------------------ */

static struct gate_line *line_find(const struct gate *g, uint64_t number)
{
	struct gate_line *line;

	HASH_FIND(hh, g->lines, &number, sizeof number, line);
	return line;
}

static struct gate_line *line_new(struct gate *g, uint64_t number)
{
	struct gate_line *line = g->spare ? g->spare : xmalloc(sizeof *line);

	g->spare = NULL;
	line->number = number;
	list_init(&line->behind);
	HASH_ADD(hh, g->lines, number, sizeof line->number, line);
	return line;
}

static void line_end(struct gate *g, struct gate_line *line)
{
	HASH_DEL(g->lines, line);
	if (g->spare == NULL)
		g->spare = line;
	else
		free(line);
}

static void make_ready(struct gate *g, struct gate_entry *e)
{
	e->state = READY;
	list_append(&g->ready, &e->node);
}

/* The head of a line has gone: the next one may go. */
static void line_advance(struct gate *g, struct gate_line *line)
{
	struct list *node = list_shift(&line->behind);

	if (node != NULL)
		make_ready(g, list_entry(node, struct gate_entry, node));
	else
		line_end(g, line);
}

void gate_join(struct gate *g, struct gate_entry *e, uint64_t number)
{
	g->queued++;
	list_init(&e->node);
	e->line = number ? line_find(g, number) : NULL;
	if (e->line != NULL) {
		e->state = BEHIND;
		list_append(&e->line->behind, &e->node);
		return;
	}
	if (number != 0)
		e->line = line_new(g, number);
	make_ready(g, e);
}

/* --- who may go ------------------------------------------------------------------------- */

static void collect_due(struct gate *g, int64_t now_ms)
{
	struct heap_node *n;

	while ((n = heap_first(&g->timed)) != NULL && n->at_ms <= now_ms) {
		struct gate_entry *e = container_of(n, struct gate_entry, timer);

		heap_remove(&g->timed, n);
		e->state = READY;
		list_append(&g->due, &e->node);
	}
}

static struct gate_entry *first_ready(const struct gate *g)
{
	struct list *node = list_first(&g->due);

	if (node == NULL)
		node = list_first(&g->ready);
	return node ? list_entry(node, struct gate_entry, node) : NULL;
}

static void count_rate_wait(struct gate *g, bool waits, int64_t now_ms)
{
	if (g->rate_since_ms != 0)
		g->rate_waited_ms += now_ms - g->rate_since_ms;
	g->rate_since_ms = waits ? now_ms : 0;
}

/* When the next ready entry may go, all reasons considered. */
static int64_t may_go_ms(struct gate *g, int64_t now_ms)
{
	unsigned window = window_size(&g->window);
	int64_t breaker_ms = breaker_next_ms(&g->breaker, window, now_ms), rate_ms;

	if (window == 0)
		return INT64_MAX;
	/* A probe is one request more than what is still on the wire from before. */
	if (g->in_flight >= window && g->breaker.state != GATE_OPEN)
		return INT64_MAX;
	if (breaker_ms > now_ms)
		return breaker_ms;
	rate_ms = bucket_next_ms(&g->bucket, now_ms);
	count_rate_wait(g, rate_ms > now_ms, now_ms);
	return rate_ms;
}

struct gate_entry *gate_take(struct gate *g, int64_t now_ms, int64_t *ret_at_ms)
{
	struct gate_entry *e;
	struct heap_node *first;

	collect_due(g, now_ms);
	e = first_ready(g);
	if (e == NULL) {
		first = heap_first(&g->timed);
		*ret_at_ms = first ? first->at_ms : INT64_MAX;
		return NULL;
	}
	*ret_at_ms = may_go_ms(g, now_ms);
	if (*ret_at_ms > now_ms)
		return NULL;
	list_remove(&e->node);
	bucket_take(&g->bucket);
	e->probe = breaker_sent(&g->breaker, now_ms);
	e->state = SENDING;
	g->queued--;
	g->in_flight++;
	return e;
}

void gate_leave(struct gate *g, struct gate_entry *e, const struct gate_left *l, int64_t now_ms)
{
	window_answered(&g->window, l, g->in_flight, now_ms);
	breaker_answered(&g->breaker, &g->settings, l, e->probe, g->rng, now_ms);
	g->in_flight--;
	e->probe = false;
	e->state = LEFT;
}

void gate_wait(struct gate *g, struct gate_entry *e, int64_t at_ms)
{
	e->state = TIMED;
	g->queued++;
	heap_set(&g->timed, &e->timer, at_ms);
}

void gate_drop(struct gate *g, struct gate_entry *e)
{
	bool is_head = e->state != BEHIND;

	if (e->state == READY || e->state == BEHIND)
		list_remove(&e->node);
	heap_remove(&g->timed, &e->timer);
	if (e->state != LEFT)
		g->queued--;
	if (e->line != NULL && is_head)
		line_advance(g, e->line);
	e->line = NULL;
	e->state = OUTSIDE;
}

struct gate_state gate_get_state(const struct gate *g)
{
	return (struct gate_state){
		.breaker = g->breaker.state,
		.breaker_since_ms = g->breaker.since_ms,
		.next_probe_ms = g->breaker.probe_at_ms,
		.consecutive_failures = g->breaker.failures,
		.window = window_size(&g->window),
		.in_flight = g->in_flight,
		.queued = g->queued,
		.waiting = g->timed.count,
		.rate_waited_ms = g->rate_waited_ms,
		.breaker_changes = g->breaker.changes,
	};
}
