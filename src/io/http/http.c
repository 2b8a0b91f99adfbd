/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - HTTP clients: requests are submitted, cancelled, timed out and finished here. How a
 * transfer lives, and which file does what, is in http_private.h.
 */
#include "io/http/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#ifdef HTTP_MIMALLOC
#include <mimalloc.h>
#endif
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "http_private.h"

const struct http_settings http_default_settings = {
	.name = "",
	.connect_timeout_ms = 10000,
	.timeout_ms = 30000,
	.max_lifetime_ms = 300000,
	.idle_timeout_ms = 90000,
	.response_keep_bytes = 16384,
	.response_max_bytes = 1048576,
	.http2_max_connections = 4,
};

struct http_libcurl http_libcurl;

/*
 * libcurl allocates about thirty times for a request, mostly a few bytes. mimalloc keeps together
 * what has one size and was allocated at one time: with a thousand requests in flight that saves
 * a tenth to a fifth of all CPU. The rest of the process does without it, because events that
 * wait for a retry would take more memory.
 */
static CURLcode init_libcurl(void)
{
#ifdef HTTP_MIMALLOC
	return curl_global_init_mem(
		CURL_GLOBAL_DEFAULT, mi_malloc, mi_free, mi_realloc, mi_strdup, mi_calloc);
#else
	return curl_global_init(CURL_GLOBAL_DEFAULT);
#endif
}

/* Return freed memory to the system. The heap is shared by the thread's clients, so this pays
 * only after a client has freed something: otherwise the others allocate it again at once. */
static void give_back_memory(void)
{
#ifdef HTTP_MIMALLOC
	mi_collect(true);
#endif
}

void http_global_init(void)
{
	unsigned version;

	if (http_resolver != NULL)
		return;
	if (init_libcurl() != CURLE_OK)
		abort(); /* no TLS library, no program */
	signal(SIGPIPE, SIG_IGN);
	version = curl_version_info(CURLVERSION_NOW)->version_num;
	http_libcurl.keeps_last_header = version < 0x080101;
	http_libcurl.trusts_recent_connections = version >= 0x081600;
	http_resolver = resolver_new(NULL, NULL);
}

const char *http_curl_version(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}

const char *http_library_version(void)
{
	static _Thread_local char text[64];
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	snprintf(text, sizeof text, "libcurl/%s %s", info->version,
		info->ssl_version ? info->ssl_version : "(no TLS)");
	return text;
}

struct http_client_state http_client_get_state(const struct http_client *c)
{
	return c->state;
}

/* --- The pool of transfers. --- */

static void transfer_free(struct http_transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->resolve);
	free(t->headers);
	buf_release(&t->empty_headers);
	http_reply_release(&t->reply);
	free(t);
}

static struct http_transfer *transfer_new(struct http_client *c)
{
	struct http_transfer *t = xcalloc(1, sizeof *t);

	t->client = c;
	t->easy = curl_easy_init();
	if (t->easy == NULL)
		out_of_memory();
	list_init(&t->node);
	list_init(&t->connecting);
	buf_init(&t->empty_headers, BUF_UNLIMITED);
	http_reply_init(&t->reply, c->settings.response_keep_bytes);
	return t;
}

static void check_time(struct loop_timer *timer);

static struct http_transfer *transfer_take(struct http_client *c, struct http_request *r)
{
	struct list *node = list_shift(&c->pool);
	struct http_transfer *t =
		node ? list_entry(node, struct http_transfer, node) : transfer_new(c);

	c->pool_count -= node != NULL;
	t->request = r;
	r->transfer = t;
	/* Not the time of the pass: making the request may have taken a while. */
	t->began_ms = t->progress_ms = loop_fresh_now_ms(c->loop);
	t->progress_bytes = 0;
	t->tries_v4 = t->tries_v6 = 0;
	t->sending = HTTP_UNSENT;
	t->was_resent = false;
	http_reply_reset(&t->reply);
	t->error[0] = '\0';
	t->socket_errno = 0;
	t->timer.fire = check_time;
	if (++c->state.in_flight > c->peak_in_flight)
		c->peak_in_flight = c->state.in_flight;
	return t;
}

