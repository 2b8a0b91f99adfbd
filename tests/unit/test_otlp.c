/* SPDX-License-Identifier: Apache-2.0 */
/* Spans to a collector: what one producer writes into its records costs the others no span. */
#include "unit.h"
#include "io/http/http.h"
#include "io/http/otlp.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "http_script.h"

#define HOST_BYTES 16000

static struct loop *loop;
static struct script server;
static struct otlp *otlp;

static void look(struct loop_timer *t)
{
	if (otlp_get_state(otlp).sent > 0)
		loop_stop(loop);
	else
		loop_timer_set(loop, t, loop_now_ms(loop) + 10);
}

static void give_up(struct loop_timer *t)
{
	(void)t;
	fail_msg("nothing was sent for 20 s");
}

static struct loop_timer looker = {.fire = look}, patience = {.fire = give_up};

static size_t spans_in(const char *request)
{
	const char *body = strstr(request, "\r\n\r\n");
	json_t *root = body != NULL ? json_loads(body + 4, 0, NULL) : NULL, *spans;
	size_t count;

	assert_non_null(root);
	spans = json_object_get(
		json_array_get(
			json_object_get(
				json_array_get(json_object_get(root, "resourceSpans"), 0),
				"scopeSpans"),
			0),
		"spans");
	count = json_array_size(spans);
	json_decref(root);
	return count;
}

static void otlp__span_that_does_not_fit_is_dropped_alone(void **state)
{
	static const struct script_step steps[] = {{SCRIPT_OK, 0, 0}};
	const struct event_fields record = {.topic = "orders"};
	struct trace_context context;
	char url[64], host[HOST_BYTES + 1] = "https://";
	struct trace_span span = {.context = &context,
		.record = &record,
		.method = "POST",
		.url = host,
		.destination = "d",
		.rule = "r",
		.target = "t"};
	struct otlp_state s;
	struct err err;

	(void)state;
	assert_true(trace_begin(
		&context, SLICE("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), 7));
	memset(host + 8, 'a', HOST_BYTES - 8);
	http_global_init();
	loop = loop_new();
	script_start(&server, loop, steps, 1);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/v1/traces", server.port);
	otlp = otlp_new(loop, &(struct otlp_settings){.endpoint = url}, &err);
	for (unsigned i = 0; i < OTLP_BATCH_SPANS - 1; i++)
		otlp_add(otlp, &span);
	assert_true(otlp_get_state(otlp).dropped > 200);
	/* A small one has room where a large one had none. */
	span.url = "https://a";
	otlp_add(otlp, &span);
	loop_timer_set(loop, &looker, loop_now_ms(loop));
	loop_timer_set(loop, &patience, loop_now_ms(loop) + 20000);
	loop_run(loop);
	s = otlp_get_state(otlp);
	assert_int_equal(s.sent + s.dropped, OTLP_BATCH_SPANS);
	assert_int_equal(spans_in(buf_str(&server.last)), s.sent);
	loop_timer_cancel(loop, &looker);
	loop_timer_cancel(loop, &patience);
	otlp_free(otlp);
	script_stop(&server);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(otlp__span_that_does_not_fit_is_dropped_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
