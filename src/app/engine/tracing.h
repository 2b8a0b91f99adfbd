/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracing.h - whether an engine tells a collector of its attempts (io/http/otlp.h), as the
 * configuration says.
 */
#ifndef APP_ENGINE_TRACING_H
#define APP_ENGINE_TRACING_H

#include "app/conf/conf.h"
#include "app/engine/context.h"
#include "gauges.h"

/* From @old (NULL: the first) to @conf. ERR_INVALID: nothing has changed. */
int tracing_apply(struct engine_context *context, const struct conf *old,
	const struct conf *conf, struct err *err) ATTR_MUST_CHECK;
void tracing_stop(struct engine_context *context);

struct tracing_gauges {
	const struct otlp *of; /* whose counts were reported last */
	struct gauge sent, dropped;
};

/* Once a second. */
void tracing_sample(struct tracing_gauges *g, const struct engine_context *context);

#endif
