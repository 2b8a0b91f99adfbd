/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply_private.h - what the files of core/reply share, and nobody else.
 *
 *   rules.c  rules made of patterns; what they look at
 *   reply.c  a reply as an event, matched with them
 */
#ifndef CORE_REPLY_REPLY_PRIVATE_H
#define CORE_REPLY_REPLY_PRIVATE_H

#include "core/pattern/tree.h"
#include "core/reply/reply.h"
#include "core/ruleset/ruleset.h"

/*
 * For a reply whose body is not known there are two further patterns of each rule: what matches
 * whatever the body is (2n), and what might match with the right one (2n + 1). Both look at
 * status and headers only. The names and conditions in them are those of the rule's pattern.
 */
struct reply_rules {
	struct reply_rule *rules;
	size_t count;
	bool want_headers, want_body;
	struct ruleset *whole;    /* pattern n is rule n */
	struct ruleset *bodiless; /* NULL where no rule looks at the body */
	struct pattern *derived;  /* its patterns, count * 2 */
};

#endif
