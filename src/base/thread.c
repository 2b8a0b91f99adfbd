/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <time.h>

bool thread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms)
{
	struct timespec until = {
		.tv_sec = (time_t)(until_ms / 1000),
		.tv_nsec = (long)(until_ms % 1000 * 1000000),
	};

	return pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &until) == 0;
}
