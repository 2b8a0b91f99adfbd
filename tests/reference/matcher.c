/* SPDX-License-Identifier: Apache-2.0 */
#include "matcher.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MOST        4096
#define MOST_ARRAYS 32

/* Element @index of array @array lies on the way to a leaf. */
struct membership {
	const json_t *array;
	size_t index;
};

struct ref_leaf {
	char path[256];
	const json_t *value;
	struct membership in[MOST_ARRAYS];
	size_t in_count;
};

/* An event as the list of its leaves. */
struct flat {
	struct ref_leaf leaves[MOST];
	size_t count;
};

/* What one path wants, and one combination of $or. */
struct want {
	char path[256];
	const json_t *list;
};

struct combination {
	struct want wants[64];
	size_t count;
};

static void join(char out[256], const char *path, const char *key, bool top)
{
	snprintf(out, 256, "%s%s%s", path, top ? "" : ".", key);
}

static void flatten(struct flat *f, const json_t *value, struct ref_leaf *here, bool top)
{
	const char *key;
	json_t *child;
	size_t i;

	if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, child)
		{
			struct ref_leaf *inner = malloc(sizeof *inner);

			*inner = *here;
			join(inner->path, here->path, key, top);
			flatten(f, child, inner, false);
			free(inner);
		}
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, child)
		{
			here->in[here->in_count++] = (struct membership){value, i};
			flatten(f, child, here, false);
			here->in_count--;
		}
	} else {
		f->leaves[f->count] = *here;
		f->leaves[f->count++].value = value;
	}
}

/* 2.11: go through the pattern in order; a later list for a path replaces an earlier one in
 * each combination; $or multiplies the combinations. Returns the new list of combinations. */
static struct combination *expand(const json_t *pattern, const char *path, bool top,
	struct combination *now, size_t *count)
{
	const char *key;
	json_t *value, *member;
	size_t i;

	json_object_foreach((json_t *)pattern, key, value)
	{
		char full[256];

		join(full, path, key, top);
		if (strcmp(key, "$or") == 0) {
			struct combination *all = NULL;
			size_t total = 0;

			json_array_foreach(value, i, member)
			{
				size_t n = *count;
				struct combination *copy = malloc(n * sizeof *copy);

				memcpy(copy, now, n * sizeof *copy);
				copy = expand(member, path, top, copy, &n);
				all = realloc(all, (total + n) * sizeof *all);
				memcpy(all + total, copy, n * sizeof *copy);
				total += n;
				free(copy);
			}
			free(now);
			now = all;
			*count = total;
		} else if (json_is_object(value)) {
			now = expand(value, full, false, now, count);
		} else {
			for (i = 0; i < *count; i++) {
				struct want *w = now[i].wants;

				while (w < now[i].wants + now[i].count &&
					strcmp(w->path, full) != 0)
					w++;
				if (w == now[i].wants + now[i].count)
					now[i].count++;
				strcpy(w->path, full);
				w->list = value;
			}
		}
	}
	return now;
}

static bool glob(const char *p, const char *s)
{
	if (*p == '\0')
		return *s == '\0';
	if (*p == '*')
		return glob(p + 1, s) || (*s != '\0' && glob(p, s + 1));
	if (*p == '\\')
		p++;
	return *p == *s && glob(p + 1, s + 1);
}

static bool in_block(const char *block, const char *text)
{
	unsigned char net[16], host[16];
	char copy[64];
	int family = strchr(block, ':') ? AF_INET6 : AF_INET;
	char *slash;
	int bits;

	snprintf(copy, sizeof copy, "%s", block);
	slash = strchr(copy, '/');
	*slash = '\0';
	bits = atoi(slash + 1);
	if (inet_pton(family, copy, net) != 1 || inet_pton(family, text, host) != 1)
		return false;
	for (int b = 0; b < bits; b++) {
		if ((net[b / 8] ^ host[b / 8]) >> (7 - b % 8) & 1)
			return false;
	}
	return true;
}

