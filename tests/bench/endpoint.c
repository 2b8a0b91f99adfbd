/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint - the HTTP server that all benchmarks send to: one thread, epoll, keep-alive, as
 * little work as possible for each request.
 *
 *   endpoint [--port N] [--delay-ms N] [--status N] [--fail-every N] [--close] [--quiet]
 *
 * Every N-th reply is a 503 with --fail-every.
 *
 * Prints "port N" when it listens (port 0: any), and on SIGTERM or SIGINT, or on
 * each SIGUSR1, one line: requests, how many of them failed, bytes of bodies, connections
 * opened, most open at once, requests in the busiest second.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES 65536

struct connection {
	int fd;
	unsigned serial; /* counts the users of this slot, so that a late reply finds none */
	bool is_open;
	char *in; /* what is left of an incomplete request's head */
	size_t in_len;
	size_t skip; /* bytes of a body still to come */
};

/* Replies that wait for their time; all wait equally long, so this is a queue. */
struct due {
	int64_t at_us;
	int fd;
	unsigned serial;
};

static struct {
	int port, status;
	uint64_t fail_every; /* 0: none */
	int64_t delay_us;
	bool close_after, quiet;
} options = {.status = 200};

static struct connection *connections; /* by descriptor */
static size_t connection_cap;
static struct due *queue;
static size_t queue_head, queue_count, queue_cap;
static char reply[256], failure[256];
static size_t reply_len, failure_len;
static struct {
	uint64_t requests, failed, body_bytes, opened, open, most_open;
	uint64_t second_requests, busiest_second;
	int64_t second;
} counts;

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void print_counts(void)
{
	printf("requests=%llu failed=%llu body_bytes=%llu connections=%llu most_open=%llu "
	       "busiest_second=%llu\n",
		(unsigned long long)counts.requests, (unsigned long long)counts.failed,
		(unsigned long long)counts.body_bytes, (unsigned long long)counts.opened,
		(unsigned long long)counts.most_open,
		(unsigned long long)counts.busiest_second);
	fflush(stdout);
}

static void drop(struct connection *k)
{
	close(k->fd);
	free(k->in);
	k->in = NULL;
	k->in_len = k->skip = 0;
	k->is_open = false;
	k->serial++;
	counts.open--;
}

static void answer(struct connection *k)
{
	static uint64_t answers;
	bool fails = options.fail_every > 0 && ++answers % options.fail_every == 0;
	size_t len = fails ? failure_len : reply_len;

	counts.failed += fails;
	/* Replies are short: a socket that can't take one has a client that does not read. */
	if (send(k->fd, fails ? failure : reply, len, MSG_NOSIGNAL) != (ssize_t)len ||
		options.close_after)
		drop(k);
}

static void answer_later(struct connection *k, int64_t now)
{
	if (queue_count == queue_cap) {
		size_t cap = queue_cap ? queue_cap * 2 : 1024;
		struct due *grown = malloc(cap * sizeof *grown);

		for (size_t i = 0; i < queue_count; i++)
			grown[i] = queue[(queue_head + i) % queue_cap];
		free(queue);
		queue = grown;
		queue_cap = cap;
		queue_head = 0;
	}
	queue[(queue_head + queue_count++) % queue_cap] =
		(struct due){now + options.delay_us, k->fd, k->serial};
}

static void answer_due(int64_t now)
{
	while (queue_count > 0 && queue[queue_head].at_us <= now) {
		struct due *d = &queue[queue_head];
		struct connection *k = &connections[d->fd];

		queue_head = (queue_head + 1) % queue_cap;
		queue_count--;
		if (k->is_open && k->serial == d->serial)
			answer(k);
	}
}

static void count_request(int64_t now)
{
	counts.requests++;
	if (now / 1000000 != counts.second) {
		counts.second = now / 1000000;
		counts.second_requests = 0;
	}
	if (++counts.second_requests > counts.busiest_second)
		counts.busiest_second = counts.second_requests;
}

static size_t content_length(const char *head, size_t len)
{
	for (const char *p = head; p && (size_t)(p - head) < len;
		p = memchr(p, '\n', len - (size_t)(p - head))) {
		if (*p == '\n')
			p++;
		if (len - (size_t)(p - head) > 15 && strncasecmp(p, "Content-Length:", 15) == 0)
			return strtoul(p + 15, NULL, 10);
	}
	return 0;
}

