/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor_curl - the bare libcurl multi loop that Postrider is measured against: POSTs of one
 * body, so many in flight, nothing else. Tuned as far as libcurl goes: multis of 64,
 * descriptors left in epoll, a parsed URL, small buffers, no proxy from the environment.
 *
 *   floor_curl --url URL [--requests N] [--in-flight N] [--body-bytes N]
 *
 * Prints requests a second and CPU microseconds a request, of this process, without the first
 * tenth.
 */
#include <curl/curl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SHARD_CONNECTIONS 64

struct shard {
	CURLM *multi;
	int64_t fire_us; /* -1: never */
};

static struct {
	char *url;
	long requests, in_flight, body_bytes;
} options = {.requests = 200000, .in_flight = 64, .body_bytes = 1024};

static int epoll_fd;
static struct shard *shards;
static size_t shard_count;
/* Of each descriptor: whose it is, what epoll watches, and whether libcurl wants to know. */
static struct {
	struct shard *shard;
	int watched;
	bool wanted;
} * files;
static CURLU *url;
static char *body;
static struct curl_slist *headers;
static long started, finished, failed;
static int64_t began_us, began_cpu_us;

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

static size_t swallow(char *data, size_t size, size_t count, void *ctx)
{
	(void)data;
	(void)ctx;
	return size * count;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused)
{
	struct shard *s = ctx;
	struct epoll_event ev = {.data.fd = fd};

	(void)easy;
	(void)unused;
	files[fd].wanted = what != CURL_POLL_REMOVE;
	if (what == CURL_POLL_REMOVE)
		return 0;
	files[fd].shard = s;
	ev.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if ((int)ev.events == files[fd].watched)
		return 0;
	epoll_ctl(epoll_fd, files[fd].watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
	files[fd].watched = (int)ev.events;
	return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct shard *s = ctx;

	(void)multi;
	s->fire_us = timeout_ms < 0 ? -1 : now_us() + timeout_ms * 1000;
	return 0;
}

static int on_close(void *ctx, curl_socket_t fd)
{
	(void)ctx;
	files[fd].watched = 0;
	files[fd].wanted = false;
	return close(fd);
}

static void start(struct shard *s, CURL *e)
{
	started++;
	curl_easy_reset(e);
	curl_easy_setopt(e, CURLOPT_CURLU, url);
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options.body_bytes);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 1024L);
	curl_multi_add_handle(s->multi, e);
}

static void settle(struct shard *s)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(s->multi, &left)) != NULL) {
		CURL *e = msg->easy_handle;
		long status = 0;

		curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
		failed += msg->data.result != CURLE_OK || status != 200;
		if (++finished == options.requests / 10) {
			began_us = now_us();
			began_cpu_us = cpu_us();
		}
		curl_multi_remove_handle(s->multi, e);
		if (started < options.requests)
			start(s, e);
		else
			curl_easy_cleanup(e);
	}
}

static void act(struct shard *s, int fd, int flags)
{
	int running;

	curl_multi_socket_action(s->multi, fd, flags, &running);
	settle(s);
}

static void fire_timers(void)
{
	int64_t now = now_us();

	for (size_t i = 0; i < shard_count; i++)
		if (shards[i].fire_us >= 0 && shards[i].fire_us <= now) {
			shards[i].fire_us = -1;
			act(&shards[i], CURL_SOCKET_TIMEOUT, 0);
		}
}

static int wait_ms(void)
{
	int64_t earliest = -1, left;

	for (size_t i = 0; i < shard_count; i++)
		if (shards[i].fire_us >= 0 && (earliest < 0 || shards[i].fire_us < earliest))
			earliest = shards[i].fire_us;
	if (earliest < 0)
		return -1;
	left = earliest - now_us();
	return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

static void run(void)
{
	struct epoll_event ready[256];

	while (finished < options.requests) {
		int n = epoll_wait(epoll_fd, ready, 256, wait_ms());

		for (int i = 0; i < n; i++) {
			int fd = ready[i].data.fd;
			int flags = (ready[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
				    (ready[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
				    (ready[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR
									     : 0);

			if (files[fd].wanted) {
				act(files[fd].shard, fd, flags);
			} else if (files[fd].watched) {
				epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
				files[fd].watched = 0;
			}
		}
		fire_timers();
	}
}

static void make_shards(void)
{
	shard_count = (size_t)(options.in_flight + SHARD_CONNECTIONS - 1) / SHARD_CONNECTIONS;
	shards = calloc(shard_count, sizeof *shards);
	for (size_t i = 0; i < shard_count; i++) {
		struct shard *s = &shards[i];

		s->multi = curl_multi_init();
		s->fire_us = -1;
		curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
		curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
		curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timer);
		curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
		curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)SHARD_CONNECTIONS);
	}
	for (long i = 0; i < options.in_flight && i < options.requests; i++)
		start(&shards[i / SHARD_CONNECTIONS], curl_easy_init());
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {{"url", required_argument, NULL, 'u'},
		{"requests", required_argument, NULL, 'n'},
		{"in-flight", required_argument, NULL, 'c'},
		{"body-bytes", required_argument, NULL, 'b'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option == 'u')
			options.url = optarg;
		else if (option == 'n')
			options.requests = atol(optarg);
		else if (option == 'c')
			options.in_flight = atol(optarg);
		else if (option == 'b')
			options.body_bytes = atol(optarg);
		else
			exit(2);
	}
	url = curl_url();
	if (options.url == NULL ||
		curl_url_set(url, CURLUPART_URL, options.url, 0) != CURLUE_OK) {
		fprintf(stderr, "floor_curl: --url is needed\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	double seconds;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	parse_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
	setrlimit(RLIMIT_NOFILE, &limit);
	files = calloc(limit.rlim_cur, sizeof *files);
	body = malloc((size_t)options.body_bytes + 1);
	memset(body, 'x', (size_t)options.body_bytes);
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	headers = curl_slist_append(headers, "Idempotency-Key: orders-3-1234567-rule-target");
	headers = curl_slist_append(headers, "User-Agent: floor");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	began_us = now_us();
	began_cpu_us = cpu_us();
	make_shards();
	run();
	seconds = (double)(now_us() - began_us) / 1e6;
	printf("floor_curl in_flight=%ld requests_per_s=%.0f cpu_us=%.1f failed=%ld\n",
		options.in_flight, (double)(finished - options.requests / 10) / seconds,
		(double)(cpu_us() - began_cpu_us) / (double)(finished - options.requests / 10),
		failed);
	return failed != 0;
}
