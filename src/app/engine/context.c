/* SPDX-License-Identifier: Apache-2.0 */
/* The scratch of one event loop, above all which event its index belongs to at the moment. */
#include "app/engine/context.h"

void engine_context_init(struct engine_context *context, struct loop *loop)
{
	*context = (struct engine_context){.loop = loop};
	rng_seed_random(&context->rng);
	jx_init(&context->ix);
	list_init(&context->stalled);
	envelope_work_init(&context->envelope_work);
	request_work_init(&context->request_work);
}

void engine_context_release(struct engine_context *context)
{
	jx_release(&context->ix);
	envelope_work_release(&context->envelope_work);
	request_work_release(&context->request_work);
}

/* Rules do not look into folded arrays; a path may. */
static bool has_whole_index(const struct engine_context *context, const struct event *ev)
{
	return context->indexed == ev && context->ix.folded == 0;
}

int engine_context_index(struct engine_context *context, const struct event *ev,
	const struct envelope *envelope, const struct jx_index **ret, struct err *err)
{
	int code = 0;

	if (!has_whole_index(context, ev)) {
		context->indexed = NULL;
		code = envelope_index(
			envelope, &ev->f, &context->envelope_work, &context->ix, NULL, err);
		if (code == 0 && context->ix.count > 0)
			context->indexed = ev;
	}
	*ret = context->indexed == ev ? &context->ix : NULL;
	return code;
}

const struct jx_index *engine_context_fresh_index(
	const struct engine_context *context, const struct event *ev)
{
	return has_whole_index(context, ev) && context->ix.text == ev->f.value.data
		       ? &context->ix
		       : NULL;
}

void engine_context_adopt_index(struct engine_context *context,
	const struct event_fields *record, const struct event *ev)
{
	context->indexed = NULL;
	if (context->ix.count == 0)
		return;
	if (context->ix.text == record->value.data)
		context->ix.text = ev->f.value.data;
	context->indexed = ev;
}

void engine_context_unref_event(struct engine_context *context, struct event *ev)
{
	/* Another event may get the same address: the index must not be taken for its. */
	if (ev->refs == 1 && context->indexed == ev)
		context->indexed = NULL;
	event_unref(ev);
}
