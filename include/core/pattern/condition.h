/* SPDX-License-Identifier: Apache-2.0 */
/*
 * condition.h - what one field of a pattern wants: tests, of which one must hold.
 *
 * A test is applied to a *leaf* of the event: a string with its escapes decoded, or the text
 * of a number, or a literal. {"exists": false} does not test a leaf; it is the condition's
 * may_be_absent.
 *
 * Immutable once compiled; lives in the arena of its pattern. Pure.
 */
#ifndef CORE_PATTERN_CONDITION_H
#define CORE_PATTERN_CONDITION_H

#include "core/pattern/cidr.h"
#include "core/json/json.h"
#include "core/pattern/wildcard.h"

enum test_kind {
	TEST_STRING,      /* text */
	TEST_NUMBER,      /* low (and high) are its key; text as written */
	TEST_NUMBER_TEXT, /* a number that is not comparable: text */
	TEST_TRUE,
	TEST_FALSE,
	TEST_NULL,
	TEST_PREFIX,        /* text */
	TEST_SUFFIX,        /* text */
	TEST_EQUALS_FOLDED, /* text; without regard to case, and so the next two */
	TEST_PREFIX_FOLDED,
	TEST_SUFFIX_FOLDED,
	TEST_WILDCARD, /* wildcard; text as written */
	TEST_RANGE,    /* comparable numbers whose key is low … high; text as written */
	TEST_CIDR,     /* cidr; text as written */
	TEST_EXISTS,   /* any leaf */
	TEST_NOT,      /* any leaf for which none of the others, others_count, holds */
	TEST_NR_VALUES
};

struct test {
	enum test_kind kind;
	uint32_t others_count;
	struct slice text;
	union {
		struct {
			int64_t low, high;
		};
		const struct wildcard *wildcard;
		const struct cidr *cidr;
		const struct test *others;
	};
};

struct condition {
	uint32_t test_count;
	bool may_be_absent;
	const struct test *tests;
	struct slice source; /* the JSON text of the field's list */
};

/* A leaf of an event. Its text is borrowed. */
struct leaf_value {
	enum jx_type type;
	bool has_key, key_known; /* of a number: is it comparable, has that been found out */
	int64_t key;
	struct slice text; /* of a string: decoded */
};

/* Whether the number @v is comparable; then v->key is set. False for other types. */
bool leaf_value_has_key(struct leaf_value *v);

/* @v is not const only because its number may be read now. */
bool test_holds(const struct test *t, struct leaf_value *v);
/* Whether any test of @c holds. */
bool condition_holds(const struct condition *c, struct leaf_value *v);

/* Whether two conditions want the same: equal tests in the same order. */
bool condition_equals(const struct condition *a, const struct condition *b);
uint64_t condition_hash(const struct condition *c);

#endif
