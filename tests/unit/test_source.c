/* SPDX-License-Identifier: Apache-2.0 */
#include "source_lane.h"

static bool has_all(void *ctx)
{
	return ((struct lane *)ctx)->assigned == PARTITIONS;
}

static bool has_two_records(void *ctx)
{
	return ((struct lane *)ctx)->records >= 2;
}

static bool has_eight_records(void *ctx)
{
	return ((struct lane *)ctx)->records >= 8;
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

static void source__latest_commits_the_end_and_begins_there(void **state)
{
	struct world *w = world_with_group();
	struct lane lane = {.reset = "latest"};
	struct lane later = {.reset = "latest"};

	(void)state;
	produce_each(w, 2);
	lane_open(&lane, w, "latest");
	world_wait(w, has_all, &lane);
	for (int p = 0; p < PARTITIONS; p++)
		assert_int_equal(lane.committed[p], 2);
	assert_int_equal(lane.records, 0);
	lane_close(&lane);
	/* What comes while nobody reads is not skipped, although nothing was settled before. */
	produce_each(w, 1);
	lane_open(&later, w, "latest");
	world_wait(w, has_four_records, &later);
	for (int p = 0; p < PARTITIONS; p++)
		assert_int_equal(later.committed[p], 2);
	assert_int_equal(later.next[0], 3);
	lane_close(&later);
	world_free(w);
}

/* The group has an offset in three of four partitions: the fourth was added. */
static void source__added_partition_begins_at_its_beginning(void **state)
{
	static const char *const policies[] = {"latest", "error"};
	struct world *w = world_with_group();

	(void)state;
	produce_each(w, 2);
	for (size_t i = 0; i < COUNT_OF(policies); i++) {
		struct lane lane = {.start = {0, 0, 0, 0}};
		struct lane later = {.reset = policies[i]};

		lane_open(&lane, w, policies[i]);
		world_wait(w, has_eight_records, &lane);
		lane.next[3] = -1; /* not committed */
		commit_next(&lane, ERR_OK);
		lane_close(&lane);
		lane_open(&later, w, policies[i]);
		world_wait(w, has_two_records, &later);
		assert_int_equal(later.committed[2], 2);
		assert_int_equal(later.committed[3], 0);
		assert_int_equal(later.next[3], 2);
		lane_close(&later);
	}
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
		cmocka_unit_test(source__latest_commits_the_end_and_begins_there),
		cmocka_unit_test(source__added_partition_begins_at_its_beginning),
		cmocka_unit_test(source__promises_cannot_be_configured_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
