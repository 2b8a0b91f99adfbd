/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pthread.h>

#include "app/metrics/metrics.h"

struct fixture {
	struct metrics *m;
	struct buf out;
};

static int make(void **state)
{
	static struct fixture f;

	f.m = metrics_new();
	buf_init(&f.out, BUF_UNLIMITED);
	*state = &f;
	return 0;
}

static int unmake(void **state)
{
	struct fixture *f = *state;

	metrics_free(f->m);
	buf_release(&f->out);
	return 0;
}

static const char *expose(struct fixture *f)
{
	buf_reset(&f->out);
	metrics_expose(f->m, &f->out);
	return buf_str(&f->out);
}

#define assert_shows(f, text)     assert_non_null(strstr(expose(f), text))
#define assert_shows_not(f, text) assert_null(strstr(expose(f), text))

static struct metric *obtain(struct fixture *f, enum metric_id id, const char *label)
{
	return metrics_obtain(f->m, id, label, NULL, NULL);
}

static void metrics__nothing_is_shown_before_it_is_obtained(void **state)
{
	assert_string_equal(expose(*state), "");
}

static void metrics__a_counter_counts_and_is_shown_as_one(void **state)
{
	struct fixture *f = *state;
	struct metric *c = obtain(f, METRIC_INVOCATION_ATTEMPTS, "billing");

	metric_add(c, 1);
	metric_add(c, 41);
	assert_string_equal(expose(f),
		"# HELP postrider_invocation_attempts_total Requests made, retries included.\n"
		"# TYPE postrider_invocation_attempts_total counter\n"
		"postrider_invocation_attempts_total{destination=\"billing\"} 42\n");
}

static void metrics__one_set_of_labels_is_one_instance(void **state)
{
	struct fixture *f = *state;

	assert_ptr_equal(metrics_obtain(f->m, METRIC_RESPONSES, "a", "5xx", NULL),
		metrics_obtain(f->m, METRIC_RESPONSES, "a", "5xx", NULL));
	assert_ptr_not_equal(metrics_obtain(f->m, METRIC_RESPONSES, "a", "5xx", NULL),
		metrics_obtain(f->m, METRIC_RESPONSES, "a", "4xx", NULL));
	/* No two sets of values look alike, whatever is in them. */
	assert_ptr_not_equal(metrics_obtain(f->m, METRIC_RESPONSES, "a\",class=\"b", "c", NULL),
		metrics_obtain(f->m, METRIC_RESPONSES, "a", "b\",class=\"c", NULL));
}

static void metrics__label_values_are_escaped(void **state)
{
	struct fixture *f = *state;

	obtain(f, METRIC_EVENTS, "a\"b\\c\nd");
	assert_shows(f, "postrider_events_total{lane=\"a\\\"b\\\\c\\nd\"} 0\n");
}

static void metrics__a_gauge_is_the_sum_of_what_each_says(void **state)
{
	struct fixture *f = *state;
	struct metric *g = obtain(f, METRIC_IN_FLIGHT, "billing");
	int64_t one = 0, two = 0;

	metric_gauge(g, &one, 10);
	metric_gauge(g, &two, 5);
	metric_gauge(g, &one, 3);
	assert_shows(f, "postrider_in_flight{destination=\"billing\"} 8\n");
	metric_gauge(g, &one, 0);
	metric_gauge(g, &two, 0);
	assert_shows(f, "postrider_in_flight{destination=\"billing\"} 0\n");
}

static void metrics__values_are_exact_to_the_last_digit(void **state)
{
	struct fixture *f = *state;
	struct metric *g = obtain(f, METRIC_RELOAD_TIME, NULL);
	int64_t said = 0;

	metric_gauge(g, &said, 1795649000123);
	assert_shows(
		f, "postrider_config_last_reload_success_timestamp_seconds 1795649000.123\n");
	metric_gauge(g, &said, -50);
	assert_shows(f, "timestamp_seconds -0.05\n");
	metric_gauge(g, &said, 7000);
	assert_shows(f, "timestamp_seconds 7\n");
}

