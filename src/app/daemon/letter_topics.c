/* SPDX-License-Identifier: Apache-2.0 */
#include "letter_topics.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/deadletters/letters.h"
#include "base/log.h"
#include "io/kafka/topics.h"

#define ASK_TIMEOUT_MS 10000
#define ASK_AGAIN_MS   30000

struct letter_topics {
	struct loop *loop;
	struct conf *conf;
	struct topics *look_up;
	struct loop_timer again;
	struct topics_info *letters; /* what is known of them; names are the configuration's */
	const char **names;
	size_t count;
	const char **sources; /* topics that are read, but for patterns */
	size_t source_count;
};

/* --- asking ----------------------------------------------------------------------------- */

static void query_topics(struct letter_topics *t, const char *const *names, size_t count,
	const struct topics_create *create, topics_done_fn done)
{
	struct topics_settings s = {
		.names = names,
		.name_count = count,
		.create = create,
		.timeout_ms = ASK_TIMEOUT_MS,
	};
	char **properties;
	struct err err;

	topics_free(t->look_up);
	t->look_up = NULL;
	if (count == 0 ||
		conf_kafka_properties(t->conf, NULL, &properties, &s.property_count, &err) != 0)
		return; /* whoever needs them says what is wrong with them */
	s.properties = (const char *const *)properties;
	t->look_up = topics_look_up(t->loop, &s, done, t, &err);
	conf_free_properties(properties, s.property_count);
}

/* --- limits ----------------------------------------------------------------------------- */

static bool writes_to(
	const struct conf *conf, const struct conf_consumer *consumer, const char *topic)
{
	if (str_eq(consumer->dead_letter_topic, topic))
		return true;
	for (size_t r = 0; r < conf->rule_count; r++) {
		const struct conf_rule *rule = &conf->rules[r];

		for (size_t i = 0; rule->consumer == consumer && i < rule->target_count; i++)
			if (str_eq(rule->targets[i].dead_letter_topic, topic))
				return true;
	}
	return false;
}

static bool reads(const struct conf_consumer *consumer, const char *topic)
{
	for (size_t i = 0; i < consumer->topic_count; i++)
		if (strcmp(consumer->topics[i], topic) == 0)
			return true;
	return false;
}

static bool feeds(const struct conf *conf, const char *source, const char *letters)
{
	for (size_t i = 0; i < conf->consumer_count; i++)
		if (reads(&conf->consumers[i], source) &&
			writes_to(conf, &conf->consumers[i], letters))
			return true;
	return false;
}

/* @source, which may be so large, is larger than what the dead-letter topic takes. */
static void tell_smaller(const struct topics_info *letters, const char *source, int64_t bytes)
{
	char command[600];

	/* The letter has headers of its own beside the record. */
	snprintf(command, sizeof command,
		"kafka-configs --alter --entity-type topics --entity-name %s --add-config "
		"max.message.bytes=%lld",
		letters->name, (long long)bytes + 16384);
	log_warn("dead_letter_topic_smaller",
		"the dead-letter topic takes smaller records than come from what is read: the letter of a large "
		"one is written without its value",
		log_str("topic", letters->name), log_str("source", source),
		log_int("max_message_bytes", letters->max_message_bytes),
		log_int("source_max_message_bytes", bytes), log_str("mend", command));
}

/*
 * The largest of those that feed it is named. What a topic takes is counted compressed: an event may
 * be as large as max_record_size whatever its topic takes, and its letter is compressed otherwise.
 */
static void compare(const struct letter_topics *t, const struct topics_info *letters,
	const struct topics_info *sources, size_t count)
{
	const struct topics_info *largest = NULL;

	for (size_t i = 0; i < count; i++)
		if (sources[i].max_message_bytes > letters->max_message_bytes &&
			feeds(t->conf, sources[i].name, letters->name) &&
			(largest == NULL ||
				sources[i].max_message_bytes > largest->max_message_bytes))
			largest = &sources[i];
	if (letters->max_message_bytes < 0)
		return;
	if (largest != NULL)
		tell_smaller(letters, largest->name, largest->max_message_bytes);
	else if ((size_t)letters->max_message_bytes < t->conf->max_record_bytes)
		tell_smaller(letters, "max_record_size", (int64_t)t->conf->max_record_bytes);
}

