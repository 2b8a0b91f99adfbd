/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time_text.h"

#include <stdio.h>
#include <time.h>

/* False: outside the years 0 to 9999. */
static bool split(int64_t wall_ms, struct tm *ret_tm, unsigned *ret_ms)
{
	int64_t ms = ((wall_ms % 1000) + 1000) % 1000;
	time_t seconds = (time_t)((wall_ms - ms) / 1000);

	*ret_ms = (unsigned)ms;
	return gmtime_r(&seconds, ret_tm) != NULL && ret_tm->tm_year >= -1900 &&
	       ret_tm->tm_year <= 8099;
}

/* --- ISO 8601. --- */

void time_text_format_iso8601(int64_t wall_ms, char out[TIME_TEXT_ISO8601_BYTES])
{
	struct tm tm;
	unsigned ms;

	if (!split(wall_ms, &tm, &ms)) {
		snprintf(out, TIME_TEXT_ISO8601_BYTES, "-");
		return;
	}
	snprintf(out, TIME_TEXT_ISO8601_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		(unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)(tm.tm_mon + 1) % 100u,
		(unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u,
		(unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u, ms % 1000u);
}

void time_text_format_basic(int64_t wall_ms, char out[TIME_TEXT_BASIC_BYTES])
{
	struct tm tm;
	unsigned ms;

	if (!split(wall_ms, &tm, &ms)) {
		snprintf(out, TIME_TEXT_BASIC_BYTES, "00000000T000000Z");
		return;
	}
	snprintf(out, TIME_TEXT_BASIC_BYTES, "%04u%02u%02uT%02u%02u%02uZ",
		(unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)(tm.tm_mon + 1) % 100u,
		(unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u,
		(unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u);
}

/* @width digits at *at, which moves behind them. */
static bool get_digits(struct slice s, size_t *at, size_t width, int *ret)
{
	*ret = 0;
	if (*at + width > s.len)
		return false;
	for (size_t end = *at + width; *at < end; ++*at) {
		if (s.data[*at] < '0' || s.data[*at] > '9')
			return false;
		*ret = *ret * 10 + (s.data[*at] - '0');
	}
	return true;
}

static bool skip(struct slice s, size_t *at, const char *any)
{
	if (*at >= s.len || strchr(any, s.data[*at]) == NULL || s.data[*at] == '\0')
		return false;
	++*at;
	return true;
}

/* ":SS", ".mmm" with any number of digits; each may be missing. */
static bool get_seconds(struct slice s, size_t *at, struct tm *tm, int64_t *ret_ms)
{
	int digit, unit = 100;

	if (skip(s, at, ":") && !get_digits(s, at, 2, &tm->tm_sec))
		return false;
	if (!skip(s, at, "."))
		return true;
	while (get_digits(s, at, 1, &digit)) {
		*ret_ms += (int64_t)digit * unit;
		unit /= 10;
	}
	return true;
}

static bool get_zone(struct slice s, size_t *at, int64_t *ret_minutes)
{
	int sign = *at < s.len && s.data[*at] == '-' ? -1 : 1, hours, minutes;

	if (*at == s.len || skip(s, at, "Z"))
		return true;
	if (!skip(s, at, "+-") || !get_digits(s, at, 2, &hours))
		return false;
	skip(s, at, ":");
	if (!get_digits(s, at, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_minutes = sign * (hours * 60 + minutes);
	return true;
}

bool time_text_parse_iso8601(struct slice text, int64_t *ret_wall_ms)
{
	struct tm tm = {0};
	int64_t ms = 0, zone_minutes = 0;
	size_t at = 0;

	if (!get_digits(text, &at, 4, &tm.tm_year) || !skip(text, &at, "-") ||
		!get_digits(text, &at, 2, &tm.tm_mon) || !skip(text, &at, "-") ||
		!get_digits(text, &at, 2, &tm.tm_mday))
		return false;
	if (skip(text, &at, "T ") &&
		(!get_digits(text, &at, 2, &tm.tm_hour) || !skip(text, &at, ":") ||
			!get_digits(text, &at, 2, &tm.tm_min) ||
			!get_seconds(text, &at, &tm, &ms) ||
			!get_zone(text, &at, &zone_minutes)))
		return false;
	if (at != text.len || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
		tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret_wall_ms = ((int64_t)timegm(&tm) - zone_minutes * 60) * 1000 + ms;
	return true;
}

/* --- HTTP. --- */

/* strptime() goes by the C locale, which the process never leaves. */
bool time_text_parse_http(struct slice s, int64_t *ret_wall_ms)
{
	static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"};
	char text[64];

	if (s.len >= sizeof text)
		return false;
	memcpy(text, s.data, s.len);
	text[s.len] = '\0';
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);

		if (end == NULL || *end != '\0')
			continue;
		*ret_wall_ms = (int64_t)timegm(&tm) * 1000;
		return true;
	}
	return false;
}
