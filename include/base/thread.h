/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.h - waiting for another thread for a limited time.
 *
 * pthread_cond_timedwait() measures that time by the wall clock: when the clock is set back
 * an hour, the wait takes an hour longer. This wait goes by the monotonic clock.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Wait for a signal to @cond, at most until @until_ms of clock_monotonic_ms(). @lock is held by
 * the caller, before and after. False: the time is over. It may wake without a signal: test the
 * condition again. */
bool thread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms);

#endif
