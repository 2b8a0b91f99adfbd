/* SPDX-License-Identifier: Apache-2.0 */
/* The `postrider status` command: asks the running daemon for /status and prints it as
 * tables, or as JSON. */
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd.h"
#include "admin_client.h"
#include "io/http/http.h"

#define WATCH_SECONDS 2

static const char usage[] =
	"usage: postrider status -c FILE | --url URL [--json] [--watch]\n"
	"\n"
	"Show what a running daemon does: its lanes, destinations and dead-letter topics.\n"
	"\n"
	"  -c, --config FILE   the configuration that it runs on; its admin.listen is asked\n"
	"      --url URL       or the listener itself: http://127.0.0.1:9464\n"
	"      --json          the answer as it is, for programs\n"
	"      --watch         again every two seconds, until interrupted\n"
	"  -h, --help          this text\n"
	"\n"
	"The exit status is 0 when it is ready, 1 when it is not or does not answer.\n";

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static int64_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* "-", "12 s", "3 min", "5 h": at a glance. */
static const char *span(int64_t ms, char out[32])
{
	if (ms < 0)
		return "-";
	if (ms < 120000)
		snprintf(out, 32, "%" PRId64 " s", ms / 1000);
	else if (ms < 7200000)
		snprintf(out, 32, "%" PRId64 " min", ms / 60000);
	else
		snprintf(out, 32, "%" PRId64 " h", ms / 3600000);
	return out;
}

static const char *state_of(const json_t *d)
{
	const json_t *connection = json_object_get(d, "connection");
	const char *breaker = text(d, "breaker");

	if (strcmp(text(connection, "state"), "AUTHORIZED") != 0)
		return text(connection, "state");
	if (json_is_true(json_object_get(d, "dead_letter_guard_paused")))
		return "held back";
	return strcmp(breaker, "closed") == 0 ? "delivering" : breaker;
}

static void print_destinations(const json_t *status)
{
	const json_t *d;
	char age[32], probe[32];
	size_t i;

	printf("%-24s %-14s %11s %8s %8s %11s %12s  %s\n", "DESTINATION", "STATE", "IN FLIGHT",
		"QUEUED", "RETRIES", "DELIVERED", "DEAD LETTERS", "LAST ERROR");
	json_array_foreach(json_object_get(status, "destinations"), i, d)
	{
		char in_flight[32];

		snprintf(in_flight, sizeof in_flight, "%" PRId64 "/%" PRId64,
			number(d, "in_flight"), number(d, "window"));
		printf("%-24s %-14s %11s %8" PRId64 " %8" PRId64 " %11" PRId64 " %12" PRId64
		       "  ",
			text(d, "name"), state_of(d), in_flight, number(d, "queued"),
			number(d, "waiting_for_retry"), number(d, "delivered"),
			number(d, "dead_letters"));
		if (text(d, "last_error")[0] != '\0')
			printf("%s (%s ago)", text(d, "last_error"),
				span(number(d, "last_error_age_ms"), age));
		if (number(d, "next_probe_in_ms") >= 0)
			printf(", next probe in %s",
				span(number(d, "next_probe_in_ms"), probe));
		if (text(json_object_get(d, "connection"), "reason")[0] != '\0')
			printf(" %s", text(json_object_get(d, "connection"), "reason"));
		putchar('\n');
	}
}

/* Of all its partitions; "-" while that of one is unknown. */
static const char *lag_of(const json_t *lane, char out[32])
{
	const json_t *p;
	int64_t lag = 0;
	size_t i;

	json_array_foreach(json_object_get(lane, "partitions"), i, p)
	{
		if (!json_is_integer(json_object_get(p, "lag")))
			return "-";
		lag += number(p, "lag");
	}
	snprintf(out, 32, "%" PRId64, lag);
	return out;
}

static void print_problems(const json_t *lane)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(lane, "partitions"), i, p)
	{
		if (text(p, "problem")[0] != '\0')
			printf("    %s, partition %" PRId64 ": %s\n", text(p, "topic"),
				number(p, "partition"), text(p, "problem"));
	}
}

