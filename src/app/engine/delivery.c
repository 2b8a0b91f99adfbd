/* SPDX-License-Identifier: Apache-2.0 */
/* What concerns a delivery alone: its state, its age, its configuration, its end. */
#include "app/engine/delivery.h"

#include <stdlib.h>

#include "app/engine/context.h"
#include "base/log.h"

void delivery_move(struct delivery *d, enum delivery_state to)
{
	if (!delivery_may_move(d->state, to)) {
		log_error("impossible_move",
			"a delivery changed its state in a way that does not exist; please report this",
			log_str("from", delivery_state_name(d->state)),
			log_str("to", delivery_state_name(to)));
		abort();
	}
	d->state = to;
}

int64_t delivery_age_ms(const struct delivery *d)
{
	return loop_now_ms(d->owner->context->loop) - d->age_from_at_ms;
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

void delivery_count(const struct delivery *d, enum metric_id id)
{
	const struct conf_target *t = d->target;
	struct metric *counter = metrics_obtain(
		d->owner->context->metrics, id, t ? t->rule->name : "", t ? t->id : "", NULL);

	metric_add(counter, 1);
	metric_release(counter); /* the router holds it while the target is configured */
}

void delivery_settle(struct delivery *d)
{
	metric_add(d->ended, 1);
	if (d->failed)
		delivery_count(d, METRIC_FAILED_INVOCATIONS);
	delivery_move(d, DELIVERY_DONE);
	d->owner->settled(d);
}
