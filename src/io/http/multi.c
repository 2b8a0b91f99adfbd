/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measured with libcurl 7.88.1: one multi costs 29 µs a request at 64 connections and 159 µs at
 * 8,192, because it walks its connections; and a descriptor that leaves and enters epoll
 * with each request costs 5 µs. Hence many small multis, and descriptors that stay watched
 * while libcurl has no interest in them, until one of them has something to say.
 */
#include "http_private.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct http_socket {
	struct loop_fd watch;
	struct http_shard *shard;
	struct list node; /* in its transfer's list, while that connects */
	ino_t inode;
	bool is_wanted;  /* libcurl wants to hear of it */
	bool is_watched; /* the loop does */
};

static unsigned room_of(const struct http_client *c)
{
	/* Streams share connections there, and libcurl bounds those. */
	return c->speaks_http2 ? UINT32_MAX : HTTP_SHARD_CONNECTIONS;
}

/* Put @s into the list where it belongs now. */
static void place(struct http_shard *s)
{
	struct http_client *c = s->client;
	struct list *where = &c->room;

	if (s->is_retired)
		where = &c->retired;
	else if (s->in_flight >= room_of(c))
		where = &c->full;
	else if (s->open > s->in_flight)
		where = &c->spare;
	list_remove(&s->node);
	list_prepend(where, &s->node);
}

static void shard_free(struct http_shard *s)
{
	struct http_client *c = s->client;

	/* Closes what is open, by http_shard_closed(). */
	curl_multi_cleanup(s->multi);
	loop_timer_cancel(c->loop, &s->timer);
	loop_undefer(&s->timeout_call);
	list_remove(&s->node);
	free(s);
}

/* --- What has ended. --- */

static void take_result(struct http_transfer *t, int code)
{
	struct http_client *c = t->client;
	struct http_result *result = &t->result;
	long version = 0;

	http_transfer_detach(t);
	http_error_translate(t, code, result);
	curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	http_transfer_finish(t);
	if (c->speaks_http2 && result->transport == RETRY_TRANSPORT_OK &&
		version != CURL_HTTP_VERSION_2_0) {
		/* The server does not: its few shared connections would carry one
		 * request each. */
		c->speaks_http2 = false;
		http_shards_retire(c);
	}
}

/* Is @t to be started again, since nothing of it has reached the server, or may have? */
static bool starts_again(struct http_transfer *t)
{
	if (t->sending == HTTP_STALE)
		return true;
	if (t->sending != HTTP_REPEATED || t->was_resent || !t->request->may_be_resent)
		return false;
	t->was_resent = true;
	return true;
}

/* libcurl has done what it could: see what has ended, then tell. */
static void settle(struct http_shard *s)
{
	struct http_client *c = s->client;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(s->multi, &left)) != NULL) {
		struct http_transfer *t = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		if (starts_again(t))
			http_transfer_restart(t);
		else
			take_result(t, msg->data.result);
	}
	if (s->is_retired && s->in_flight == 0)
		shard_free(s);
	http_client_deliver(c);
}

static void act(struct http_shard *s, curl_socket_t fd, int flags)
{
	int running;

	curl_multi_socket_action(s->multi, fd, flags, &running);
	settle(s);
}

static void on_timeout_call(struct loop_call *call)
{
	act(container_of(call, struct http_shard, timeout_call), CURL_SOCKET_TIMEOUT, 0);
}