/* Take requests off the front of @data; what is left of an incomplete head is kept. */
static void take_requests(struct connection *k, char *data, size_t len, int64_t now)
{
	while (len > 0 && k->is_open) {
		size_t skipped = k->skip < len ? k->skip : len;
		char *end;
		size_t head_len;

		k->skip -= skipped;
		data += skipped;
		len -= skipped;
		end = len ? memmem(data, len, "\r\n\r\n", 4) : NULL;
		if (end == NULL)
			break;
		head_len = (size_t)(end + 4 - data);
		k->skip = content_length(data, head_len);
		counts.body_bytes += k->skip;
		count_request(now);
		data += head_len;
		len -= head_len;
		if (options.delay_us > 0)
			answer_later(k, now);
		else
			answer(k);
	}
	if (k->is_open && len > 0) {
		k->in = realloc(k->in, len + 1);
		memmove(k->in, data, len);
		k->in_len = len;
	}
}

static void serve(int fd, int64_t now)
{
	static char chunk[2 * READ_BYTES];
	struct connection *k = &connections[fd];
	size_t kept = k->in_len < READ_BYTES ? k->in_len : 0;
	ssize_t n;

	if (kept > 0)
		memcpy(chunk, k->in, kept);
	n = recv(fd, chunk + kept, READ_BYTES, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(k);
		return;
	}
	k->in_len = 0;
	take_requests(k, chunk, kept + (size_t)n, now);
}

static void accept_all(int listener, int epoll_fd)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

		if ((size_t)fd >= connection_cap) {
			size_t cap = connection_cap;

			connection_cap = (size_t)fd * 2 + 64;
			connections =
				realloc(connections, connection_cap * sizeof *connections);
			memset(connections + cap, 0,
				(connection_cap - cap) * sizeof *connections);
		}
		connections[fd].fd = fd;
		connections[fd].is_open = true;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev);
		counts.opened++;
		if (++counts.open > counts.most_open)
			counts.most_open = counts.open;
	}
}

static int listen_on(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)port)};
	socklen_t len = sizeof in;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, len) != 0 || listen(fd, 16384) != 0 ||
		getsockname(fd, (struct sockaddr *)&in, &len) != 0) {
		perror("endpoint: listen");
		exit(1);
	}
	printf("port %u\n", ntohs(in.sin_port));
	fflush(stdout);
	return fd;
}

static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* False: it is over. */
static bool on_signal(int signal_fd)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
		return true;
	if (info.ssi_signo == SIGUSR1 || !options.quiet)
		print_counts();
	return info.ssi_signo == SIGUSR1;
}

static int wait_ms(int64_t now)
{
	int64_t left;

	if (queue_count == 0)
		return -1;
	left = queue[queue_head].at_us - now;
	return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

static void run(int listener, int signal_fd)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ready[512], ev = {.events = EPOLLIN};

	ev.data.fd = listener;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &ev);
	ev.data.fd = signal_fd;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, signal_fd, &ev);
	for (;;) {
		int n = epoll_wait(epoll_fd, ready, 512, wait_ms(now_us()));
		int64_t now = now_us();

		for (int i = 0; i < n; i++) {
			int fd = ready[i].data.fd;

			if (fd == listener)
				accept_all(listener, epoll_fd);
			else if (fd != signal_fd)
				serve(fd, now);
			else if (!on_signal(signal_fd))
				return;
		}
		answer_due(now);
	}
}

static void raise_file_limit(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static size_t make_reply(char to[256], int status)
{
	return (size_t)snprintf(to, 256, "HTTP/1.1 %d %s\r\n%sContent-Length: 2\r\n\r\nok",
		status, status == 200 ? "OK" : "Told so",
		options.close_after ? "Connection: close\r\n" : "");
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"port", required_argument, NULL, 'p'},
		{"delay-ms", required_argument, NULL, 'd'},
		{"status", required_argument, NULL, 's'}, {"close", no_argument, NULL, 'c'},
		{"fail-every", required_argument, NULL, 'f'}, {"quiet", no_argument, NULL, 'q'},
		{0}};
	int option, signal_fd;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option == 'p')
			options.port = atoi(optarg);
		else if (option == 'd')
			options.delay_us = atoll(optarg) * 1000;
		else if (option == 's')
			options.status = atoi(optarg);
		else if (option == 'f')
			options.fail_every = strtoull(optarg, NULL, 10);
		else if (option == 'c')
			options.close_after = true;
		else if (option == 'q')
			options.quiet = true;
		else
			return 2;
	}
	reply_len = make_reply(reply, options.status);
	failure_len = make_reply(failure, 503);
	raise_file_limit();
	signal_fd = catch_signals();
	run(listen_on(options.port), signal_fd);
	return 0;
}
