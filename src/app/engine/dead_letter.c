/* SPDX-License-Identifier: Apache-2.0 */
/* The dead letter of one delivery, from its facts to Kafka's acknowledgement. */
#include "dead_letter.h"

#include <stdlib.h>

#include "app/engine/context.h"
#include "base/log.h"
#include "core/letter.h"

struct dead_letter {
	struct delivery *d;
	dead_letter_done_fn done;
	struct letter content;
	struct deadletter_letter letter;
};

static void dead_letter_free(struct dead_letter *l)
{
	l->d->dead_letter = NULL;
	letter_release(&l->content);
	free(l);
}

static void report_reference(const struct delivery *d, const char *topic)
{
	log_warn("dead_letter_without_value",
		"a dead letter was too large for its topic and was written without its value: the record "
		"can be read at its source as long as that is kept",
		log_str("topic", topic), log_str("source", d->ev->f.topic),
		log_int("partition", d->ev->f.partition), log_int("offset", d->ev->f.offset),
		log_int("value_bytes", (int64_t)d->ev->f.value.len));
}

void dead_letter_hold_counters(struct metrics *m)
{
	for (const char *const *code = letter_error_codes; *code != NULL; code++)
		metrics_obtain(m, METRIC_DEAD_LETTERS, *code, NULL, NULL);
}

static void count_code(const struct delivery *d)
{
	struct metric *counter = metrics_obtain(d->owner->context->metrics, METRIC_DEAD_LETTERS,
		d->facts.error_code ? d->facts.error_code : "UNKNOWN", NULL, NULL);

	metric_add(counter, 1);
	metric_release(counter);
}

static void on_acknowledged(struct deadletter_letter *letter)
{
	struct dead_letter *l = container_of(letter, struct dead_letter, letter);
	struct delivery *d = l->d;
	dead_letter_done_fn done = l->done;

	if (letter->is_reference)
		report_reference(d, letter->topic);
	dead_letter_free(l);
	delivery_count(d, METRIC_SENT_TO_DLQ);
	count_code(d);
	done(d);
}

static void build(struct letter *content, const struct delivery *d)
{
	const struct conf_target *target = d->target;
	struct letter_facts facts = {
		.delivery = &d->facts,
		.rule_name = target ? target->rule->name : NULL,
		.target_id = target ? target->id : NULL,
		.destination = target ? target->destination->name : NULL,
		.redrive_count = d->letter ? d->letter->times : 0,
	};

	letter_build(content, d->ev, &facts);
}

static void submit(struct delivery *d, const char *topic, dead_letter_done_fn done)
{
	struct dead_letter *l = xcalloc(1, sizeof *l);

	l->d = d;
	l->done = done;
	d->dead_letter = l;
	build(&l->content, d);
	l->letter = (struct deadletter_letter){
		.topic = topic,
		.key = d->ev->f.key,
		.value = d->ev->f.value,
		.timestamp_ms = -1,
		.source_partition = d->ev->f.partition,
		.headers = l->content.headers,
		.header_count = l->content.header_count,
		.required_headers = l->content.required_count,
		.own_headers_at = l->content.own_at,
		.done = on_acknowledged,
	};
	deadletter_submit(d->owner->context->deadletter, &l->letter);
}

static void report(const struct delivery *d, const char *topic)
{
	log_warn("dead_letter", "a delivery has failed for good",
		log_str("destination", d->target ? d->target->destination->name : "-"),
		log_str("rule", d->target ? d->target->rule->name : "-"),
		log_str("code", d->facts.error_code ? d->facts.error_code : "UNKNOWN"),
		log_int("status", d->facts.status), log_str("reason", d->facts.error_message),
		log_str("source", d->ev->f.topic), log_int("partition", d->ev->f.partition),
		log_int("offset", d->ev->f.offset),
		log_str("dead_letter_topic", topic ? topic : "none"));
}

void dead_letter_write(struct delivery *d, const char *topic, dead_letter_done_fn done)
{
	delivery_move(d, DELIVERY_DEAD);
	d->failed = true;
	if (topic == NULL && d->letter != NULL)
		topic = d->letter->topic;
	report(d, topic);
	if (topic != NULL) {
		submit(d, topic, done);
		return;
	}
	delivery_count(d, METRIC_DROPPED);
	done(d);
}

void dead_letter_cancel(struct delivery *d)
{
	if (d->dead_letter == NULL)
		return;
	deadletter_cancel(&d->dead_letter->letter);
	dead_letter_free(d->dead_letter);
}
