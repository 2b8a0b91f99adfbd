/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request really sent, once, by the daemon's own connection and HTTP client.
 */
#include <stdio.h>
#include <stdlib.h>

#include "app/engine/redact.h"
#include "app/preview/preview.h"

/* How long a token may take. */
#define TOKEN_PATIENCE_MS 30000

struct sender {
	struct loop *loop;
	struct preview *preview;
	const struct conf_target *target;
	struct connection *connection;
	struct http_client *client;
	struct connection_credentials credentials;
	struct connection_waiter waiter;
	struct loop_timer patience;
	struct http_request http;
	struct preview_reply *reply;
};

static void end(struct sender *s, const char *error)
{
	if (error != NULL && s->reply->error == NULL)
		s->reply->error = xstrdup(error);
	loop_stop(s->loop);
}

static void on_done(struct http_request *r, const struct http_result *result)
{
	struct sender *s = container_of(r, struct sender, http);

	s->reply->status = result->status;
	s->reply->total_ms = result->total_us / 1000;
	redact_reply(s->preview->conf, &s->credentials, result->body, &s->reply->body);
	end(s, result->transport != RETRY_TRANSPORT_OK ? result->error : NULL);
}

static void on_ready(struct connection_waiter *w);

static void submit(struct sender *s)
{
	const struct request *request = &s->preview->request;
	struct connection_message message = {
		.id = SLICE("msg_test"),
		.body = request->has_body ? request->body : SLICE(""),
		.wall_ms = loop_wall_ms(s->loop),
		.method = request->method,
		.url = request->url.data,
		.headers = request->headers.data,
		.header_count = request->header_count,
	};

	if (!connection_authorise(s->connection, &message, &s->credentials)) {
		s->waiter.ready = on_ready;
		s->waiter.loop = s->loop;
		connection_wait(s->connection, &s->waiter);
		return;
	}
	loop_timer_cancel(s->loop, &s->patience);
	s->http = (struct http_request){
		.method = request->method,
		.url = request->url.data,
		.headers = request->headers.data,
		.header_count = request->header_count,
		.more_headers = s->credentials.headers.data,
		.more_header_count = s->credentials.header_count,
		.has_body = request->has_body,
		.body = request->body,
		.done = on_done,
	};
	http_submit(s->client, &s->http);
}

static void on_ready(struct connection_waiter *w)
{
	submit(container_of(w, struct sender, waiter));
}

static void on_impatient(struct loop_timer *timer)
{
	struct sender *s = container_of(timer, struct sender, patience);
	struct connection_status status;

	connection_get_status(s->connection, &status);
	end(s, status.reason[0] != '\0' ? status.reason : "no token came in time");
}

static int open_sender(struct sender *s, struct err *err)
{
	const struct conf_destination *d = s->target->destination;

	s->loop = loop_new();
	connection_credentials_init(&s->credentials);
	s->connection = connection_new(s->loop, &d->connection->settings, err);
	if (s->connection == NULL)
		return ERR_DENIED;
	s->client = http_client_new(s->loop, &d->http, err);
	return s->client != NULL ? 0 : ERR_INVALID;
}

static void close_sender(struct sender *s)
{
	http_cancel(&s->http);
	if (s->connection != NULL)
		connection_unwait(&s->waiter);
	loop_timer_cancel(s->loop, &s->patience);
	http_client_free(s->client);
	connection_free(s->connection);
	connection_credentials_release(&s->credentials);
	loop_free(s->loop);
}

void preview_send(
	struct preview *p, const struct conf_target *target, struct preview_reply *ret)
{
	struct sender s = {.preview = p, .target = target, .reply = ret};
	struct err err = {0};

	*ret = (struct preview_reply){0};
	buf_init(&ret->body, BUF_UNLIMITED);
	if (open_sender(&s, &err) != 0) {
		ret->error = xstrdup(err.text);
	} else {
		s.patience.fire = on_impatient;
		loop_timer_set(s.loop, &s.patience, loop_now_ms(s.loop) + TOKEN_PATIENCE_MS);
		submit(&s);
		loop_run(s.loop);
	}
	close_sender(&s);
}

void preview_reply_release(struct preview_reply *r)
{
	free(r->error);
	buf_release(&r->body);
}
