/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_script.h - a small HTTP server for tests, on the loop of what it tests.
 *
 * The n-th request that arrives, on whatever connection, gets the n-th step; the last step is
 * repeated. No thread, no sleep: server and client take turns on one loop.
 */
#ifndef TESTS_HTTP_SCRIPT_H
#define TESTS_HTTP_SCRIPT_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/loop.h"

#define SCRIPT_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

enum script_then {
	SCRIPT_KEEP,  /* the connection serves on */
	SCRIPT_CLOSE, /* closed behind the reply */
	SCRIPT_RESET, /* RST behind the reply */
};

struct script_step {
	const char *reply; /* NULL: none */
	size_t padding;    /* so many 'x' behind it */
	enum script_then then;
};

struct script {
	struct loop *loop;
	struct loop_fd listener;
	unsigned port;
	const struct script_step *steps;
	size_t step_count;
	size_t reply_len; /* of every reply; 0: each ends with a NUL */
	size_t requests, accepted, open;
	struct buf last; /* the last request, whole */
	struct list connections;
	void (*on_request)(struct script *s);
	void *ctx;
};

struct script_connection {
	struct loop_fd watch;
	struct list node;
	struct script *script;
	struct buf in, out;
	size_t written;
	enum script_then then;
	bool is_ending;
};

static void script_drop(struct script_connection *k)
{
	if (k->then == SCRIPT_RESET) {
		struct linger at_once = {1, 0};

		setsockopt(k->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	}
	loop_unwatch(k->script->loop, &k->watch);
	close(k->watch.fd);
	list_remove(&k->node);
	k->script->open--;
	buf_release(&k->in);
	buf_release(&k->out);
	free(k);
}

/* The length of the first whole request in @b, or 0. */
static size_t script_request_length(const struct buf *b)
{
	const char *head = b->len ? strstr(b->data, "\r\n\r\n") : NULL;
	const char *length = head ? strcasestr(b->data, "\r\nContent-Length:") : NULL;
	size_t len;

	if (head == NULL)
		return 0;
	len = (size_t)(head + 4 - b->data);
	if (length != NULL && length < head)
		len += strtoul(length + 17, NULL, 10);
	return b->len >= len ? len : 0;
}

static void script_answer(struct script_connection *k, size_t len)
{
	struct script *s = k->script;
	size_t at = s->requests < s->step_count ? s->requests : s->step_count - 1;
	const struct script_step *step = &s->steps[at];

	s->requests++;
	buf_reset(&s->last);
	buf_add(&s->last, k->in.data, len);
	memmove(k->in.data, k->in.data + len, k->in.len - len);
	buf_truncate(&k->in, k->in.len - len);
	if (step->reply != NULL)
		buf_add(&k->out, step->reply,
			s->reply_len ? s->reply_len : strlen(step->reply));
	for (size_t i = 0; i < step->padding; i++)
		buf_add_char(&k->out, 'x');
	k->then = step->then;
	k->is_ending = step->then != SCRIPT_KEEP;
	if (s->on_request != NULL)
		s->on_request(s);
}

/* False: the connection is gone. */
static bool script_flush(struct script_connection *k)
{
	while (k->written < k->out.len) {
		ssize_t n = send(k->watch.fd, k->out.data + k->written, k->out.len - k->written,
			MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			script_drop(k);
			return false;
		}
		k->written += (size_t)n;
	}
	if (k->written == k->out.len && k->is_ending) {
		script_drop(k);
		return false;
	}
	k->watch.events = LOOP_READ | (k->written < k->out.len ? LOOP_WRITE : 0);
	loop_watch(k->script->loop, &k->watch);
	return true;
}

static void script_ready(struct loop_fd *w, unsigned events)
{
	struct script_connection *k = container_of(w, struct script_connection, watch);
	char chunk[16384];
	ssize_t n;
	size_t len;

	(void)events;
	while ((n = recv(w->fd, chunk, sizeof chunk, 0)) > 0)
		buf_add(&k->in, chunk, (size_t)n);
	if (n == 0 || errno != EAGAIN) {
		script_drop(k);
		return;
	}
	while (!k->is_ending && (len = script_request_length(&k->in)) > 0)
		script_answer(k, len);
	script_flush(k);
}

static void script_accept(struct loop_fd *w, unsigned events)
{
	struct script *s = container_of(w, struct script, listener);
	int fd;

	(void)events;
	while ((fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct script_connection *k = xcalloc(1, sizeof *k);

		k->script = s;
		k->watch =
			(struct loop_fd){.fd = fd, .events = LOOP_READ, .ready = script_ready};
		buf_init(&k->in, BUF_UNLIMITED);
		buf_init(&k->out, BUF_UNLIMITED);
		list_append(&s->connections, &k->node);
		loop_watch(s->loop, &k->watch);
		s->accepted++;
		s->open++;
	}
}

/* @address: of the loopback net, 127.0.0.1 when 0; the port is any when 0. */
static void script_listen(struct script *s, uint32_t address, unsigned port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(address ? address : INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	socklen_t len = sizeof in;
	int one = 1;

	s->listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(s->listener.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s->listener.fd, (struct sockaddr *)&in, len) != 0 ||
		listen(s->listener.fd, 4096) != 0 ||
		getsockname(s->listener.fd, (struct sockaddr *)&in, &len) != 0)
		abort();
	s->port = ntohs(in.sin_port);
	s->listener.events = LOOP_READ;
	s->listener.ready = script_accept;
	loop_watch(s->loop, &s->listener);
}

static void script_start(
	struct script *s, struct loop *l, const struct script_step *steps, size_t count)
{
	*s = (struct script){.loop = l, .steps = steps, .step_count = count};
	buf_init(&s->last, BUF_UNLIMITED);
	list_init(&s->connections);
	script_listen(s, 0, 0);
}

static void script_stop(struct script *s)
{
	loop_unwatch(s->loop, &s->listener);
	close(s->listener.fd);
	while (!list_is_empty(&s->connections))
		script_drop(list_entry(s->connections.next, struct script_connection, node));
	buf_release(&s->last);
}

#endif