static void metrics__a_histogram_is_cumulative(void **state)
{
	struct fixture *f = *state;
	struct metric *h = obtain(f, METRIC_ATTEMPT_SECONDS, "b");

	metric_observe(h, 900);
	metric_observe(h, 1000);
	metric_observe(h, 1001);
	metric_observe(h, 20000000);
	metric_observe(h, INT64_C(36000000000));
	assert_shows(f, "_seconds_bucket{destination=\"b\",le=\"0.001\"} 2\n");
	assert_shows(f, "_seconds_bucket{destination=\"b\",le=\"0.0025\"} 3\n");
	assert_shows(f, "_seconds_bucket{destination=\"b\",le=\"10\"} 3\n");
	assert_shows(f, "_seconds_bucket{destination=\"b\",le=\"30\"} 4\n");
	assert_shows(f, "_seconds_bucket{destination=\"b\",le=\"3600\"} 4\n");
	assert_shows(f, "_seconds_bucket{destination=\"b\",le=\"+Inf\"} 5\n");
	assert_shows(f, "_seconds_sum{destination=\"b\"} 36020.002901\n");
	assert_shows(f, "_seconds_count{destination=\"b\"} 5\n");
}

static void metrics__what_all_have_released_is_shown_no_more(void **state)
{
	struct fixture *f = *state;
	struct metric *one = obtain(f, METRIC_EVENTS, "lane");
	struct metric *two = obtain(f, METRIC_EVENTS, "lane");

	metric_add(one, 3);
	metric_release(one);
	assert_shows(f, "postrider_events_total{lane=\"lane\"} 3\n");
	metric_release(two);
	assert_string_equal(expose(f), "");
	/* Late counting is harmless, and nothing that was counted is lost. */
	metric_add(two, 1);
	assert_ptr_equal(obtain(f, METRIC_EVENTS, "lane"), one);
	assert_shows(f, "postrider_events_total{lane=\"lane\"} 4\n");
}

static void metrics__no_registry_is_no_trouble(void **state)
{
	int64_t said = 0;
	struct metric *i = metrics_obtain(NULL, METRIC_EVENTS, "lane", NULL, NULL);

	(void)state;
	assert_null(i);
	metric_add(i, 1);
	metric_observe(i, 1);
	metric_gauge(i, &said, 1);
	metric_release(i);
}

static void metrics__parts_are_shown_as_one(void **state)
{
	struct fixture *f = *state;
	struct metrics *other = metrics_part(f->m), *third = metrics_part(other);
	struct metric *ours = obtain(f, METRIC_EVENTS, "lane");
	struct metric *theirs = metrics_obtain(other, METRIC_EVENTS, "lane", NULL, NULL);
	struct metric *alone = metrics_obtain(third, METRIC_EVENTS, "alone", NULL, NULL);
	struct metric *slow = metrics_obtain(third, METRIC_ATTEMPT_SECONDS, "crm", NULL, NULL);
	struct metric *fast = metrics_obtain(other, METRIC_ATTEMPT_SECONDS, "crm", NULL, NULL);

	metric_add(ours, 1);
	metric_add(theirs, 2);
	metric_add(alone, 4);
	metric_observe(fast, 900);
	metric_observe(slow, 2000);
	assert_shows(f, "postrider_events_total{lane=\"lane\"} 3\n");
	assert_shows(f, "postrider_events_total{lane=\"alone\"} 4\n");
	assert_shows(f, "_bucket{destination=\"crm\",le=\"0.001\"} 1\n");
	assert_shows(f, "_bucket{destination=\"crm\",le=\"0.0025\"} 2\n");
	assert_shows(f, "_sum{destination=\"crm\"} 0.0029\n");
	assert_shows(f, "_count{destination=\"crm\"} 2\n");
	assert_null(strstr(strstr(expose(f), "{lane=\"lane\"}") + 1, "{lane=\"lane\"}"));

	/* As long as one of them is used, all that was counted is shown. */
	metric_release(ours);
	assert_shows(f, "postrider_events_total{lane=\"lane\"} 3\n");
	metric_release(theirs);
	assert_null(strstr(expose(f), "{lane=\"lane\"}"));
}

