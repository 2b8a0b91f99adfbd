/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parser.h - the loop that reads a text and writes its tokens; for json.c.
 */
#ifndef CORE_JSON_PARSER_H
#define CORE_JSON_PARSER_H

#include "core/json/json.h"

/* Where the text is wrong, and what should have stood there; or, if at is NULL, the limit that
 * it exceeds. */
struct jx_fault {
	const char *at;
	const char *expected;
	const char *over;
	bool lone_surrogates; /* are accepted; for the parser */
};

/*
 * Parse the value at @text into @ix. Returns the place behind it, or NULL, and then *ret_fault says why.
 * @end[-1] must be a closing bracket, or *@end a NUL: see parser.c.
 */
const char *jx_parse_value(struct jx_index *ix, const char *text, const char *end,
	const struct jx_limits *limits, struct jx_fault *ret_fault);

#endif
