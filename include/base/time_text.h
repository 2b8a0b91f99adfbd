/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_text.h - points in time as text, and back: ISO 8601 and the dates of HTTP.
 *
 * A time is in milliseconds of the wall clock since 1970; texts are UTC. No clock is read. Pure.
 */
#ifndef BASE_TIME_TEXT_H
#define BASE_TIME_TEXT_H

#include "base/util.h"

#define TIME_TEXT_ISO8601_BYTES 32
#define TIME_TEXT_BASIC_BYTES   17

/* "2026-11-23T09:05:04.123Z"; a time outside the years 0 to 9999 gives "-". */
void time_text_format_iso8601(int64_t wall_ms, char out[TIME_TEXT_ISO8601_BYTES]);
/* The same read again; also without milliseconds, without seconds, without the time of day
 * ("2026-11-23"), and with +01:00 in place of Z. UTC if no zone is named. */
bool time_text_parse_iso8601(struct slice text, int64_t *ret_wall_ms);

/* ISO 8601's basic format without a fraction, "20150830T123600Z". A time outside the years 0 to
 * 9999 gives "00000000T000000Z". */
void time_text_format_basic(int64_t wall_ms, char out[TIME_TEXT_BASIC_BYTES]);

/* A date of HTTP in any of the three forms of RFC 9110, 5.6.7. */
bool time_text_parse_http(struct slice text, int64_t *ret_wall_ms);

#endif
