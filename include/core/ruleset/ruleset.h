/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset.h - many patterns in one index: an event is walked once for all of them.
 *
 *   struct ruleset *rs = ruleset_new(patterns, count);
 *   struct ruleset_scratch *scratch = ruleset_scratch_new(rs);
 *   size_t n = ruleset_match(rs, scratch, &index, &hits);    hits[0 … n-1], sorted
 *
 * A ruleset is immutable and shared by threads; each thread has its own scratch. It
 * borrows the patterns, which must outlive it.
 *
 * How it works
 *
 * A pattern is a disjunction (its $or expanded) of *alternatives*; an alternative is a
 * conjunction of *conditions*, each a path and the tests of which one must hold.
 *
 * 1. The walk. All paths of all patterns, cut at their dots, form one tree of names. The
 *    event's index is walked along it: a member whose key (by its hash, which the index
 *    has already) is no child of the current name is skipped with all that is in it.
 *    Elements of an array stay at the array's name. Each leaf that is reached is chained to
 *    its path. Linear in the tokens that are reached.
 *
 * 2. The trigger. Of each alternative one condition, the rarest among all patterns, is
 *    its trigger: the alternative is registered with each test of that condition, in
 *    a table by (path, value) for exact values and equals-ignore-case; in a tree of
 *    prefixes, or of suffixes, for those and for wildcards with a literal at either end;
 *    in an automaton of substrings (Aho and Corasick) for other wildcards; in an interval
 *    tree for numbers; or with the path alone, so that any leaf there pulls it. An
 *    alternative all of whose conditions may be met by absence is tried for every event.
 *    The registers hold one entry for each test, so memory is linear in the patterns.
 *
 * 3. The trial. An alternative whose trigger fired is tried in full. Equal conditions of
 *    different patterns are one object, and what became of it is remembered for the
 *    rest of the event, so that a condition shared by 10,000 patterns is tested once.
 *
 * 4. Arrays. Conditions under the same array of objects must be met by one element
 *    (array consistency). Only where such an array lies on two paths of an alternative
 *    is more to be done: what the walk reaches is written down, once an event, as a *trail* of
 *    nodes in document order, and gone over once, from the leaves up. Each node
 *    says whether the alternative's conditions below it can be met in it, and which is
 *    the first of them, in bytewise order of paths, to have a leaf there. An object can
 *    when all its names can; an array can when some element can that has a leaf for
 *    the first condition which has one anywhere in the array (whoever comes first in
 *    order chooses the element; and {"exists": false} further down looks only into
 *    the chosen one). So one pass decides, and nothing is tried twice.
 *
 * The worst case is therefore (reached nodes) x (alternatives whose trigger fired), plus
 * the bytes of the values. Wildcards search their literals one behind the other and
 * never go back. There is one exception: an event that spells one path in two ways
 * ({"a": {"b": 1}, "a.b": 2}) *and* has arrays on it. Choosing the elements is then as
 * hard as satisfiability; the alternatives are searched, at most RULESET_MAX_STEPS
 * leaves each, and beyond that do not match.
 */
#ifndef CORE_RULESET_RULESET_H
#define CORE_RULESET_RULESET_H

#include "core/json/json.h"
#include "core/pattern/pattern.h"

#define RULESET_MAX_STEPS 100000

struct ruleset;
struct ruleset_scratch;

/* Pattern @patterns[i] becomes rule i. */
struct ruleset *ruleset_new(const struct pattern *const *patterns, size_t count);
void ruleset_free(struct ruleset *rs);

/* The keys that some pattern names: an array that is the member of another key is never looked
 * into (jx_limits.fold_except). Belongs to @rs. */
const struct jx_key_set *ruleset_keys(const struct ruleset *rs);

/* The memory in which one thread matches with @rs; to be freed before @rs. */
struct ruleset_scratch *ruleset_scratch_new(const struct ruleset *rs);
void ruleset_scratch_free(struct ruleset_scratch *scratch);

/*
 * The numbers of all rules that the event matches, ascending; *ret_rules belongs to
 * @scratch and is good until its next use. An event that is not an object matches
 * none. Allocates nothing once warm.
 */
size_t ruleset_match(const struct ruleset *rs, struct ruleset_scratch *scratch,
	const struct jx_index *ix, const uint32_t **ret_rules);

#endif