static void print_lanes(const json_t *status)
{
	const json_t *lane, *p;
	size_t i, k;

	printf("\n%-36s %-18s %11s %10s %8s %8s\n", "GROUP", "STATE", "PARTITIONS", "LAG",
		"OPEN", "OLDEST");
	json_array_foreach(json_object_get(status, "lanes"), i, lane)
	{
		int64_t oldest_ms = -1;
		char partitions[32], age[32], lag[32];

		json_array_foreach(json_object_get(lane, "partitions"), k, p)
		{
			if (number(p, "oldest_open_ms") > oldest_ms &&
				number(p, "open_records") > 0)
				oldest_ms = number(p, "oldest_open_ms");
		}
		snprintf(partitions, sizeof partitions, "%" PRId64 "/%" PRId64,
			number(lane, "assigned_partitions"), number(lane, "all_partitions"));
		printf("%-36s %-18s %11s %10s %8" PRId64 " %8s\n", text(lane, "group"),
			text(lane, "state"), partitions, lag_of(lane, lag),
			number(lane, "open_deliveries"), span(oldest_ms, age));
		if (text(lane, "kafka_error")[0] != '\0')
			printf("    %s\n", text(lane, "kafka_error"));
		print_problems(lane);
	}
}

static void print_letters(const json_t *status)
{
	const json_t *t;
	size_t i;

	json_array_foreach(json_object_get(status, "dead_letter_topics"), i,
		t) if (json_is_true(json_object_get(t, "holding")))
		printf("\ndead-letter topic %s: %" PRId64 " letters can't be written: %s\n",
			text(t, "topic"), number(t, "pending"), text(t, "reason"));
}

static void print_all(const json_t *status)
{
	const json_t *configuration = json_object_get(status, "configuration");
	char up[32];

	printf("postrider %s, %s, up %s, %s (generation %" PRId64 ")\n\n",
		text(status, "version"),
		json_is_true(json_object_get(status, "ready")) ? "ready" : "not ready",
		span(number(status, "uptime_ms"), up), text(configuration, "file"),
		number(configuration, "generation"));
	print_destinations(status);
	print_lanes(status);
	print_letters(status);
}

/* 0 when it is ready. */
static int show(const struct admin_client *daemon, bool as_json)
{
	struct buf out;
	struct err err;
	json_t *status;
	int ready = 1;

	buf_init(&out, BUF_UNLIMITED);
	if (admin_client_status(daemon, &out, &err) != 0) {
		fprintf(stderr, "postrider status: %s\n", err.text);
		buf_release(&out);
		return 1;
	}
	status = json_loadb(out.data, out.len, 0, NULL);
	if (status == NULL) {
		fprintf(stderr, "postrider status: %s/status is not Postrider's\n",
			daemon->url);
	} else {
		ready = json_is_true(json_object_get(status, "ready")) ? 0 : 1;
		if (as_json)
			fputs(buf_str(&out), stdout);
		else
			print_all(status);
	}
	json_decref(status);
	buf_release(&out);
	return ready;
}

static ATTR_NORETURN void show_again(const struct admin_client *daemon, bool as_json)
{
	for (;;) {
		if (!as_json)
			fputs("\033[H\033[2J", stdout);
		show(daemon, as_json);
		fflush(stdout);
		sleep(WATCH_SECONDS);
	}
}

int cmd_status(int argc, char **argv)
{
	enum {
		URL = 256,
		AS_JSON,
		WATCH
	};
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"url", required_argument, NULL, URL},
		{"json", no_argument, NULL, AS_JSON},
		{"watch", no_argument, NULL, WATCH},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *conf_path = NULL, *url = NULL;
	struct admin_client daemon;
	bool as_json = false, watch = false;
	struct err err;
	int c, status;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (c == 'c') {
			conf_path = optarg;
		} else if (c == URL) {
			url = optarg;
		} else if (c == AS_JSON) {
			as_json = true;
		} else if (c == WATCH) {
			watch = true;
		} else if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		} else {
			return cmd_wrong_usage("status", NULL);
		}
	}
	if (url == NULL && conf_path == NULL)
		return cmd_wrong_usage("status",
			"name the configuration (-c FILE) or the listener (--url URL)");
	http_global_init();
	if (url != NULL) {
		admin_client_at(&daemon, url);
	} else if (admin_client_find(&daemon, conf_path, &err) != 0) {
		fprintf(stderr, "postrider status: %s\n", err.text);
		return 1;
	}
	if (watch)
		show_again(&daemon, as_json);
	status = show(&daemon, as_json);
	admin_client_release(&daemon);
	return status;
}
