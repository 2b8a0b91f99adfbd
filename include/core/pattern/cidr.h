/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cidr.h - blocks of IP addresses.
 *
 * An address is four decimal octets (leading zeros are decimal) or IPv6 in any case and
 * zero compression; no zone, no dotted tail, no port, no blanks. A block holds only
 * addresses of its own family. Pure.
 */
#ifndef CORE_PATTERN_CIDR_H
#define CORE_PATTERN_CIDR_H

#include "base/err.h"

struct cidr {
	uint8_t bytes[16];
	uint8_t bits;
	bool v6;
};

/* "addr/bits". The error is the original's reason text alone. */
int cidr_parse(struct slice text, struct cidr *ret_cidr, struct err *err) ATTR_MUST_CHECK;
/* Whether @text is an address in the block. */
bool cidr_contains(const struct cidr *c, struct slice text);

#endif
