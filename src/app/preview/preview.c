/* SPDX-License-Identifier: Apache-2.0 */
/* One record matched and rendered outside of the daemon, by the daemon's own compiled rules. */
#include "app/preview/preview.h"

void preview_init(struct preview *p, const struct conf *conf, const struct event_fields *record)
{
	*p = (struct preview){.conf = conf, .ev = event_new(record)};
	jx_init(&p->ix);
	envelope_work_init(&p->work);
	metadata_init(&p->metadata);
	request_work_init(&p->request_work);
	request_init(&p->request, &p->request_work);
}

void preview_release(struct preview *p)
{
	request_release(&p->request);
	request_work_release(&p->request_work);
	metadata_release(&p->metadata);
	envelope_work_release(&p->work);
	jx_release(&p->ix);
	event_unref(p->ev);
}

int preview_index(struct preview *p, const struct conf_consumer *consumer,
	const char **ret_code, struct err *err)
{
	if (ret_code != NULL)
		*ret_code = "INVALID_EVENT";
	return envelope_index(consumer->envelope, &p->ev->f, &p->work, &p->ix, NULL, err);
}

int preview_match(
	struct preview *p, const struct conf_rule *rule, struct buf *why, struct err *err)
{
	int code = preview_index(p, rule->consumer, NULL, err);
	struct buf unwanted;
	bool match;

	if (code != 0)
		return code;
	buf_init(&unwanted, BUF_UNLIMITED);
	if (why == NULL)
		why = &unwanted;
	match = pattern_explain(rule->pattern, envelope_pattern_index(&p->ix), why) == 1;
	if (rule->kafka_pattern != NULL)
		match &= pattern_explain(rule->kafka_pattern,
				 metadata_index(&p->metadata, &p->ev->f), why) == 1;
	buf_release(&unwanted);
	return match;
}

int preview_render(struct preview *p, const struct conf_target *target, const char **ret_code,
	struct err *err)
{
	const struct request_context context = {
		.ev = p->ev, .ix = p->ix.count > 0 ? &p->ix : NULL};

	return request_render(target->plan, &context, &p->request, ret_code, err);
}
