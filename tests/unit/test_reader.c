/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_world.h"

#include "io/kafka/reader.h"

#define PER_PARTITION 50

struct fixture {
	struct world *w;
	struct reader *reader;
};

static int set_up(void **state)
{
	static struct fixture f;

	f.w = world_new();
	world_create_topic(f.w, "letters", 2);
	for (int i = 0; i < 2 * PER_PARTITION; i++)
		world_produce(f.w, "letters", i % 2, "key", "value", 5, NULL);
	world_flush(f.w);
	f.reader = reader_new(&(struct reader_settings){.name = "test",
				      .properties = f.w->properties,
				      .property_count = f.w->property_count,
				      .timeout_ms = 10000},
		NULL);
	assert_non_null(f.reader);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	reader_free(f->reader);
	world_free(f->w);
	return 0;
}

static size_t read_all(struct reader *r)
{
	int64_t next[2] = {0, 0};
	struct event_fields record;
	enum reader_result result;
	struct err err;
	size_t count = 0;

	while ((result = reader_next(r, WORLD_PATIENCE_MS, &record, &err)) == READER_RECORD) {
		assert_true(record.offset >= next[record.partition]);
		next[record.partition] = record.offset + 1;
		assert_true(slice_eq(record.key, SLICE("key")));
		assert_true(slice_eq(record.value, SLICE("value")));
		count++;
	}
	assert_int_equal(result, READER_END);
	return count;
}

static void reader__reads_to_the_ends_it_saw_and_ends(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(reader_add(f->reader, "letters", -1, NULL), 0);
	world_produce(f->w, "letters", 0, "key", "later", 5, NULL);
	world_flush(f->w);
	assert_int_equal(reader_start(f->reader, false, NULL), 0);
	assert_int_equal(read_all(f->reader), 2 * PER_PARTITION);
}

static void reader__begins_where_it_is_told(void **state)
{
	struct fixture *f = *state;
	struct reader_part *parts;
	size_t count;

	assert_int_equal(reader_add(f->reader, "letters", -1, NULL), 0);
	parts = reader_parts(f->reader, &count);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(parts[i].topic, "letters");
		assert_int_equal(parts[i].low, 0);
		assert_int_equal(parts[i].end, PER_PARTITION);
	}
	parts[0].from = parts[0].end;
	parts[1].from = PER_PARTITION - 3;
	assert_int_equal(reader_start(f->reader, false, NULL), 0);
	assert_int_equal(read_all(f->reader), 3);
}

static void reader__nothing_to_read_is_the_end_at_once(void **state)
{
	struct fixture *f = *state;
	struct event_fields record;
	struct err err;

	world_create_topic(f->w, "empty", 4);
	assert_int_equal(reader_add(f->reader, "empty", -1, NULL), 0);
	assert_int_equal(reader_start(f->reader, false, NULL), 0);
	assert_int_equal(reader_next(f->reader, 0, &record, &err), READER_END);
}

static void reader__following_has_no_end(void **state)
{
	struct fixture *f = *state;
	struct event_fields record;
	struct err err;

	assert_int_equal(reader_add(f->reader, "letters", -1, NULL), 0);
	assert_int_equal(reader_start(f->reader, true, NULL), 0);
	for (int i = 0; i < 2 * PER_PARTITION; i++)
		assert_int_equal(reader_next(f->reader, WORLD_PATIENCE_MS, &record, &err),
			READER_RECORD);
	assert_int_equal(reader_next(f->reader, 0, &record, &err), READER_NOTHING);
	world_produce(f->w, "letters", 1, "key", "later", 5, NULL);
	world_flush(f->w);
	assert_int_equal(
		reader_next(f->reader, WORLD_PATIENCE_MS, &record, &err), READER_RECORD);
	assert_true(slice_eq(record.value, SLICE("later")));
}

/* As of a topic just made, or one whose leader moves: what the brokers and we know of it
 * differ. */
static void reader__question_is_asked_again_while_a_leader_moves(void **state)
{
	static const rd_kafka_resp_err_t passing[] = {
		RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
		RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
		RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
	};
	struct fixture *f = *state;

	rd_kafka_mock_push_request_errors_array(
		f->w->cluster, API_LIST_OFFSETS, COUNT_OF(passing), passing);
	assert_int_equal(reader_add(f->reader, "letters", -1, NULL), 0);
	assert_int_equal(reader_start(f->reader, false, NULL), 0);
	assert_int_equal(read_all(f->reader), 2 * PER_PARTITION);
}

static void reader__error_that_lasts_is_told(void **state)
{
	static const rd_kafka_resp_err_t lasting = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
	struct fixture *f = *state;
	struct err err;

	rd_kafka_mock_push_request_errors_array(f->w->cluster, API_LIST_OFFSETS, 1, &lasting);
	assert_int_equal(reader_add(f->reader, "letters", -1, &err), ERR_DENIED);
	assert_non_null(strstr(err.text, "the user needs READ and DESCRIBE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			reader__reads_to_the_ends_it_saw_and_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			reader__begins_where_it_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			reader__nothing_to_read_is_the_end_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			reader__following_has_no_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			reader__question_is_asked_again_while_a_leader_moves, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			reader__error_that_lasts_is_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
