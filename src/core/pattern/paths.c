/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a pattern as paths: {"a": {"b": […]}} and {"a.b": […]} are one path. */
#include "core/json/scan.h"
#include "compile.h"

#include <stdlib.h>

/* The most characters of a path in a message. */
#define SHOWN_NAMES      12
#define SHOWN_NAME_BYTES 60

static uint64_t hash_name(uint32_t parent, struct slice text)
{
	return jx_fold(jx_hash(text.data, text.len) ^ parent, 0x9e3779b97f4a7c15ULL);
}

static void insert(struct compiler *c, uint32_t name)
{
	const struct pattern_name *n = &c->pattern->names[name];
	uint64_t i = hash_name(n->parent, n->text);

	while (c->name_table[i & (c->name_slots - 1)] != 0)
		i++;
	c->name_table[i & (c->name_slots - 1)] = name + 1;
}

static void grow(struct compiler *c)
{
	struct pattern *p = c->pattern;

	c->names_cap = c->names_cap ? c->names_cap * 2 : 8;
	p->names = xreallocarray(p->names, c->names_cap, sizeof *p->names);
	free(c->name_table);
	c->name_slots = c->names_cap * 2;
	c->name_table = xcalloc(c->name_slots, sizeof *c->name_table);
	for (uint32_t n = 1; n < p->name_count; n++)
		insert(c, n);
}

void compiler_add_root(struct compiler *c)
{
	grow(c);
	c->pattern->names[0] = (struct pattern_name){0};
	c->pattern->name_count = 1;
}

/* Get the child @text of name @parent, or create it. */
static uint32_t obtain_name(struct compiler *c, uint32_t parent, struct slice text)
{
	struct pattern *p = c->pattern;
	uint64_t i;

	if (p->name_count == c->names_cap)
		grow(c);
	for (i = hash_name(parent, text);; i++) {
		uint32_t slot = c->name_table[i & (c->name_slots - 1)];

		if (slot == 0)
			break;
		if (p->names[slot - 1].parent == parent &&
			slice_eq(p->names[slot - 1].text, text))
			return slot - 1;
	}
	p->names[p->name_count].parent = parent;
	p->names[p->name_count].depth = p->names[parent].depth + 1;
	p->names[p->name_count].text = arena_copy(&p->arena, text);
	c->name_table[i & (c->name_slots - 1)] = p->name_count + 1;
	return p->name_count++;
}

int compiler_obtain_path(struct compiler *c, uint32_t parent, uint32_t t, uint32_t *ret_name)
{
	struct slice rest = compiler_key(c, t);

	for (;;) {
		const char *dot = rest.len > 0 ? memchr(rest.data, '.', rest.len) : NULL;
		size_t len = dot != NULL ? (size_t)(dot - rest.data) : rest.len;

		if (c->pattern->name_count == PATTERN_MAX_NAMES)
			return err_set(c->err, ERR_LIMIT, "the pattern has more than %d names",
				PATTERN_MAX_NAMES);
		if (c->pattern->names[parent].depth == PATTERN_MAX_DEPTH)
			return err_set(c->err, ERR_LIMIT, "a path has more than %d names",
				PATTERN_MAX_DEPTH);
		parent = obtain_name(c, parent, slice_of(rest.data, len));
		if (dot == NULL)
			break;
		rest = slice_of(dot + 1, rest.len - len - 1);
	}
	*ret_name = parent;
	return 0;
}

void pattern_add_path(const struct pattern *p, uint32_t name, struct buf *out)
{
	uint32_t shown[SHOWN_NAMES], count = 0;

	for (; name != 0; name = p->names[name].parent) {
		/* Of a long path, the outermost and the innermost names. */
		if (count == SHOWN_NAMES)
			memmove(shown + SHOWN_NAMES / 2, shown + SHOWN_NAMES / 2 + 1,
				(SHOWN_NAMES / 2 - 1) * sizeof shown[0]);
		shown[count < SHOWN_NAMES ? count : SHOWN_NAMES - 1] = name;
		count++;
	}
	for (uint32_t i = count < SHOWN_NAMES ? count : SHOWN_NAMES; i-- > 0;) {
		struct slice s = p->names[shown[i]].text;

		if (s.len > SHOWN_NAME_BYTES)
			buf_addf(out, "%.*s...", SHOWN_NAME_BYTES, s.data);
		else
			buf_add_slice(out, s);
		if (i > 0)
			buf_add_str(out,
				count > SHOWN_NAMES && i == SHOWN_NAMES / 2 ? ".[...]." : ".");
	}
}
