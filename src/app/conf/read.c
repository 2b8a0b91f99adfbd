/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling the structs of a configuration from the tree of nodes, by the tables of keys; then each
 * section is checked and finished.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conf_private.h"

/* The section or group that has a key of that name; NULL: none. */
static const char *home_of(const char *name)
{
	for (size_t i = 0; i < conf_section_count; i++) {
		const struct conf_section *s = conf_sections[i];

		for (size_t k = 0; k < s->key_count; k++) {
			if (strcmp(s->keys[k].name, name) == 0 &&
				(s->keys[k].flags & CONF_HIDDEN) == 0)
				return s->name;
			if (s->keys[k].type == CONF_GROUP &&
				conf_key_find(s->keys[k].section, name) != NULL)
				return s->keys[k].name;
		}
	}
	return NULL;
}

static void refuse_unknown(struct conf_reader *r, const struct conf_subject *s,
	const struct conf_section *section, const struct conf_node *n)
{
	const char *names[CONF_MAX_GIVEN] = {NULL};
	char hint[160];
	const char *home = home_of(n->name);
	size_t count = 0;

	for (size_t i = 0; i < section->key_count && count < CONF_MAX_GIVEN; i++)
		if ((section->keys[i].flags & CONF_HIDDEN) == 0)
			names[count++] = section->keys[i].name;
	/* At the top level the names of sections are valid too. */
	for (size_t i = 0; section == &conf_top_section && i < conf_section_count; i++)
		if (conf_sections[i]->name[0] != '\0' &&
			!conf_section_is_list(conf_sections[i]))
			names[count++] = conf_sections[i]->name;
	conf_suggest(n->name, names, count, hint, sizeof hint);
	if (hint[0] == '\0' && home != NULL && home[0] != '\0')
		snprintf(hint, sizeof hint, "; it belongs in '%s'", home);
	else if (hint[0] == '\0' && home != NULL)
		snprintf(hint, sizeof hint, "; it belongs at the top level, outside any group");
	conf_refuse(r, s, n->name, n->place, "there is no such key%s", hint);
}

/* Do two keys set the same field? Groups have no field. */
static bool is_same_field(const struct conf_key *x, const struct conf_key *y)
{
	return x->offset == y->offset && x->type != CONF_GROUP && y->type != CONF_GROUP;
}

/* False: another key has set the field. */
static bool note_given(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	for (size_t i = 0; i < s->given_count; i++) {
		const struct conf_node *other = s->given[i].node;

		if (!is_same_field(s->given[i].key, key))
			continue;
		conf_refuse(r, s, n->name, n->place,
			"sets the same value as '%s' at %s:%u; keep one of them", other->name,
			other->place.file, other->place.line);
		return false;
	}
	if (s->given_count < CONF_MAX_GIVEN)
		s->given[s->given_count++] = (struct conf_given){key, n};
	return true;
}

static void read_keys(struct conf_reader *r, struct conf_subject *s,
	const struct conf_section *section, const struct conf_node *n);

static void read_nested(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	char base[64];
	const char *outer = s->base_key;

	if (n->kind != CONF_NODE_GROUP) {
		conf_refuse(r, s, key->name, n->place, "must be %s, not %s",
			conf_type_name(key), conf_node_kind_name(n));
		return;
	}
	snprintf(base, sizeof base, "%s.", key->name);
	s->base_key = base;
	read_keys(r, s, key->section, n);
	s->base_key = outer;
}

/* Read all keys in @n, except lists of groups: see read_targets(). */
static void read_keys(struct conf_reader *r, struct conf_subject *s,
	const struct conf_section *section, const struct conf_node *n)
{
	for (size_t i = 0; i < n->child_count; i++) {
		const struct conf_node *child = n->children[i];
		const struct conf_key *key = conf_key_find(section, child->name);

		if (key == NULL)
			refuse_unknown(r, s, section, child);
		else if (!note_given(r, s, key, child) || key->type == CONF_LIST)
			continue;
		else if (key->type == CONF_GROUP)
			read_nested(r, s, key, child);
		else
			conf_read_value(r, s, key, child);
	}
}

static void require_keys(
	struct conf_reader *r, struct conf_subject *s, const struct conf_section *section)
{
	for (size_t i = 0; i < section->key_count; i++) {
		const struct conf_key *key = &section->keys[i];

		if ((key->flags & CONF_REQUIRED) == 0 || conf_given_node(s, key->name) != NULL)
			continue;
		if (key->example == NULL)
			conf_refuse(r, s, key->name, s->node->place, "is missing; it is %s",
				conf_type_name(key));
		else if (key->type == CONF_TEXTS)
			conf_refuse(r, s, key->name, s->node->place,
				"is missing; for example: %s = [ \"%s\" ]", key->name,
				key->example);
		else
			conf_refuse(r, s, key->name, s->node->place,
				"is missing; for example: %s = \"%s\"", key->name,
				key->example);
	}
}

