/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit.c - around each test of a unit program: see unit.h.
 *
 * The linker sends every call of _cmocka_run_group_tests() here (--wrap), so that no test can
 * forget to take part.
 */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define IDS_MAX 64

/* What is known of a kind of log line in the test that runs. */
struct kind {
	char id[64]; /* "": free */
	unsigned count;
	bool announced, required;
};

/* Lines come from any thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kind kinds[IDS_MAX];
static char last[4096];
static char unannounced[4096]; /* the first such line of the test; "" when there is none */

/* The tests that run, in order; begin() goes from one to the next. */
static struct CMUnitTest *originals;
static size_t next_original;

static struct kind *kind_of(const char *id)
{
	for (size_t i = 0; i < IDS_MAX; i++) {
		if (kinds[i].id[0] == '\0')
			snprintf(kinds[i].id, sizeof kinds[i].id, "%s", id);
		if (strcmp(kinds[i].id, id) == 0)
			return &kinds[i];
	}
	fprintf(stderr, "unit.c: more than %d kinds of log lines in one test\n", IDS_MAX);
	abort();
}

static void take_line(enum log_level level, const char *id, struct slice line)
{
	struct kind *kind;

	pthread_mutex_lock(&lock);
	kind = kind_of(id);
	kind->count++;
	snprintf(last, sizeof last, "%.*s", (int)line.len, line.data);
	if (level >= LOG_WARN && !kind->announced && unannounced[0] == '\0')
		snprintf(unannounced, sizeof unannounced, "%s", last);
	pthread_mutex_unlock(&lock);
}

static void announce(const char *id, bool required)
{
	pthread_mutex_lock(&lock);
	kind_of(id)->announced = true;
	kind_of(id)->required |= required;
	pthread_mutex_unlock(&lock);
}

void log_expected(const char *id)
{
	announce(id, true);
}

void log_allowed(const char *id)
{
	announce(id, false);
}

unsigned log_count(const char *id)
{
	unsigned count;

	pthread_mutex_lock(&lock);
	count = kind_of(id)->count;
	pthread_mutex_unlock(&lock);
	return count;
}

const char *log_last(void)
{
	return last;
}

static int begin(void **state)
{
	const struct CMUnitTest *test = &originals[next_original++];

	log_set_sink(NULL);
	memset(kinds, 0, sizeof kinds);
	last[0] = unannounced[0] = '\0';
	log_set_sink(take_line);
	return test->setup_func != NULL ? test->setup_func(state) : 0;
}

static int end(void **state)
{
	const struct CMUnitTest *test = &originals[next_original - 1];
	int status = test->teardown_func != NULL ? test->teardown_func(state) : 0;

	log_set_sink(NULL);
	if (unannounced[0] != '\0') {
		printf("%s: it has not announced this line: %s", test->name, unannounced);
		return -1;
	}
	for (size_t i = 0; i < IDS_MAX; i++)
		if (kinds[i].required && kinds[i].count == 0) {
			printf("%s: no line %s came\n", test->name, kinds[i].id);
			return -1;
		}
	return status;
}

static bool is_wanted(const char *name)
{
	const char *word = getenv("T");

	return word == NULL || strstr(name, word) != NULL;
}

int __real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests,
	size_t count, CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests,
	size_t count, CMFixtureFunction setup, CMFixtureFunction teardown);

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests,
	size_t count, CMFixtureFunction setup, CMFixtureFunction teardown)
{
	struct CMUnitTest *wrapped = xcalloc(count, sizeof(wrapped[0]));
	size_t n = 0;
	int status;

	originals = xcalloc(count, sizeof(originals[0]));
	next_original = 0;
	for (size_t i = 0; i < count; i++)
		if (is_wanted(tests[i].name)) {
			originals[n] = wrapped[n] = tests[i];
			wrapped[n].setup_func = begin;
			wrapped[n++].teardown_func = end;
		}
	status = n > 0 ? __real__cmocka_run_group_tests(name, wrapped, n, setup, teardown) : 0;
	free(originals);
	free(wrapped);
	return status;
}
