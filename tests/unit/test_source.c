/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_world.h"

#include "io/source.h"

#define PARTITIONS 4

/* What a lane is told and does, written down. */
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

static int64_t on_assigned(
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

static void on_revoked(void *ctx, struct source_partition *p, enum source_end end)
{
	struct lane *lane = ctx;

	lane->revoked++;
	lane->lost_parts += end != SOURCE_REVOKED;
	if (lane->keep)
		return;
	lane->parts[p->partition] = NULL;
	source_release(lane->s, p);
}

static void on_readable(void *ctx)
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

static void on_committed(void *ctx, int code, const char *text)
{
	struct lane *lane = ctx;

	assert_true(code == ERR_OK || text[0] != '\0');
	lane->commits++;
	lane->commit_code = code;
}

static void on_share(void *ctx, unsigned assigned, unsigned whole)
{
	struct lane *lane = ctx;

	assert_true(assigned <= whole);
	lane->whole = whole;
}

static void on_records_lost(void *ctx, struct source_partition *p, int64_t from, int64_t count)
{
	struct lane *lane = ctx;

	(void)p;
	assert_true(from >= 0);
	lane->records_lost += count;
}

static void on_fenced(void *ctx, const char *text)
{
	(void)ctx;
	fail_msg("fenced: %s", text);
}

static void on_closed(void *ctx)
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
	.fenced = on_fenced,
	.closed = on_closed,
};

static struct source_settings settings_of(struct world *w, const char *group)
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

static void lane_open(struct lane *lane, struct world *w, const char *group)
{
	struct source_settings s = settings_of(w, group);
	struct err err;

	if (lane->reset != NULL)
		s.auto_offset_reset = lane->reset;
	lane->w = w;
	lane->s = source_new(w->loop, &s, &callbacks, lane, &err);
	assert_non_null(lane->s);
}

static bool is_closed(void *ctx)
{
	return ((struct lane *)ctx)->closed;
}

static void lane_close(struct lane *lane)
{
	source_close(lane->s, 10000);
	world_wait(lane->w, is_closed, lane);
	source_free(lane->s);
	lane->s = NULL;
}

/* The mock's groups wait for session.timeout.ms - 1 s, which must be over 3 s. */
static struct world *world_with_group(void)
{
	struct world *w = world_new();

	world_create_topic(w, "orders", PARTITIONS);
	world_add_property(w, "session.timeout.ms=4000");
	world_add_property(w, "heartbeat.interval.ms=100");
	world_add_property(w, "fetch.wait.max.ms=10");
	world_add_property(w, "reconnect.backoff.max.ms=200");
	return w;
}

static void produce_each(struct world *w, int count)
{
	for (int i = 0; i < count; i++)
		for (int32_t p = 0; p < PARTITIONS; p++)
			world_produce(w, "orders", p, "k", "{}", 2, NULL);
	world_flush(w);
}

static bool has_all(void *ctx)
{
	return ((struct lane *)ctx)->assigned == PARTITIONS;
}

static bool has_four_records(void *ctx)
{
	return ((struct lane *)ctx)->records >= 4;
}

static bool has_five_records(void *ctx)
{
	return ((struct lane *)ctx)->records >= 5;
}

static bool has_committed(void *ctx)
{
	return ((struct lane *)ctx)->commits > 0;
}

static void commit_next(struct lane *lane, int code)
{
	struct source_commit items[PARTITIONS];

	for (int32_t p = 0; p < PARTITIONS; p++)
		items[p] = (struct source_commit){
			lane->parts[p], lane->next[p], SLICE("p1:metadata")};
	lane->commits = 0;
	assert_int_equal(source_commit(lane->s, items, PARTITIONS), 0);
	assert_true(source_is_committing(lane->s));
	assert_int_equal(source_commit(lane->s, items, PARTITIONS), ERR_STATE);
	world_wait(lane->w, has_committed, lane);
	assert_int_equal(lane->commit_code, code);
	assert_false(source_is_committing(lane->s));
}

static void see_nulls(struct lane *lane, const struct event_fields *f)
{
	(void)lane;
	assert_string_equal(f->topic, "orders");
	if (f->partition == 0) { /* a tombstone without a key */
		assert_null(f->key.data);
		assert_null(f->value.data);
		assert_int_equal(f->header_count, 0);
	} else if (f->partition == 1) { /* both empty */
		assert_non_null(f->key.data);
		assert_int_equal(f->key.len, 0);
		assert_non_null(f->value.data);
		assert_int_equal(f->value.len, 0);
	} else if (f->partition == 2) {
		assert_int_equal(f->header_count, 2);
		assert_true(slice_eq(f->headers[0].name, SLICE("null")));
		assert_null(f->headers[0].value.data);
		assert_true(slice_eq(f->headers[1].name, SLICE("empty")));
		assert_non_null(f->headers[1].value.data);
		assert_int_equal(f->headers[1].value.len, 0);
	} else {
		assert_true(slice_eq(f->value, slice_of("a\0b", 3)));
		assert_true(f->timestamp_ms > 0);
		assert_true(f->taken_up_ms > 0);
	}
}