/* False: @n is not a group, which was reported. */
static bool read_subject(struct conf_reader *r, struct conf_subject *s,
	const struct conf_section *section, const struct conf_node *n, void *settings)
{
	section->defaults(settings);
	s->node = n;
	s->settings = settings;
	if (n->kind != CONF_NODE_GROUP) {
		conf_refuse(r, s, NULL, n->place, "must be a group { }, not %s",
			conf_node_kind_name(n));
		return false;
	}
	read_keys(r, s, section, n);
	require_keys(r, s, section);
	return true;
}

/* What is done with each thing of a section once its keys have been read. */
struct steps {
	const struct conf_section *section;
	void (*check)(struct conf_reader *r, const struct conf_subject *s);
	void (*finish)(struct conf_reader *r, const struct conf_subject *s);
};

/* In this order: a section may refer to those above it. */
static const struct steps named_sections[] = {
	{&conf_consumer_section, conf_check_consumer, conf_finish_consumer},
	{&conf_connection_section, conf_check_connection, conf_finish_connection},
	{&conf_destination_section, conf_check_destination, conf_finish_destination},
	{&conf_rule_section, conf_check_rule, conf_finish_rule},
};

static void read_targets(struct conf_reader *r, struct conf_subject *s);
static void read_response_rules(struct conf_reader *r, struct conf_subject *s,
	const char *prefix, struct conf_response_rule **ret_rules, size_t *ret_count);

static void read_lists(
	struct conf_reader *r, const struct conf_section *section, struct conf_subject *s)
{
	struct conf_destination *d = s->settings;
	struct conf_target *t = s->settings;
	char prefix[160];

	if (section == &conf_rule_section)
		read_targets(r, s);
	else if (section == &conf_destination_section)
		read_response_rules(r, s, "", &d->response_rules, &d->response_rule_count);
	if (section != &conf_target_section)
		return;
	/* A rule without a name is called after where it stands. */
	snprintf(prefix, sizeof prefix, "%s/%s:", t->rule->name, t->id != NULL ? t->id : "");
	read_response_rules(r, s, prefix, &t->response_rules, &t->response_rule_count);
}

static void read_thing(struct conf_reader *r, const struct steps *steps, struct conf_subject *s,
	const struct conf_node *n, void *settings)
{
	if (!read_subject(r, s, steps->section, n, settings))
		return;
	read_lists(r, steps->section, s);
	steps->check(r, s);
	steps->finish(r, s);
}

/* Read all things of a section into a new array. */
static void read_section(
	struct conf_reader *r, const struct conf_node *root, const struct steps *steps)
{
	const struct conf_section *section = steps->section;
	const struct conf_node *group = conf_node_find(root, section->name);
	struct conf_subject top = {.node = root};
	size_t *count = (size_t *)((char *)r->conf + section->count_offset);
	char *array;

	if (group == NULL)
		return;
	if (group->kind != CONF_NODE_GROUP) {
		conf_refuse(r, &top, section->name, group->place,
			"must be a group { name = { … }; }, not %s",
			conf_node_kind_name(group));
		return;
	}
	array = conf_own_block(r->priv, xcalloc(group->child_count + 1, section->size));
	*(void **)((char *)r->conf + section->array_offset) = array;
	for (size_t i = 0; i < group->child_count; i++) {
		const struct conf_node *n = group->children[i];
		struct conf_named *thing = (struct conf_named *)(array + i * section->size);
		struct conf_subject s = {0};

		snprintf(s.what, sizeof s.what, "%s '%s'", section->singular, n->name);
		if (!conf_is_name(n->name))
			conf_refuse(r, &s, NULL, n->place,
				"the name must be 1 to 64 letters, digits, '-' and '_'");
		thing->place = n->place;
		thing->name = conf_own_text(r->priv, xstrdup(n->name));
		*count = i + 1;
		read_thing(r, steps, &s, n, thing);
	}
}

static void read_target(struct conf_reader *r, struct conf_rule *rule,
	const struct conf_node *n, struct conf_target *t)
{
	static const struct steps steps = {
		&conf_target_section, conf_check_target, conf_finish_target};
	const struct conf_node *id = conf_node_find(n, "id");
	struct conf_subject s = {0};

	if (id != NULL && id->kind == CONF_NODE_STRING)
		snprintf(s.what, sizeof s.what, "rule '%s' target '%s'", rule->name, id->text);
	else
		snprintf(s.what, sizeof s.what, "rule '%s' target %zu", rule->name,
			(size_t)(t - rule->targets) + 1);
	t->place = n->place;
	t->rule = rule;
	read_thing(r, &steps, &s, n, t);
}

