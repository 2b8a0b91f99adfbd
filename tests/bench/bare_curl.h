/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare_curl.h - a libcurl multi loop and nothing else: POSTs over so many connections. Tuned as
 * far as libcurl goes: multis of 64, descriptors left in epoll, a parsed URL, small buffers, no
 * proxy from the environment.
 */
#ifndef TESTS_BENCH_BARE_CURL_H
#define TESTS_BENCH_BARE_CURL_H

#include <curl/curl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SHARD_CONNECTIONS 64

struct shard {
	CURLM *multi;
	int64_t fire_us; /* -1: never */
};

/* One request at a time; a slot is used again and again. */
struct slot {
	CURL *easy;
	struct shard *shard;
	struct slot *next; /* of the idle ones */
	const char *body;
	size_t body_len;
};

static int epoll_fd;
static struct shard *shards;
static size_t shard_count;
/* Of each descriptor: whose it is, what epoll watches, and whether libcurl wants to know. */
static struct {
	struct shard *shard;
	int watched;
	bool wanted;
} * files;
static struct slot *slots, *idle_slots;
static CURLU *url;
static struct curl_slist *headers;
static long started, finished, failed;
/* Called for each request that ended, whose slot is idle then. */
static void (*on_finished)(struct slot *s);

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

/* Send the body of the first idle slot, of which there must be one. */
static void start(struct slot *s)
{
	CURL *e = s->easy;

	idle_slots = s->next;
	started++;
	curl_easy_reset(e);
	curl_easy_setopt(e, CURLOPT_PRIVATE, s);
	curl_easy_setopt(e, CURLOPT_CURLU, url);
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body_len);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, s->body);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 1024L);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
	curl_multi_add_handle(s->shard->multi, e);
}

static void settle(struct shard *shard)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(shard->multi, &left)) != NULL) {
		CURLcode result = msg->data.result;
		struct slot *s = NULL;
		long status = 0;

		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &s);
		curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
		failed += result != CURLE_OK || status != 200;
		finished++;
		curl_multi_remove_handle(shard->multi, s->easy);
		s->next = idle_slots;
		idle_slots = s;
		on_finished(s);
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

/* Until the first timer, but no longer than @most_ms; -1: any time. */
static int wait_ms(int most_ms)
{
	int64_t earliest = most_ms < 0 ? -1 : now_us() + most_ms * 1000, left;

	for (size_t i = 0; i < shard_count; i++)
		if (shards[i].fire_us >= 0 && (earliest < 0 || shards[i].fire_us < earliest))
			earliest = shards[i].fire_us;
	if (earliest < 0)
		return -1;
	left = earliest - now_us();
	return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

static void on_ready(int fd, unsigned events)
{
	int flags = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		    (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		    (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

	if (files[fd].wanted) {
		act(files[fd].shard, fd, flags);
	} else if (files[fd].watched) {
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		files[fd].watched = 0;
	}
}

/* Serve what is ready, or wait for it; descriptors of others in epoll_fd only end the wait. */
static void pass(int most_ms)
{
	struct epoll_event ready[256];
	int n = epoll_wait(epoll_fd, ready, 256, wait_ms(most_ms));

	for (int i = 0; i < n; i++)
		on_ready(ready[i].data.fd, ready[i].events);
	fire_timers();
}

static void make_shard(struct shard *s)
{
	s->multi = curl_multi_init();
	s->fire_us = -1;
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
	curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)SHARD_CONNECTIONS);
}

/* @in_flight idle slots for @to; false: that is no URL. */
static bool bare_curl_open(const char *to, size_t in_flight)
{
	struct rlimit limit;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	url = curl_url();
	if (to == NULL || curl_url_set(url, CURLUPART_URL, to, 0) != CURLUE_OK)
		return false;
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
	setrlimit(RLIMIT_NOFILE, &limit);
	files = calloc(limit.rlim_cur, sizeof *files);
	/* As long as Postrider's: libcurl puts each byte of them into place by itself. */
	headers = curl_slist_append(NULL, "Content-Type: application/json; charset=utf-8");
	headers =
		curl_slist_append(headers, "Idempotency-Key: bench-100000-3-12345-rule-target");
	headers = curl_slist_append(headers, "User-Agent: prototype/0.1.0");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	shard_count = (in_flight + SHARD_CONNECTIONS - 1) / SHARD_CONNECTIONS;
	shards = calloc(shard_count, sizeof *shards);
	for (size_t i = 0; i < shard_count; i++)
		make_shard(&shards[i]);
	slots = calloc(in_flight, sizeof *slots);
	for (size_t i = in_flight; i-- > 0;) {
		slots[i] = (struct slot){.easy = curl_easy_init(),
			.shard = &shards[i / SHARD_CONNECTIONS],
			.next = idle_slots};
		idle_slots = &slots[i];
	}
	return true;
}

#endif
