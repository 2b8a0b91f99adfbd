/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - the two notions of now, read in one place.
 *
 * Monotonic milliseconds (at_ms) decide; wall-clock milliseconds since 1970 (wall_ms)
 * are shown, sent and stored. Code in core takes either as a parameter and never
 * reads a clock. Times as texts: time_text.h.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/util.h"

int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);
int64_t clock_wall_ms(void);

#endif
