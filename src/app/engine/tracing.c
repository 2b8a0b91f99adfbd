/* SPDX-License-Identifier: Apache-2.0 */
#include "tracing.h"

#include "io/http/otlp.h"

static const struct gauge_entry of_tracing[] = {
	GAUGE_SAMPLED(struct tracing_gauges, sent, SPANS, TOTAL, struct otlp_state, sent),
	GAUGE_SAMPLED(struct tracing_gauges, dropped, SPANS_DROPPED, TOTAL, struct otlp_state,
		dropped),
};

static bool is_same(const struct conf *a, const struct conf *b)
{
	return str_eq(a->tracing.otlp_endpoint, b->tracing.otlp_endpoint) &&
	       str_eq(a->tracing.ca_file, b->tracing.ca_file) &&
	       request_parameters_equal(a->tracing.headers, a->tracing.header_count,
		       b->tracing.headers, b->tracing.header_count);
}

int tracing_apply(struct engine_context *context, const struct conf *old,
	const struct conf *conf, struct err *err)
{
	const struct otlp_settings s = {conf->tracing.otlp_endpoint, conf->tracing.headers,
		conf->tracing.header_count, conf->tracing.ca_file};
	struct otlp *fresh = NULL;

	if (old != NULL && is_same(old, conf))
		return 0;
	if (s.endpoint != NULL && (fresh = otlp_new(context->loop, &s, err)) == NULL)
		return err_wrap(err, "tracing");
	otlp_free(context->traces);
	context->traces = fresh;
	return 0;
}

void tracing_stop(struct engine_context *context)
{
	otlp_free(context->traces);
	context->traces = NULL;
}

void tracing_sample(struct tracing_gauges *g, const struct engine_context *context)
{
	struct otlp_state s;

	if (context->traces == NULL)
		return;
	if (g->sent.metric == NULL)
		gauges_init(g, GAUGE_TABLE(of_tracing), context->metrics, NULL, NULL, NULL);
	if (g->of != context->traces) { /* a new one counts from 0 */
		g->of = context->traces;
		g->sent.reported = g->dropped.reported = 0;
	}
	s = otlp_get_state(context->traces);
	gauges_sample(g, GAUGE_TABLE(of_tracing), &s);
}
