/* SPDX-License-Identifier: Apache-2.0 */
#include "io/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#define ERR_STATE openssl_err_state /* OpenSSL has a type of that name */
#include <openssl/crypto.h>
#undef ERR_STATE
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"

/* An operator's listener needs few; more wait in the kernel's queue, or are refused. */
#define CONNECTIONS_MAX      64
#define IDLE_TIMEOUT_SECONDS 10
#define REQUEST_MEMORY_BYTES 16384
#define PEM_MAX_BYTES        (256 * 1024)

struct admin {
	const struct admin_route *routes;
	void *ctx;
	struct MHD_Daemon *daemon;
	char *address;
	char *unix_path; /* removed at the end */
	char *token;     /* NULL: none is wanted */
	char *certificate, *key;
};

static enum MHD_Result respond(
	struct MHD_Connection *c, unsigned status, const char *type, struct slice body)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
		body.len, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", type);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(r, "WWW-Authenticate", "Bearer realm=\"postrider\"");
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

/* How long it takes tells nothing of the token but its length. */
static bool is_allowed(const struct admin *a, struct MHD_Connection *c)
{
	static const char scheme[] = "Bearer ";
	const char *given =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
	size_t len = strlen(a->token);

	if (given == NULL || strncasecmp(given, scheme, sizeof scheme - 1) != 0)
		return false;
	given += sizeof scheme - 1;
	return strlen(given) == len && CRYPTO_memcmp(given, a->token, len) == 0;
}

static enum MHD_Result refuse(struct MHD_Connection *c)
{
	return respond(c, MHD_HTTP_UNAUTHORIZED, "text/plain",
		SLICE("a token is wanted: Authorization: Bearer TOKEN (admin.token)\n"));
}

static enum MHD_Result route(struct admin *a, struct MHD_Connection *c, const char *path)
{
	for (const struct admin_route *r = a->routes; r->path != NULL; r++) {
		const char *type = "text/plain; charset=utf-8";
		enum MHD_Result result;
		unsigned status;
		struct buf out;

		if (strcmp(r->path, path) != 0)
			continue;
		if (a->token != NULL && !r->open && !is_allowed(a, c))
			return refuse(c);
		buf_init(&out, BUF_UNLIMITED);
		status = r->answer(a->ctx, &out, &type);
		result = respond(c, status, type, slice_str(buf_str(&out)));
		buf_release(&out);
		return result;
	}
	return respond(c, MHD_HTTP_NOT_FOUND, "text/plain", SLICE("not found\n"));
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
		return MHD_YES;
	}
	if (*upload_size > 0) {
		*upload_size = 0; /* a body nobody asked for */
		return MHD_YES;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return respond(c, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain",
			SLICE("GET or HEAD only\n"));
	return route(cls, c, url);
}

/* --- where it listens ------------------------------------------------------------------- */

static int listen_unix(struct admin *a, const char *path, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof address.sun_path)
		return err_set(err, ERR_INVALID,
			"%s: the path of a socket has at most %zu bytes", path,
			sizeof address.sun_path - 1);
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
		listen(fd, 64) != 0) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	a->unix_path = xstrdup(path);
	a->address = xasprintf("unix:%s", path);
	return fd;
}

static int bind_first(const struct addrinfo *list)
{
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		    on = 1;

		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 64) == 0)
			return fd;
		close(fd);
	}
	return -1;
}

static void note_address(struct admin *a, int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;
	char host[64] = "?", port[16] = "?";

	if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port,
			sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
	a->address = xasprintf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/* "host:port" or "[v6]:port"; an empty host is loopback. */
static int listen_tcp(struct admin *a, const char *text, struct err *err)
{
	const char *colon = strrchr(text, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list;
	size_t len = colon ? (size_t)(colon - text) : 0;
	char *host;
	int fd;

	if (colon == NULL)
		return err_set(err, ERR_INVALID,
			"'%s' is no address: it must be HOST:PORT or unix:PATH", text);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
		host = xmemdup(text + 1, len - 2);
	else
		host = len > 0 ? xmemdup(text, len) : xstrdup("127.0.0.1");
	if (getaddrinfo(host, colon + 1, &hints, &list) != 0) {
		free(host);
		return err_set(err, ERR_INVALID, "'%s': the host or port can't be used", text);
	}
	free(host);
	fd = bind_first(list);
	freeaddrinfo(list);
	if (fd < 0)
		return err_set(err, ERR_IO, "can't listen on %s: %s", text, strerror(errno));
	note_address(a, fd);
	return fd;
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

/* --- its life --------------------------------------------------------------------------- */

static struct MHD_Daemon *start(struct admin *a, int fd)
{
	/* The list ends early without TLS. */
	const struct MHD_OptionItem options[] = {
		{MHD_OPTION_LISTEN_SOCKET, fd, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_SECONDS, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_MEMORY_BYTES, NULL},
		{a->certificate != NULL ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
			a->certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, a->key},
		{MHD_OPTION_END, 0, NULL},
	};
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL |
			 (a->certificate != NULL ? MHD_USE_TLS : 0);

	return MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, a, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static int open_listener(struct admin *a, const struct admin_settings *s, struct err *err)
{
	int fd;

	if (read_certificate(a, s, err) != 0)
		return ERR_IO;
	fd = strncmp(s->listen, "unix:", 5) == 0 ? listen_unix(a, s->listen + 5, err)
						 : listen_tcp(a, s->listen, err);
	if (fd < 0)
		return ERR_IO;
	a->daemon = start(a, fd);
	if (a->daemon != NULL)
		return 0;
	close(fd);
	return err_set(err, ERR_IO, "the admin listener on %s could not be started%s",
		s->listen, a->certificate != NULL ? "; are certificate and key a pair?" : "");
}

struct admin *admin_new(const struct admin_settings *s, const struct admin_route *routes,
	void *ctx, struct err *err)
{
	struct admin *a = xcalloc(1, sizeof *a);

	a->routes = routes;
	a->ctx = ctx;
	a->token = s->token != NULL ? xstrdup(s->token) : NULL;
	if (open_listener(a, s, err) != 0) {
		admin_free(a);
		return NULL;
	}
	return a;
}

const char *admin_address(const struct admin *a)
{
	return a->address;
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
	if (a->daemon != NULL)
		MHD_stop_daemon(a->daemon);
	if (a->unix_path != NULL)
		unlink(a->unix_path);
	free(a->unix_path);
	free(a->address);
	wipe_and_free(a->token);
	wipe_and_free(a->key);
	free(a->certificate);
	free(a);
}
