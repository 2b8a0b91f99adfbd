/* SPDX-License-Identifier: Apache-2.0 */
/* What a reply would mean for a target: the daemon's own rules and verdict, for one reply. */
#include "app/preview/preview.h"

const char *preview_outcome(
	const struct conf_target *target, const struct reply *reply, const char **ret_rule)
{
	struct retry_outcome outcome = {.status = reply->status};
	const struct reply_rule *rule = NULL;
	struct reply_reader *reader;

	*ret_rule = NULL;
	if (target->replies != NULL) {
		reader = reply_reader_new(target->replies);
		outcome.has_rule = reply_judge(reader, reply, &rule) == REPLY_RULE;
		reply_reader_free(reader);
	}
	if (outcome.has_rule) {
		outcome.rule = rule->outcome;
		*ret_rule = rule->name;
	}
	return reply_outcome_name(
		outcome.has_rule ? outcome.rule : retry_judge(&target->retry, &outcome).action);
}
