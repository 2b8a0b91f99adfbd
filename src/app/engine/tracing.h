/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracing.h - sends a span for each attempt to the collector of the configuration, if there is
 * one (io/http/otlp.h).
 */
#ifndef APP_ENGINE_TRACING_H
#define APP_ENGINE_TRACING_H

#include "app/conf/conf.h"
#include "app/engine/context.h"
#include "gauges.h"

/* Change from @old, NULL at first, to @conf. ERR_INVALID: nothing has changed. */
int tracing_apply(struct engine_context *context, const struct conf *old,
	const struct conf *conf, struct err *err) ATTR_MUST_CHECK;
void tracing_stop(struct engine_context *context);

struct tracing_gauges {
	const struct otlp *of; /* whose counts were reported last */
	struct gauge sent, dropped;
};

/* Update its counters: once a second. */
void tracing_sample(struct tracing_gauges *g, const struct engine_context *context);

#endif