static bool begins(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool ends(const char *s, const char *suffix)
{
	return strlen(s) >= strlen(suffix) &&
	       strcmp(s + strlen(s) - strlen(suffix), suffix) == 0;
}

static bool compare(const char *operator, double a, double b)
{
	if (strcmp(operator, "=") == 0)
		return a == b;
	if (strcmp(operator, "<") == 0)
		return a < b;
	if (strcmp(operator, "<=") == 0)
		return a <= b;
	if (strcmp(operator, ">") == 0)
		return a > b;
	return a >= b;
}

/* 2.4: a number that a double can't hold exactly equals its own text and compares with none. */
static bool is_comparable(const json_t *v)
{
	return !json_is_integer(v) || llabs(json_integer_value(v)) <= 1LL << 53;
}

static bool same_number(const json_t *a, const json_t *b)
{
	if (!is_comparable(a) || !is_comparable(b))
		return json_is_integer(a) && json_is_integer(b) &&
		       json_integer_value(a) == json_integer_value(b);
	return json_number_value(a) == json_number_value(b);
}

static bool in_range(const json_t *list, const json_t *v)
{
	if (!is_comparable(v))
		return false;
	for (size_t i = 0; i < json_array_size(list); i += 2) {
		if (!compare(json_string_value(json_array_get(list, i)), json_number_value(v),
			    json_number_value(json_array_get(list, i + 1))))
			return false;
	}
	return true;
}

static bool accepts(const json_t *entry, const json_t *v);

/* Whether @v is one of those that anything-but excludes: by its own values or, with an
 * inner operator, by that operator with any of its strings. */
static bool excluded(const json_t *operand, const json_t *v)
{
	const char *name = NULL;
	json_t *inner, *single = NULL, *test, *e;
	bool found = false;
	size_t i;

	if (json_is_object(operand)) {
		name = json_object_iter_key(json_object_iter((json_t *)operand));
		operand = json_object_get(operand, name);
	}
	if (!json_is_array(operand))
		operand = single = json_pack("[O]", operand);
	json_array_foreach(operand, i, e)
	{
		inner = json_incref(e);
		test = name != NULL ? json_pack("{s:O}", name, inner) : json_incref(inner);
		found |= accepts(test, v);
		json_decref(test);
		json_decref(inner);
	}
	json_decref(single);
	return found;
}

static bool string_operator(const char *name, const json_t *operand, const char *s)
{
	const char *o = json_string_value(operand);

	if (o == NULL) { /* {"prefix": {"equals-ignore-case": …}} */
		o = json_string_value(json_object_get(operand, "equals-ignore-case"));
		if (strlen(s) < strlen(o))
			return false;
		return strncasecmp(strcmp(name, "prefix") == 0 ? s : s + strlen(s) - strlen(o),
			       o, strlen(o)) == 0;
	}
	if (strcmp(name, "prefix") == 0)
		return begins(s, o);
	if (strcmp(name, "suffix") == 0)
		return ends(s, o);
	if (strcmp(name, "equals-ignore-case") == 0)
		return strcasecmp(s, o) == 0;
	if (strcmp(name, "wildcard") == 0)
		return glob(o, s);
	if (strcmp(name, "cidr") == 0)
		return in_block(o, s);
	return strcmp(o, s) == 0; /* exactly */
}

/* Whether the leaf @v meets one entry of a list. */
static bool accepts(const json_t *entry, const json_t *v)
{
	const char *name;
	json_t *operand;

	if (json_is_number(entry))
		return json_is_number(v) && same_number(entry, v);
	if (!json_is_object(entry))
		return json_equal(entry, v);
	name = json_object_iter_key(json_object_iter((json_t *)entry));
	operand = json_object_get(entry, name);
	if (strcmp(name, "exists") == 0)
		return json_is_true(operand);
	if (strcmp(name, "anything-but") == 0)
		return !excluded(operand, v);
	if (strcmp(name, "numeric") == 0)
		return json_is_number(v) && in_range(operand, v);
	return json_is_string(v) && string_operator(name, operand, json_string_value(v));
}

static bool list_accepts(const json_t *list, const json_t *v)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		if (accepts(entry, v))
			return true;
	}
	return false;
}

static bool allows_absence(const json_t *list)
{
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		if (json_is_false(json_object_get(entry, "exists")))
			return true;
	}
	return false;
}

/* 2.10: one array, one element. */
static bool consistent(const struct ref_leaf *a, const struct ref_leaf *b)
{
	for (size_t i = 0; i < a->in_count; i++) {
		for (size_t k = 0; k < b->in_count; k++) {
			if (a->in[i].array == b->in[k].array &&
				a->in[i].index != b->in[k].index)
				return false;
		}
	}
	return true;
}

/* Choose a leaf for each want, in order; absent is what has no leaf consistent with those
 * chosen so far. */
static bool satisfy(const struct combination *c, size_t at, const struct flat *f,
	const struct ref_leaf **chosen, size_t chosen_count)
{
	bool present = false;

	if (at == c->count)
		return true;
	for (size_t l = 0; l < f->count; l++) {
		const struct ref_leaf *leaf = &f->leaves[l];
		bool fits = strcmp(leaf->path, c->wants[at].path) == 0;

		for (size_t i = 0; i < chosen_count && fits; i++)
			fits = consistent(leaf, chosen[i]);
		if (!fits)
			continue;
		present = true;
		chosen[chosen_count] = leaf;
		if (list_accepts(c->wants[at].list, leaf->value) &&
			satisfy(c, at + 1, f, chosen, chosen_count + 1))
			return true;
	}
	return !present && allows_absence(c->wants[at].list) &&
	       satisfy(c, at + 1, f, chosen, chosen_count);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct want *)a)->path, ((const struct want *)b)->path);
}

bool reference_matches(const json_t *pattern, const json_t *event)
{
	static struct flat f;
	struct combination *all = calloc(1, sizeof *all);
	struct ref_leaf root = {0};
	const struct ref_leaf *chosen[64];
	size_t count = 1;
	bool matches = false;

	f.count = 0;
	flatten(&f, event, &root, true);
	all = expand(pattern, "", true, all, &count);
	for (size_t i = 0; i < count && !matches; i++) {
		qsort(all[i].wants, all[i].count, sizeof(struct want), by_path);
		matches = satisfy(&all[i], 0, &f, chosen, 0);
	}
	free(all);
	return matches;
}
