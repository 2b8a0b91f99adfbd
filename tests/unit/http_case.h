/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_case.h - one client, one scripted server, one loop: what the tests of io/http share.
 */
#ifndef TESTS_HTTP_CASE_H
#define TESTS_HTTP_CASE_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "http_script.h"
#include "io/http/http_private.h"

#define MANY 200

static struct loop *loop;
static struct script server;
static struct http_client *client;
static struct http_settings settings;
static char url[128];

/* One request and what became of it. */
struct call {
	struct http_request request;
	struct http_result result;
	char head[512], body[4096];
	unsigned done;
};

static struct call calls[MANY];
static unsigned awaited;

/* A test that waits for what never comes must fail, not hang. */
static void give_up(struct loop_timer *t)
{
	(void)t;
	fail_msg("nothing happened for 10 s");
}

static struct loop_timer patience = {.fire = give_up};

static void set_up(const struct script_step *steps, size_t count)
{
	http_global_init();
	loop = loop_new();
	script_start(&server, loop, steps, count);
	settings = http_default_settings;
	settings.name = "test";
	snprintf(url, sizeof url, "http://127.0.0.1:%u/hook", server.port);
	memset(calls, 0, sizeof calls);
	awaited = 0;
	patience = (struct loop_timer){.fire = give_up};
}

static struct http_client *client_made(void)
{
	struct err err;

	client = http_client_new(loop, &settings, &err);
	assert_non_null(client);
	return client;
}

static void tear_down(void)
{
	http_client_free(client);
	client = NULL;
	script_stop(&server);
	loop_timer_cancel(loop, &patience);
	loop_free(loop);
}

static void stop_later(struct loop_call *c)
{
	(void)c;
	loop_stop(loop);
}

static struct loop_call stopper = {{&stopper.node, &stopper.node}, stop_later};

static void on_done(struct http_request *r, const struct http_result *result)
{
	struct call *c = container_of(r, struct call, request);

	assert_null(r->transfer);
	c->result = *result;
	assert_true(result->body.len < sizeof c->body);
	if (result->body.len > 0)
		memcpy(c->body, result->body.data, result->body.len);
	c->result.body.data = c->body;
	assert_true(result->head.len < sizeof c->head);
	memcpy(c->head, result->head.data ? result->head.data : "", result->head.len);
	c->head[result->head.len] = '\0';
	c->done++;
	if (--awaited == 0)
		loop_defer(loop, &stopper);
}

static struct call *post(struct call *c, const char *body)
{
	c->request = (struct http_request){
		.method = "POST",
		.url = url,
		.url_is_constant = true,
		.headers = "Content-Type: application/json\0X-Order: 7\0",
		.header_count = 2,
		.has_body = true,
		.body = slice_str(body),
		.done = on_done,
	};
	awaited++;
	http_submit(client, &c->request);
	assert_int_equal(c->done, 0);
	return c;
}

/* Until all that was posted is done. */
static void run(void)
{
	loop_timer_set(loop, &patience, loop_now_ms(loop) + 10000);
	loop_run(loop);
}

static bool last_has(const char *text)
{
	return strstr(buf_str(&server.last), text) != NULL;
}

#endif
