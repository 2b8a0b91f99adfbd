/* SPDX-License-Identifier: Apache-2.0 */
#include "app/engine/worker.h"

void worker_init(struct worker *w)
{
	rng_seed_random(&w->rng);
	jx_init(&w->ix);
	list_init(&w->stalled);
	envelope_work_init(&w->envelope_work);
	request_work_init(&w->request_work);
	w->limits = jx_default_limits;
	w->indexed = NULL;
}

void worker_release(struct worker *w)
{
	jx_release(&w->ix);
	envelope_work_release(&w->envelope_work);
	request_work_release(&w->request_work);
}

/* Rules did not look into the folded arrays; a path may. */
static bool has_whole_index(const struct worker *w, const struct event *ev)
{
	return w->indexed == ev && w->ix.folded == 0;
}

const struct jx_index *worker_index(
	struct worker *w, const struct event *ev, const struct envelope *envelope)
{
	if (has_whole_index(w, ev))
		return &w->ix;
	w->indexed = NULL;
	if (envelope_index(envelope, &ev->f, &w->envelope_work, &w->ix, &w->limits, NULL) !=
			0 ||
		w->ix.count == 0)
		return NULL;
	w->indexed = ev;
	return &w->ix;
}

const struct jx_index *worker_fresh_index(const struct worker *w, const struct event *ev)
{
	return has_whole_index(w, ev) && w->ix.text == ev->f.value.data ? &w->ix : NULL;
}

void worker_adopt_index(
	struct worker *w, const struct event_fields *record, const struct event *ev)
{
	w->indexed = NULL;
	if (w->ix.count == 0)
		return;
	if (w->ix.text == record->value.data)
		w->ix.text = ev->f.value.data;
	w->indexed = ev;
}

void worker_unref_event(struct worker *w, struct event *ev)
{
	/* Another event may get the same address: the index must not be taken for its. */
	if (ev->refs == 1 && w->indexed == ev)
		w->indexed = NULL;
	event_unref(ev);
}
