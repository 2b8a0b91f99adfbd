/* SPDX-License-Identifier: Apache-2.0 */
/* What list, show and redrive share: the filter, the topics that can hold dead letters, and
 * a dead letter as JSON. */
#include "app/deadletters/letters.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json_writer.h"
#include "base/time_text.h"

const struct letters_filter letters_filter_any = {.since_ms = -1, .until_ms = -1};

static bool is_any_or(const char *wanted, struct slice is)
{
	return wanted == NULL || slice_eq(slice_str(wanted), is);
}

static bool is_status(const char *code, int status)
{
	char text[16];

	snprintf(text, sizeof text, "%d", status);
	return status != 0 && strcmp(code, text) == 0;
}

bool letters_filter_wants(const struct letters_filter *f, const struct letter_view *v,
	const struct event_fields *record)
{
	return is_any_or(f->rule, v->rule) && is_any_or(f->target, v->target) &&
	       (is_any_or(f->code, v->code) || is_status(f->code, v->status)) &&
	       (f->since_ms < 0 || record->timestamp_ms >= f->since_ms) &&
	       (f->until_ms < 0 || record->timestamp_ms <= f->until_ms);
}

static int64_t unit_ms(char unit)
{
	switch (unit) {
	case 's':
		return 1000;
	case 'm':
		return 60000;
	case 'h':
		return 3600000;
	case 'd':
		return 86400000;
	default:
		return 0;
	}
}

int letters_parse_time(const char *text, int64_t wall_ms, int64_t *ret, struct err *err)
{
	char *end;
	long long number;

	if (time_text_parse_iso8601(slice_str(text), ret))
		return 0;
	number = strtoll(text, &end, 10);
	if (end > text && number >= 0 && number < 1000000000 && unit_ms(*end) > 0 &&
		end[1] == '\0') {
		*ret = max_i64(wall_ms - number * unit_ms(*end), 0);
		return 0;
	}
	return err_set(err, ERR_INVALID,
		"'%s' is not a time: write 2026-11-23T09:05:04Z, 2026-11-23, or how long ago, as in 15m, 6h, 2d",
		text);
}

/* --- topics ----------------------------------------------------------------------------- */

static void add_topic(struct letters_topic **topics, size_t *count, const char *name,
	const struct conf_consumer *consumer, const char *only)
{
	if (name == NULL || (only != NULL && strcmp(name, only) != 0))
		return;
	for (size_t i = 0; i < *count; i++)
		if (strcmp((*topics)[i].name, name) == 0)
			return;
	*topics = xreallocarray(*topics, *count + 1, sizeof **topics);
	(*topics)[(*count)++] = (struct letters_topic){name, consumer};
}

struct letters_topic *letters_topics(
	const struct conf *conf, const char *only, size_t *ret_count)
{
	struct letters_topic *topics = NULL;

	*ret_count = 0;
	for (size_t c = 0; c < conf->consumer_count; c++) {
		const struct conf_consumer *consumer = &conf->consumers[c];

		for (size_t r = 0; r < conf->rule_count; r++) {
			const struct conf_rule *rule = &conf->rules[r];

			if (rule->consumer != consumer)
				continue;
			for (size_t t = 0; t < rule->target_count; t++)
				add_topic(&topics, ret_count,
					rule->targets[t].dead_letter_topic, consumer, only);
		}
		add_topic(&topics, ret_count, consumer->dead_letter_topic, consumer, only);
	}
	if (*ret_count == 0 && only != NULL && conf->consumer_count > 0)
		add_topic(&topics, ret_count, only, &conf->consumers[0], only);
	return topics;
}

struct reader *letters_reader(
	const struct conf *conf, const char *command, const char *group, struct err *err)
{
	struct reader_settings s = {
		.name = command, .group_id = group, .timeout_ms = LETTERS_TIMEOUT_MS};
	struct reader *reader;
	char **properties;

	if (conf_kafka_properties(conf, NULL, &properties, &s.property_count, err) != 0)
		return NULL;
	s.properties = (const char *const *)properties;
	reader = reader_new(&s, err);
	conf_free_properties(properties, s.property_count);
	return reader;
}

const struct conf_target *letters_target(const struct conf *conf, struct slice rule_name,
	struct slice target_id, const char **ret_why)
{
	const struct conf_rule *rule = NULL;

	*ret_why = "the letter names no target: its record was no event";
	if (rule_name.len == 0)
		return NULL;
	for (size_t i = 0; i < conf->rule_count; i++)
		if (slice_eq(slice_str(conf->rules[i].name), rule_name))
			rule = &conf->rules[i];
	*ret_why = "there is no such rule any more";
	if (rule == NULL)
		return NULL;
	*ret_why = "the rule is disabled";
	if (!rule->enabled)
		return NULL;
	*ret_why = "the rule has no such target any more";
	for (size_t i = 0; i < rule->target_count; i++)
		if (slice_eq(slice_str(rule->targets[i].id), target_id))
			return &rule->targets[i];
	return NULL;
}

/* --- a letter as JSON ------------------------------------------------------------------- */

static void add_time(struct json_writer *w, const char *name, int64_t wall_ms)
{
	char text[TIME_TEXT_ISO8601_BYTES];

	if (wall_ms > 0)
		time_text_format_iso8601(wall_ms, text);
	jw_text(w, name, slice_str(wall_ms > 0 ? text : NULL));
}

static void add_source(
	struct json_writer *w, const struct letter_view *v, const struct event_fields *record)
{
	jw_text(w, "source_topic", slice_str(v->topic));
	jw_int(w, "source_partition", v->partition);
	jw_int(w, "source_offset", v->offset);
	add_time(w, "source_time", v->timestamp_ms);
	jw_text(w, "key", record->key);
	jw_int(w, "value_bytes", (int64_t)record->value.len);
	jw_text(w, "omitted", v->omitted);
}

void letters_add_json(
	struct buf *out, const struct letter_view *v, const struct event_fields *record)
{
	struct json_writer w;

	jw_init(&w, out);
	jw_open(&w, NULL, '{');
	jw_text(&w, "topic", slice_str(record->topic));
	jw_int(&w, "partition", record->partition);
	jw_int(&w, "offset", record->offset);
	add_time(&w, "time", record->timestamp_ms);
	jw_text(&w, "rule", v->rule);
	jw_text(&w, "target", v->target);
	jw_text(&w, "destination", v->destination);
	jw_text(&w, "code", v->code);
	if (v->status != 0)
		jw_int(&w, "status", v->status);
	else
		jw_null(&w, "status");
	jw_text(&w, "message", v->message);
	jw_text(&w, "exhausted", v->exhausted);
	jw_int(&w, "retries", v->retries);
	jw_int(&w, "redrives", v->redrives);
	add_time(&w, "first_attempt", v->first_attempt_ms);
	add_time(&w, "last_attempt", v->last_attempt_ms);
	add_source(&w, v, record);
	jw_text(&w, "response", v->response);
	jw_close(&w);
}
