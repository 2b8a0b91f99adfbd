/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_world.h"

#include "base/buf.h"
#include "io/deadletter/deadletter.h"

static unsigned done_count;

static void on_done(struct deadletter_letter *letter)
{
	assert_null(letter->job);
	done_count++;
}

static bool is_done(void *ctx)
{
	return done_count == *(unsigned *)ctx;
}

static void wait_done(struct world *w, unsigned count)
{
	world_wait(w, is_done, &count);
}

static struct deadletter *make(struct world *w)
{
	struct deadletter_settings s = {w->properties, w->property_count};
	struct err err;
	struct deadletter *d = deadletter_new(w->loop, &s, &err);

	done_count = 0;
	assert_non_null(d);
	return d;
}

static struct deadletter_letter letter_to(const char *topic, int32_t partition)
{
	return (struct deadletter_letter){
		.topic = topic,
		.key = SLICE("key"),
		.value = SLICE("value"),
		.timestamp_ms = -1,
		.source_partition = partition,
		.done = on_done,
	};
}

/* Reads a partition back, without a group. */
static rd_kafka_t *reader_new(struct world *w, const char *topic, int32_t partition)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_t *rk;

	rd_kafka_conf_set(conf, "bootstrap.servers",
		rd_kafka_mock_cluster_bootstraps(w->cluster), NULL, 0);
	rd_kafka_conf_set(conf, "group.id", "reader", NULL, 0);
	rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", NULL, 0);
	rd_kafka_conf_set_log_cb(conf, world_drop_log);
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
	rd_kafka_poll_set_consumer(rk);
	rd_kafka_topic_partition_list_add(list, topic, partition)->offset =
		RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_assign(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return rk;
}

static rd_kafka_message_t *read_one(rd_kafka_t *reader)
{
	rd_kafka_message_t *m = rd_kafka_consumer_poll(reader, 10000);

	assert_non_null(m);
	assert_int_equal(m->err, 0);
	return m;
}

static size_t header_count(rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers;

	if (rd_kafka_message_headers(m, &headers) != 0)
		return 0;
	return rd_kafka_header_cnt(headers);
}

static void deadletter__arrives_byte_for_byte(void **state)
{
	static const struct event_header headers[] = {
		{{"null", 4}, {NULL, 0}},
		{{"empty", 5}, {"", 0}},
		{{"bytes", 5}, {"\0\xff", 2}},
	};
	struct world *w = world_new();
	struct deadletter *d;
	struct deadletter_letter full = letter_to("dead", 0);
	struct deadletter_letter bare = letter_to("dead", 0);
	rd_kafka_headers_t *read;
	rd_kafka_message_t *m;
	rd_kafka_t *reader;
	const char *name;
	const void *value;
	size_t len;

	(void)state;
	world_create_topic(w, "dead", 1);
	d = make(w);
	full.key = slice_of("", 0);
	full.value = slice_of("a\0b", 3);
	full.headers = headers;
	full.header_count = COUNT_OF(headers);
	full.timestamp_ms = 1234567890123;
	bare.key = slice_of(NULL, 0);
	bare.value = slice_of(NULL, 0);
	deadletter_submit(d, &full);
	deadletter_submit(d, &bare);
	assert_int_equal(deadletter_pending(d), 2);
	wait_done(w, 2);
	assert_int_equal(deadletter_pending(d), 0);
	reader = reader_new(w, "dead", 0);
	m = read_one(reader);
	assert_non_null(m->key);
	assert_int_equal(m->key_len, 0);
	assert_int_equal(m->len, 3);
	assert_memory_equal(m->payload, "a\0b", 3);
	assert_true(rd_kafka_message_timestamp(m, NULL) == 1234567890123);
	assert_int_equal(header_count(m), 3);
	rd_kafka_message_headers(m, &read);
	rd_kafka_header_get_all(read, 0, &name, &value, &len);
	assert_string_equal(name, "null");
	assert_null(value);
	rd_kafka_header_get_all(read, 1, &name, &value, &len);
	assert_non_null(value);
	assert_int_equal(len, 0);
	rd_kafka_header_get_all(read, 2, &name, &value, &len);
	assert_int_equal(len, 2);
	assert_memory_equal(value, "\0\xff", 2);
	rd_kafka_message_destroy(m);
	m = read_one(reader);
	assert_null(m->key);
	assert_null(m->payload);
	rd_kafka_message_destroy(m);
	rd_kafka_destroy(reader);
	deadletter_free(d);
	world_free(w);
}

