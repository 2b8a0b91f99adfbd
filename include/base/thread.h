/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thread.h - starting a thread, and waiting for another one for a limited time.
 *
 * pthread_cond_timedwait() measures that time by the wall clock: when the clock is set back
 * an hour, the wait takes an hour longer. This wait goes by the monotonic clock.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Start a thread that receives no signals: they are for the threads that ask for them. Its stack
 * has 8 MiB, whatever `ulimit -s` says. It is joined or detached by the caller. False: the system refuses one more thread. */
bool thread_start(pthread_t *ret, void *(*main)(void *arg), void *arg)
	__attribute__((warn_unused_result));

/* Wait for a signal to @cond, at most until @until_ms of clock_monotonic_ms(). @lock is held by
 * the caller, before and after. False: the time is over. It may wake without a signal: test the
 * condition again. */
bool thread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms);

#endif
