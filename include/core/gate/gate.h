/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate.h - all reasons why a delivery to one destination has to wait, decided at once.
 *
 * Entries (embedded in deliveries) join; gate_take() hands out, in order of joining, the
 * next that may be sent *now*: the breaker lets it, a slot of the window is free, the
 * bucket holds a token, its line is free and its own time has come. When nothing may be
 * sent it says when to ask again. One object a destination and a loop; pure, in virtual
 * time, no clock, no locks.
 *
 *   joined --take--> sending --leave--> left --drop--> gone (its line is free)
 *      ^                                 |
 *      +---------- gate_wait(at) --------+   (retry: it keeps its place in its line)
 *
 * Lines: entries with the same line number other than 0 are handed out one at a time, in
 * order of joining; the next one only after the first was dropped. While one waits for
 * its retry those behind it wait too, and no other line does. (Two keys with one
 * number only wait needlessly for each other.)
 *
 * A site that refuses for its rate and says until when (gate_left.throttled with a
 * retry_after_ms) is sent nothing before that, not even a probe. Where the destinations of a
 * connection share a rate (quota.h), that holds for all of them.
 *
 * The parts: breaker.h, window.h (why AIMD), bucket.h, key_queue.h. No token is taken while the
 * breaker or the window holds everything back. A take costs O(log n) of the entries that
 * may go or wait for a time; one behind a busy line costs nothing until its line is free.
 */
#ifndef CORE_GATE_GATE_H
#define CORE_GATE_GATE_H

#include "base/heap.h"
#include "base/list.h"
#include "base/rng.h"
#include "core/gate/quota.h"

/* A site that says for how long it refuses is believed so far. */
#define GATE_HOLD_MAX_MS ((int64_t)24 * 3600 * 1000)

struct gate_settings {
	unsigned max_concurrency; /* 64; with auto_concurrency where it starts is the gate's
				     matter */
	bool auto_concurrency;    /* max_concurrency = "auto" */
	unsigned max_concurrency_limit; /* of auto; 1000 */
	int64_t rate_per_1000s; /* invocations in 1,000 s, rounded down ("10 a minute" is 166,
				   0.4 % less); 0: unlimited */
	/* tokens the bucket holds; 0: a tenth of a second's worth, at least 1 */
	unsigned burst;
	unsigned breaker_failures;    /* consecutive site failures that open it: 10; 0: never */
	int64_t breaker_probe_ms;     /* first interval between probes: 1 s */
	int64_t breaker_probe_max_ms; /* 60 s */
	int64_t breaker_retry_after_ms; /* a Retry-After beyond this opens it at once: 60 s; 0:
					   never */
};

extern const struct gate_settings gate_default_settings;

struct gate;
struct line;

/* Zero before gate_join(). Private to the gate. */
struct gate_entry {
	struct list node;       /* behind others, or fresh */
	struct heap_node timer; /* of its retry, or of its turn */
	uint64_t turn;          /* in order of joining */
	struct line *line;      /* NULL: of no line */
	uint32_t epoch;         /* of the breaker when it was sent */
	uint8_t state;
	bool probe;
};

enum gate_breaker {
	GATE_CLOSED,
	GATE_OPEN,       /* nothing passes until the next probe */
	GATE_PROBING,    /* one probe is on the wire */
	GATE_RECOVERING, /* the window opens slowly */
};

enum gate_outcome {
	GATE_DELIVERED,
	GATE_SITE_FAILURE,  /* feeds the breaker, shrinks an automatic window */
	GATE_EVENT_FAILURE, /* the site answered: says nothing against it */
	GATE_NO_ANSWER,     /* cancelled, or our own fault: nothing learnt */
	GATE_UNTRIED, /* nothing was sent at all (no credentials, no request): the slot and
			 the token go back as if it had not been taken */
};

struct gate_left {
	enum gate_outcome outcome;
	int64_t latency_ms;     /* of the attempt */
	bool throttled;         /* 429, 503, or what a response rule says to be the same */
	int64_t retry_after_ms; /* so long the reply says to wait; 0: it does not say */
};

