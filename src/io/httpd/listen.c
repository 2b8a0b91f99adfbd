/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the admin listener's socket. */
#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"

/* When it overflows, a client's next try comes a second later: too late for a probe. */
#define BACKLOG 1024

/* --- Unix ------------------------------------------------------------------------------- */

static int unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Only a refused connection says that nobody listens; any other failure leaves that open. */
static bool is_abandoned(const struct sockaddr_un *address)
{
	int fd = unix_socket();
	bool refused = fd >= 0 &&
		       connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
		       errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return refused;
}

/* Remove what a process that was killed has left at the path, and nothing else. */
static int make_room(const struct sockaddr_un *address, struct err *err)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0
				       : err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_INVALID,
			"%s is there and is not a socket: it is left alone; remove it, or "
			"choose another path",
			path);
	if (!is_abandoned(address))
		return err_set(
			err, ERR_INVALID, "%s is in use: another process listens on it", path);
	if (unlink(path) != 0 && errno != ENOENT)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	return 0;
}

/* The file gets the mode that the socket has before it is bound. */
static int bind_unix(struct listener *l, const struct sockaddr_un *address)
{
	struct stat st;

	if (l->fd < 0 || fchmod(l->fd, S_IRUSR | S_IWUSR) != 0 ||
		bind(l->fd, (const struct sockaddr *)address, sizeof *address) != 0)
		return -1;
	l->unix_path = xstrdup(address->sun_path);
	if (lstat(l->unix_path, &st) != 0)
		return -1;
	l->device = st.st_dev;
	l->inode = st.st_ino;
	return listen(l->fd, BACKLOG);
}

static int open_unix(struct listener *l, const char *path, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof address.sun_path)
		return err_set(err, ERR_INVALID,
			"%s: the path of a socket has at most %zu bytes", path,
			sizeof address.sun_path - 1);
	memcpy(address.sun_path, path, strlen(path));
	if (make_room(&address, err) != 0)
		return ERR_IO;
	l->fd = unix_socket();
	if (bind_unix(l, &address) != 0)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	l->address = xasprintf("unix:%s", path);
	return 0;
}

/* --- TCP -------------------------------------------------------------------------------- */

static int bind_first(const struct addrinfo *list)
{
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
		    on = 1;

		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
			return fd;
		close(fd);
	}
	return -1;
}

static void note_address(struct listener *l)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;
	char host[64] = "?", port[16] = "?";

	if (getsockname(l->fd, (struct sockaddr *)&address, &len) == 0)
		getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port,
			sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
	l->address = xasprintf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/* "host:port" or "[v6]:port"; an empty host is loopback. */
static int open_tcp(struct listener *l, const char *text, struct err *err)
{
	const char *colon = strrchr(text, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list;
	size_t len = colon ? (size_t)(colon - text) : 0;
	char *host;

	if (colon == NULL)
		return err_set(err, ERR_INVALID,
			"'%s' is not an address: it must be HOST:PORT or unix:PATH", text);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
		host = xmemdup(text + 1, len - 2);
	else
		host = len > 0 ? xmemdup(text, len) : xstrdup("127.0.0.1");
	if (getaddrinfo(host, colon + 1, &hints, &list) != 0) {
		free(host);
		return err_set(err, ERR_INVALID, "'%s': the host or port can't be used", text);
	}
	free(host);
	l->fd = bind_first(list);
	freeaddrinfo(list);
	if (l->fd < 0)
		return err_set(err, ERR_IO, "can't listen on %s: %s", text, strerror(errno));
	note_address(l);
	return 0;
}

/* --- its life --------------------------------------------------------------------------- */

int listener_open(struct listener *l, const char *text, struct err *err)
{
	*l = (struct listener){.fd = -1};
	return strncmp(text, "unix:", 5) == 0 ? open_unix(l, text + 5, err)
					      : open_tcp(l, text, err);
}

void listener_release(struct listener *l)
{
	struct stat st;

	if (l->unix_path != NULL && lstat(l->unix_path, &st) == 0 && st.st_dev == l->device &&
		st.st_ino == l->inode)
		unlink(l->unix_path);
	free(l->unix_path);
	free(l->address);
	*l = (struct listener){.fd = -1};
}
