/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_lane.h - a lane of tests: what it is told and does with a source, written down.
 */
#ifndef TESTS_SOURCE_LANE_H
#define TESTS_SOURCE_LANE_H

#include "kafka_world.h"

#include "io/source/source.h"

#define PARTITIONS 4

struct lane {
	struct world *w;
	struct source *s;
	struct source_partition *parts[PARTITIONS];
	int64_t committed[PARTITIONS], next[PARTITIONS], start[PARTITIONS];
	char metadata[PARTITIONS][64];
	unsigned assigned, revoked, lost_parts, records, commits, whole;
	int64_t records_lost;
	int commit_code;
	bool keep; /* do not release what is revoked */
	bool hold; /* everything, from assignment on */
	bool closed;
	const char *reset; /* NULL: earliest */
	void (*see)(struct lane *lane, const struct event_fields *f);
};

static inline int64_t on_assigned(
	void *ctx, struct source_partition *p, int64_t committed, struct slice metadata)
{
	struct lane *lane = ctx;

	lane->parts[p->partition] = p;
	lane->committed[p->partition] = committed;
	snprintf(lane->metadata[p->partition], sizeof lane->metadata[0], "%.*s",
		(int)metadata.len, metadata.data ? metadata.data : "");
	lane->assigned++;
	if (lane->hold)
		source_hold(lane->s, p, true);
	return lane->start[p->partition] ? lane->start[p->partition] : committed;
}

static inline void on_revoked(void *ctx, struct source_partition *p, enum source_end end)
{
	struct lane *lane = ctx;

	lane->revoked++;
	lane->lost_parts += end != SOURCE_REVOKED;
	if (lane->keep)
		return;
	lane->parts[p->partition] = NULL;
	source_release(lane->s, p);
}

static inline void on_readable(void *ctx)
{
	struct lane *lane = ctx;
	struct source_partition *p;
	struct event_fields f;

	while (source_next(lane->s, &p, &f)) {
		assert_ptr_equal(p, lane->parts[p->partition]);
		assert_int_equal(p->partition, f.partition);
		lane->records++;
		lane->next[p->partition] = f.offset + 1;
		if (lane->see != NULL)
			lane->see(lane, &f);
	}
}

static inline void on_committed(void *ctx, int code, const char *text)
{
	struct lane *lane = ctx;

	assert_true(code == ERR_OK || text[0] != '\0');
	lane->commits++;
	lane->commit_code = code;
}

static inline void on_share(void *ctx, unsigned assigned, unsigned whole)
{
	struct lane *lane = ctx;

	assert_true(assigned <= whole);
	lane->whole = whole;
}

static inline void on_records_lost(
	void *ctx, struct source_partition *p, int64_t from, int64_t count)
{
	struct lane *lane = ctx;

	(void)p;
	assert_true(from >= 0);
	lane->records_lost += count;
}

static inline void on_passed(void *ctx, struct source_partition *p, int64_t offset)
{
	struct lane *lane = ctx;

	assert_true(offset > lane->next[p->partition]);
	lane->next[p->partition] = offset;
}

static inline void on_fenced(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("fenced: %s", text);
}

static inline void on_closed(void *ctx)
{
	((struct lane *)ctx)->closed = true;
}

static const struct source_callbacks callbacks = {
	.assigned = on_assigned,
	.revoked = on_revoked,
	.readable = on_readable,
	.committed = on_committed,
	.share_changed = on_share,
	.records_lost = on_records_lost,
	.passed = on_passed,
	.fenced = on_fenced,
	.closed = on_closed,
};

static inline struct source_settings settings_of(struct world *w, const char *group)
{
	static const char *const topics[] = {"orders"};

	return (struct source_settings){
		.name = "test",
		.group_id = group,
		.topics = topics,
		.topic_count = 1,
		.auto_offset_reset = "earliest",
		.properties = w->properties,
		.property_count = w->property_count,
	};
}

static inline void lane_open(struct lane *lane, struct world *w, const char *group)
{
	struct source_settings s = settings_of(w, group);
	struct err err;

	if (lane->reset != NULL)
		s.auto_offset_reset = lane->reset;
	lane->w = w;
	lane->s = source_new(w->loop, &s, &callbacks, lane, &err);
	assert_non_null(lane->s);
}

static inline bool is_closed(void *ctx)
{
	return ((struct lane *)ctx)->closed;
}

static inline void lane_close(struct lane *lane)
{
	source_close(lane->s, 10000);
	world_wait(lane->w, is_closed, lane);
	source_free(lane->s);
	lane->s = NULL;
}

/* The mock's groups wait for session.timeout.ms - 1 s, which must be over 3 s. */
static inline struct world *world_with_group(void)
{
	struct world *w = world_new();

	world_create_topic(w, "orders", PARTITIONS);
	world_add_property(w, "session.timeout.ms=4000");
	world_add_property(w, "heartbeat.interval.ms=100");
	world_add_property(w, "fetch.wait.max.ms=10");
	world_add_property(w, "reconnect.backoff.max.ms=200");
	return w;
}

static inline void produce_each(struct world *w, int count)
{
	for (int i = 0; i < count; i++)
		for (int32_t p = 0; p < PARTITIONS; p++)
			world_produce(w, "orders", p, "k", "{}", 2, NULL);
	world_flush(w);
}

static inline bool has_four_records(void *ctx)
{
	return ((struct lane *)ctx)->records >= 4;
}

#endif
