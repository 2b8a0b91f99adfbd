/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules and targets: their patterns and requests compiled, and what else can be wrong with
 * them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conf_private.h"

/* --- patterns --------------------------------------------------------------------------- */

struct pattern_warning {
	struct conf_reader *r;
	struct conf_subject *s;
	const char *key;
	struct conf_place place;
};

static void warn_pattern(void *data, const char *text)
{
	struct pattern_warning *w = data;

	conf_warn(w->r, w->s, w->key, w->place, "%s", text);
}

static struct pattern *compile_pattern(
	struct conf_reader *r, struct conf_subject *s, const char *key, const char *text)
{
	const struct conf_node *n = conf_given_node(s, key);
	struct pattern_warning w = {r, s, key, n->place};
	const struct pattern_options options = {.warn = warn_pattern, .warn_data = &w};
	struct err err = {0};
	struct pattern *p = pattern_compile(slice_str(text), &options, &err);

	if (p == NULL)
		conf_refuse(r, s, n->name, n->place, "%s", err.text);
	return p;
}

/* A pattern over the record's metadata can only ask for what is there. */
static void check_kafka_keys(struct conf_reader *r, struct conf_subject *s)
{
	static const char *const known[] = {"topic", "partition", "key", "headers", "$or"};
	const struct conf_node *n = conf_given_node(s, "kafka");
	char hint[100];

	for (size_t i = 0; n->kind == CONF_NODE_GROUP && i < n->child_count; i++) {
		const struct conf_node *child = n->children[i];
		bool found = false;

		for (size_t k = 0; k < COUNT_OF(known); k++)
			found = found || strcmp(child->name, known[k]) == 0;
		conf_suggest(child->name, known, COUNT_OF(known), hint, sizeof hint);
		if (!found)
			conf_refuse(r, s, "kafka", child->place,
				"'%s' is not known of a record; there are topic, partition, key and "
				"headers%s",
				child->name, hint);
	}
}

static void compile_patterns(struct conf_reader *r, struct conf_subject *s)
{
	struct conf_rule *rule = s->settings;
	const struct conf_node *file = conf_given_node(s, "event_pattern_file");

	if (rule->event_pattern != NULL)
		rule->pattern = compile_pattern(r, s,
			file != NULL ? "event_pattern_file" : "event_pattern",
			rule->event_pattern);
	else if (file == NULL && conf_given_node(s, "event_pattern") == NULL)
		conf_refuse(r, s, "event_pattern", s->node->place,
			"is missing; write, say, event_pattern = { detail-type = [ \"Order "
			"Placed\" ]; }, or name an event_pattern_file");
	if (rule->kafka != NULL) {
		check_kafka_keys(r, s);
		rule->kafka_pattern = compile_pattern(r, s, "kafka", rule->kafka);
	}
}

/* --- requests --------------------------------------------------------------------------- */

struct plan_complaints {
	struct conf_reader *r;
	struct conf_subject *s; /* the target */
};

/* The header that the connection itself sets, which no parameter may. */
static const char *authorization_header(const struct connection_settings *c)
{
	switch (c->type) {
	case CONNECTION_NONE:
		return NULL;
	case CONNECTION_API_KEY:
		return c->api_key_name;
	case CONNECTION_STANDARD_WEBHOOKS:
		return "webhook-signature";
	default:
		return "Authorization";
	}
}

/* The node of "header_parameters.X-Order" or "path_parameter_values[0]"; the nearest that there
 * is around it otherwise. */
static struct conf_place find_field(const struct conf_node *target, const char *field)
{
	static const char *const groups[] = {
		"http_parameters", "input_transformer", "retry_policy"};
	size_t len = strcspn(field, ".[");
	char *name = xmemdup(field, len);
	const struct conf_node *n = conf_node_find(target, name), *inner = NULL;

	for (size_t i = 0; n == NULL && i < COUNT_OF(groups); i++)
		n = conf_node_find(conf_node_find(target, groups[i]), name);
	/* input_template_file stands for input_template. */
	if (n == NULL && strcmp(name, "input_template") == 0)
		n = conf_node_find(
			conf_node_find(target, "input_transformer"), "input_template_file");
	free(name);
	if (n == NULL)
		return target->place;
	if (field[len] == '.')
		inner = conf_node_find(n, field + len + 1);
	else if (field[len] == '[' && n->kind == CONF_NODE_LIST &&
		 strtoul(field + len + 1, NULL, 10) < n->child_count)
		inner = n->children[strtoul(field + len + 1, NULL, 10)];
	for (size_t i = 0; field[len] == '.' && n->kind == CONF_NODE_LIST && i < n->child_count;
		i++) {
		const struct conf_node *key = conf_node_find(n->children[i], "key");

		if (key != NULL && str_eq(key->text, field + len + 1))
			inner = n->children[i];
	}
	return inner != NULL ? inner->place : n->place;
}