static void fire(struct loop_timer *timer)
{
	act(container_of(timer, struct http_shard, timer), CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl wants to be called after @timeout_ms, -1: not. At once means at the end of this
 * pass: a hundred requests submitted in one pass need one call. */
static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct http_shard *s = ctx;
	struct loop *l = s->client->loop;

	(void)multi;
	if (timeout_ms == 0) {
		loop_timer_cancel(l, &s->timer);
		loop_defer(l, &s->timeout_call);
		return 0;
	}
	if (timeout_ms < 0)
		loop_timer_cancel(l, &s->timer);
	else
		loop_timer_set(l, &s->timer, loop_now_ms(l) + timeout_ms);
	return 0;
}

/* --- Sockets. --- */

static void on_ready(struct loop_fd *w, unsigned events)
{
	struct http_socket *k = container_of(w, struct http_socket, watch);
	int flags = (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
		    (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);

	if (k->is_wanted) {
		act(k->shard, w->fd, flags);
	} else { /* an idle connection: closed by the server, as libcurl will see itself */
		loop_unwatch(k->shard->client->loop, w);
		k->is_watched = false;
	}
}

static struct http_socket *socket_find(const struct http_client *c, int fd)
{
	return (size_t)fd < c->socket_cap ? c->sockets[fd] : NULL;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused)
{
	struct http_shard *s = ctx;
	struct http_socket *k = socket_find(s->client, fd);
	unsigned events =
		(what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);

	(void)easy;
	(void)unused;
	if (k == NULL)
		return 0; /* not a connection: libcurl's own, which it also polls by timer */
	k->is_wanted = what != CURL_POLL_REMOVE;
	if (k->is_wanted && (events != k->watch.events || !k->is_watched)) {
		k->watch.events = events;
		k->is_watched = true;
		loop_watch(s->client->loop, &k->watch);
	}
	return 0;
}

static void socket_drop(struct http_socket *k, bool is_closed)
{
	struct http_shard *s = k->shard;
	struct http_client *c = s->client;

	if (is_closed)
		loop_forget(c->loop, &k->watch);
	else
		loop_unwatch(c->loop, &k->watch);
	list_remove(&k->node);
	c->sockets[k->watch.fd] = NULL;
	c->state.connections_open--;
	s->open--;
	free(k);
	place(s);
}

/* libcurl 7.88 closes a socket that never got connected without telling. */
static bool is_gone(const struct http_socket *k)
{
	struct stat st;

	return fstat(k->watch.fd, &st) != 0 || st.st_ino != k->inode;
}

void http_shard_connected(struct http_transfer *t)
{
	while (!list_is_empty(&t->connecting)) {
		struct http_socket *k =
			list_entry(t->connecting.next, struct http_socket, node);

		if (is_gone(k))
			socket_drop(k, true);
		else
			list_remove(&k->node);
	}
}

static void make_slot(struct http_client *c, int fd)
{
	size_t cap = c->socket_cap;

	if ((size_t)fd < cap)
		return;
	c->socket_cap = (size_t)fd + (size_t)fd / 4 + 16;
	c->sockets = xreallocarray(c->sockets, c->socket_cap, sizeof(void *));
	memset(c->sockets + cap, 0, (c->socket_cap - cap) * sizeof(void *));
}

void http_shard_opened(struct http_transfer *t, int fd)
{
	struct http_client *c = t->client;
	struct http_socket *k = socket_find(c, fd);
	struct stat st;

	if (k != NULL)
		socket_drop(k, true); /* its number was free again */
	make_slot(c, fd);
	k = xcalloc(1, sizeof *k);
	k->watch.fd = fd;
	k->watch.ready = on_ready;
	k->shard = t->shard;
	k->inode = fstat(fd, &st) == 0 ? st.st_ino : 0;
	list_append(&t->connecting, &k->node);
	c->sockets[fd] = k;
	c->state.connections_open++;
	c->state.connections_opened++;
	k->shard->open++;
}

int http_shard_closed(void *shard, int fd)
{
	struct http_shard *s = shard;
	struct http_socket *k = socket_find(s->client, fd);

	if (k != NULL)
		socket_drop(k, false);
	return close(fd);
}

/* --- Which multi. --- */

static struct http_shard *shard_new(struct http_client *c)
{
	struct http_shard *s = xcalloc(1, sizeof *s);

	s->client = c;
	errno = ENOMEM;
	s->multi = curl_multi_init();
	if (s->multi == NULL) {
		free(s);
		return NULL;
	}
	s->timer.fire = fire;
	loop_call_init(&s->timeout_call, on_timeout_call);
	list_init(&s->node);
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
	curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_SHARD_CONNECTIONS);
	curl_multi_setopt(s->multi, CURLMOPT_PIPELINING,
		c->speaks_http2 ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING);
	if (c->speaks_http2)
		curl_multi_setopt(s->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
			(long)c->settings.http2_max_connections);
	place(s);
	return s;
}

struct http_shard *http_shard_obtain(struct http_client *c)
{
	struct list *node = list_first(&c->spare);

	if (node == NULL)
		node = list_first(&c->room);
	return node ? list_entry(node, struct http_shard, node) : shard_new(c);
}

bool http_shard_add(struct http_shard *s, struct http_transfer *t)
{
	if (curl_multi_add_handle(s->multi, t->easy) != CURLM_OK)
		return false;
	s->in_flight++;
	s->used_ms = loop_now_ms(s->client->loop);
	place(s);
	return true;
}

void http_shard_remove(struct http_transfer *t)
{
	struct http_shard *s = t->shard;

	curl_multi_remove_handle(s->multi, t->easy);
	http_shard_connected(t);
	s->in_flight--;
	s->used_ms = loop_now_ms(s->client->loop);
	t->shard = NULL;
	place(s);
}

static void retire(struct list *shards)
{
	while (!list_is_empty(shards)) {
		struct http_shard *s = list_entry(shards->next, struct http_shard, node);

		s->is_retired = true;
		place(s);
	}
}

void http_shards_retire(struct http_client *c)
{
	retire(&c->spare);
	retire(&c->room);
	retire(&c->full);
}

static void sweep(struct http_client *c, struct list *shards, bool all)
{
	list_foreach_safe (node, shards) {
		struct http_shard *s = list_entry(node, struct http_shard, node);
		int64_t idle_ms = loop_now_ms(c->loop) - s->used_ms;

		if (all || (s->in_flight == 0 &&
				   (s->is_retired || idle_ms >= c->settings.idle_timeout_ms)))
			shard_free(s);
	}
}

void http_shards_sweep(struct http_client *c, bool all)
{
	sweep(c, &c->spare, all);
	sweep(c, &c->room, all);
	sweep(c, &c->full, all);
	sweep(c, &c->retired, all);
}
