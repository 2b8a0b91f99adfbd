/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_client - what floor_curl does, by io/http: the difference is what io/http costs.
 *
 *   http_client --url URL [--requests N] [--in-flight N] [--body-bytes N] [--ca FILE]
 *              [--http2]
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "io/http/http.h"

static struct {
	const char *url, *ca_file;
	long requests, in_flight, body_bytes;
	bool http2;
} options = {.requests = 200000, .in_flight = 64, .body_bytes = 1024};

static struct loop *loop;
static struct http_client *client;
static long started, finished, failed;
static int64_t began_us, began_cpu_us;
static char *body;

static int64_t cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

static void on_done(struct http_request *r, const struct http_result *result)
{
	if (result->transport != RETRY_TRANSPORT_OK || result->status != 200) {
		if (failed++ == 0)
			fprintf(stderr, "http_client: status %d, %s\n", result->status,
				result->error);
	}
	if (++finished == options.requests / 10) {
		began_us = clock_monotonic_us();
		began_cpu_us = cpu_us();
	}
	if (started < options.requests) {
		started++;
		http_submit(client, r);
	} else if (finished == options.requests) {
		loop_stop(loop);
	}
}

static void submit_first(void)
{
	static const char headers[] = "Content-Type: application/json\0"
				      "Idempotency-Key: orders-3-1234567-rule-target\0"
				      "User-Agent: floor\0";
	struct http_request *requests = xcalloc((size_t)options.in_flight, sizeof *requests);

	for (; started < options.in_flight && started < options.requests; started++) {
		requests[started] = (struct http_request){
			.method = "POST",
			.url = options.url,
			.url_is_constant = true,
			.headers = headers,
			.header_count = 3,
			.has_body = true,
			.body = slice_of(body, (size_t)options.body_bytes),
			.done = on_done,
		};
		http_submit(client, &requests[started]);
	}
}

static void parse_options(int argc, char **argv)
{
	static const struct option longs[] = {{"url", required_argument, NULL, 'u'},
		{"requests", required_argument, NULL, 'n'},
		{"in-flight", required_argument, NULL, 'c'},
		{"body-bytes", required_argument, NULL, 'b'},
		{"ca", required_argument, NULL, 'a'}, {"http2", no_argument, NULL, '2'}, {0}};
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
		else if (option == 'a')
			options.ca_file = optarg;
		else if (option == '2')
			options.http2 = true;
		else
			exit(2);
	}
	if (options.url == NULL) {
		fprintf(stderr, "http_client: --url is needed\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct http_settings settings = http_default_settings;
	struct http_client_state state;
	struct rlimit limit;
	struct err err;
	double measured, seconds;

	parse_options(argc, argv);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	http_global_init();
	loop = loop_new();
	settings.ca_file = options.ca_file;
	settings.http2 = options.http2;
	client = http_client_new(loop, &settings, &err);
	if (client == NULL) {
		fprintf(stderr, "http_client: %s\n", err.text);
		return 1;
	}
	body = xmalloc((size_t)options.body_bytes + 1);
	memset(body, 'x', (size_t)options.body_bytes);
	began_us = clock_monotonic_us();
	began_cpu_us = cpu_us();
	submit_first();
	loop_run(loop);
	seconds = (double)(clock_monotonic_us() - began_us) / 1e6;
	measured = (double)(finished - options.requests / 10);
	state = http_client_get_state(client);
	printf("http_client in_flight=%ld requests_per_s=%.0f cpu_us=%.1f failed=%ld "
	       "connections=%llu\n",
		options.in_flight, measured / seconds,
		(double)(cpu_us() - began_cpu_us) / measured, failed,
		(unsigned long long)state.connections_opened);
	http_client_free(client);
	loop_free(loop);
	return failed != 0;
}
