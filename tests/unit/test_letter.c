/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"
#include "core/letter.h"

struct fixture {
	struct event *ev;
	struct delivery_facts facts;
	struct letter_facts about;
	struct letter letter;
};

/* A record that has a header of ours already, a null one, and one that is no text. */
static int make(void **state)
{
	static const struct event_header headers[] = {
		{SLICE("ERROR_CODE"), SLICE("the event's own")},
		{SLICE("none"), {NULL, 0}},
		{SLICE("bytes"), SLICE("\xff\0\n")},
	};
	const struct event_fields record = {
		.topic = "orders",
		.partition = 3,
		.offset = 9000000001,
		.timestamp_ms = 1795649000123,
		.value = SLICE("{}"),
		.headers = headers,
		.header_count = COUNT_OF(headers),
	};
	static struct fixture f;

	f = (struct fixture){
		.ev = event_new(&record),
		.facts =
			{
				.attempts = 3,
				.first_attempt_ms = 1795649001000,
				.last_attempt_ms = 1795649002500,
				.status = 503,
				.exhausted = RETRY_MAXIMUM_RETRY_ATTEMPTS,
				.error_code = "ERROR_FROM_TARGET",
			},
		.about = {.rule_name = "notify", .target_id = "slack", .destination = "hooks"},
	};
	f.about.delivery = &f.facts;
	*state = &f;
	return 0;
}

static int unmake(void **state)
{
	struct fixture *f = *state;

	letter_release(&f->letter);
	delivery_facts_release(&f->facts);
	event_unref(f->ev);
	return 0;
}

static void build(struct fixture *f)
{
	letter_build(&f->letter, f->ev, &f->about);
}

/* The header of that name which we added, or NULL. */
static const struct event_header *find(const struct fixture *f, const char *name)
{
	for (size_t i = f->ev->f.header_count; i < f->letter.header_count; i++)
		if (slice_eq(f->letter.headers[i].name, slice_str(name)))
			return &f->letter.headers[i];
	return NULL;
}

static void assert_header(const struct fixture *f, const char *name, const char *value)
{
	const struct event_header *h = find(f, name);

	assert_non_null(h);
	if (!slice_eq(h->value, slice_str(value)))
		fail_msg("%s is '%.*s', not '%s'", name, (int)h->value.len, h->value.data,
			value);
}

static void letter__tells_everything(void **state)
{
	struct fixture *f = *state;

	delivery_facts_set_response(&f->facts, SLICE("try later"));
	build(f);
	assert_header(f, "ERROR_CODE", "ERROR_FROM_TARGET");
	assert_header(f, "ERROR_MESSAGE",
		"Destination 'hooks' answered HTTP 503 to attempt 3 at "
		"2026-11-25T23:23:22.500Z; no retries are left");
	assert_header(f, "EXHAUSTED_RETRY_CONDITION", "MaximumRetryAttempts");
	assert_header(f, "RETRY_ATTEMPTS", "2");
	assert_header(f, "RULE_NAME", "notify");
	assert_header(f, "TARGET_ID", "slack");
	assert_header(f, "DESTINATION", "hooks");
	assert_header(f, "HTTP_STATUS", "503");
	assert_header(f, "SOURCE_TOPIC", "orders");
	assert_header(f, "SOURCE_PARTITION", "3");
	assert_header(f, "SOURCE_OFFSET", "9000000001");
	assert_header(f, "SOURCE_TIMESTAMP", "2026-11-25T23:23:20.123Z");
	assert_header(f, "FIRST_ATTEMPT_TIME", "2026-11-25T23:23:21.000Z");
	assert_header(f, "LAST_ATTEMPT_TIME", "2026-11-25T23:23:22.500Z");
	assert_header(f, "RESPONSE_BODY", "try later");
}

