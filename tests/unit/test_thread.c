/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/thread.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

/* By the wall clock this moment is long past, and the wait would be over at once. */
static void thread__a_wait_ends_at_its_monotonic_time(void **state)
{
	int64_t until_ms = clock_monotonic_ms() + 20;

	(void)state;
	pthread_mutex_lock(&lock);
	while (thread_cond_wait(&cond, &lock, until_ms))
		;
	pthread_mutex_unlock(&lock);
	assert_true(clock_monotonic_ms() >= until_ms);
}

static void *signal_main(void *said)
{
	pthread_mutex_lock(&lock);
	*(bool *)said = true;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void thread__a_signal_ends_a_wait(void **state)
{
	int64_t until_ms = clock_monotonic_ms() + 3600000;
	bool said = false;
	pthread_t thread;

	(void)state;
	pthread_mutex_lock(&lock);
	assert_int_equal(pthread_create(&thread, NULL, signal_main, &said), 0);
	while (!said)
		assert_true(thread_cond_wait(&cond, &lock, until_ms));
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thread__a_wait_ends_at_its_monotonic_time),
		cmocka_unit_test(thread__a_signal_ends_a_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