/* The gate's state, for metrics, status and log. */
struct gate_state {
	enum gate_breaker breaker;
	int64_t breaker_since_ms;
	int64_t next_probe_ms; /* while GATE_OPEN */
	int64_t held_until_ms; /* by what the site has told; in the past: it is not held */
	unsigned consecutive_failures;
	unsigned window; /* allowed in flight now, this loop's share; while the breaker is open
			    what it will be thereafter */
	unsigned in_flight;
	size_t queued;          /* joined and not sending, also those that wait for a time */
	size_t waiting;         /* of these, those that wait for their retry time */
	size_t ready;           /* of these, those that may go as soon as the gate lets them */
	int64_t rate_waited_ms; /* sum of the time in which only the rate held something back */
	uint64_t breaker_changes; /* bumped at each change of `breaker` */
};

/* @rng is borrowed for the life of the gate (jitter of probes). */
struct gate *gate_new(const struct gate_settings *s, struct rng *rng, int64_t now_ms);
/* No entry may be in it any more. Accepts NULL. */
void gate_free(struct gate *g);
/* New settings hold from now on; entries, lines and breaker stay. */
void gate_reconfigure(struct gate *g, const struct gate_settings *s, int64_t now_ms);
/*
 * This gate's share of the destination's rate and window: @part of @whole assigned
 * partitions (all instances and workers together hold `whole`). The sum over all shares
 * never exceeds the limit; a share that grows begins without the tokens of the growth,
 * and a gate begins without any, since another life of the process may just have used them.
 * But a share is never less than one slot and one token, for with less it would stand still
 * for ever: where there are more gates than slots or tokens of burst, their number is the
 * limit. Part 0: nothing is let through. Until it is first called the share is 1 of 1.
 */
void gate_set_share(struct gate *g, unsigned part, unsigned whole, int64_t now_ms);

/* The rate and the waits that its connection's destinations share; NULL: none. Borrowed. */
void gate_set_quota(struct gate *g, struct quota *quota);

void gate_join(struct gate *g, struct gate_entry *e, uint64_t line);
/*
 * The next entry that may be sent at @now_ms: its slot and token are taken, pair it with
 * exactly one gate_leave(). NULL when there is none; then *ret_at_ms is when to ask again,
 * INT64_MAX when only a join, leave, drop or change of settings can help.
 */
struct gate_entry *gate_take(struct gate *g, int64_t now_ms, int64_t *ret_at_ms);
/* Is what is on the wire a probe of the breaker? */
static inline bool gate_entry_is_probe(const struct gate_entry *e)
{
	return e->probe;
}
/* The attempt has ended. The entry still holds its line: follow with gate_wait() or
 * gate_drop(). */
void gate_leave(
	struct gate *g, struct gate_entry *e, const struct gate_left *l, int64_t now_ms);
/* Our own side could not make one more request: for a while no more go at once than are on the
 * wire now; with none on the wire, none for an ever longer while. After gate_leave(). */
void gate_note_shortage(struct gate *g, int64_t now_ms);
/* Not before @at_ms again; then it is among the first. */
void gate_wait(struct gate *g, struct gate_entry *e, int64_t at_ms);
/* Take an entry that waits for its time or its turn out of the queue, as if it had just left
 * the wire: it keeps its line until gate_drop(). False when it is on the wire, or when others
 * of its line are before it. */
bool gate_retract(struct gate *g, struct gate_entry *e);
/* Out of the gate, from any state but sending: settled, or given back. */
void gate_drop(struct gate *g, struct gate_entry *e);

/* Put an entry that has left the wire aside, into @parked, until gate_unpark(): for a reason that
 * the gate does not know. It keeps its line and its turn. */
void gate_park(struct gate *g, struct gate_entry *e, struct list *parked);
void gate_unpark(struct gate *g, struct gate_entry *e);
/* The entry that @node, in such a list, belongs to. */
static inline struct gate_entry *gate_parked_entry(struct list *node)
{
	return list_entry(node, struct gate_entry, node);
}

struct gate_state gate_get_state(const struct gate *g);
const char *gate_breaker_name(enum gate_breaker b);

#endif
