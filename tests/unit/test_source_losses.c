/* SPDX-License-Identifier: Apache-2.0 */
/* What a source does when something is taken from it: partitions, records, the broker. */
#include "source_lane.h"

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
	return log_count("committed_offsets_unknown") > 0;
}

static void source__group_waits_until_what_was_revoked_is_released(void **state)
{
	struct world *w = world_with_group();
	struct lane old = {.keep = true};
	struct lane fresh = {.keep = false};
	rd_kafka_resp_err_t refusal = RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;

	log_allowed("committed_offsets_unknown");
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

	log_expected("topic_began_again");
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
	assert_int_equal(log_count("topic_began_again"), 1);
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

	log_expected("kafka_unreachable");
	(void)state;
	rd_kafka_mock_broker_set_down(w->cluster, 1);
	lane_open(&lane, w, "away");
	lane_open(&second, w, "away");
	world_wait(w, is_unreachable, &lane);
	world_wait(w, is_unreachable, &second);
	source_get_state(lane.s, &told);
	assert_true(told.last_error[0] != '\0');
	assert_int_equal(log_count("kafka_unreachable"), 1);
	began_ms = loop_now_ms(w->loop);
	source_close(second.s, 500);
	world_wait(w, is_closed, &second);
	assert_true(loop_now_ms(w->loop) - began_ms < 2000);
	source_free(second.s);
	rd_kafka_mock_broker_set_up(w->cluster, 1);
	world_wait(w, is_reachable, &lane);
	assert_int_equal(log_count("kafka_unreachable"), 1);
	assert_int_equal(log_count("kafka_reachable"), 1);
	source_free(lane.s); /* without closing */
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(source__group_waits_until_what_was_revoked_is_released),
		cmocka_unit_test(source__lost_records_are_counted_and_a_new_log_begins_again),
		cmocka_unit_test(source__tells_once_that_kafka_is_away_and_closes_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