/* Forget all options of its last request. */
static void transfer_reset_handle(struct http_transfer *t)
{
	curl_easy_reset(t->easy);
	curl_slist_free_all(t->resolve);
	t->resolve = NULL;
}

/* The handle used last is used next: its memory is in the CPU's caches. */
static void transfer_put(struct http_transfer *t)
{
	struct http_client *c = t->client;

	transfer_reset_handle(t);
	http_reply_erase(&t->reply); /* it may have been a token */
	t->state = HTTP_POOLED;
	t->request = NULL;
	list_prepend(&c->pool, &t->node);
	c->pool_count++;
}

/* --- From submission to done(). --- */

void http_transfer_detach(struct http_transfer *t)
{
	loop_timer_cancel(t->client->loop, &t->timer);
	list_remove(&t->node);
	if (t->state == HTTP_ON_WIRE)
		http_shard_remove(t);
}

void http_transfer_finish(struct http_transfer *t)
{
	t->state = HTTP_FINISHED;
	list_append(&t->client->finished, &t->node);
}

void http_transfer_fail(
	struct http_transfer *t, enum retry_transport transport, const char *error)
{
	struct http_result *result = &t->result;

	http_transfer_detach(t);
	*result = (struct http_result){.transport = transport, .was_resent = t->was_resent};
	http_reply_fill(&t->reply, result);
	snprintf(result->error, sizeof result->error, "%s", error);
	result->total_us = max_i64(loop_now_ms(t->client->loop) - t->began_ms, 0) * 1000;
	http_transfer_finish(t);
	loop_defer(t->client->loop, &t->client->deliver);
}

/* done() may submit and cancel requests, free its own, and free the client. The client is then
 * destroyed when the last function that uses it returns. */
static void deliver_one(struct http_transfer *t)
{
	struct http_request *r = t->request;

	list_remove(&t->node);
	t->state = HTTP_POOLED;
	t->client->state.in_flight--;
	r->transfer = NULL;
	r->done(r, &t->result);
	transfer_put(t);
}

static void client_destroy(struct http_client *c);

void http_client_deliver(struct http_client *c)
{
	struct list batch;

	if (list_is_empty(&c->finished))
		return;
	/* Transfers that finish during a done() wait for the next call. */
	batch = c->finished;
	batch.next->prev = batch.prev->next = &batch;
	list_init(&c->finished);
	c->users++;
	while (!list_is_empty(&batch))
		deliver_one(list_entry(batch.next, struct http_transfer, node));
	if (--c->users == 0 && c->is_freed)
		client_destroy(c);
}

static void deliver_deferred(struct loop_call *call)
{
	http_client_deliver(container_of(call, struct http_client, deliver));
}

/* When check_time() must see @t again, if it has not finished by then. */
static int64_t next_look_ms(const struct http_transfer *t)
{
	const struct http_settings *s = &t->client->settings;
	int64_t at = t->began_ms + s->timeout_ms;

	if (!http_transfer_is_sent(t))
		at = min_i64(at, t->began_ms + s->connect_timeout_ms);
	if (s->no_progress_timeout_ms > 0)
		at = min_i64(at, loop_now_ms(t->client->loop) +
					 max_i64(s->no_progress_timeout_ms / 4, 1));
	return at;
}

static bool makes_progress(struct http_transfer *t)
{
	int64_t now_ms = loop_now_ms(t->client->loop);
	curl_off_t up = 0, down = 0;
	long head = 0, sent = 0;

	curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	curl_easy_getinfo(t->easy, CURLINFO_HEADER_SIZE, &head);
	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
	if (up + down + head + sent != t->progress_bytes) {
		t->progress_bytes = up + down + head + sent;
		t->progress_ms = now_ms;
	}
	return now_ms - t->progress_ms < t->client->settings.no_progress_timeout_ms;
}

