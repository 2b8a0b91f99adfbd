/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redrive_private.h - what the files of a redrive share, and nobody else includes:
 *
 * redrive.c         the process: start, signals, progress, end
 * redrive_group.c   one Kafka group: the policy of its consumer loop
 * redrive_letter.c  one letter: chosen or left, its deliveries, their end
 * redrive_trust.c   whether a letter may be believed
 * redrive_scan.c    where the topics begin and end; --dry-run
 * redrive_report.c  what is said of it
 */
#ifndef APP_DEADLETTERS_REDRIVE_PRIVATE_H
#define APP_DEADLETTERS_REDRIVE_PRIVATE_H

#include "app/engine/connections.h"
#include "app/engine/consumer_loop.h"
#include "app/engine/delivery.h"
#include "app/deadletters/redrive.h"
#include "app/engine/context.h"
#include "core/gate/bucket.h"

/* A partition as it was at the start. Letters from `from` to `end` are looked at. */
struct redrive_bound {
	char *topic;
	int32_t partition;
	int64_t low, from, end;
};

/* What a reason is told for. */
enum redrive_verdict {
	REDRIVE_UNROUTABLE, /* chosen, but there is no target: left */
	REDRIVE_DISTRUSTED, /* chosen, but it may be forged: left */
	REDRIVE_FORCED,     /* the same, but sent, as --force wants */
	REDRIVE_VERDICTS
};

/* Few enough for a list. */
struct redrive_reason {
	enum redrive_verdict verdict;
	char *text;
	uint64_t count;
};

struct redrive_counts {
	uint64_t looked_at, unwanted; /* left by the filters */
	uint64_t done_before;         /* by an earlier run */
	uint64_t foreign;             /* records that are no letters */
	uint64_t chosen, delivered, failed;
	uint64_t verdicts[REDRIVE_VERDICTS];
	struct redrive_reason *reasons;
	size_t reason_count;
};

struct redrive {
	const struct redrive_options *o;
	struct conf *conf;
	struct engine_context context;
	struct connections *connections;
	struct destination **destinations; /* by index in the configuration; made when needed */
	struct redrive_bound *bounds;
	size_t bound_count;
	struct redrive_group *groups;
	size_t group_count;
	struct bucket rate;
	size_t open_deliveries;
	struct budget_member budget;
	struct redrive_counts counts;
	struct loop_timer tick; /* progress, ages, the guard */
	struct loop_call end_check;
	bool limit_reached, stopping, interrupted;
	const char *stuck;  /* the destination whose guard has stopped the run; NULL: none */
	uint64_t crowded;   /* partitions left because no more can be remembered */
	uint64_t elsewhere; /* partitions that another run works on */
	bool terminal;
};

/* The group of a consumer: CONSUMER_GROUP.redrive. */
struct redrive_group {
	struct consumer_loop consumer_loop;
	struct redrive *run;
	const struct conf_consumer *consumer;
	char *name;
	const char **topics;
	size_t topic_count;
	struct loop_timer rate_timer;
	bool started, closed;
};

struct redrive_part {
	struct consumer_partition base;
	int64_t next, end; /* looked at below, wanted below */
	struct list letters;
	bool crowded; /* given up: its map is nearly full */
};

static inline struct redrive_part *redrive_part_of(const struct consumer_partition *p)
{
	return container_of(p, struct redrive_part, base);
}

static inline struct redrive *redrive_of(const struct consumer_partition *p)
{
	return container_of(p->loop, struct redrive_group, consumer_loop)->run;
}

/* redrive_scan.c */
int redrive_scan(struct redrive *run, struct err *err) ATTR_MUST_CHECK;
int redrive_dry_run(struct redrive *run, struct err *err) ATTR_MUST_CHECK;

/* redrive_group.c */
int redrive_group_start(struct redrive_group *g, struct err *err) ATTR_MUST_CHECK;
void redrive_group_release(struct redrive_group *g);
/* Nothing more will happen in it: all is looked at, settled and committed. */
bool redrive_group_is_over(const struct redrive_group *g);
void redrive_group_close(struct redrive_group *g);
const struct redrive_bound *redrive_bound_find(
	const struct redrive *run, const char *topic, int32_t partition);
/* Where the group stands in a partition: a committed offset beyond its end is of a topic that was
 * made anew since. @bound: NULL for a partition that was made since the start. */
int64_t redrive_position(const struct redrive_bound *bound, int64_t committed);
/* Nothing has been read: what is not to be looked at is passed or left. */
void redrive_begin(struct offsets *tracker, const struct redrive_bound *bound);

/* redrive_letter.c */
enum redrive_choice {
	REDRIVE_PASSED, /* it can never be sent: it is done with */
	REDRIVE_LEFT,
	REDRIVE_CHOSEN, /* for *ret_targets, *ret_count of them */
};

enum redrive_choice redrive_choose(struct redrive *run, const struct event_fields *record,
	struct letter_view *v, const struct conf_target **ret_targets, size_t *ret_count);
/* Send it, and settle @r later. False: a destination can't be made, nothing was done. */
bool redrive_send(struct redrive_part *part, struct offsets_record *r,
	const struct event_fields *record, const struct letter_view *v,
	const struct conf_target *targets, size_t count);
/* Forget the letters of @p that are not on the wire, or all: they are not done. */
void redrive_withdraw(struct consumer_partition *p, bool all);
/* Ages of what waits. */
void redrive_expire(struct redrive_part *part);

/* redrive_trust.c */
/* Why @record, which names @target, may be no letter of the daemon's; NULL: it may be believed. */
const char *redrive_distrust(const struct redrive *run, const struct event_fields *record,
	const struct letter_view *v, const struct conf_target *target);

/* redrive_report.c */
/* Count @v, and remember why. */
void redrive_report_reason(struct redrive *run, enum redrive_verdict verdict,
	const struct letter_view *v, const char *why);
void redrive_report_progress(struct redrive *run);
/* Its exit status. */
int redrive_report_end(struct redrive *run);

#endif