static void sources_known(void *ctx, const struct topics_info *infos, size_t count)
{
	struct letter_topics *t = ctx;

	for (size_t i = 0; i < t->count; i++)
		compare(t, &t->letters[i], infos, count);
	topics_free(t->look_up);
	t->look_up = NULL;
}

/* --- dead-letter topics ----------------------------------------------------------------- */

static void add_item(struct buf *list, const char *item, const char *between)
{
	if (list->len > 0)
		buf_add_str(list, between);
	buf_add_str(list, item);
}

static void report(const struct topics_info *infos, size_t count)
{
	struct buf missing, mend, made;

	buf_init(&missing, BUF_UNLIMITED);
	buf_init(&mend, BUF_UNLIMITED);
	buf_init(&made, BUF_UNLIMITED);
	for (size_t i = 0; i < count; i++) {
		const struct topics_info *info = &infos[i];

		if (info->presence == TOPICS_MISSING) {
			add_item(&missing, info->name, ",");
			add_item(&mend, info->reason, "; ");
		} else if (info->presence == TOPICS_MADE) {
			add_item(&made, info->name, ",");
		}
		if (info->compacted)
			log_warn("dead_letter_topic_compacted",
				"the dead-letter topic is compacted: a letter removes an earlier one of the same key",
				log_str("topic", info->name));
	}
	if (missing.len > 0)
		log_error("dead_letter_topics_missing",
			"dead-letter topics do not exist: a letter would hold its offset until they do",
			log_str("topics", missing.data), log_str("mend", mend.data));
	if (made.len > 0)
		log_info("dead_letter_topics_made", "missing dead-letter topics were made",
			log_str("topics", made.data));
	buf_release(&missing);
	buf_release(&mend);
	buf_release(&made);
}

static bool any_known(const struct topics_info *infos, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (infos[i].presence != TOPICS_NOT_KNOWN)
			return true;
	return false;
}

static void letters_known(void *ctx, const struct topics_info *infos, size_t count)
{
	struct letter_topics *t = ctx;

	if (!any_known(infos, count)) {
		loop_timer_set(t->loop, &t->again, loop_now_ms(t->loop) + ASK_AGAIN_MS);
		topics_free(t->look_up);
		t->look_up = NULL;
		return;
	}
	report(infos, count);
	memcpy(t->letters, infos, count * sizeof *infos);
	for (size_t i = 0; i < count; i++)
		t->letters[i].name = t->names[i];
	query_topics(t, t->sources, t->source_count, NULL, sources_known);
}

static void ask_letters(struct letter_topics *t)
{
	const struct conf_topic_create *c = &t->conf->dead_letter_create;
	struct topics_create create = {c->partitions, c->replication_factor, c->retention_ms};

	query_topics(t, t->names, t->count, c->enabled ? &create : NULL, letters_known);
}

static void again_fire(struct loop_timer *timer)
{
	ask_letters(container_of(timer, struct letter_topics, again));
}

/* --- the whole -------------------------------------------------------------------------- */

static void add_source(struct letter_topics *t, const char *name)
{
	if (name[0] == '^')
		return; /* a pattern */
	for (size_t i = 0; i < t->source_count; i++)
		if (strcmp(t->sources[i], name) == 0)
			return;
	t->sources = xreallocarray(t->sources, t->source_count + 1, sizeof *t->sources);
	t->sources[t->source_count++] = name;
}

struct letter_topics *letter_topics_new(struct loop *loop, struct conf *conf)
{
	struct letter_topics *t = xcalloc(1, sizeof *t);
	struct letters_topic *topics = letters_topics(conf, NULL, &t->count);

	t->loop = loop;
	t->conf = conf_ref(conf);
	t->again.fire = again_fire;
	t->names = xcalloc(t->count, sizeof *t->names);
	t->letters = xcalloc(t->count, sizeof *t->letters);
	for (size_t i = 0; i < t->count; i++)
		t->names[i] = topics[i].name;
	free(topics);
	for (size_t c = 0; c < conf->consumer_count; c++)
		for (size_t i = 0; i < conf->consumers[c].topic_count; i++)
			add_source(t, conf->consumers[c].topics[i]);
	ask_letters(t);
	return t;
}

void letter_topics_free(struct letter_topics *t)
{
	if (t == NULL)
		return;
	topics_free(t->look_up);
	loop_timer_cancel(t->loop, &t->again);
	free(t->names);
	free(t->letters);
	free(t->sources);
	conf_unref(t->conf);
	free(t);
}
