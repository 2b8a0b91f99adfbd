/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor_curl - the bare libcurl multi loop that Postrider is measured against: POSTs of one
 * body, so many in flight, nothing else (bare_curl.h).
 *
 *   floor_curl --url URL [--requests N] [--in-flight N] [--body-bytes N]
 *
 * Prints requests a second and CPU microseconds a request, of this process, without the first
 * tenth.
 */
#include <getopt.h>
#include <string.h>

#include "bare_curl.h"

static struct {
	const char *url;
	long requests, in_flight, body_bytes;
} options = {.requests = 200000, .in_flight = 64, .body_bytes = 1024};

static int64_t began_us, began_cpu_us;

static void go_on(struct slot *s)
{
	if (finished == options.requests / 10) {
		began_us = now_us();
		began_cpu_us = cpu_us();
	}
	if (started < options.requests)
		start(s);
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
}

int main(int argc, char **argv)
{
	double seconds, counted;
	char *body;

	parse_options(argc, argv);
	if (!bare_curl_open(options.url, (size_t)options.in_flight)) {
		fprintf(stderr, "floor_curl: --url is needed\n");
		return 2;
	}
	on_finished = go_on;
	body = malloc((size_t)options.body_bytes + 1);
	memset(body, 'x', (size_t)options.body_bytes);
	for (long i = 0; i < options.in_flight; i++) {
		slots[i].body = body;
		slots[i].body_len = (size_t)options.body_bytes;
	}
	began_us = now_us();
	began_cpu_us = cpu_us();
	while (idle_slots != NULL && started < options.requests)
		start(idle_slots);
	while (finished < options.requests)
		pass(-1);
	seconds = (double)(now_us() - began_us) / 1e6;
	counted = (double)(finished - options.requests / 10);
	printf("floor_curl in_flight=%ld requests_per_s=%.0f cpu_us=%.1f failed=%ld\n",
		options.in_flight, counted / seconds,
		(double)(cpu_us() - began_cpu_us) / counted, failed);
	return failed != 0;
}
