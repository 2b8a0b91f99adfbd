/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h - an event pattern in the language of EventBridge, compiled.
 *
 * The language is that of postrider-patterns(7): exact values, prefix, suffix,
 * equals-ignore-case, wildcard, anything-but, numeric, exists, cidr, exactly, $or. What
 * the original refuses is refused here too, for the same reason and with its reason
 * text, to which the path in the pattern, the line and column of the text, and, where
 * there is one, the mend are added.
 *
 * A pattern is immutable once compiled and owns everything it needs; the text may go.
 * Any thread may use it. To match many patterns against an event, or one pattern
 * against many events, put them in a ruleset (core/ruleset/ruleset.h): pattern_matches() builds
 * and frees one each time.
 */
#ifndef CORE_PATTERN_PATTERN_H
#define CORE_PATTERN_PATTERN_H

#include "core/json/json.h"

struct pattern;

/* One thing that would keep the pattern from being used in EventBridge, as a sentence. */
typedef void (*pattern_warn_fn)(void *data, const char *text);

struct pattern_options {
	/* Refuse what only the limits of the original refuse: a text over 4096 characters,
	 * more than 1000 combinations of $or, wildcards over its complexity. Otherwise each
	 * of these is a warning. */
	bool strict;
	pattern_warn_fn warn; /* may be NULL */
	void *warn_data;
};

/* The most combinations that the $or of one pattern may make, portable or not, and the most
 * conditions in all of them together. */
#define PATTERN_MAX_COMBINATIONS 65536
#define PATTERN_MAX_CONDITIONS   1000000
/* Names in one path, and in all of them together. */
#define PATTERN_MAX_DEPTH 2000
#define PATTERN_MAX_NAMES 1000000

/*
 * Compile @json_text; @options may be NULL (not strict, no warnings). Returns NULL with
 * ERR_INVALID (not a pattern) or ERR_LIMIT (too large, or over a limit that is enforced).
 */
struct pattern *pattern_compile(
	struct slice json_text, const struct pattern_options *options, struct err *err);
void pattern_free(struct pattern *p);

/* Whether the event matches. An event that is not an object matches nothing. */
bool pattern_matches(const struct pattern *p, const struct jx_index *ix);

/*
 * Append to @out, for a person, why the event does or does not match: a line for each
 * field of the closest alternative, with what the event has and what is wanted.
 * Returns 1 when it matches, otherwise 0.
 */
int pattern_explain(const struct pattern *p, const struct jx_index *ix, struct buf *out);

#endif
