/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of rules and their targets.
 */
#include "keys_private.h"

#define R struct conf_rule
#define T struct conf_target

static const struct conf_choice states[] = {{"ENABLED", true}, {"DISABLED", false}, {NULL, 0}};
static const struct conf_choice ages[] = {{"intake", false}, {"timestamp", true}, {NULL, 0}};
static const struct conf_choice outputs[] = {
	{"json", REQUEST_JSON},
	{"form", REQUEST_FORM},
	{"cloudevents-structured", REQUEST_CLOUDEVENTS_STRUCTURED},
	{"cloudevents-binary", REQUEST_CLOUDEVENTS_BINARY},
	{NULL, 0},
};

static const struct conf_key http_parameter_keys[] = {
	{"path_parameter_values", CONF_TEXTS,
		COUNTED(T, parameters.path_values, parameters.path_value_count),
		.flags = CONF_GUARDED, .example = "$.detail.channel",
		.sentence =
			"The values for the * of the endpoint, in order: constants or paths"},
	{"header_parameters", CONF_PAIRS,
		COUNTED(T, parameters.header, parameters.header_count), .alias = "header",
		.flags = CONF_GUARDED, .example = "X-Order = \"$.detail.orderId\"",
		.sentence = "Headers: constants or paths"},
	{"query_string_parameters", CONF_PAIRS,
		COUNTED(T, parameters.query, parameters.query_count), .alias = "query",
		.example = "order = \"$.detail.orderId\"",
		.sentence = "Query parameters: constants or paths"},
	{"body_parameters", CONF_PAIRS, COUNTED(T, parameters.body, parameters.body_count),
		.alias = "body", .flags = CONF_GUARDED,
		.example = "order = \"$.detail.orderId\"",
		.sentence = "Members to add to a body that is a JSON object"},
};

static const struct conf_section http_parameters_section = {.name = "http_parameters",
	.keys = http_parameter_keys,
	.key_count = COUNT_OF(http_parameter_keys)};

static const struct conf_key transformer_keys[] = {
	{"input_paths_map", CONF_PAIRS,
		COUNTED(T, input.input_paths_map, input.input_paths_count), .flags = CONF_PLAIN,
		.example = "orderId = \"$.detail.orderId\"",
		.sentence = "The variables of the template, and the path of each"},
	{"input_template", CONF_TEXT, AT(T, input.input_template), .flags = CONF_GUARDED,
		.example = "{\"text\": \"New order <orderId>\"}",
		.sentence = "The body, with <variables> in it"},
	{"input_template_file", CONF_CONTENT, AT(T, input.input_template),
		.flags = CONF_NOT_SHOWN, .example = "templates/order.json",
		.sentence = "A file with the template"},
	{"escape", CONF_BOOL, AT(T, input.escape),
		.sentence = "Escape values that are inserted between quotes, so that a "
			    "quote in a value does not break the JSON (EventBridge does "
			    "not escape)"},
};

static const struct conf_section transformer_section = {.name = "input_transformer",
	.keys = transformer_keys,
	.key_count = COUNT_OF(transformer_keys)};

/* In a retry_policy, and for those who forget that, in the target itself. */
#define RETRY_KEYS(more)                                                                       \
	{"maximum_event_age", CONF_DURATION, AT(T, retry.maximum_event_age_ms), .min = SECOND, \
		.max = 365 * DAY, .flags = CONF_SECONDS | (more),                              \
		.alias = "maximum_event_age_in_seconds",                                       \
		.sentence = "The age after which an event is not attempted again"},            \
		{"maximum_event_age_from", CONF_CHOICE, AT(T, retry.age_from_timestamp),       \
			.choices = ages, .flags = (more),                                      \
			.sentence = "Whether the age counts from the first read of the "       \
				    "event or from its Kafka timestamp"},                      \
		{"maximum_retry_attempts", CONF_INTEGER, AT(T, retry.maximum_retry_attempts),  \
			.min = 0, .max = 1000000, .flags = (more),                             \
			.sentence = "Retries after the first attempt"},                        \
		{"retry_base", CONF_DURATION, AT(T, retry.retry_base_ms), .min = 1,            \
			.max = HOUR, .flags = CONF_SECONDS | (more),                           \
			.sentence = "The longest delay before the first retry; it doubles "    \
				    "with each retry, and the delay is random up to it"},      \
		{"retry_cap", CONF_DURATION, AT(T, retry.retry_cap_ms), .min = 1, .max = DAY,  \
			.flags = CONF_SECONDS | (more),                                        \
			.sentence = "The longest delay before any retry"},                     \
		{"retry_on", CONF_STATUSES, AT(T, retry.retry_on), .flags = (more),            \
			.example = "[ \"404\" ]",                                              \
			.sentence = "Statuses to retry besides those retried by default"},     \
	{                                                                                      \
		"fail_on", CONF_STATUSES, AT(T, retry.fail_on),                                \
			.flags = (more), .example = "[ \"501\" ]",                             \
			.sentence = "Statuses that are never retried; overrides retry_on"      \
	}

