/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of settings: parsed by libconfig, converted, and merged from several files.
 */
#include "node.h"

#include <libconfig.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "scope.h"

struct conf_node *conf_node_new_root(void)
{
	return xcalloc(1, sizeof(struct conf_node));
}

void conf_node_free(struct conf_node *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->child_count; i++)
		conf_node_free(n->children[i]);
	free(n->children);
	free(n->name);
	/* The string may be a secret. */
	if (n->text != NULL)
		explicit_bzero(n->text, strlen(n->text));
	free(n->text);
	free(n);
}

static void add_child(struct conf_node *n, struct conf_node *child)
{
	if ((n->child_count & (n->child_count - 1)) == 0)
		n->children = xreallocarray(n->children,
			n->child_count > 0 ? 2 * n->child_count : 1, sizeof(*n->children));
	n->children[n->child_count++] = child;
}

static enum conf_kind kind_of(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return CONF_NODE_GROUP;
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		return CONF_NODE_LIST;
	case CONFIG_TYPE_STRING:
		return CONF_NODE_STRING;
	case CONFIG_TYPE_FLOAT:
		return CONF_NODE_REAL;
	case CONFIG_TYPE_BOOL:
		return CONF_NODE_BOOL;
	default:
		return CONF_NODE_INTEGER;
	}
}

/* libconfig returns NULL for strings that it could not allocate. */
static const char *not_null(const char *text)
{
	if (text == NULL)
		out_of_memory();
	return text;
}

static struct conf_node *convert(const config_setting_t *s, const struct conf_text *text)
{
	struct conf_node *n = xcalloc(1, sizeof *n);
	const char *name = config_setting_name(s);

	n->kind = kind_of(s);
	n->name = name != NULL ? xstrdup(name) : NULL;
	n->place = conf_text_place(text, config_setting_source_line(s));
	switch (n->kind) {
	case CONF_NODE_STRING:
		n->text = xstrdup(not_null(config_setting_get_string(s)));
		break;
	case CONF_NODE_INTEGER:
		n->integer = config_setting_get_int64(s);
		break;
	case CONF_NODE_BOOL:
		n->integer = config_setting_get_bool(s);
		break;
	case CONF_NODE_REAL:
		n->real = config_setting_get_float(s);
		break;
	case CONF_NODE_GROUP:
	case CONF_NODE_LIST:
		for (int i = 0; i < config_setting_length(s); i++) {
			const config_setting_t *c = config_setting_get_elem(s, (unsigned)i);
			const char *child = n->kind == CONF_NODE_GROUP
						    ? not_null(config_setting_name(c))
						    : NULL;

			if (child == NULL || strncmp(child, CONF_TEXT_TWICE,
						     sizeof CONF_TEXT_TWICE - 1) != 0)
				add_child(n, convert(c, text));
		}
	}
	return n;
}

