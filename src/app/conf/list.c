/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading lists: strings, HTTP statuses, names with values.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conf_private.h"

/* A list of one element may be written as the bare value. */
static size_t element_count(const struct conf_node *n)
{
	return n->kind == CONF_NODE_LIST ? n->child_count : 1;
}

static const struct conf_node *element(const struct conf_node *n, size_t i)
{
	return n->kind == CONF_NODE_LIST ? n->children[i] : n;
}

static void read_texts(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	size_t count = element_count(n), good = 0;
	char **texts = conf_own_block(r->priv, xcalloc(count + 1, sizeof *texts));

	for (size_t i = 0; i < count; i++) {
		const struct conf_node *e = element(n, i);

		if (e->kind != CONF_NODE_STRING) {
			conf_refuse(r, s, key->name, e->place, "must be %s, not %s",
				conf_type_name(key), conf_node_kind_name(e));
			continue;
		}
		texts[good] = conf_read_text(r, s, key, e, e->text);
		good += texts[good] != NULL;
	}
	if (count == 0 && (key->flags & CONF_REQUIRED) != 0)
		conf_refuse(r, s, key->name, n->place,
			"the list is empty; it needs at least one element");
	*(char ***)conf_key_field(key, s->settings) = texts;
	*(size_t *)((char *)s->settings + key->count_offset) = good;
}

static void read_statuses(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	struct retry_statuses *statuses = conf_key_field(key, s->settings);
	struct err err = {0};

	for (size_t i = 0; i < element_count(n); i++) {
		const struct conf_node *e = element(n, i);
		char number[32];

		snprintf(number, sizeof number, "%lld", (long long)e->integer);
		if (e->kind != CONF_NODE_STRING && e->kind != CONF_NODE_INTEGER)
			conf_refuse(r, s, key->name, e->place, "must be %s, not %s",
				conf_type_name(key), conf_node_kind_name(e));
		else if (retry_statuses_add(statuses,
				 e->kind == CONF_NODE_STRING ? e->text : number, &err) != 0)
			conf_refuse(r, s, key->name, e->place, "%s", err.text);
	}
}

static void read_reauthorize(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	for (size_t i = 0; i < element_count(n); i++) {
		const struct conf_node *e = element(n, i);
		long long status = e->kind == CONF_NODE_INTEGER  ? e->integer
				   : e->kind == CONF_NODE_STRING ? strtoll(e->text, NULL, 10)
								 : 0;

		if (status != 401 && status != 407 && status != 403)
			conf_refuse(r, s, key->name, e->place,
				"only 403 can be added to 401 and 407, which always apply");
		else if (status == 403)
			conf_store(key, s->settings, true);
	}
}

/* A parameter's value as a string. Numbers and booleans may be written without quotes. */
static char *value_text(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	struct buf json;
	char *text = NULL;

	if (n->kind == CONF_NODE_STRING)
		return conf_read_text(r, s, key, n, n->text);
	if (n->kind == CONF_NODE_GROUP || n->kind == CONF_NODE_LIST) {
		conf_refuse(r, s, key->name, n->place, "the value must be a string, not %s",
			conf_node_kind_name(n));
		return NULL;
	}
	buf_init(&json, BUF_UNLIMITED);
	conf_node_json(n, &json);
	text = conf_own_text(r->priv, xstrdup(buf_str(&json)));
	buf_release(&json);
	return text;
}

/* { key = "…"; value = "…"; }, for names that libconfig does not allow. */
static bool read_spelt_out(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n, struct request_parameter *p)
{
	const struct conf_node *name = conf_node_find(n, "key");
	const struct conf_node *value = conf_node_find(n, "value");

	if (name == NULL || value == NULL || n->child_count != 2 ||
		name->kind != CONF_NODE_STRING) {
		conf_refuse(r, s, key->name, n->place,
			"an element of the list must be written { key = \"NAME\"; "
			"value = \"VALUE\"; }");
		return false;
	}
	p->name = conf_own_text(r->priv, xstrdup(name->text));
	p->value = value_text(r, s, key, value);
	return p->value != NULL;
}

static void read_pairs(struct conf_reader *r, struct conf_subject *s,
	const struct conf_key *key, const struct conf_node *n)
{
	struct request_parameter *pairs;
	size_t good = 0;

	if (n->kind != CONF_NODE_GROUP && n->kind != CONF_NODE_LIST) {
		conf_refuse(r, s, key->name, n->place, "must be %s, not %s",
			conf_type_name(key), conf_node_kind_name(n));
		return;
	}
	pairs = conf_own_block(r->priv, xcalloc(n->child_count + 1, sizeof *pairs));
	for (size_t i = 0; i < n->child_count; i++) {
		const struct conf_node *e = n->children[i];
		struct request_parameter *p = &pairs[good];

		if (n->kind == CONF_NODE_LIST) {
			good += read_spelt_out(r, s, key, e, p);
			continue;
		}
		p->name = conf_own_text(r->priv, xstrdup(e->name));
		p->value = value_text(r, s, key, e);
		good += p->value != NULL;
	}
	*(struct request_parameter **)conf_key_field(key, s->settings) = pairs;
	*(size_t *)((char *)s->settings + key->count_offset) = good;
}

void conf_read_list(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n)
{
	switch (key->type) {
	case CONF_TEXTS:
		read_texts(r, s, key, n);
		break;
	case CONF_STATUSES:
		read_statuses(r, s, key, n);
		break;
	case CONF_REAUTHORIZE:
		read_reauthorize(r, s, key, n);
		break;
	default:
		read_pairs(r, s, key, n);
	}
}
