/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pattern/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_DIGITS 17

/* 0.digits * 10^exponent; without leading or trailing zeros; zero has no digits. */
struct decimal {
	char digits[MOST_DIGITS + 1];
	unsigned count;
	long exponent;
	bool negative;
};

/* The exponent behind an 'e', held within ±99999: far beyond any double. */
static long read_exponent(const char *p, const char *end)
{
	bool negative = p < end && *p == '-';
	long e = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	for (; p < end; p++)
		e = e < 99999 ? e * 10 + (*p - '0') : 99999;
	return negative ? -e : e;
}

/* False when there are more significant digits than any double needs. */
static bool read_decimal(struct slice text, struct decimal *d)
{
	const char *p = text.data, *end = text.data + text.len;
	long point = 0; /* digits before it, or -zeros behind it, of the significant ones */
	bool fraction = false;
	size_t zeros = 0;

	*d = (struct decimal){.negative = *p == '-'};
	for (p += d->negative; p < end && (*p | 0x20) != 'e'; p++) {
		if (*p == '.') {
			fraction = true;
			continue;
		}
		if (*p == '0' && d->count == 0) {
			point -= fraction;
			continue;
		}
		point += !fraction;
		if (*p == '0') {
			zeros++;
			continue;
		}
		if (d->count + zeros >= MOST_DIGITS)
			return false;
		for (; zeros > 0; zeros--)
			d->digits[d->count++] = '0';
		d->digits[d->count++] = *p;
	}
	if (d->count > 0 && point < 100000 && point > -100000)
		d->exponent = point + (p < end ? read_exponent(p + 1, end) : 0);
	else
		d->exponent = point;
	return true;
}

static double to_double(const struct decimal *d)
{
	char text[MOST_DIGITS + 32];

	snprintf(text, sizeof text, "%s0.%se%ld", d->negative ? "-" : "", d->digits,
		d->exponent);
	return strtod(text, NULL);
}

/* Whether @d is the shortest decimal that reads back as @value, its double. */
static bool is_shortest(const struct decimal *d, double value)
{
	char text[40];
	struct decimal shortest;

	if (!isfinite(value) || value == 0)
		return false;
	for (int digits = d->count > DBL_DIG ? DBL_DIG : 1; digits <= MOST_DIGITS; digits++) {
		snprintf(text, sizeof text, "%.*e", digits - 1, value);
		if (strtod(text, NULL) == value)
			break;
	}
	read_decimal(slice_str(text), &shortest);
	return shortest.exponent == d->exponent && strcmp(shortest.digits, d->digits) == 0;
}

static int64_t key_of(double value)
{
	int64_t bits;

	memcpy(&bits, &value, sizeof bits);
	return bits < 0 ? INT64_MIN - bits : bits;
}

/* Up to 15 digits with a point somewhere: exact in a double by one division. False when
 * the text is anything else. */
static bool read_simple(struct slice text, double *ret_value)
{
	static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
		1e11, 1e12, 1e13, 1e14, 1e15};
	bool negative = text.data[0] == '-';
	uint64_t digits = 0;
	size_t behind = 0;
	bool fraction = false;

	if (text.len - negative > 16 - (memchr(text.data, '.', text.len) == NULL))
		return false;
	for (size_t i = negative; i < text.len; i++) {
		unsigned digit = (unsigned char)(text.data[i] - '0');

		if (text.data[i] == '.') {
			fraction = true;
			continue;
		}
		if (digit > 9)
			return false;
		digits = digits * 10 + digit;
		behind += fraction;
	}
	*ret_value = (double)digits / powers[behind];
	if (negative && digits != 0)
		*ret_value = -*ret_value;
	return true;
}

bool number_key(struct slice text, int64_t *ret_key)
{
	struct decimal d;
	double value;

	if (!read_simple(text, &value)) {
		if (!read_decimal(text, &d))
			return false;
		if (d.count == 0) {
			value = 0;
		} else {
			value = to_double(&d);
			if ((d.count > DBL_DIG || d.exponent > 300 || d.exponent < -290) &&
				!is_shortest(&d, value))
				return false;
		}
	}
	*ret_key = key_of(value);
	return true;
}
