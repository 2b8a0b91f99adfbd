/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "base/time_text.h"
#include "core/letter.h"
#include "core/letter_view.h"

#define SENT_MS  1795000000123
#define TRIED_MS 1795000100456

static struct event *event_with(const struct event_header *headers, size_t count)
{
	struct event_fields f = {
		.topic = "shop.orders",
		.partition = 3,
		.offset = 1234567890123,
		.timestamp_ms = SENT_MS,
		.key = SLICE("k\0ey"),
		.value = SLICE("\xff\0{}"),
		.headers = headers,
		.header_count = count,
	};

	return event_new(&f);
}

static struct letter write_letter(const struct event *ev, unsigned redrives)
{
	struct delivery_facts facts = {
		.attempts = 4,
		.first_attempt_ms = SENT_MS + 5,
		.last_attempt_ms = TRIED_MS,
		.status = 422,
		.error_code = "ERROR_FROM_TARGET",
	};
	struct letter_facts f = {&facts, "rule", "target", "destination", redrives};
	struct letter l;

	delivery_facts_set_response(&facts, SLICE("no\nway"));
	letter_build(&l, ev, &f);
	delivery_facts_release(&facts);
	return l;
}

/* As it stands in the dead-letter topic. */
static struct event_fields record_of(const struct event *ev, const struct letter *l)
{
	return (struct event_fields){
		.topic = "letters",
		.partition = 0,
		.offset = 9,
		.timestamp_ms = TRIED_MS + 7,
		.key = ev->f.key,
		.value = ev->f.value,
		.headers = l->headers,
		.header_count = l->header_count,
	};
}

static void assert_text(struct slice s, const char *expected)
{
	if (!slice_eq(s, slice_str(expected)))
		fail_msg("'%.*s' is not '%s'", (int)s.len, s.data, expected);
}

static void letter_view__tells_what_the_letter_says(void **state)
{
	struct event *ev = event_with(NULL, 0);
	struct letter l = write_letter(ev, 2);
	struct event_fields record = record_of(ev, &l);
	struct letter_view v;

	(void)state;
	assert_true(letter_view_read(&v, &record));
	assert_text(v.code, "ERROR_FROM_TARGET");
	assert_text(v.rule, "rule");
	assert_text(v.target, "target");
	assert_text(v.destination, "destination");
	assert_text(v.response, "no way");
	assert_true(v.exhausted.data == NULL);
	assert_int_equal(v.status, 422);
	assert_int_equal(v.retries, 3);
	assert_int_equal(v.redrives, 2);
	assert_int_equal(v.first_attempt_ms, SENT_MS + 5);
	assert_int_equal(v.last_attempt_ms, TRIED_MS);
	letter_release(&l);
	event_unref(ev);
}

static void assert_same_event(const struct event_fields *a, const struct event_fields *b)
{
	assert_string_equal(a->topic, b->topic);
	assert_int_equal(a->partition, b->partition);
	assert_int_equal(a->offset, b->offset);
	assert_int_equal(a->timestamp_ms, b->timestamp_ms);
	assert_true(slice_eq(a->key, b->key));
	assert_true(slice_eq(a->value, b->value));
	assert_int_equal(a->header_count, b->header_count);
	for (size_t i = 0; i < a->header_count; i++) {
		assert_true(slice_eq(a->headers[i].name, b->headers[i].name));
		assert_true(slice_eq(a->headers[i].value, b->headers[i].value));
		assert_int_equal(
			a->headers[i].value.data == NULL, b->headers[i].value.data == NULL);
	}
}

static void letter_view__gives_the_event_back_as_it_was(void **state)
{
	const struct event_header own[] = {
		{SLICE("traceparent"), SLICE("00-1-2-3")},
		{SLICE("ERROR_CODE"), SLICE("the event's own")},
		{SLICE("RULE_NAME"), {NULL, 0}},
		{SLICE("SOURCE_TOPIC"), SLICE("elsewhere")},
		{SLICE("binary"), SLICE("\0\xff")},
	};
	struct event *ev = event_with(own, COUNT_OF(own));
	struct letter l = write_letter(ev, 0);
	struct event_fields record = record_of(ev, &l), back;
	struct letter_view v;

	(void)state;
	assert_true(letter_view_read(&v, &record));
	back = letter_view_event(&v, &record);
	assert_same_event(&back, &ev->f);
	assert_text(v.rule, "rule");
	letter_release(&l);
	event_unref(ev);
}

static void letter_view__letter_of_a_letter_is_the_same_event(void **state)
{
	struct event *ev = event_with(NULL, 0), *again;
	struct letter first = write_letter(ev, 0), second;
	struct event_fields record = record_of(ev, &first), back;
	struct letter_view v;

	(void)state;
	assert_true(letter_view_read(&v, &record));
	back = letter_view_event(&v, &record);
	again = event_new(&back);
	second = write_letter(again, v.redrives + 1);
	record = record_of(again, &second);
	assert_true(letter_view_read(&v, &record));
	assert_int_equal(v.redrives, 1);
	back = letter_view_event(&v, &record);
	assert_same_event(&back, &ev->f);
	letter_release(&first);
	letter_release(&second);
	event_unref(ev);
	event_unref(again);
}

