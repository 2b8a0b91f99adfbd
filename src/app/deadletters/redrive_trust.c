/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redrive_trust.c - may a dead letter be believed? Whoever can write to a dead-letter topic can
 * write what looks like a letter, and name a rule, a target and an event as he likes. So a letter
 * is sent again only where the daemon could have written it: in the topic of its target, of a
 * topic that the rule's consumer reads, of an event that the rule matches.
 */
#include <stdio.h>
#include <stdlib.h>

#include "app/preview/preview.h"
#include "redrive_private.h"

/* The letter's own target, or the one aimed at when it is no more. */
static const struct conf_target *own_target(
	const struct conf_target *aimed, const struct letter_view *v)
{
	const struct conf_rule *rule = aimed->rule;

	for (size_t i = 0; i < rule->target_count; i++)
		if (slice_eq(slice_str(rule->targets[i].id), v->target))
			return &rule->targets[i];
	return aimed;
}

/* One that cannot be read any more is not sent either: its delivery ends as INVALID_EVENT. */
static bool is_of_rule(const struct conf *conf, const struct conf_rule *rule,
	const struct event_fields *record, const struct letter_view *v)
{
	const struct event_fields event = letter_view_event(v, record);
	struct preview p;
	struct err err;
	bool matches;

	preview_init(&p, conf, &event);
	matches = preview_match(&p, rule, NULL, &err) != 0;
	preview_release(&p);
	return matches;
}

const char *redrive_distrust(const struct redrive *run, const struct event_fields *record,
	const struct letter_view *v, const struct conf_target *target)
{
	const struct conf_rule *rule = target->rule;

	if (!str_eq(own_target(target, v)->dead_letter_topic, record->topic))
		return "the target's letters go to another topic";
	if (!conf_consumer_reads(rule->consumer, v->topic))
		return "the rule's consumer does not read the topic that the letter names";
	if (!is_of_rule(run->conf, rule, record, v))
		return "the event does not match the rule";
	return NULL;
}
