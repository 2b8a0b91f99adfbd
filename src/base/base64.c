/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes, of which the last @missing are not there. */
static void add_group(struct buf *out, const unsigned char bytes[3], unsigned missing)
{
	uint32_t bits = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
	char text[4];

	for (unsigned i = 0; i < 4; i++)
		text[i] = i < 4 - missing ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
	buf_add(out, text, sizeof text);
}

void base64_encode(struct buf *out, struct slice bytes)
{
	for (size_t at = 0; at < bytes.len; at += 3) {
		size_t left = bytes.len - at;
		unsigned char group[3] = {0};

		memcpy(group, bytes.data + at, left < 3 ? left : 3);
		add_group(out, group, left < 3 ? (unsigned)(3 - left) : 0);
	}
}

static int value_of(char c)
{
	const char *found = c ? memchr(alphabet, c, 64) : NULL;

	return found ? (int)(found - alphabet) : -1;
}

int base64_decode(struct buf *out, struct slice text)
{
	uint32_t bits = 0;
	unsigned have = 0; /* bits not given out yet */

	if (text.len > 0 && text.len % 4 == 0 && text.data[text.len - 1] == '=')
		text.len -= text.data[text.len - 2] == '=' ? 2 : 1;
	if (text.len % 4 == 1)
		return ERR_INVALID;
	for (size_t i = 0; i < text.len; i++) {
		int value = value_of(text.data[i]);

		if (value < 0)
			return ERR_INVALID;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_add_char(out, (char)(bits >> have));
		}
	}
	return (bits & ((1u << have) - 1)) == 0 ? 0 : ERR_INVALID;
}