static void *count_to_100000(void *i)
{
	for (int n = 0; n < 100000; n++)
		metric_add(i, 1);
	return NULL;
}

static void metrics__threads_do_not_lose_counts(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[4];

	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		struct metrics *part = metrics_part(f->m);

		assert_int_equal(
			pthread_create(&threads[i], NULL, count_to_100000,
				metrics_obtain(part, METRIC_EVENTS, "lane", NULL, NULL)),
			0);
	}
	for (int i = 0; i < 100; i++)
		(void)expose(f);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	assert_shows(f, "postrider_events_total{lane=\"lane\"} 400000\n");
}

static bool is_word(const char *s)
{
	return s[0] != '\0' && strspn(s, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(s);
}

/* The table, read by the test itself. */
static const struct {
	const char *type, *name, *labels, *help;
} table[METRIC_NR_VALUES] = {
#define METRIC(id, type, name, labels, scale, help) {#type, name, labels, help},
#include "app/metrics/metrics_table.h"
#undef METRIC
};

static void metrics__the_table_keeps_the_conventions(void **state)
{
	(void)state;
	for (enum metric_id id = 0; id < METRIC_NR_VALUES; id++) {
		const char *name = table[id].name, *help = table[id].help;
		size_t len = strlen(name);
		bool total = len > 6 && strcmp(name + len - 6, "_total") == 0;

		assert_true(is_word(name));
		assert_true(strncmp(name, "postrider_", 10) == 0 ||
			    strncmp(name, "process_", 8) == 0);
		assert_int_equal(total, strcmp(table[id].type, "COUNTER") == 0);
		assert_int_equal(strspn(table[id].labels, "abcdefghijklmnopqrstuvwxyz "),
			strlen(table[id].labels));
		assert_int_equal(help[strlen(help) - 1], '.');
		assert_null(strpbrk(help, "\\\n"));
		for (enum metric_id other = 0; other < id; other++)
			assert_string_not_equal(name, table[other].name);
	}
}

/* What Prometheus's own tool has to say: nothing. */
static void metrics__promtool_has_nothing_to_say(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/postrider-metrics-XXXXXX", command[128];
	int fd;

	if (system("command -v promtool >/dev/null 2>&1") != 0)
		skip();
	for (enum metric_id id = 0; id < METRIC_NR_VALUES; id++) {
		struct metric *i = metrics_obtain(f->m, id, "one", "two \"\\\n", "three");

		if (strcmp(table[id].type, "HISTOGRAM") == 0)
			metric_observe(i, 12345);
		else
			metric_add(i, 12345);
	}
	(void)expose(f);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->out.data, f->out.len), f->out.len);
	close(fd);
	snprintf(command, sizeof command, "promtool check metrics <%s", path);
	assert_int_equal(system(command), 0);
	unlink(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(metrics__##name, make, unmake)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_shown_before_it_is_obtained),
		TEST(a_counter_counts_and_is_shown_as_one),
		TEST(one_set_of_labels_is_one_instance),
		TEST(label_values_are_escaped),
		TEST(a_gauge_is_the_sum_of_what_each_says),
		TEST(values_are_exact_to_the_last_digit),
		TEST(a_histogram_is_cumulative),
		TEST(what_all_have_released_is_shown_no_more),
		TEST(no_registry_is_no_trouble),
		TEST(parts_are_shown_as_one),
		TEST(threads_do_not_lose_counts),
		TEST(the_table_keeps_the_conventions),
		TEST(promtool_has_nothing_to_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
