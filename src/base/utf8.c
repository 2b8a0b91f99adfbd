/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

unsigned utf8_decode(const char *p, const char *end, uint32_t *ret_code)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t room = (size_t)(end - p);
	uint32_t code;

	if (s[0] < 0x80) {
		*ret_code = s[0];
		return 1;
	}
	if (s[0] < 0xe0) {
		if (s[0] < 0xc2 || room < 2 || !is_tail(s[1]))
			return 0;
		*ret_code = (s[0] & 0x1fU) << 6 | (s[1] & 0x3fU);
		return 2;
	}
	if (s[0] < 0xf0) {
		if (room < 3 || !is_tail(s[1]) || !is_tail(s[2]))
			return 0;
		code = (s[0] & 0x0fU) << 12 | (s[1] & 0x3fU) << 6 | (s[2] & 0x3fU);
		if (code < 0x800 || (code >= 0xd800 && code < 0xe000))
			return 0;
		*ret_code = code;
		return 3;
	}
	if (room < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3]))
		return 0;
	code = (s[0] & 0x07U) << 18 | (s[1] & 0x3fU) << 12 | (s[2] & 0x3fU) << 6 |
	       (s[3] & 0x3fU);
	if (s[0] > 0xf4 || code < 0x10000 || code > 0x10ffff)
		return 0;
	*ret_code = code;
	return 4;
}

bool utf8_is_control(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return true;
	return code == 0x061c || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x206f);
}

unsigned utf8_encode(uint32_t code, char out[UTF8_MAX_BYTES])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}