static void time_out(struct http_transfer *t, const char *what, int64_t limit_ms)
{
	char text[HTTP_ERROR_BYTES];

	snprintf(text, sizeof text, "%s within %lld ms", what, (long long)limit_ms);
	if (t->origin != NULL && t->origin->is_name && !http_transfer_is_sent(t))
		resolver_suspect(&t->origin->name);
	http_transfer_fail(t, RETRY_TRANSPORT_TIMEOUT, text);
}

/* One timer serves all limits of a transfer, because hardly any ever fires. It is not moved when
 * the request is sent: that would cost more than one needless call. */
static void check_time(struct loop_timer *timer)
{
	struct http_transfer *t = container_of(timer, struct http_transfer, timer);
	const struct http_settings *s = &t->client->settings;
	int64_t age_ms = loop_now_ms(t->client->loop) - t->began_ms;

	if (!http_transfer_is_sent(t) && age_ms >= s->connect_timeout_ms)
		time_out(t,
			t->state == HTTP_NAMING ? "no answer from the name server"
						: "no connection",
			s->connect_timeout_ms);
	else if (age_ms >= s->timeout_ms)
		time_out(t, "no complete reply", s->timeout_ms);
	else if (s->no_progress_timeout_ms > 0 && t->state == HTTP_ON_WIRE &&
		 !makes_progress(t))
		time_out(t, "not a byte in either direction", s->no_progress_timeout_ms);
	else
		loop_timer_set(t->client->loop, timer, next_look_ms(t));
}

void http_transfer_start(struct http_transfer *t)
{
	char text[HTTP_ERROR_BYTES];

	t->shard = http_shard_obtain(t->client);
	if (t->shard == NULL) {
		http_error_shortage(errno, text);
		http_transfer_fail(t, RETRY_TRANSPORT_INTERNAL, text);
		return;
	}
	t->state = HTTP_ON_WIRE;
	http_origin_inform(t);
	if (!http_setup(t) || !http_shard_add(t->shard, t)) {
		t->state = HTTP_POOLED; /* not in the multi */
		http_transfer_fail(
			t, RETRY_TRANSPORT_INTERNAL, "libcurl does not take the request");
	}
}

void http_transfer_restart(struct http_transfer *t)
{
	http_shard_remove(t);
	t->state = HTTP_POOLED;
	t->sending = HTTP_UNSENT;
	t->error[0] = '\0';
	transfer_reset_handle(t);
	http_transfer_start(t);
}

void http_submit(struct http_client *c, struct http_request *r)
{
	struct http_transfer *t = transfer_take(c, r);

	t->parsed_url = NULL;
	t->origin = http_origin_obtain(c, r, &t->parsed_url);
	if (t->origin == NULL) {
		http_transfer_fail(t, RETRY_TRANSPORT_DNS, "not a URL of http or https");
		return;
	}
	if (!loop_timer_is_set(&c->sweeper))
		loop_timer_set(c->loop, &c->sweeper, t->began_ms + HTTP_SWEEP_MS);
	loop_timer_set(c->loop, &t->timer, next_look_ms(t));
	if (t->origin->is_name && t->origin->name.answer.count == 0) {
		t->state = HTTP_NAMING;
		list_append(&t->origin->waiting, &t->node);
	} else {
		http_transfer_start(t);
	}
}

void http_cancel(struct http_request *r)
{
	struct http_transfer *t = r->transfer;

	if (t == NULL)
		return;
	r->transfer = NULL;
	http_transfer_detach(t);
	t->client->state.in_flight--;
	transfer_put(t);
}

/* --- Clients. --- */

