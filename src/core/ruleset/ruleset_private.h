/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset_private.h - a ruleset and its scratch from the inside: core/ruleset only.
 * core/ruleset/ruleset.h explains how it works.
 */
#ifndef CORE_RULESET_RULESET_PRIVATE_H
#define CORE_RULESET_RULESET_PRIVATE_H

#include "names.h"
#include "core/pattern/tree.h"
#include "core/ruleset/ruleset.h"
#include "triggers.h"

/* A condition. Rules share it if their conditions on a field are equal. */
struct rule_condition {
	uint32_t field;
	bool may_be_absent;
	const struct condition *condition;
	uint32_t triggers, triggers_end; /* the alternatives it is the trigger of */
};

struct rule_alternative {
	uint32_t rule;
	uint32_t first, end; /* its conditions, among ruleset.members, by field */
};

struct ruleset {
	struct names names;
	struct jx_key_set keys; /* of names */
	struct rule_condition *conditions;
	uint32_t condition_count;
	struct rule_alternative *alternatives;
	uint32_t alternative_count;
	uint32_t *members;   /* conditions of the alternatives, one behind the other */
	uint32_t *triggered; /* alternatives by trigger */
	uint32_t *always;    /* alternatives without one */
	uint32_t always_count;
	uint32_t rule_count;
	struct triggers triggers;
};

/* A leaf of the event at a field. */
struct leaf {
	struct leaf_value value;
	uint32_t field;
	uint32_t next; /* the field's next leaf; JX_NONE: none */
	uint32_t node; /* in the trail, once there is one */
};

/* The leaves of a field in the event with this generation. */
struct leaf_list {
	uint32_t generation;
	uint32_t first, last;
};

/* A value of the event at a name. Behind an object or array, up to end, is what it holds; an
 * element of an array is at the array's name. */
struct trail_node {
	uint32_t name;
	uint32_t end;
	uint32_t parent; /* JX_NONE: of the root */
	uint32_t leaf;   /* JX_NONE: an array or object */
	bool is_array;
};

struct ruleset_scratch {
	const struct ruleset *rs;
	const struct jx_index *ix;
	uint32_t generation; /* of this event; notes with another number are not valid */

	struct leaf *leaves;
	uint32_t leaf_count, leaf_cap;
	struct leaf_list *lists; /* by field */
	struct buf decoded;      /* of strings with escapes */

	/* Names at which the event has an array of several elements, some of them not
	 * scalar, and which have more than one field at or below them. */
	uint32_t *arrays;
	uint32_t array_count;
	uint32_t *array_seen; /* by name: generation */

	uint32_t *verdicts;  /* by condition: generation * 2 + (1 if it holds) */
	uint32_t *fired;     /* by condition: generation, once its alternatives are tried */
	uint32_t *rule_hits; /* by rule: generation */
	uint32_t *hits;
	uint32_t hit_count;
	struct triggers_scratch triggers;

	struct trail_node *trail;
	uint32_t trail_count, trail_cap;
	bool has_trail;
	bool ambiguous;      /* one path is spelt in two ways */
	uint32_t *name_seen; /* by name: the serial of the object that has it */
	uint32_t serial;     /* of objects looked at */

	/* Of the alternative that is being tested: */
	const struct rule_alternative *alternative;
	uint32_t *must;   /* how many of its first conditions must have a leaf */
	uint32_t *chosen; /* by condition: the leaf, when searching */
	uint32_t must_cap;
	uint32_t steps;
};

/* The name that member @m of an object at @name leads to, or NAMES_NONE. */
uint32_t ruleset_name_of_member(
	const struct ruleset *rs, const struct jx_index *ix, uint32_t name, uint32_t m);
/* Whether some leaf of the field of condition @c meets it, in the event just matched. */
bool ruleset_leaf_holds(struct ruleset_scratch *s, uint32_t c);
/* Whether two fields of the alternative may lie in one array of that event. */
bool ruleset_shares_array(const struct ruleset_scratch *s, const struct rule_alternative *a);
/* Whether alternative @a matches with regard to arrays; all its conditions that may not be
 * absent hold somewhere. */
bool arrays_agree(struct ruleset_scratch *s, const struct rule_alternative *a);

#endif