static void source__records_come_as_sent_and_commits_come_back(void **state)
{
	struct world *w = world_with_group();
	struct lane lane = {.see = see_nulls};
	struct lane later = {.keep = false};
	rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
	struct source_state told;
	int64_t low, high;

	(void)state;
	rd_kafka_header_add(headers, "null", -1, NULL, 0);
	rd_kafka_header_add(headers, "empty", -1, "", 0);
	world_produce(w, "orders", 0, NULL, NULL, 0, NULL);
	world_produce(w, "orders", 1, "", "", 0, NULL);
	world_produce(w, "orders", 2, "k", "v", 1, headers);
	world_produce(w, "orders", 3, "k", "a\0b", 3, NULL);
	world_flush(w);
	lane_open(&lane, w, "records");
	world_wait(w, has_four_records, &lane);
	assert_int_equal(lane.committed[0], -1);
	source_get_state(lane.s, &told);
	assert_true(told.reachable);
	assert_true(told.joined);
	assert_int_equal(told.assigned, PARTITIONS);
	source_watermarks(lane.s, lane.parts[3], &low, &high);
	assert_int_equal(low, 0);
	assert_int_equal(high, 1);
	commit_next(&lane, ERR_OK);
	lane_close(&lane);
	assert_int_equal(lane.revoked, PARTITIONS);
	lane_open(&later, w, "records");
	world_wait(w, has_all, &later);
	for (int p = 0; p < PARTITIONS; p++) {
		assert_int_equal(later.committed[p], 1);
		assert_string_equal(later.metadata[p], "p1:metadata");
	}
	assert_int_equal(later.records, 0);
	lane_close(&later);
	world_free(w);
}

static void source__held_partition_gives_nothing_until_let_go(void **state)
{
	struct world *w = world_with_group();
	struct lane lane = {.hold = true};
	rd_kafka_resp_err_t refusal = RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;

	(void)state;
	produce_each(w, 2);
	lane_open(&lane, w, "held");
	world_wait(w, has_all, &lane);
	source_hold(lane.s, lane.parts[2], false);
	source_hold(lane.s, lane.parts[3], false);
	world_wait(w, has_four_records, &lane);
	assert_int_equal(lane.records, 4);
	assert_int_equal(lane.next[0], 0);
	source_hold(lane.s, lane.parts[0], false);
	world_wait(w, has_five_records, &lane);
	assert_true(lane.next[0] > 0);
	/* A refused commit is told, and the next one is possible. */
	rd_kafka_mock_push_request_errors_array(w->cluster, API_OFFSET_COMMIT, 1, &refusal);
	lane.next[1] = 1;
	commit_next(&lane, ERR_STATE);
	commit_next(&lane, ERR_OK);
	lane_close(&lane);
	world_free(w);
}

static bool is_revoked(void *ctx)
{
	return ((struct lane *)ctx)->revoked > 0;
}

static bool has_half(void *ctx)
{
	return ((struct lane *)ctx)->assigned >= PARTITIONS / 2;
}

static bool is_refused_once(void *ctx)
{
	(void)ctx;
	return world_log_count("committed_offsets_unknown") > 0;
}

static void source__group_waits_until_what_was_revoked_is_released(void **state)
{
	struct world *w = world_with_group();
	struct lane old = {.keep = true};
	struct lane fresh = {.keep = false};
	rd_kafka_resp_err_t refusal = RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;

	(void)state;
	produce_each(w, 1);
	/* And partitions wait until their offsets are known. */
	rd_kafka_mock_push_request_errors_array(w->cluster, API_OFFSET_FETCH, 1, &refusal);
	lane_open(&old, w, "handover");
	world_wait(w, is_refused_once, &old);
	assert_int_equal(old.assigned, 0);
	world_wait(w, has_four_records, &old);
	lane_open(&fresh, w, "handover");
	world_wait(w, is_revoked, &old);
	assert_int_equal(old.revoked, PARTITIONS);
	assert_int_equal(fresh.assigned, 0);
	for (int p = 0; p < PARTITIONS; p++) {
		assert_int_equal(fresh.assigned, 0);
		source_release(old.s, old.parts[p]);
		old.parts[p] = NULL;
	}
	old.keep = false;
	world_wait(w, has_half, &fresh);
	assert_int_equal(fresh.assigned, PARTITIONS / 2);
	lane_close(&fresh);
	lane_close(&old);
	world_free(w);
}

static void fill_partition(struct world *w, int32_t partition)
{
	static char megabyte[900000];

	/* The mock keeps 5 MiB of a partition. */
	for (int i = 0; i < 12; i++) {
		memset(megabyte, 'a' + i, sizeof megabyte);
		world_produce(w, "orders", partition, NULL, megabyte, sizeof megabyte, NULL);
		world_flush(w);
	}
}