/* Free handles beyond the peak of the last period, and connections that were idle too long. */
static void sweep(struct loop_timer *timer)
{
	struct http_client *c = container_of(timer, struct http_client, sweeper);
	size_t before = c->pool_count + c->state.connections_open;

	while (c->pool_count + c->state.in_flight > c->peak_in_flight) {
		struct http_transfer *t = list_entry(c->pool.prev, struct http_transfer, node);

		list_remove(&t->node);
		transfer_free(t);
		c->pool_count--;
	}
	c->peak_in_flight = c->state.in_flight;
	http_shards_sweep(c, false);
	if (c->pool_count + c->state.connections_open < before)
		give_back_memory();
	if (c->pool_count > 0 || c->state.in_flight > 0 || c->state.connections_open > 0)
		loop_timer_set(c->loop, timer, loop_now_ms(c->loop) + HTTP_SWEEP_MS);
}

static char *copied(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void settings_copy(struct http_settings *to, const struct http_settings *from)
{
	*to = *from;
	to->name = copied(from->name);
	to->ca_file = copied(from->ca_file);
	to->client_certificate_file = copied(from->client_certificate_file);
	to->client_key_file = copied(from->client_key_file);
	to->proxy = copied(from->proxy);
	to->unix_socket = copied(from->unix_socket);
}

static void settings_release(struct http_settings *s)
{
	if (s->proxy != NULL) /* may hold a password */
		explicit_bzero((char *)s->proxy, strlen(s->proxy));
	free((char *)s->name);
	free((char *)s->ca_file);
	free((char *)s->client_certificate_file);
	free((char *)s->client_key_file);
	free((char *)s->proxy);
	free((char *)s->unix_socket);
}

/* Without the name, which is for messages only. */
bool http_settings_equal(const struct http_settings *a, const struct http_settings *b)
{
	return a->connect_timeout_ms == b->connect_timeout_ms &&
	       a->timeout_ms == b->timeout_ms &&
	       a->no_progress_timeout_ms == b->no_progress_timeout_ms &&
	       a->max_lifetime_ms == b->max_lifetime_ms &&
	       a->idle_timeout_ms == b->idle_timeout_ms &&
	       a->response_keep_bytes == b->response_keep_bytes &&
	       a->response_max_bytes == b->response_max_bytes && a->keep_head == b->keep_head &&
	       a->http2 == b->http2 && a->http2_max_connections == b->http2_max_connections &&
	       a->insecure_skip_verify == b->insecure_skip_verify &&
	       str_eq(a->ca_file, b->ca_file) &&
	       str_eq(a->client_certificate_file, b->client_certificate_file) &&
	       str_eq(a->client_key_file, b->client_key_file) && str_eq(a->proxy, b->proxy) &&
	       str_eq(a->unix_socket, b->unix_socket);
}

struct http_client *http_client_new(
	struct loop *l, const struct http_settings *s, struct err *err)
{
	struct http_client *c = xcalloc(1, sizeof *c);

	http_global_init();
	c->loop = l;
	settings_copy(&c->settings, s);
	list_init(&c->spare);
	list_init(&c->room);
	list_init(&c->full);
	list_init(&c->retired);
	list_init(&c->origins);
	list_init(&c->pool);
	list_init(&c->finished);
	loop_call_init(&c->deliver, deliver_deferred);
	c->sweeper.fire = sweep;
	c->speaks_http2 = s->http2;
	if (http_tls_init(c, err) != 0) {
		client_destroy(c);
		return NULL;
	}
	return c;
}

static void client_destroy(struct http_client *c)
{
	struct list *node;

	loop_timer_cancel(c->loop, &c->sweeper);
	loop_undefer(&c->deliver);
	while ((node = list_shift(&c->pool)) != NULL)
		transfer_free(list_entry(node, struct http_transfer, node));
	http_shards_sweep(c, true);
	http_origins_free(c);
	http_tls_release(c);
	settings_release(&c->settings);
	free(c->sockets);
	free(c);
}

void http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	assert(c->state.in_flight == 0);
	c->is_freed = true;
	if (c->users == 0)
		client_destroy(c);
}