/* The list of groups that @s was given under @key; NULL: none, or it is none. */
static const struct conf_node *given_list(struct conf_reader *r, const struct conf_subject *s,
	const struct conf_section *section, const char *key)
{
	const struct conf_node *list = conf_given_node(s, key);

	if (list == NULL || list->kind == CONF_NODE_LIST)
		return list;
	conf_refuse(r, s, key, list->place, "must be %s, not %s",
		conf_type_name(conf_key_find(section, key)), conf_node_kind_name(list));
	return NULL;
}

static void read_response_rules(struct conf_reader *r, struct conf_subject *s,
	const char *prefix, struct conf_response_rule **ret_rules, size_t *ret_count)
{
	static const struct steps steps = {&conf_response_rule_section,
		conf_check_response_rule, conf_finish_response_rule};
	const struct conf_node *list =
		given_list(r, s, &conf_destination_section, "response_rules");

	if (list == NULL)
		return;
	*ret_rules =
		conf_own_block(r->priv, xcalloc(list->child_count + 1, sizeof **ret_rules));
	for (size_t i = 0; i < list->child_count; i++) {
		struct conf_response_rule *rule = &(*ret_rules)[i];
		struct conf_subject inner = {0};

		*ret_count = i + 1;
		snprintf(inner.what, sizeof inner.what, "%.120s response rule %zu", s->what,
			i + 1);
		rule->place = list->children[i]->place;
		read_thing(r, &steps, &inner, list->children[i], rule);
		if (rule->name == NULL)
			rule->name = conf_own_text(r->priv, xasprintf("%s%zu", prefix, i + 1));
	}
}

static void read_targets(struct conf_reader *r, struct conf_subject *s)
{
	struct conf_rule *rule = s->settings;
	const struct conf_node *list = given_list(r, s, &conf_rule_section, "targets");

	if (list == NULL)
		return;
	rule->targets =
		conf_own_block(r->priv, xcalloc(list->child_count + 1, sizeof *rule->targets));
	for (size_t i = 0; i < list->child_count; i++) {
		rule->target_count = i + 1;
		read_target(r, rule, list->children[i], &rule->targets[i]);
	}
}

static bool is_section(const char *name)
{
	for (size_t i = 0; i < conf_section_count; i++)
		if (strcmp(conf_sections[i]->name, name) == 0)
			return !conf_section_is_list(conf_sections[i]);
	return false;
}

static void read_top(struct conf_reader *r, const struct conf_node *root)
{
	struct conf_subject s = {.node = root, .settings = r->conf};
	struct conf_node own = *root;

	conf_top_section.defaults(r->conf);
	/* Sections are read by read_section(). */
	own.children = xcalloc(root->child_count + 1, sizeof *own.children);
	own.child_count = 0;
	for (size_t i = 0; i < root->child_count; i++)
		if (!is_section(root->children[i]->name))
			own.children[own.child_count++] = root->children[i];
	read_keys(r, &s, &conf_top_section, &own);
	free(own.children);
	conf_check_top(r, &s);
	conf_finish_top(r, &s);
}

static void read_kafka(struct conf_reader *r, const struct conf_node *root)
{
	static const struct conf_node nothing;
	const struct conf_node *n = conf_node_find(root, "kafka");
	struct conf_subject s = {.what = "kafka", .settings = r->conf};

	s.node = n != NULL ? n : &nothing;
	if (n != NULL && n->kind != CONF_NODE_GROUP)
		conf_refuse(r, &s, NULL, n->place, "must be a group { }, not %s",
			conf_node_kind_name(n));
	else if (n != NULL)
		read_keys(r, &s, &conf_kafka_section, n);
	r->priv->bootstrap_given = conf_given_node(&s, "bootstrap_servers") != NULL;
	if (!r->priv->bootstrap_given && !r->options->embedded) {
		struct conf_place place =
			n != NULL
				? n->place
				: (struct conf_place){r->priv->source->files.count > 0
							      ? r->priv->source->files.names[0]
							      : r->conf->path,
					  0};

		conf_refuse(r, &s, "bootstrap_servers", place,
			"is missing; for example: kafka = { bootstrap_servers = "
			"\"HOST:9092\"; };");
	}
	conf_check_kafka(r, &s);
	conf_finish_kafka(r, &s);
}

void conf_read(struct conf_reader *r, const struct conf_node *root)
{
	read_top(r, root);
	read_kafka(r, root);
	for (size_t i = 0; i < COUNT_OF(named_sections); i++)
		read_section(r, root, &named_sections[i]);
	conf_check_all(r);
}
