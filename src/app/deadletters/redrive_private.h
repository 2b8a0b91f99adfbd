/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redrive_private.h - what the files of a redrive share, and nobody else includes:
 *
 * redrive.c         the process: start, signals, progress, end
 * redrive_group.c   one Kafka group: partitions come and go, records, commits
 * redrive_letter.c  one letter: chosen or left, its deliveries, their end
 * redrive_scan.c    where the topics begin and end; --dry-run
 * redrive_report.c  what is said of it
 */
#ifndef APP_DEADLETTERS_REDRIVE_PRIVATE_H
#define APP_DEADLETTERS_REDRIVE_PRIVATE_H

#include "app/engine/connections.h"
#include "app/engine/delivery.h"
#include "app/deadletters/redrive.h"
#include "app/engine/context.h"
#include "core/gate/bucket.h"
#include "core/offsets/offsets.h"
#include "io/source/source.h"

/* A partition as it was at the start. Letters from `from` to `end` are looked at. */
struct redrive_bound {
	char *topic;
	int32_t partition;
	int64_t low, from, end;
};

/* What was left, and why; few enough for a list. */
struct redrive_reason {
	char *text;
	uint64_t count;
};

struct redrive_counts {
	uint64_t looked_at, unwanted; /* left by the filters */
	uint64_t done_before;         /* by an earlier run */
	uint64_t foreign;             /* records that are no letters */
	uint64_t chosen, delivered, failed;
	uint64_t unroutable; /* chosen, but there is no target: left */
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
	size_t open_deliveries, open_bytes;
	struct redrive_counts counts;
	struct loop_timer tick; /* progress, ages, the guard */
	struct loop_call end_check;
	bool limit_reached, stopping, interrupted;
	const char *stuck;  /* the destination whose guard has stopped the run; NULL: none */
	uint64_t crowded;   /* partitions left because no more can be remembered */
	uint64_t elsewhere; /* partitions that another run works on */
	bool terminal;
};

struct redrive_group {
	struct redrive *run;
	const struct conf_consumer *consumer;
	char *name;
	const char **topics;
	size_t topic_count;
	struct source *source;
	struct list parts;
	struct loop_call pull, settle_up;
	struct loop_timer commit_timer, retire_timer, rate_timer;
	int64_t commit_not_before_ms, quiet_since_ms;
	bool closing, closed;
};

struct redrive_part {
	struct list node;
	struct redrive_group *group;
	struct source_partition *source;
	struct offsets *tracker; /* of the letters: one that is left is open */
	int64_t next, end;       /* looked at below, wanted below */
	struct list letters;
	size_t open;
	bool held, crowded, retiring, in_commit;
	int64_t retire_by_ms;
};

/* redrive_scan.c */
int redrive_look(struct redrive *run, struct err *err) ATTR_MUST_CHECK;
int redrive_dry_run(struct redrive *run, struct err *err) ATTR_MUST_CHECK;
const struct redrive_bound *redrive_bound_find(
	const struct redrive *run, const char *topic, int32_t partition);
/*
 * What the group has done of a partition, by its last commit. @bound: NULL for one that was made
 * since the start. Letters are to be looked at from offsets_next() on. A map that can't be read is
 * logged unless @quiet: what was done above the committed offset is then not known.
 */
struct offsets *redrive_tracker_new(const struct redrive_group *g,
	const struct redrive_bound *bound, const char *topic, int32_t partition,
	int64_t committed, struct slice metadata, bool quiet);

/* redrive_group.c */
int redrive_group_start(struct redrive_group *g, struct err *err) ATTR_MUST_CHECK;
void redrive_group_release(struct redrive_group *g);
/* Nothing more will happen in it: all is looked at, settled and committed. */
bool redrive_group_is_over(const struct redrive_group *g);
void redrive_group_close(struct redrive_group *g);
static inline void redrive_group_settle_up_soon(struct redrive_group *g)
{
	loop_defer(g->run->context.loop, &g->settle_up);
}

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
/* Forget the letters of @part that are not on the wire, or all: they are not done. */
void redrive_withdraw(struct redrive_part *part, bool all);
/* Ages of what waits. */
void redrive_expire(struct redrive_part *part);

/* redrive_report.c */
void redrive_report_left(struct redrive *run, const struct letter_view *v, const char *why);
void redrive_report_progress(struct redrive *run);
/* Its exit status. */
int redrive_report_end(struct redrive *run);

#endif
