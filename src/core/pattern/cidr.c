/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pattern/cidr.h"

#include <arpa/inet.h>
#include <ctype.h>

#define V4_BYTES 4
#define V6_BYTES 16

/* Not inet_pton(), which refuses leading zeros. */
static bool parse_v4(struct slice s, uint8_t out[V6_BYTES])
{
	size_t at = 0;

	for (int i = 0; i < V4_BYTES; i++) {
		unsigned value = 0;
		size_t start = at;

		while (at < s.len && s.data[at] >= '0' && s.data[at] <= '9' && at - start < 4)
			value = value * 10 + (unsigned)(s.data[at++] - '0');
		if (at == start || at - start > 3 || value > 255)
			return false;
		out[i] = (uint8_t)value;
		if (i < V4_BYTES - 1 && (at == s.len || s.data[at++] != '.'))
			return false;
	}
	return at == s.len;
}

/* inet_pton() also accepts a dotted tail, which EventBridge refuses. */
static bool parse_v6(struct slice s, uint8_t out[V6_BYTES])
{
	char text[INET6_ADDRSTRLEN];

	if (s.len >= sizeof text || memchr(s.data, '.', s.len) != NULL ||
		memchr(s.data, '\0', s.len) != NULL)
		return false;
	memcpy(text, s.data, s.len);
	text[s.len] = '\0';
	return inet_pton(AF_INET6, text, out) == 1;
}

static bool is_v6(struct slice s)
{
	return memchr(s.data, ':', s.len) != NULL;
}

/* EventBridge's messages: an address with characters that none has is "nonstandard"; one
 * with the right characters in a wrong form is "invalid". */
static int parse_address(struct slice s, struct cidr *c, struct err *err)
{
	bool standard = s.len > 0;
	int len = (int)(s.len < 100 ? s.len : 100);

	c->v6 = s.len > 0 && is_v6(s);
	for (size_t i = 0; i < s.len; i++)
		standard &= s.data[i] == ':' || s.data[i] == '.' ||
			    (c->v6 ? isxdigit((unsigned char)s.data[i]) != 0
				   : s.data[i] >= '0' && s.data[i] <= '9');
	if (!standard)
		return err_set(err, ERR_INVALID, "Nonstandard IP address: %.*s", len, s.data);
	if (c->v6 ? !parse_v6(s, c->bytes) : !parse_v4(s, c->bytes))
		return err_set(err, ERR_INVALID, "Invalid IP address: %.*s", len, s.data);
	return 0;
}

static int parse_bits(struct slice s, struct cidr *c, struct err *err)
{
	bool negative = s.len > 0 && s.data[0] == '-';
	unsigned value = 0;

	if (s.len == negative)
		return err_set(
			err, ERR_INVALID, "Malformed CIDR, mask bits must be an integer");
	for (size_t i = negative; i < s.len; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return err_set(err, ERR_INVALID,
				"Malformed CIDR, mask bits must be an integer");
		value = value < 1000 ? value * 10 + (unsigned)(s.data[i] - '0') : 1000;
	}
	if (negative)
		return err_set(
			err, ERR_INVALID, "Malformed CIDR, mask bits must not be negative");
	if (!c->v6 && value >= 32)
		return err_set(err, ERR_INVALID, "IPv4 mask bits must be < 32");
	if (value >= 128)
		return err_set(err, ERR_INVALID, "IPv6 mask bits must be < 128");
	c->bits = (uint8_t)value;
	return 0;
}

int cidr_parse(struct slice text, struct cidr *ret_cidr, struct err *err)
{
	const char *slash = text.len > 0 ? memchr(text.data, '/', text.len) : NULL;
	struct cidr c = {0};
	size_t at;
	int r;

	at = slash != NULL ? (size_t)(slash - text.data) : 0;
	if (slash == NULL || memchr(slash + 1, '/', text.len - at - 1) != NULL)
		return err_set(err, ERR_INVALID, "Malformed CIDR, one '/' required");
	r = parse_address(slice_of(text.data, at), &c, err);
	if (r == 0)
		r = parse_bits(slice_of(slash + 1, text.len - at - 1), &c, err);
	if (r == 0)
		*ret_cidr = c;
	return r;
}

bool cidr_contains(const struct cidr *c, struct slice text)
{
	uint8_t bytes[V6_BYTES];
	unsigned whole = c->bits / 8, rest = c->bits % 8;

	if (text.len == 0 || text.len > 45 || is_v6(text) != c->v6)
		return false;
	if (c->v6 ? !parse_v6(text, bytes) : !parse_v4(text, bytes))
		return false;
	if (memcmp(bytes, c->bytes, whole) != 0)
		return false;
	return rest == 0 || (bytes[whole] ^ c->bytes[whole]) >> (8 - rest) == 0;
}
