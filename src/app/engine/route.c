/* SPDX-License-Identifier: Apache-2.0 */
/* What a destination knows of one target: the life of it, and its response rules at work. */
#include "route.h"

#include <stdlib.h>

#include "app/engine/context.h"
#include "app/metrics/metrics.h"

struct route *route_new(const struct conf_target *t, int64_t now_ms)
{
	struct route *r = xcalloc(1, sizeof *r);

	r->identity = t->identity;
	list_init(&r->held);
	guard_init(&r->guard, t->destination->dead_letter_guard, now_ms);
	return r;
}

static void forget_rules(struct route *r)
{
	size_t count = r->target ? reply_rules_count(r->target->replies) : 0;

	for (size_t i = 0; i < count; i++)
		metric_release(r->rule_metrics[i]);
	free(r->rule_metrics);
	reply_reader_free(r->reader);
	conf_unref(r->conf);
	r->rule_metrics = NULL;
	r->reader = NULL;
	r->conf = NULL;
	r->target = NULL;
}

void route_free(struct route *r)
{
	list_remove(&r->node);
	forget_rules(r);
	free(r);
}

/* A reload may have changed the rules; deliveries from before it keep those that they have. */
static void take_rules(struct route *r, const struct delivery *d)
{
	const struct reply_rules *rules = d->target->replies;
	size_t count = reply_rules_count(rules);

	forget_rules(r);
	r->conf = conf_ref(d->conf);
	r->target = d->target;
	r->reader = reply_reader_new(rules);
	r->rule_metrics = xcalloc(count, sizeof(struct metric *));
	for (size_t i = 0; i < count; i++) {
		const struct reply_rule *rule = reply_rules_at(rules, i);

		r->rule_metrics[i] = metrics_obtain(d->owner->context->metrics,
			METRIC_RESPONSE_RULE, d->target->destination->name, rule->name,
			reply_outcome_name(rule->outcome));
	}
}

const struct reply_rule *route_judge(struct route *r, const struct delivery *d,
	const struct reply *reply, struct retry_outcome *outcome)
{
	const struct reply_rule *rule = NULL;

	if (r->target != d->target)
		take_rules(r, d);
	switch (reply_judge(r->reader, reply, &rule)) {
	case REPLY_RULE:
		outcome->has_rule = true;
		outcome->rule = rule->outcome;
		metric_add(r->rule_metrics[rule - reply_rules_at(d->target->replies, 0)], 1);
		break;
	case REPLY_UNKNOWN:
		outcome->is_unknown = true;
		break;
	case REPLY_NO_RULE:
		break;
	}
	return rule;
}