static bool has_lost_and_begun_again(void *ctx)
{
	const struct lane *lane = ctx;

	return lane->records_lost > 0 && lane->lost_parts > 0 && lane->next[1] == 3;
}

static void source__lost_records_are_counted_and_a_new_log_begins_again(void **state)
{
	struct world *w = world_with_group();
	struct lane lane = {.start = {1, 5000}};
	int64_t low, high;

	(void)state;
	fill_partition(w, 0);
	for (int i = 0; i < 3; i++)
		world_produce(w, "orders", 1, NULL, "{}", 2, NULL);
	world_flush(w);
	lane_open(&lane, w, "gaps");
	world_wait(w, has_lost_and_begun_again, &lane);
	source_watermarks(lane.s, lane.parts[0], &low, &high);
	assert_int_equal(lane.records_lost, low - 1);
	assert_int_equal(high, 12);
	assert_int_equal(lane.lost_parts, 1);
	assert_int_equal(lane.assigned, PARTITIONS + 1);
	assert_int_equal(lane.committed[1], 0);
	assert_int_equal(world_log_count("topic_began_again"), 1);
	lane_close(&lane);
	world_free(w);
}

static void source__latest_begins_at_the_end_and_commits_it(void **state)
{
	struct world *w = world_with_group();
	struct lane lane = {.reset = "latest"};

	(void)state;
	produce_each(w, 2);
	lane_open(&lane, w, "latest");
	world_wait(w, has_committed, &lane);
	assert_int_equal(lane.commit_code, ERR_OK);
	for (int p = 0; p < PARTITIONS; p++)
		assert_int_equal(lane.committed[p], 2);
	assert_int_equal(lane.records, 0);
	produce_each(w, 1);
	world_wait(w, has_four_records, &lane);
	assert_int_equal(lane.next[0], 3);
	lane_close(&lane);
	world_free(w);
}

static bool is_unreachable(void *ctx)
{
	struct lane *lane = ctx;
	struct source_state told;

	source_get_state(lane->s, &told);
	return !told.reachable && told.unreachable_since_ms > 0;
}

static bool is_reachable(void *ctx)
{
	struct lane *lane = ctx;
	struct source_state told;

	source_get_state(lane->s, &told);
	return told.reachable && told.unreachable_since_ms == 0;
}

static void source__tells_once_that_kafka_is_away_and_closes_in_time(void **state)
{
	struct world *w = world_with_group();
	struct lane lane = {.keep = false}, second = {.keep = false};
	struct source_state told;
	int64_t began_ms;

	(void)state;
	rd_kafka_mock_broker_set_down(w->cluster, 1);
	lane_open(&lane, w, "away");
	lane_open(&second, w, "away");
	world_wait(w, is_unreachable, &lane);
	world_wait(w, is_unreachable, &second);
	source_get_state(lane.s, &told);
	assert_true(told.last_error[0] != '\0');
	assert_int_equal(world_log_count("kafka_unreachable"), 1);
	began_ms = loop_now_ms(w->loop);
	source_close(second.s, 500);
	world_wait(w, is_closed, &second);
	assert_true(loop_now_ms(w->loop) - began_ms < 2000);
	source_free(second.s);
	rd_kafka_mock_broker_set_up(w->cluster, 1);
	world_wait(w, is_reachable, &lane);
	assert_int_equal(world_log_count("kafka_unreachable"), 1);
	assert_int_equal(world_log_count("kafka_reachable"), 1);
	source_free(lane.s); /* without closing */
	world_free(w);
}

static void source__promises_cannot_be_configured_away(void **state)
{
	static const char *const wrong[][2] = {
		{"enable.auto.commit=true", "settled"},
		{"group.id=other", "group_id"},
		{"auto.offset.reset=latest", "auto_offset_reset"},
		{"no.such.thing=1", "no.such.thing"},
		{" session.timeout.ms = never", "session.timeout.ms"},
		{"=1", "empty"},
		{"sasl.password", "no '='"},
	};
	struct world *w = world_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct source_settings s = settings_of(w, "refused");
		struct err err;

		s.properties = wrong[i];
		s.property_count = 1;
		assert_null(source_new(w->loop, &s, &callbacks, NULL, &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.text, wrong[i][1]));
		assert_non_null(strstr(err.text, "lane 'test'"));
	}
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(source__records_come_as_sent_and_commits_come_back),
		cmocka_unit_test(source__held_partition_gives_nothing_until_let_go),
		cmocka_unit_test(source__group_waits_until_what_was_revoked_is_released),
		cmocka_unit_test(source__lost_records_are_counted_and_a_new_log_begins_again),
		cmocka_unit_test(source__latest_begins_at_the_end_and_commits_it),
		cmocka_unit_test(source__tells_once_that_kafka_is_away_and_closes_in_time),
		cmocka_unit_test(source__promises_cannot_be_configured_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