static void complain_of_plan(void *ctx, bool is_warning, const char *field, const char *text)
{
	struct plan_complaints *c = ctx;
	const struct conf_target *t = c->s->settings;
	static const char connections[] = "invocation_http_parameters.";
	struct conf_subject other = {.node = c->s->node};
	struct conf_place place;

	/* Names have been looked at already. */
	if (strcmp(field, "id") == 0 || strcmp(field, "rule") == 0)
		return;
	/* A bad endpoint or connection is told once, where it stands. */
	if (strcmp(field, "endpoint") == 0 || strcmp(field, "http_method") == 0 ||
		strcmp(field, "idempotency_header") == 0) {
		snprintf(other.what, sizeof other.what, "destination '%s'",
			t->destination->name);
		place = t->destination->place;
		if (strcmp(field, "endpoint") == 0 &&
			request_check_endpoint(t->destination->endpoint, NULL) != 0)
			return;
	} else if (strncmp(field, connections, sizeof connections - 1) == 0) {
		snprintf(other.what, sizeof other.what, "connection '%s'",
			t->destination->connection->name);
		place = t->destination->connection->place;
	} else {
		snprintf(other.what, sizeof other.what, "%s", c->s->what);
		place = find_field(c->s->node, field);
	}
	(is_warning ? conf_warn : conf_refuse)(c->r, &other, field, place, "%s", text);
}

static void compile_plan(struct conf_reader *r, struct conf_subject *s)
{
	struct conf_target *t = s->settings;
	const struct conf_destination *d = t->destination;
	struct plan_complaints complaints = {r, s};
	struct request_settings settings = {
		.rule_name = t->rule->name,
		.target_id = t->id,
		.target = &t->parameters,
		.input = &t->input,
		.output = t->output,
	};

	/* What is missing has been told. */
	if (t->id == NULL || d == NULL || d->endpoint == NULL || d->connection == NULL)
		return;
	settings.endpoint = d->endpoint;
	settings.http_method = d->http_method;
	settings.idempotency_header = d->idempotency_header;
	settings.connection = &d->connection->parameters;
	settings.authorization_header = authorization_header(&d->connection->settings);
	t->plan = request_plan_new(&settings, complain_of_plan, &complaints);
}

/* --- targets ---------------------------------------------------------------------------- */

static void check_retry(
	struct conf_reader *r, struct conf_subject *s, const struct conf_target *t)
{
	const struct conf_node *n = conf_given_node(s, "retry_cap");

	if (t->retry.retry_cap_ms >= t->retry.retry_base_ms)
		return;
	if (n != NULL)
		conf_refuse(r, s, "retry_policy.retry_cap", n->place,
			"must not be less than retry_base");
	else
		conf_refuse(r, s, "retry_policy.retry_base",
			conf_given_node(s, "retry_base")->place,
			"must not be more than retry_cap");
}

static void resolve_dead_letter_topic(
	struct conf_reader *r, struct conf_subject *s, struct conf_target *t)
{
	const struct conf_node *n = conf_given_node(s, "dead_letter_topic");
	const struct conf_consumer *c = t->rule->consumer;

	if (str_eq(t->dead_letter_topic, "none")) {
		t->dead_letter_topic = NULL;
		conf_warn(r, s, "dead_letter_topic", n->place,
			"\"none\": events that fail for good are dropped");
		return;
	}
	conf_check_dead_letter_topic(r, s, t->dead_letter_topic);
	if (t->dead_letter_topic == NULL)
		t->dead_letter_topic = t->rule->dead_letter_topic;
	if (t->dead_letter_topic == NULL && c != NULL)
		t->dead_letter_topic = c->dead_letter_topic;
	if (t->dead_letter_topic != NULL && c != NULL &&
		conf_consumer_reads(c, t->dead_letter_topic))
		conf_warn(r, s, "dead_letter_topic", n != NULL ? n->place : s->node->place,
			"'%s' is read by the same consumer: a dead letter is an event again, and "
			"fails again",
			t->dead_letter_topic);
}

static offsets_target identity(const struct conf_target *t)
{
	struct buf b;
	uint64_t hash;

	buf_init(&b, BUF_UNLIMITED);
	buf_add_str(&b, t->rule->name);
	buf_add_char(&b, '\0');
	buf_add_str(&b, t->id != NULL ? t->id : "");
	hash = util_hash(b.data, b.len);
	buf_release(&b);
	return (offsets_target)hash;
}

void conf_check_target(struct conf_reader *r, struct conf_subject *s)
{
	struct conf_target *t = s->settings;

	if (t->id != NULL && !conf_is_name(t->id))
		conf_refuse(r, s, "id", conf_given_node(s, "id")->place,
			"an id has 1 to 64 letters, digits, '.', '-' and '_'");
	t->identity = identity(t);
	check_retry(r, s, t);
	resolve_dead_letter_topic(r, s, t);
	compile_plan(r, s);
}

/* --- rules ------------------------------------------------------------------------------ */

static void check_ids(
	struct conf_reader *r, struct conf_subject *s, const struct conf_rule *rule)
{
	const struct conf_node *list = conf_given_node(s, "targets");

	for (size_t i = 0; i < rule->target_count; i++)
		for (size_t k = 0; k < i; k++) {
			if (rule->targets[i].id == NULL ||
				!str_eq(rule->targets[i].id, rule->targets[k].id))
				continue;
			conf_refuse(r, s, "targets", list->children[i]->place,
				"the id '%s' is there twice, first at %s:%u; rename one",
				rule->targets[i].id, rule->targets[k].place.file,
				rule->targets[k].place.line);
			break;
		}
}

void conf_check_rule(struct conf_reader *r, struct conf_subject *s)
{
	struct conf_rule *rule = s->settings;
	const struct conf_node *list = conf_given_node(s, "targets");

	compile_patterns(r, s);
	check_ids(r, s, rule);
	if (list == NULL || (list->kind == CONF_NODE_LIST && list->child_count == 0))
		conf_warn(r, s, "targets", list != NULL ? list->place : s->node->place,
			"there are none: what the rule matches goes nowhere");
}