static void deadletter__keeps_the_partition_where_there_is_one(void **state)
{
	struct world *w = world_new();
	struct deadletter *d;
	struct deadletter_letter there = letter_to("narrow", 1);
	struct deadletter_letter beyond = letter_to("narrow", 7);
	rd_kafka_t *reader;

	(void)state;
	world_create_topic(w, "narrow", 2);
	d = make(w);
	deadletter_submit(d, &there);
	deadletter_submit(d, &beyond);
	wait_done(w, 2);
	reader = reader_new(w, "narrow", 1);
	rd_kafka_message_destroy(read_one(reader));
	rd_kafka_destroy(reader);
	deadletter_free(d);
	world_free(w);
}

static bool is_holding(void *ctx)
{
	struct deadletter_topic_state s;

	return deadletter_get_state(ctx, "dead", &s) && s.holding;
}

static void deadletter__failing_topic_says_why_and_recovers(void **state)
{
	struct world *w = world_new();
	struct deadletter *d;
	struct deadletter_letter letters[100];
	struct deadletter_topic_state s;
	rd_kafka_resp_err_t errors[6];

	log_expected("dead_letter_topic_failing");
	(void)state;
	world_create_topic(w, "dead", 1);
	d = make(w);
	/* Each try of ours is three of librdkafka's. */
	for (size_t i = 0; i < COUNT_OF(errors); i++)
		errors[i] = RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
	rd_kafka_mock_push_request_errors_array(
		w->cluster, API_PRODUCE, COUNT_OF(errors), errors);
	for (size_t i = 0; i < COUNT_OF(letters); i++) {
		letters[i] = letter_to("dead", 0);
		deadletter_submit(d, &letters[i]);
	}
	world_wait(w, is_holding, d);
	assert_int_equal(done_count, 0);
	assert_true(deadletter_get_state(d, "dead", &s));
	assert_int_equal(s.pending, COUNT_OF(letters));
	assert_true(s.since_ms > 0);
	assert_true(s.failures > 0);
	assert_non_null(strstr(s.reason, "min.insync.replicas"));
	assert_non_null(strstr(s.reason, "kafka-configs"));
	wait_done(w, COUNT_OF(letters));
	assert_true(deadletter_get_state(d, "dead", &s));
	assert_false(s.holding);
	assert_int_equal(log_count("dead_letter_topic_failing"), 1);
	assert_int_equal(log_count("dead_letter_topic_recovered"), 1);
	deadletter_free(d);
	world_free(w);
}