static void letter__the_events_own_headers_come_first_untouched(void **state)
{
	struct fixture *f = *state;

	build(f);
	for (size_t i = 0; i < f->ev->f.header_count; i++) {
		const struct event_header *ours = &f->letter.headers[i];
		const struct event_header *its = &f->ev->f.headers[i];

		assert_true(slice_eq(ours->name, its->name));
		assert_true(slice_eq(ours->value, its->value));
		assert_int_equal(ours->value.data == NULL, its->value.data == NULL);
	}
	assert_header(f, "ERROR_CODE", "ERROR_FROM_TARGET");
}

static void letter__what_is_not_known_is_absent(void **state)
{
	struct fixture *f = *state;

	delivery_facts_release(&f->facts);
	f->facts.error_code = "INVALID_EVENT";
	delivery_facts_set_message(&f->facts, "line 1: it is no JSON");
	f->about = (struct letter_facts){.delivery = &f->facts};
	f->ev->f.timestamp_ms = -1;
	build(f);
	assert_header(f, "ERROR_CODE", "INVALID_EVENT");
	assert_header(f, "ERROR_MESSAGE", "Not sent: line 1: it is no JSON");
	assert_header(f, "RETRY_ATTEMPTS", "0");
	assert_null(find(f, "EXHAUSTED_RETRY_CONDITION"));
	assert_null(find(f, "RULE_NAME"));
	assert_null(find(f, "TARGET_ID"));
	assert_null(find(f, "DESTINATION"));
	assert_null(find(f, "HTTP_STATUS"));
	assert_null(find(f, "SOURCE_TIMESTAMP"));
	assert_null(find(f, "FIRST_ATTEMPT_TIME"));
	assert_null(find(f, "LAST_ATTEMPT_TIME"));
	assert_null(find(f, "RESPONSE_BODY"));
	assert_null(find(f, "REDRIVE_COUNT"));
}

static void letter__a_transport_failure_is_told_in_words(void **state)
{
	struct fixture *f = *state;

	f->facts.status = 0;
	f->facts.transport = RETRY_TRANSPORT_TIMEOUT;
	f->facts.exhausted = RETRY_MAXIMUM_EVENT_AGE;
	delivery_facts_set_message(&f->facts, "no reply within 30 s");
	build(f);
	assert_header(f, "ERROR_MESSAGE",
		"Attempt 3 at destination 'hooks' failed at 2026-11-25T23:23:22.500Z: "
		"no reply within 30 s; the event has reached its maximum age");
	assert_header(f, "EXHAUSTED_RETRY_CONDITION", "MaximumEventAgeInSeconds");
	assert_null(find(f, "HTTP_STATUS"));
}

static void letter__values_are_printable_text(void **state)
{
	struct fixture *f = *state;

	delivery_facts_set_response(&f->facts, SLICE("a\0b\r\n\x1b[2J\xff\xc3\xa9"));
	build(f);
	assert_header(f, "RESPONSE_BODY", "a b   [2J\xef\xbf\xbd\xc3\xa9");
}

static void letter__only_the_response_is_optional_and_it_is_last(void **state)
{
	struct fixture *f = *state;

	delivery_facts_set_response(&f->facts, SLICE("x"));
	build(f);
	assert_int_equal(f->letter.required_count, f->letter.header_count - 1);
	assert_ptr_equal(
		find(f, "RESPONSE_BODY"), &f->letter.headers[f->letter.required_count]);
}

static void letter__one_without_response_has_nothing_optional(void **state)
{
	struct fixture *f = *state;

	build(f);
	assert_int_equal(f->letter.required_count, f->letter.header_count);
}

static void letter__a_redriven_one_says_how_often(void **state)
{
	struct fixture *f = *state;

	f->about.redrive_count = 2;
	build(f);
	assert_header(f, "REDRIVE_COUNT", "2");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(letter__##name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(tells_everything),
		TEST(the_events_own_headers_come_first_untouched),
		TEST(what_is_not_known_is_absent),
		TEST(a_transport_failure_is_told_in_words),
		TEST(values_are_printable_text),
		TEST(only_the_response_is_optional_and_it_is_last),
		TEST(one_without_response_has_nothing_optional),
		TEST(a_redriven_one_says_how_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
