/* SPDX-License-Identifier: Apache-2.0 */
/* The admin listener: libmicrohttpd on a loop and a thread of its own, and the routes. */
#include "io/httpd/httpd.h"

#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"
#include "clients.h"
#include "io/loop.h"
#include "listen.h"

/* A connection that was cut off keeps its descriptor until the library has noticed. */
#define CUT_OFF_MAX          32
#define REQUEST_MEMORY_BYTES 16384
#define PEM_MAX_BYTES        (256 * 1024)

/* RFC 8996 forbids TLS 1.0 and 1.1. Of TLS 1.2 only authenticated encryption and keys that are
 * gone after the connection. */
#define TLS_PRIORITIES                                                                         \
	"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:"                                  \
	"-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM"

/* An operator's listener needs few connections. */
const struct admin_limits admin_default_limits = {.connections = 64,
	.from_elsewhere = 48,
	.per_address = 16,
	.request_ms = 10000,
	.reply_ms = 30000};

struct admin {
	const struct admin_route *routes;
	void *ctx;
	struct listener listener;
	struct MHD_Daemon *daemon;
	char *listen; /* as it was configured */
	char *token;  /* NULL: none is wanted */
	char *content_policy;
	char *certificate, *key;
	struct admin_limits limits;
	struct clients clients;
	bool has_room; /* a connection has ended since the library last accepted */
	/* The thread, and what it waits for. */
	pthread_t thread;
	bool has_thread;
	struct loop *loop;
	struct loop_fd library; /* something to do for libmicrohttpd */
	struct loop_timer timer;
	struct loop_call stop;
};

/* The same with every reply: it is for whoever asked, and not for pages of other sites. */
static void add_headers(const struct admin *a, struct MHD_Response *r)
{
	MHD_add_response_header(r, "Cache-Control", "no-store");
	MHD_add_response_header(r, "Connection", "close");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "X-Frame-Options", "DENY");
	MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
	MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(r, "Content-Security-Policy", a->content_policy);
}

static enum MHD_Result respond(const struct admin *a, struct MHD_Connection *c, unsigned status,
	const char *type, struct slice body)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		body.len, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", type);
	add_headers(a, r);
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(r, "WWW-Authenticate", "Bearer realm=\"postrider\"");
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result respond_text(
	const struct admin *a, struct MHD_Connection *c, unsigned status, const char *text)
{
	return respond(a, c, status, "text/plain; charset=utf-8", slice_str(text));
}

static const char *header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static struct client *client_of(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static const struct access_refusal *may_ask(
	const struct admin *a, struct MHD_Connection *c, bool changes)
{
	const struct access_rules rules = {a->token, a->listen, a->certificate != NULL};
	const struct access_request request = {
		.authorization = header(c, MHD_HTTP_HEADER_AUTHORIZATION),
		.host = header(c, MHD_HTTP_HEADER_HOST),
		.origin = header(c, MHD_HTTP_HEADER_ORIGIN),
		.changes = changes,
		.local = client_of(c)->local,
	};

	return access_check(&rules, &request);
}

/* Address and port, or the process behind a Unix socket. */
static void add_peer(struct buf *out, struct MHD_Connection *c)
{
	const struct sockaddr *address =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
	char host[64], port[16];
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (address != NULL && address->sa_family != AF_UNIX) {
		len = address->sa_family == AF_INET ? sizeof(struct sockaddr_in)
						    : sizeof(struct sockaddr_in6);
		if (getnameinfo(address, len, host, sizeof host, port, sizeof port,
			    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
			buf_addf(out, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	} else if (getsockopt(client_of(c)->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0) {
		buf_addf(out, "pid %d of uid %u", (int)peer.pid, (unsigned)peer.uid);
	}
}

static unsigned make_change(const struct admin *a, struct MHD_Connection *c,
	const struct admin_route *r, struct buf *out, const char **type)
{
	struct admin_change change = {0};
	struct buf peer;
	unsigned status;

	buf_init(&peer, BUF_UNLIMITED);
	add_peer(&peer, c);
	change.from = buf_str(&peer);
	change.argument = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, r->argument);
	status = r->change(a->ctx, &change, out, type);
	buf_release(&peer);
	return status;
}

static enum MHD_Result answer(const struct admin *a, struct MHD_Connection *c,
	const struct admin_route *r, bool changes)
{
	const struct access_refusal *refusal =
		r->open && !changes ? NULL : may_ask(a, c, changes);
	const char *type = "text/plain; charset=utf-8";
	enum MHD_Result result;
	unsigned status;
	struct buf out;

	if (refusal != NULL)
		return respond_text(a, c, refusal->status, refusal->text);
	buf_init(&out, BUF_UNLIMITED);
	status = changes ? make_change(a, c, r, &out, &type) : r->answer(a->ctx, &out, &type);
	result = respond(a, c, status, type, buf_slice(&out));
	buf_release(&out);
	return result;
}

static enum MHD_Result route(
	const struct admin *a, struct MHD_Connection *c, const char *path, const char *method)
{
	const bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	const bool changes = strcmp(method, "POST") == 0;

	for (const struct admin_route *r = a->routes; r->path != NULL; r++) {
		if (strcmp(r->path, path) != 0)
			continue;
		if (!reads && !(changes && r->change != NULL))
			return respond_text(a, c, MHD_HTTP_METHOD_NOT_ALLOWED,
				r->change != NULL ? "GET, HEAD or POST only\n"
						  : "GET or HEAD only\n");
		return answer(a, c, r, changes);
	}
	return respond_text(a, c, MHD_HTTP_NOT_FOUND, "not found\n");
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **state)
{
	static int seen;

	(void)version;
	(void)upload;
	if (*state == NULL) {
		*state = &seen; /* the headers are there; the answer comes with the next call */
		client_of(c)->asked = true;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		*upload_size = 0; /* a body nobody asked for */
		return MHD_YES;
	}
	return route(cls, c, url, method);
}

/* --- TLS -------------------------------------------------------------------------------- */

static int read_pem(const char *path, char **ret, struct err *err)
{
	struct buf text;
	int code;

	buf_init(&text, PEM_MAX_BYTES);
	code = file_read(path, &text, err);
	if (code == 0)
		*ret = xstrdup(buf_str(&text));
	buf_release(&text);
	return code;
}

static int read_certificate(struct admin *a, const struct admin_settings *s, struct err *err)
{
	if (s->certificate_file == NULL)
		return 0;
	if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
		return err_set(err, ERR_IO, "this libmicrohttpd has no TLS");
	if (read_pem(s->certificate_file, &a->certificate, err) != 0)
		return ERR_IO;
	return read_pem(s->key_file, &a->key, err);
}

/* --- its thread ------------------------------------------------------------------------- */

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct admin *a = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = clients_add(&a->clients,
			MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
				->client_addr,
			MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)
				->connect_fd,
			clock_monotonic_ms());
	} else {
		clients_remove(*context);
		a->has_room = true;
	}
}

/* Have the library do what there is to do, and wake up when a time limit is next. */
static void turn(struct admin *a)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;
	int64_t now_ms, next_ms;

	/* At its limit of connections the library accepts again in the run after the one in which some
	 * have ended, and nothing wakes us for that one. */
	do {
		a->has_room = false;
		MHD_run(a->daemon);
	} while (a->has_room);
	now_ms = clock_monotonic_ms();
	next_ms = clients_expire(&a->clients, now_ms);
	if (MHD_get_timeout(a->daemon, &wait_ms) == MHD_YES &&
		(int64_t)wait_ms < next_ms - now_ms)
		next_ms = now_ms + (int64_t)wait_ms;
	if (next_ms < INT64_MAX)
		loop_timer_set(a->loop, &a->timer, next_ms);
	else
		loop_timer_cancel(a->loop, &a->timer);
}

