/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery's dead letter: written for as long as it takes, then the delivery is settled. */
#include <stdlib.h>

#include "app/engine/delivery.h"
#include "app/engine/destination.h"
#include "app/engine/context.h"
#include "base/log.h"
#include "core/letter.h"

struct burial {
	struct delivery *d;
	struct letter content;
	struct deadletter_letter letter;
};

void delivery_move(struct delivery *d, enum delivery_state to)
{
	if (!delivery_may_move(d->state, to)) {
		log_error("impossible_move",
			"a delivery made a move that does not exist; please report this",
			log_str("from", delivery_state_name(d->state)),
			log_str("to", delivery_state_name(to)));
		abort();
	}
	d->state = to;
}

int64_t delivery_age_ms(const struct delivery *d)
{
	return loop_wall_ms(d->owner->context->loop) - d->age_from_ms;
}

void delivery_refresh(struct delivery *d, struct conf *conf)
{
	const struct conf_target *target =
		d->conf == conf ? NULL : conf_counterpart(d->conf, d->target, conf);

	if (target == NULL)
		return;
	conf_ref(conf);
	conf_unref(d->conf);
	d->conf = conf;
	d->target = target;
	d->is_found = false; /* a new secret may be a path that the old one was not */
}

static void burial_free(struct burial *b)
{
	b->d->burial = NULL;
	letter_release(&b->content);
	free(b);
}

/* Failures are rare enough to be looked up by name. */
static void count(const struct delivery *d, enum metric_id id, const char *code)
{
	const struct conf_target *t = d->target;

	metric_add(metrics_obtain(d->owner->context->metrics, id, t ? t->rule->name : "",
			   t ? t->id : "", code),
		1);
}

static void settle(struct delivery *d)
{
	metric_add(d->ended, 1);
	count(d, METRIC_FAILED_INVOCATIONS, NULL);
	delivery_move(d, DELIVERY_DONE);
	if (d->dest != NULL) {
		destination_note_time(d);
		destination_leave(d);
	}
	d->owner->settled(d);
}

static void acknowledged(struct deadletter_letter *letter)
{
	struct burial *b = container_of(letter, struct burial, letter);
	struct delivery *d = b->d;

	burial_free(b);
	count(d, METRIC_SENT_TO_DLQ, d->facts.error_code);
	settle(d);
}

static void write_letter(struct delivery *d, const char *topic)
{
	const struct conf_target *target = d->target;
	struct letter_facts facts = {
		.delivery = &d->facts,
		.rule_name = target ? target->rule->name : NULL,
		.target_id = target ? target->id : NULL,
		.destination = target ? target->destination->name : NULL,
		.redrive_count = d->letter ? d->letter->times : 0,
	};
	struct burial *b = xcalloc(1, sizeof *b);

	b->d = d;
	d->burial = b;
	letter_build(&b->content, d->ev, &facts);
	b->letter = (struct deadletter_letter){
		.topic = topic,
		.key = d->ev->f.key,
		.value = d->ev->f.value,
		.timestamp_ms = -1,
		.source_partition = d->ev->f.partition,
		.headers = b->content.headers,
		.header_count = b->content.header_count,
		.required_headers = b->content.required_count,
		.done = acknowledged,
	};
	deadletter_submit(d->owner->context->deadletter, &b->letter);
}

static void announce(const struct delivery *d, const char *topic)
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

void delivery_bury(struct delivery *d, const char *topic)
{
	delivery_move(d, DELIVERY_DEAD);
	d->buried = true;
	if (topic == NULL && d->letter != NULL)
		topic = d->letter->topic;
	announce(d, topic);
	if (topic != NULL) {
		write_letter(d, topic);
		return;
	}
	count(d, METRIC_DROPPED, NULL);
	settle(d);
}

void delivery_unbury(struct delivery *d)
{
	if (d->burial == NULL)
		return;
	deadletter_cancel(&d->burial->letter);
	burial_free(d->burial);
}
