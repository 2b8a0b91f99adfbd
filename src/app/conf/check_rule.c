/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of rules and targets that no table of keys can express.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conf_private.h"

/* --- targets ---------------------------------------------------------------------------- */

static void check_retry(
	struct conf_reader *r, const struct conf_subject *s, const struct conf_target *t)
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

char *conf_effective_dead_letter_topic(const struct conf_target *t)
{
	if (t->dead_letter_topic != NULL)
		return strcmp(t->dead_letter_topic, "none") != 0 ? t->dead_letter_topic : NULL;
	if (t->rule->dead_letter_topic != NULL)
		return t->rule->dead_letter_topic;
	return t->rule->consumer != NULL ? t->rule->consumer->dead_letter_topic : NULL;
}

static void check_dead_letter_topic(
	struct conf_reader *r, const struct conf_subject *s, const struct conf_target *t)
{
	const struct conf_node *n = conf_given_node(s, "dead_letter_topic");
	const struct conf_consumer *c = t->rule->consumer;
	const char *topic = conf_effective_dead_letter_topic(t);

	if (str_eq(t->dead_letter_topic, "none")) {
		conf_warn(r, s, "dead_letter_topic", n->place,
			"\"none\": events that finally fail are dropped");
		return;
	}
	conf_check_dead_letter_topic(r, s, t->dead_letter_topic);
	if (topic != NULL && c != NULL && conf_consumer_reads(c, topic))
		conf_warn(r, s, "dead_letter_topic", n != NULL ? n->place : s->node->place,
			"'%s' is read by the same consumer: dead letters would be "
			"delivered as events again",
			topic);
}

void conf_check_target(struct conf_reader *r, const struct conf_subject *s)
{
	const struct conf_target *t = s->settings;

	if (t->id != NULL && !conf_is_name(t->id))
		conf_refuse(r, s, "id", conf_given_node(s, "id")->place,
			"must be 1 to 64 letters, digits, '.', '-' and '_'");
	check_retry(r, s, t);
	check_dead_letter_topic(r, s, t);
}

/* --- response rules -------------------------------------------------------------------- */

void conf_check_response_rule(struct conf_reader *r, const struct conf_subject *s)
{
	if (conf_given_node(s, "pattern") == NULL && conf_given_node(s, "pattern_file") == NULL)
		conf_refuse(r, s, "pattern", s->node->place,
			"is missing; write, say, pattern = { body = { ok = [ false ]; }; }, or "
			"name a pattern_file");
}

/* --- rules ------------------------------------------------------------------------------ */

/* A pattern for the record's metadata may only name fields that it has. */
static void check_kafka_keys(struct conf_reader *r, const struct conf_subject *s)
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
				"a record has no '%s', only topic, partition, key and "
				"headers%s",
				child->name, hint);
	}
}

static void check_ids(
	struct conf_reader *r, const struct conf_subject *s, const struct conf_rule *rule)
{
	const struct conf_node *list = conf_given_node(s, "targets");

	for (size_t i = 0; i < rule->target_count; i++)
		for (size_t k = 0; k < i; k++) {
			if (rule->targets[i].id == NULL ||
				!str_eq(rule->targets[i].id, rule->targets[k].id))
				continue;
			conf_refuse(r, s, "targets", list->children[i]->place,
				"the id '%s' is used twice, first at %s:%u; rename one",
				rule->targets[i].id, rule->targets[k].place.file,
				rule->targets[k].place.line);
			break;
		}
}

void conf_check_rule(struct conf_reader *r, const struct conf_subject *s)
{
	const struct conf_rule *rule = s->settings;
	const struct conf_node *list = conf_given_node(s, "targets");

	if (conf_given_node(s, "event_pattern") == NULL &&
		conf_given_node(s, "event_pattern_file") == NULL)
		conf_refuse(r, s, "event_pattern", s->node->place,
			"is missing; for example: event_pattern = { detail-type = [ \"Order "
			"Placed\" ]; }, or an event_pattern_file");
	if (rule->kafka != NULL)
		check_kafka_keys(r, s);
	conf_check_default_topic(r, s, rule->dead_letter_topic);
	check_ids(r, s, rule);
	if (list == NULL || (list->kind == CONF_NODE_LIST && list->child_count == 0))
		conf_warn(r, s, "targets", list != NULL ? list->place : s->node->place,
			"the rule has none: matching events are sent nowhere");
}