static void on_library(struct loop_fd *w, unsigned events)
{
	(void)events;
	turn(container_of(w, struct admin, library));
}

static void on_timer(struct loop_timer *t)
{
	turn(container_of(t, struct admin, timer));
}

static void on_stop(struct loop_call *call)
{
	loop_stop(container_of(call, struct admin, stop)->loop);
}

static void *thread_main(void *arg)
{
	loop_run(((struct admin *)arg)->loop);
	return NULL;
}

static bool start_thread(struct admin *a)
{
	a->loop = loop_new();
	a->timer.fire = on_timer;
	a->library.fd = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	a->library.events = LOOP_READ;
	a->library.ready = on_library;
	loop_watch(a->loop, &a->library);
	loop_call_init(&a->stop, on_stop);
	a->has_thread = thread_start(&a->thread, thread_main, a);
	return a->has_thread;
}

static void stop_thread(struct admin *a)
{
	if (a->has_thread) {
		loop_post(a->loop, &a->stop);
		pthread_join(a->thread, NULL);
	}
	if (a->loop == NULL)
		return;
	loop_unwatch(a->loop, &a->library);
	loop_timer_cancel(a->loop, &a->timer);
	loop_free(a->loop);
}

/* --- its life --------------------------------------------------------------------------- */

static struct MHD_Daemon *start(struct admin *a)
{
	/* The list ends early without TLS. */
	const struct MHD_OptionItem options[] = {
		{MHD_OPTION_LISTEN_SOCKET, a->listener.fd, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, a->limits.connections + CUT_OFF_MAX, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_MEMORY_BYTES, NULL},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, a},
		{a->certificate != NULL ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
			a->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, a->key},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (char[]){TLS_PRIORITIES}},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_EPOLL | (a->certificate != NULL ? MHD_USE_TLS : 0);

	return MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, a, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static int open_listener(struct admin *a, const struct admin_settings *s, struct err *err)
{
	int code;

	if (read_certificate(a, s, err) != 0)
		return ERR_IO;
	code = listener_open(&a->listener, s->listen, err);
	if (code == 0)
		a->daemon = start(a);
	if (a->daemon != NULL && start_thread(a))
		return 0;
	if (a->daemon == NULL && a->listener.fd >= 0)
		close(a->listener.fd);
	if (code != 0)
		return code;
	return err_set(err, ERR_IO, "the admin listener on %s could not be started%s",
		s->listen, a->certificate != NULL ? "; are certificate and key a pair?" : "");
}

struct admin *admin_new(const struct admin_settings *s, const struct admin_route *routes,
	void *ctx, struct err *err)
{
	struct admin *a = xcalloc(1, sizeof *a);

	a->routes = routes;
	a->ctx = ctx;
	a->listen = xstrdup(s->listen);
	a->content_policy = xstrdup(s->content_policy);
	a->token = s->token != NULL ? xstrdup(s->token) : NULL;
	a->limits = s->limits != NULL ? *s->limits : admin_default_limits;
	clients_init(&a->clients, &a->limits);
	if (open_listener(a, s, err) != 0) {
		admin_free(a);
		return NULL;
	}
	return a;
}

const char *admin_address(const struct admin *a)
{
	return a->listener.address;
}

static void wipe_and_free(char *text)
{
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
}

void admin_free(struct admin *a)
{
	if (a == NULL)
		return;
	stop_thread(a);
	if (a->daemon != NULL)
		MHD_stop_daemon(a->daemon);
	listener_release(&a->listener);
	wipe_and_free(a->token);
	wipe_and_free(a->key);
	free(a->certificate);
	free(a->content_policy);
	free(a->listen);
	free(a);
}
