/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
	return clock_monotonic_us() / 1000;
}

int64_t clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

void clock_format_iso8601(int64_t wall_ms, char out[CLOCK_ISO8601_BYTES])
{
	int64_t ms = ((wall_ms % 1000) + 1000) % 1000;
	time_t seconds = (time_t)((wall_ms - ms) / 1000);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 8099) {
		snprintf(out, CLOCK_ISO8601_BYTES, "-");
		return;
	}
	snprintf(out, CLOCK_ISO8601_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		(unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)(tm.tm_mon + 1) % 100u,
		(unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u,
		(unsigned)tm.tm_min % 100u, (unsigned)tm.tm_sec % 100u, (unsigned)ms % 1000u);
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

bool clock_parse_iso8601(struct slice text, int64_t *ret_wall_ms)
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