static void letter_view__what_is_no_letter_is_refused(void **state)
{
	static const struct event_header nameless[] = {{SLICE("ERROR_CODE"), SLICE("X")},
		{SLICE("SOURCE_PARTITION"), SLICE("1")}, {SLICE("SOURCE_OFFSET"), SLICE("1")}};
	static const struct event_header odd[] = {{SLICE("ERROR_CODE"), SLICE("X")},
		{SLICE("SOURCE_TOPIC"), SLICE("t")}, {SLICE("SOURCE_PARTITION"), SLICE("-1")},
		{SLICE("SOURCE_OFFSET"), SLICE("99999999999999999999")}};
	struct event_fields record = {.topic = "t"};
	struct letter_view v;

	(void)state;
	assert_false(letter_view_read(&v, &record));
	record.headers = nameless;
	record.header_count = COUNT_OF(nameless);
	assert_false(letter_view_read(&v, &record));
	record.headers = odd;
	record.header_count = COUNT_OF(odd);
	assert_false(letter_view_read(&v, &record));
}

/* What a forger would put into a letter: what ends a line, what ends a string, and names that no
 * topic can have. */
static const struct slice forged[] = {SLICE("x\r\nX-Injected: yes"), SLICE("x\ny"),
	SLICE("x\ry"), SLICE("x\0y"), SLICE("\0"), SLICE("x\x1b[2J"), SLICE("x y"),
	SLICE("x:y"), SLICE("t\xc3\xa4"), SLICE("t\xe2\x80\xae"), SLICE("."), SLICE(".."),
	SLICE("a/b"), SLICE("")};

static void letter_view__place_that_could_not_be_one_is_refused(void **state)
{
	static const char *const places[] = {
		"SOURCE_TOPIC", "SOURCE_PARTITION", "SOURCE_OFFSET"};
	struct event_header h[] = {{SLICE("ERROR_CODE"), SLICE("X")},
		{SLICE("SOURCE_TOPIC"), SLICE("t")}, {SLICE("SOURCE_PARTITION"), SLICE("0")},
		{SLICE("SOURCE_OFFSET"), SLICE("5")}};
	struct event_fields record = {
		.topic = "dead", .headers = h, .header_count = COUNT_OF(h)};
	struct letter_view v;

	(void)state;
	assert_true(letter_view_read(&v, &record));
	for (size_t p = 0; p < COUNT_OF(places); p++)
		for (size_t i = 0; i < COUNT_OF(forged); i++) {
			struct slice good = h[p + 1].value;

			h[p + 1].value = forged[i];
			if (letter_view_read(&v, &record))
				fail_msg("%s = '%.*s' was taken", places[p], (int)forged[i].len,
					forged[i].data);
			h[p + 1].value = good;
		}
}

static void event__topic_names_are_those_of_kafka(void **state)
{
	char longest[EVENT_TOPIC_MAX_BYTES + 2];

	(void)state;
	memset(longest, 'a', sizeof longest);
	assert_true(event_is_topic_name(SLICE("Shop.orders_v2-eu")));
	assert_true(event_is_topic_name(slice_of(longest, EVENT_TOPIC_MAX_BYTES)));
	assert_false(event_is_topic_name(slice_of(longest, EVENT_TOPIC_MAX_BYTES + 1)));
	for (size_t i = 0; i < COUNT_OF(forged); i++)
		assert_false(event_is_topic_name(forged[i]));
}

static void time_text__times_are_read_as_they_are_written(void **state)
{
	static const struct {
		const char *text;
		int64_t wall_ms;
	} good[] = {
		{"1970-01-01T00:00:00.000Z", 0},
		{"1970-01-02", 86400000},
		{"2026-11-23T09:05:04.123Z", 1795424704123},
		{"2026-11-23 09:05:04", 1795424704000},
		{"2026-11-23T09:05", 1795424700000},
		{"2026-11-23T10:05:04.1234+01:00", 1795424704123},
		{"2026-11-23T08:35:04-0030", 1795424704000},
	};
	static const char *const bad[] = {"", "2026", "2026-13-01", "2026-11-23T", "yesterday",
		"2026-11-23T09", "2026-11-23T09:05:04Zx", "2026-11-23T25:00",
		"2026-11-23T09:05+1"};
	char text[TIME_TEXT_ISO8601_BYTES];
	int64_t wall_ms;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		if (!time_text_parse_iso8601(slice_str(good[i].text), &wall_ms))
			fail_msg("%s", good[i].text);
		assert_int_equal(wall_ms, good[i].wall_ms);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (time_text_parse_iso8601(slice_str(bad[i]), &wall_ms))
			fail_msg("%s", bad[i]);
	time_text_format_iso8601(SENT_MS, text);
	assert_true(time_text_parse_iso8601(slice_str(text), &wall_ms));
	assert_int_equal(wall_ms, SENT_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letter_view__tells_what_the_letter_says),
		cmocka_unit_test(letter_view__gives_the_event_back_as_it_was),
		cmocka_unit_test(letter_view__letter_of_a_letter_is_the_same_event),
		cmocka_unit_test(letter_view__what_is_no_letter_is_refused),
		cmocka_unit_test(letter_view__place_that_could_not_be_one_is_refused),
		cmocka_unit_test(event__topic_names_are_those_of_kafka),
		cmocka_unit_test(time_text__times_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
