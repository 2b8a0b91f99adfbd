/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - the two notions of now, read in one place.
 *
 * Monotonic milliseconds (at_ms) decide; wall-clock milliseconds since 1970 (wall_ms)
 * are shown, sent and stored. Code in core takes either as a parameter and never
 * reads a clock. Times that go into texts are formatted here.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/util.h"

int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);
int64_t clock_wall_ms(void);

#define CLOCK_ISO8601_BYTES 32

/* "2026-11-23T09:05:04.123Z"; a wall time outside the years 0 to 9999 gives "-". */
void clock_format_iso8601(int64_t wall_ms, char out[CLOCK_ISO8601_BYTES]);
/* The same read again; also without milliseconds, without seconds, without the time of day
 * ("2026-11-23"), and with +01:00 in place of Z. UTC where no zone is named. */
bool clock_parse_iso8601(struct slice text, int64_t *ret_wall_ms);

#endif
