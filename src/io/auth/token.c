/* SPDX-License-Identifier: Apache-2.0 */
/* OAuth of a connection: when a token is asked for, what its reply changes, and what waits
 * for it. The form of request and reply is in oauth.c. */
#include "connection_private.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

/* More than any token server has reason to send. */
#define REPLY_MAX_BYTES 65536

static void token_failed(struct connection *c, const char *reason)
{
	int64_t now_ms = clock_monotonic_ms();

	pthread_mutex_lock(&c->lock);
	token_schedule_failed(&c->schedule, now_ms, &c->rng);
	c->status.refresh_failures++;
	/* While the old token is still valid, a failure changes nothing. */
	if (!token_schedule_is_usable(&c->schedule, now_ms))
		connection_set_state(c, CONNECTION_DEAUTHORIZED, reason);
	pthread_mutex_unlock(&c->lock);
}

static void token_obtained(struct connection *c, const struct token_reply *reply)
{
	struct credentials m = {.type = CONNECTION_OAUTH_CLIENT_CREDENTIALS};
	char before[TOKEN_TYPE_BYTES + 2];
	struct err err;

	snprintf(before, sizeof before, "%s ", reply->type);
	if (credentials_add(
		    &m, "Authorization", before, slice_str(reply->access_token), &err) != 0) {
		token_failed(c, err.text);
		return;
	}
	pthread_mutex_lock(&c->lock);
	credentials_release(&c->credentials);
	c->credentials = m;
	c->generation++;
	c->status.refreshes++;
	token_schedule_obtained(&c->schedule, c->asked_ms, reply->lifetime_ms);
	connection_set_state(c, CONNECTION_AUTHORIZED, "");
	connection_wake_waiters(c);
	pthread_mutex_unlock(&c->lock);
}

static void on_reply(struct http_request *r, const struct http_result *result)
{
	struct connection *c = container_of(r, struct connection, request);
	struct token_reply reply = {0};
	struct err err;
	int code;

	if (result->transport != RETRY_TRANSPORT_OK)
		code = err_set(&err, ERR_IO, "the token server can't be asked: %s",
			result->error[0] ? result->error
					 : retry_transport_name(result->transport));
	else
		code = token_reply_read(&reply, result->status, result->body, &err);
	if (code == 0) {
		token_obtained(c, &reply);
	} else {
		oauth_request_mask(&c->rendered, err.text);
		token_failed(c, err.text);
	}
	token_reply_release(&reply);
	oauth_request_release(&c->rendered);
	connection_token_refresh(c);
}

static void request_token(struct connection *c)
{
	struct oauth_request *o = &c->rendered;
	struct err err;

	c->asked_ms = clock_monotonic_ms();
	if (oauth_request_render(o, &c->settings, &err) != 0) {
		oauth_request_release(o);
		token_failed(c, err.text);
		return;
	}
	c->request.method = o->method;
	c->request.url = o->url.data;
	c->request.headers = o->headers.data;
	c->request.header_count = o->header_count;
	c->request.has_body = o->has_body;
	c->request.body = buf_slice(&o->body);
	c->request.done = on_reply;
	http_submit(c->client, &c->request);
}

void connection_token_refresh(struct connection *c)
{
	int64_t now_ms = clock_monotonic_ms(), retry_ms;
	bool is_time, is_wanted;

	pthread_mutex_lock(&c->lock);
	is_time = token_schedule_should_ask(&c->schedule, now_ms);
	/* If nobody waits, the next delivery asks for a token. */
	is_wanted = !list_is_empty(&c->waiters) && !c->schedule.is_asking;
	retry_ms = c->schedule.retry_ms;
	if (is_time)
		token_schedule_asked(&c->schedule);
	pthread_mutex_unlock(&c->lock);
	if (is_time) {
		loop_timer_cancel(c->loop, &c->retry);
		request_token(c);
	} else if (is_wanted && retry_ms > now_ms) {
		loop_timer_set(c->loop, &c->retry, retry_ms);
	}
}

static void retry_now(struct loop_timer *timer)
{
	connection_token_refresh(container_of(timer, struct connection, retry));
}

/* Find out now, not at the first event, whether all secrets can be read. */
static int check_secrets(struct connection *c, struct err *err)
{
	struct oauth_request trial = {0};
	int code = oauth_request_render(&trial, &c->settings, err);

	oauth_request_release(&trial);
	return code;
}

int connection_token_init(struct connection *c, struct err *err)
{
	struct http_settings http = c->settings.oauth_http;
	int code = check_secrets(c, err);

	if (code != 0)
		return code;
	http.response_keep_bytes = http.response_max_bytes = REPLY_MAX_BYTES;
	c->client = http_client_new(c->loop, &http, err);
	if (c->client == NULL)
		return ERR_INVALID;
	c->retry.fire = retry_now;
	rng_seed_random(&c->rng);
	return 0;
}

void connection_token_release(struct connection *c)
{
	loop_timer_cancel(c->loop, &c->retry);
	http_cancel(&c->request);
	oauth_request_release(&c->rendered);
	http_client_free(c->client);
}
