/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply.h - what a reply means, where its status alone does not tell: response rules.
 *
 * A reply is seen as an event,
 *
 *   {"status": 200, "headers": {"content-type": "application/json"}, "body": {"ok": false}}
 *
 * and rules are patterns over it (core/pattern/pattern.h), each with an outcome. The first rule
 * that matches decides. Where none does, the status decides (core/gate/retry.h).
 *
 * Names of headers are in lower case; of several headers with one name the last counts. The
 * body is JSON where it is JSON, else a string, of which the first REPLY_STRING_BYTES bytes are
 * shown with U+FFFD for what is no UTF-8. A reply without a body has no member `body`.
 *
 * A body that could not be read to its end (cut off, too long, badly chunked) may hold anything:
 * rules that do not look at it are asked as always, and where one that does could have matched,
 * nobody can know what the reply meant.
 *
 * Only what the rules look at is put into the event, and with rules that look at neither headers
 * nor body there is nothing but the status in it. Who has no rules has no object.
 *
 * Pure. Rules are immutable and shared by threads; each thread has a reader of its own.
 */
#ifndef CORE_REPLY_REPLY_H
#define CORE_REPLY_REPLY_H

#include "base/err.h"
#include "base/util.h"
#include "core/gate/retry.h"
#include "core/pattern/pattern.h"

#define REPLY_STRING_BYTES 16384

struct reply_rule {
	const struct pattern *pattern; /* reply_pattern_check() has passed it */
	enum retry_action outcome;
	const char *name; /* for log, metrics, and dead letters */
};

struct reply_rules;

/* ERR_INVALID when @p asks for what no reply has: a member other than status, headers and body,
 * or a header whose name is not in lower case. The error is a sentence about the pattern. */
int reply_pattern_check(const struct pattern *p, struct err *err) ATTR_MUST_CHECK;

/* Copies the array; patterns and names are borrowed. At least one rule. */
struct reply_rules *reply_rules_new(const struct reply_rule *rules, size_t count);
/* Accepts NULL. */
void reply_rules_free(struct reply_rules *r);
/* The rules, in their order. The count accepts NULL: 0. */
size_t reply_rules_count(const struct reply_rules *r);
const struct reply_rule *reply_rules_at(const struct reply_rules *r, size_t i);
/* Does any rule look at them? Accepts NULL: none does. */
bool reply_rules_want_headers(const struct reply_rules *r);
bool reply_rules_want_body(const struct reply_rules *r);

struct reply {
	int status;
	/* Lines "Name: value", each with a line feed behind it; others are passed over. */
	struct slice head;
	struct slice body;
	bool body_is_broken; /* it is not known to its end */
};

enum reply_answer {
	REPLY_NO_RULE, /* none matches: the status decides */
	REPLY_RULE,    /* *ret_rule does */
	REPLY_UNKNOWN, /* a rule might have matched, had the body been read */
};

struct reply_reader;

/* To be freed before @rules. */
struct reply_reader *reply_reader_new(const struct reply_rules *rules);
/* Accepts NULL. */
void reply_reader_free(struct reply_reader *reader);
/* *ret_rule belongs to the rules; it is the one that matches, or the first that might have. */
enum reply_answer reply_judge(struct reply_reader *reader, const struct reply *reply,
	const struct reply_rule **ret_rule);

/* The names of outcomes in configurations: "delivered", "retry", "fail", "reauthorize". */
const char *reply_outcome_name(enum retry_action outcome);

#endif