static void deadletter__letters_that_failed_together_keep_their_order(void **state)
{
	static const char digits[] = "012";
	static const rd_kafka_resp_err_t errors[] = {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
		RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS};
	struct world *w = world_new();
	const char *properties[8];
	struct deadletter_settings s = {properties, w->property_count + 1};
	struct deadletter_letter letters[3];
	struct deadletter *d;
	rd_kafka_t *reader;
	struct err err;

	log_expected("dead_letter_topic_failing");
	log_allowed("dead_letter_topic_recovered");
	world_create_topic(w, "dead", 1);
	memcpy(properties, w->properties, w->property_count * sizeof *properties);
	properties[w->property_count] = "linger.ms=300"; /* all three in one batch */
	done_count = 0;
	d = deadletter_new(w->loop, &s, &err);
	assert_non_null(d);
	rd_kafka_mock_push_request_errors_array(
		w->cluster, API_PRODUCE, COUNT_OF(errors), errors);
	for (size_t i = 0; i < COUNT_OF(letters); i++) {
		letters[i] = letter_to("dead", 0);
		letters[i].value = slice_of(&digits[i], 1);
		deadletter_submit(d, &letters[i]);
	}
	wait_done(w, COUNT_OF(letters));
	assert_int_equal(log_count("dead_letter_topic_failing"), 1);
	reader = reader_new(w, "dead", 0);
	for (size_t i = 0; i < COUNT_OF(letters); i++) {
		rd_kafka_message_t *m = read_one(reader);

		assert_int_equal(*(const char *)m->payload, digits[i]);
		rd_kafka_message_destroy(m);
	}
	rd_kafka_destroy(reader);
	deadletter_free(d);
	world_free(w);
}

static void remember_name(void *ctx, const struct deadletter_topic_state *s)
{
	struct buf *names = ctx;

	buf_addf(names, "%s=%zu ", s->topic, s->pending);
}

static void deadletter__topics_are_visited_in_the_order_of_their_coming(void **state)
{
	struct world *w = world_new();
	struct deadletter_letter letter = letter_to("second", 0);
	struct deadletter *d;
	struct buf names;

	(void)state;
	d = make(w);
	buf_init(&names, BUF_UNLIMITED);
	deadletter_visit(d, remember_name, &names);
	assert_string_equal(buf_str(&names), "");
	deadletter_prepare(d, "first");
	deadletter_submit(d, &letter);
	deadletter_prepare(d, "third");
	deadletter_prepare(d, "first");
	deadletter_visit(d, remember_name, &names);
	assert_string_equal(buf_str(&names), "first=0 second=1 third=0 ");
	buf_release(&names);
	deadletter_free(d);
	world_free(w);
}