/* That line of the file, up to the first quote: the string after it may be a secret. */
static char *line_words(struct conf_place place)
{
	FILE *f = fopen(place.file, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len = -1;

	for (unsigned i = 0; f != NULL && i < place.line; i++)
		len = getline(&line, &size, f);
	if (f != NULL)
		fclose(f);
	if (len < 0) {
		free(line);
		return xstrdup("");
	}
	line[strcspn(line, "\"\r\n")] = '\0';
	memmove(line, line + strspn(line, " \t"), strlen(line + strspn(line, " \t")) + 1);
	return line;
}

static void refuse_syntax(
	const config_t *c, const struct conf_text *text, struct conf_faults *faults)
{
	unsigned line = (unsigned)max_i64(config_error_line(c), 1);
	struct conf_place place = conf_text_place(text, line);
	char *words = line_words(place);

	/* A string without a closing quote ends at the opening quote of the next one, whose
	 * content then is outside of quotes. */
	for (size_t i = 0; i < text->string_count; i++)
		if (text->strings[i].end_line == line) {
			conf_fault(faults, place,
				"syntax: error at or before '%.60s'; the string that "
				"begins in line %u ends here: is its closing quote "
				"missing?",
				words, text->strings[i].begin.line);
			free(words);
			return;
		}
	conf_fault(faults, place,
		"syntax: error at or before '%.60s'; strings need quotes, and names "
		"have no dots",
		words);
	free(words);
}

/* @section: the outermost group that the nodes are in; NULL: none. */
static void merge(struct conf_node *into, struct conf_node *from, const char *section,
	struct conf_faults *faults)
{
	for (size_t i = 0; i < from->child_count; i++) {
		struct conf_node *child = from->children[i];
		struct conf_node *there = conf_node_find(into, child->name);
		const char *what = section != NULL ? conf_scope_singular(section) : NULL;

		if (there == NULL) {
			add_child(into, child);
			continue;
		}
		if (what == NULL && there->kind == CONF_NODE_GROUP &&
			child->kind == CONF_NODE_GROUP)
			merge(there, child, section != NULL ? section : child->name, faults);
		else
			conf_fault(faults, child->place,
				"%s '%s': is defined twice, first at %s:%u; remove %s",
				what != NULL ? what : "key", child->name, there->place.file,
				there->place.line, what != NULL ? "or rename one" : "one");
		conf_node_free(child);
	}
	from->child_count = 0;
}

bool conf_node_add_text(
	struct conf_node *root, const struct conf_text *text, struct conf_faults *faults)
{
	config_t c;
	bool ok;

	config_init(&c);
	ok = config_read_string(&c, buf_str(&text->bytes)) == CONFIG_TRUE;
	if (ok) {
		struct conf_node *tree = convert(config_root_setting(&c), text);

		merge(root, tree, NULL, faults);
		conf_node_free(tree);
	} else {
		refuse_syntax(&c, text, faults);
	}
	config_destroy(&c);
	return ok;
}

struct conf_node *conf_node_find(const struct conf_node *group, const char *name)
{
	if (group == NULL || group->kind != CONF_NODE_GROUP)
		return NULL;
	for (size_t i = 0; i < group->child_count; i++)
		if (strcmp(group->children[i]->name, name) == 0)
			return group->children[i];
	return NULL;
}

const char *conf_node_kind_name(const struct conf_node *n)
{
	static const char *const names[] = {
		[CONF_NODE_GROUP] = "a group { }",
		[CONF_NODE_LIST] = "a list",
		[CONF_NODE_STRING] = "a string",
		[CONF_NODE_INTEGER] = "a number",
		[CONF_NODE_REAL] = "a decimal number",
		[CONF_NODE_BOOL] = "true or false",
	};

	return names[n->kind];
}

/* With the fewest digits that are parsed to the same number. */
static void real_json(double real, struct buf *out)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	buf_add_str(out, isfinite(real) ? text : "null");
}

void conf_node_json(const struct conf_node *n, struct buf *out)
{
	bool group = n->kind == CONF_NODE_GROUP;

	switch (n->kind) {
	case CONF_NODE_STRING:
		buf_add_json_string(out, slice_str(n->text));
		break;
	case CONF_NODE_INTEGER:
		buf_add_int(out, n->integer);
		break;
	case CONF_NODE_REAL:
		real_json(n->real, out);
		break;
	case CONF_NODE_BOOL:
		buf_add_str(out, n->integer ? "true" : "false");
		break;
	case CONF_NODE_GROUP:
	case CONF_NODE_LIST:
		buf_add_char(out, group ? '{' : '[');
		for (size_t i = 0; i < n->child_count; i++) {
			if (i > 0)
				buf_add_char(out, ',');
			if (group) {
				buf_add_json_string(out, slice_str(n->children[i]->name));
				buf_add_char(out, ':');
			}
			conf_node_json(n->children[i], out);
		}
		buf_add_char(out, group ? '}' : ']');
	}
}