static const struct conf_key retry_keys[] = {RETRY_KEYS(0)};

static const struct conf_section retry_section = {
	.name = "retry_policy", .keys = retry_keys, .key_count = COUNT_OF(retry_keys)};

static const struct conf_key target_keys[] = {
	{"id", CONF_TEXT, AT(T, id), .max = 64, .flags = CONF_REQUIRED | CONF_PLAIN,
		.example = "slack", .sentence = "Its name within the rule"},
	{"destination", CONF_REFERENCE, AT(T, destination),
		.section = &conf_destination_section, .flags = CONF_REQUIRED,
		.example = "slack_orders", .sentence = "The destination to send to"},
	{"http_parameters", CONF_GROUP, .section = &http_parameters_section,
		.sentence = "Parts of the event for the URL and the headers"},
	{"input", CONF_JSON, AT(T, input.input), .flags = CONF_GUARDED,
		.example = "{\"text\": \"An order came in\"}",
		.sentence = "A constant body instead of the event"},
	{"input_path", CONF_TEXT, AT(T, input.input_path), .flags = CONF_PLAIN,
		.example = "$.detail", .sentence = "The part of the event that is the body"},
	{"input_transformer", CONF_GROUP, .section = &transformer_section,
		.sentence = "A body composed from parts of the event"},
	{"output_format", CONF_CHOICE, AT(T, output), .choices = outputs,
		.sentence = "The format of the body"},
	{"retry_policy", CONF_GROUP, .section = &retry_section,
		.sentence = "How often and for how long to retry"},
	RESPONSE_RULES(T, "The same for replies to this target; they come before its "
			  "destination's"),
	{"dead_letter_topic", CONF_TEXT, AT(T, dead_letter_topic), .absent = "none",
		.example = "shop.dead-letters",
		.sentence = "Its dead-letter topic; without it the rule's, the consumer's, "
			    "or <group_id>.dead-letters. \"none\": events that finally "
			    "fail are dropped"},
	{"dead_letter_response_bytes", CONF_SIZE, AT(T, dead_letter_response_bytes), .min = 0,
		.max = 16 * KIB,
		.sentence = "How many bytes of the reply a dead letter contains"},
	RETRY_KEYS(CONF_HIDDEN),
};

static void target_defaults(void *settings)
{
	T *t = settings;

	t->retry = retry_default_policy;
	t->dead_letter_response_bytes = (size_t)KIB;
}

const struct conf_section conf_target_section = {
	.name = "targets",
	.singular = "target",
	.sentence = "Where the events of a rule are sent: a list in the rule",
	.keys = target_keys,
	.key_count = COUNT_OF(target_keys),
	.size = sizeof(T),
	.defaults = target_defaults,
};

static const struct conf_key rule_keys[] = {
	DESCRIPTION(R),
	{"state", CONF_CHOICE, AT(R, enabled), .choices = states,
		.sentence = "A disabled rule matches nothing"},
	{"consumer", CONF_REFERENCE, AT(R, consumer), .section = &conf_consumer_section,
		.flags = CONF_REQUIRED, .example = "shop",
		.sentence = "The consumer whose events it matches"},
	{"event_pattern", CONF_JSON, AT(R, event_pattern), .flags = CONF_PLAIN,
		.example = "{\"detail-type\": [\"Order Placed\"]}",
		.sentence = "The pattern of the events that it matches: postrider-patterns(7)"},
	{"event_pattern_file", CONF_CONTENT, AT(R, event_pattern), .flags = CONF_NOT_SHOWN,
		.example = "patterns/orders.json", .sentence = "A file with the pattern"},
	{"kafka", CONF_JSON, AT(R, kafka), .flags = CONF_PLAIN,
		.example = "{\"topic\": [\"orders\"]}",
		.sentence = "A pattern for topic, partition, key and headers of the "
			    "record, which must match too"},
	{"dead_letter_topic", CONF_TEXT, AT(R, dead_letter_topic),
		.example = "shop.dead-letters",
		.sentence = "The dead-letter topic of its targets that name none"},
	{"targets", CONF_LIST, COUNTED(R, targets, target_count),
		.section = &conf_target_section, .sentence = "Where matching events are sent"},
};

static void rule_defaults(void *settings)
{
	R *r = settings;

	r->enabled = true;
}

const struct conf_section conf_rule_section = {
	.name = "rules",
	.singular = "rule",
	.sentence = "Which events are sent to which destinations",
	.keys = rule_keys,
	.key_count = COUNT_OF(rule_keys),
	.size = sizeof(R),
	THINGS(rules, rule_count),
	.defaults = rule_defaults,
};