static void deadletter__other_topics_are_not_held_up(void **state)
{
	struct world *w = world_new();
	struct deadletter *d;
	struct deadletter_letter bad = letter_to("dead", 0);
	struct deadletter_letter good = letter_to("good", 0);
	struct deadletter_topic_state s;

	log_expected("dead_letter_topic_failing");
	(void)state;
	world_create_topic(w, "good", 1);
	rd_kafka_mock_topic_set_error(
		w->cluster, "dead", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	d = make(w);
	deadletter_submit(d, &bad);
	world_wait(w, is_holding, d);
	assert_true(deadletter_get_state(d, "dead", &s));
	assert_non_null(strstr(s.reason, "kafka-topics"));
	deadletter_submit(d, &good);
	wait_done(w, 1);
	assert_false(deadletter_get_state(d, "never", &s));
	rd_kafka_mock_topic_set_error(w->cluster, "dead", RD_KAFKA_RESP_ERR_NO_ERROR);
	wait_done(w, 2);
	deadletter_free(d);
	world_free(w);
}

static const struct event_header four_headers[] = {
	{{"ERROR_CODE", 10}, {"1", 1}},
	{{"RULE_NAME", 9}, {"2", 1}},
	{{"RESPONSE_BODY", 13}, {"3", 1}},
	{{"other", 5}, {"4", 1}},
};

static void deadletter__too_large_goes_without_optional_headers(void **state)
{
	struct world *w = world_new();
	struct deadletter *d;
	struct deadletter_letter big = letter_to("dead", 0);
	rd_kafka_message_t *m;
	rd_kafka_t *reader;

	(void)state;
	world_create_topic(w, "dead", 1);
	d = make(w);
	big.headers = four_headers;
	big.header_count = 4;
	big.required_headers = 2;
	/* In its batch, and alone; then without. */
	rd_kafka_mock_push_request_errors(w->cluster, API_PRODUCE, 2,
		RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	deadletter_submit(d, &big);
	wait_done(w, 1);
	reader = reader_new(w, "dead", 0);
	m = read_one(reader);
	assert_int_equal(header_count(m), 2);
	rd_kafka_message_destroy(m);
	rd_kafka_destroy(reader);
	assert_int_equal(log_count("dead_letter_topic_failing"), 0);
	deadletter_free(d);
	world_free(w);
}

static void deadletter__too_large_even_so_goes_without_its_value(void **state)
{
	struct world *w = world_new();
	struct deadletter *d;
	struct deadletter_letter big = letter_to("dead", 0);
	rd_kafka_headers_t *headers;
	rd_kafka_message_t *m;
	rd_kafka_t *reader;
	const void *omitted;
	size_t len;

	world_create_topic(w, "dead", 1);
	d = make(w);
	big.headers = four_headers;
	big.header_count = 4;
	big.required_headers = 3;
	big.own_headers_at = 1;
	/* In its batch, alone, and without what is optional. */
	rd_kafka_mock_push_request_errors(w->cluster, API_PRODUCE, 3,
		RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
		RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	deadletter_submit(d, &big);
	wait_done(w, 1);
	assert_true(big.is_reference);
	reader = reader_new(w, "dead", 0);
	m = read_one(reader);
	assert_int_equal(m->len, 0);
	assert_non_null(m->payload); /* no tombstone */
	assert_int_equal(m->key_len, 3);
	assert_int_equal(rd_kafka_message_headers(m, &headers), 0);
	assert_int_equal(rd_kafka_header_cnt(headers), 3); /* two of our own, and the mark */
	assert_int_equal(rd_kafka_header_get_last(headers, "OMITTED", &omitted, &len), 0);
	assert_string_equal(omitted, "value, headers");
	rd_kafka_message_destroy(m);
	rd_kafka_destroy(reader);
	assert_int_equal(log_count("dead_letter_topic_failing"), 0);
	deadletter_free(d);
	world_free(w);
}

static void deadletter__too_large_waits_while_others_pass(void **state)
{
	struct world *w = world_new();
	struct deadletter *d;
	struct deadletter_letter big = letter_to("dead", 0);
	struct deadletter_letter small = letter_to("dead", 0);
	struct deadletter_topic_state s;

	log_expected("dead_letter_topic_failing");
	(void)state;
	world_create_topic(w, "dead", 1);
	d = make(w);
	big.headers = four_headers;
	big.header_count = 4;
	big.required_headers = 2;
	rd_kafka_mock_push_request_errors(w->cluster, API_PRODUCE, 4,
		RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
		RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	deadletter_submit(d, &big);
	world_wait(w, is_holding, d);
	assert_true(deadletter_get_state(d, "dead", &s));
	assert_non_null(strstr(s.reason, "max.message.bytes"));
	deadletter_submit(d, &small);
	wait_done(w, 1);
	assert_null(small.job);
	assert_non_null(big.job);
	wait_done(w, 2); /* the limit was raised */
	assert_int_equal(log_count("dead_letter_topic_recovered"), 1);
	deadletter_free(d);
	world_free(w);
}

static void deadletter__cancelled_letter_is_silent(void **state)
{
	struct world *w = world_new();
	struct deadletter *d;
	struct deadletter_letter flying = letter_to("dead", 0);
	struct deadletter_letter last = letter_to("dead", 0);

	(void)state;
	world_create_topic(w, "dead", 1);
	d = make(w);
	deadletter_submit(d, &flying);
	deadletter_cancel(&flying);
	deadletter_cancel(&flying);
	deadletter_cancel(NULL);
	deadletter_submit(d, &last);
	assert_int_equal(deadletter_pending(d), 1);
	wait_done(w, 1);
	assert_null(last.job);
	deadletter_submit(d, &last);
	deadletter_free(d); /* forgotten */
	assert_null(last.job);
	assert_int_equal(done_count, 1);
	world_free(w);
}

static void deadletter__promises_cannot_be_configured_away(void **state)
{
	static const char *const wrong[][2] = {
		{"acks=1", "acks"},
		{"request.required.acks=0", "request.required.acks"},
		{"enable.idempotence=true", "enable.idempotence"},
		{"no.such.thing=1", "no.such.thing"},
		{"linger.ms=soon", "linger.ms"},
		{"linger.ms", "name=value"},
	};
	struct loop *l = loop_new();

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct deadletter_settings s = {wrong[i], 1};
		struct err err;

		assert_null(deadletter_new(l, &s, &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.text, wrong[i][1]));
	}
	loop_free(l);
}

static void deadletter__what_waited_goes_on_with_other_properties(void **state)
{
	static const char *const nowhere[] = {
		"bootstrap.servers=127.0.0.1:1", "message.timeout.ms=300"};
	static const char *const wrong[] = {"no.such.thing=1"};
	struct world *w = world_new();
	struct deadletter_settings lost = {nowhere, 2}, refused = {wrong, 1};
	struct deadletter_settings right = {w->properties, w->property_count};
	struct deadletter_letter letter = letter_to("dead", 0);
	struct deadletter *d;
	struct err err;

	log_allowed("kafka_unreachable"); /* librdkafka tells it when it has tried */
	log_expected("dead_letter_topic_failing");
	(void)state;
	world_create_topic(w, "dead", 1);
	done_count = 0;
	d = deadletter_new(w->loop, &lost, &err);
	deadletter_submit(d, &letter);
	world_wait(w, is_holding, d);
	assert_int_equal(deadletter_reconfigure(d, &refused, &err), ERR_INVALID);
	assert_int_equal(deadletter_reconfigure(d, &right, &err), 0);
	wait_done(w, 1);
	assert_int_equal(log_count("dead_letter_topic_recovered"), 1);
	deadletter_free(d);
	world_free(w);
}

static void deadletter__what_flies_when_properties_change_stands_there_once(void **state)
{
	struct world *w = world_new();
	struct deadletter_settings s = {w->properties, w->property_count};
	struct deadletter_letter flies = letter_to("dead", 0), waits = letter_to("dead", 0);
	rd_kafka_t *reader;
	struct deadletter *d;
	struct err err;

	(void)state;
	world_create_topic(w, "dead", 1);
	d = make(w);
	deadletter_submit(d, &flies);
	assert_int_equal(deadletter_reconfigure(d, &s, &err), 0);
	deadletter_submit(d, &waits);
	assert_int_equal(deadletter_reconfigure(d, &s, &err), 0);
	wait_done(w, 2);
	reader = reader_new(w, "dead", 0);
	rd_kafka_message_destroy(read_one(reader));
	rd_kafka_message_destroy(read_one(reader));
	assert_null(rd_kafka_consumer_poll(reader, 200));
	rd_kafka_destroy(reader);
	deadletter_free(d);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadletter__arrives_byte_for_byte),
		cmocka_unit_test(deadletter__keeps_the_partition_where_there_is_one),
		cmocka_unit_test(deadletter__failing_topic_says_why_and_recovers),
		cmocka_unit_test(deadletter__letters_that_failed_together_keep_their_order),
		cmocka_unit_test(deadletter__topics_are_visited_in_the_order_of_their_coming),
		cmocka_unit_test(deadletter__other_topics_are_not_held_up),
		cmocka_unit_test(deadletter__too_large_goes_without_optional_headers),
		cmocka_unit_test(deadletter__too_large_even_so_goes_without_its_value),
		cmocka_unit_test(deadletter__too_large_waits_while_others_pass),
		cmocka_unit_test(deadletter__cancelled_letter_is_silent),
		cmocka_unit_test(deadletter__what_waited_goes_on_with_other_properties),
		cmocka_unit_test(
			deadletter__what_flies_when_properties_change_stands_there_once),
		cmocka_unit_test(deadletter__promises_cannot_be_configured_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
