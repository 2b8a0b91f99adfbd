/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile.h - what the parts of the compiler share: core/pattern only.
 */
#ifndef CORE_PATTERN_COMPILE_H
#define CORE_PATTERN_COMPILE_H

#include "core/pattern/tree.h"

struct compiler {
	struct jx_index ix; /* of the pattern's text */
	struct slice text;
	struct pattern *pattern;
	const struct pattern_options *options;
	struct err *err;
	uint32_t name; /* where the compiler is */
	uint32_t names_cap;
	uint32_t *name_table; /* 1 + number of a name, by parent and text */
	uint32_t name_slots;
	uint32_t conditions; /* in all alternatives so far */
	struct arena cells;  /* of the lists of fields */
	struct buf decoded;  /* scratch */
};

/* The first name, of the pattern itself. */
void compiler_add_root(struct compiler *c);
/* The name that key token @t leads to from @parent; ERR_LIMIT sets c->err. */
int compiler_obtain_path(struct compiler *c, uint32_t parent, uint32_t t, uint32_t *ret_name);

/* The decoded characters of string token @t, or of its key; they live in the arena if @keep,
 * or else until the next call. */
struct slice compiler_string(struct compiler *c, uint32_t t, bool keep);
struct slice compiler_key(struct compiler *c, uint32_t t);

/*
 * Refuse the pattern because of token @t: the reason text, the path, line and column, and how
 * to mend it (or NULL). Returns ERR_INVALID.
 */
int compiler_refuse(struct compiler *c, uint32_t t, const char *mend, const char *reason, ...)
	ATTR_PRINTF(4, 5);
/* Something that only EventBridge refuses: refuse it if options are strict; otherwise warn
 * and return 0. */
int compiler_refuse_unportable(struct compiler *c, uint32_t t, const char *reason, ...)
	ATTR_PRINTF(3, 4);

/* The condition that array @t, the list of a field, describes. */
int compiler_read_condition(
	struct compiler *c, uint32_t t, const struct condition **ret_condition) ATTR_MUST_CHECK;
/* The operand @t of anything-but. */
int compiler_read_anything_but(
	struct compiler *c, uint32_t t, struct test *test) ATTR_MUST_CHECK;
/* The operand @t, with @more members behind it in its object. */
int compiler_read_numeric(
	struct compiler *c, uint32_t t, bool more, struct test *test) ATTR_MUST_CHECK;
int compiler_read_wildcard(struct compiler *c, uint32_t t, struct test *test) ATTR_MUST_CHECK;

#endif
