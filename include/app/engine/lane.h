/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.h - one Kafka consumer with its own group, working for one destination or for several.
 *
 *   source --> router --> deliveries --> destinations
 *     ^                       |
 *     +------ commit <-- tracker <-- settled
 *
 * The lane pulls records while the budget has room and a destination wants more; it matches
 * them, makes the deliveries, and commits, closely and one commit at a time, what has been
 * settled. It owns its deliveries. Reading, commits and the partitions that come and go are the
 * consumer loop's (consumer_loop.h), and the lane is its policy: route by rules.
 */
#ifndef APP_ENGINE_LANE_H
#define APP_ENGINE_LANE_H

#include "app/conf/conf.h"
#include "app/engine/destination.h"
#include "app/engine/context.h"
#include "io/source/source.h"

struct lane;

struct lane_callbacks {
	/* The run-time destination for a configured one, or NULL. */
	struct destination *(*resolve)(void *ctx, const struct conf_destination *settings);
	/* The lane's share of its topics' partitions has changed: lane_get_share(). */
	void (*share_changed)(void *ctx, struct lane *lane);
	/* lane_close() is complete: the lane may be freed. */
	void (*closed)(void *ctx, struct lane *lane);
	/* Another process has our instance id: nothing more may be sent. */
	void (*fenced)(void *ctx, struct lane *lane, const char *text);
};

/*
 * @destination: the one it works for, or NULL for all of the consumer's (isolation "shared").
 * ERR_INVALID when librdkafka refuses the settings.
 */
struct lane *lane_new(struct engine_context *context, struct conf *conf,
	const struct conf_consumer *consumer, const struct conf_destination *destination,
	const struct lane_callbacks *cb, void *ctx, struct err *err);
/* Its deliveries are forgotten; closed or not. Accepts NULL. */
void lane_free(struct lane *lane);

/* Records from now on are matched by @conf, which names the same consumer (and destination). */
void lane_reconfigure(
	struct lane *lane, struct conf *conf, const struct conf_consumer *consumer);
/* Retire all partitions within @grace_ms, leave the group, then closed(). */
void lane_close(struct lane *lane, int64_t grace_ms);

/* "shop.slack_orders" or, shared, "shop". */
const char *lane_name(const struct lane *lane);
/* Its Kafka consumer group. */
const char *lane_group_id(const struct lane *lane);
/* NULL when it works for all of its consumer's. */
const char *lane_destination_name(const struct lane *lane);
const char *lane_consumer_name(const struct lane *lane);
bool lane_works_for(const struct lane *lane, const char *destination);
/* Would @consumer of a new configuration need another Kafka consumer? */
bool lane_must_restart(const struct lane *lane, const struct conf_consumer *consumer);
void lane_get_share(const struct lane *lane, unsigned *ret_assigned, unsigned *ret_whole);

struct lane_partition_status {
	const char *topic;
	int32_t partition;
	int64_t position, high; /* -1: unknown */
	int64_t lag;            /* records from the committed position to high; -1: unknown */
	const char *problem;    /* why it cannot be read; NULL: it can */
	size_t open_records;
	int64_t oldest_open_ms; /* since it was taken up; 0: nothing is open */
	int64_t oldest_age_ms;  /* by its timestamp; 0: nothing is open, or it has none */
	int64_t retention_ms;   /* of the topic; INT64_MAX: for ever; -1: not known */
	int64_t retention_used_permille; /* oldest_age_ms of retention_ms */
	size_t map_bytes;                /* of the completion map last committed */
	bool held, retiring;
};

struct lane_status {
	struct source_state source;
	size_t open_deliveries, open_bytes;
	size_t partition_count;
	size_t failing; /* partitions that cannot be read */
	bool stalled;   /* does not read: budget or window */
	bool closing;
	bool unready; /* has not joined its group, or leaves it */
	uint64_t commits, commit_failures;
	char commit_error[128];
};

void lane_get_status(const struct lane *lane, struct lane_status *ret);
/* Once a second: its metrics say how it is. */
void lane_sample(struct lane *lane);
/* One call a partition. */
void lane_visit_partitions(const struct lane *lane,
	void (*visit)(void *ctx, const struct lane_partition_status *p), void *ctx);

#endif
