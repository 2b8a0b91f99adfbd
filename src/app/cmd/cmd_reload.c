/* SPDX-License-Identifier: Apache-2.0 */
/* The `postrider reload` command: checks the file here, asks the running daemon to read it
 * again, and waits until the daemon has applied or refused it. */
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cmd.h"
#include "app/conf/conf.h"
#include "admin_client.h"
#include "base/clock.h"
#include "io/http/http.h"

#define TIMEOUT_MS 15000

static const char usage[] =
	"usage: postrider reload -c FILE\n"
	"\n"
	"Have the daemon that runs on FILE read it again, and wait until the new one is in force.\n"
	"A file with a fault is refused here, and changes nothing there.\n"
	"\n"
	"  -c, --config FILE   the configuration that it runs on; its admin.listen is asked\n"
	"  -h, --help          this text\n"
	"\n"
	"The exit status is 0 when the new configuration is in force, else 1.\n";

/* What the daemon says of reloads: the member that is not in a reply is 0. */
struct answer {
	json_int_t requested, answered;
	bool successful;
};

static int read_answer(const struct admin_client *daemon, const struct buf *text,
	struct answer *ret, struct err *err)
{
	json_t *json = json_loadb(text->data, text->len, 0, NULL);

	if (!json_is_integer(json_object_get(json, "requested"))) {
		json_decref(json);
		return err_set(err, ERR_IO, "%s is not Postrider's", daemon->url);
	}
	*ret = (struct answer){
		.requested = json_integer_value(json_object_get(json, "requested")),
		.answered = json_integer_value(json_object_get(json, "answered")),
		.successful = json_is_true(json_object_get(json, "successful")),
	};
	json_decref(json);
	return 0;
}

/* With @conf_path: request a reload. */
static int ask(const struct admin_client *daemon, const char *conf_path, struct answer *ret,
	struct err *err)
{
	struct buf text;
	int code;

	buf_init(&text, BUF_UNLIMITED);
	code = conf_path != NULL ? admin_client_reload(daemon, conf_path, &text, err)
				 : admin_client_reloads(daemon, &text, err);
	if (code == 0)
		code = read_answer(daemon, &text, ret, err);
	buf_release(&text);
	return code;
}

/* Until the daemon has dealt with request @number. */
static int wait_for_reload(
	const struct admin_client *daemon, json_int_t number, struct err *err)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS;
	struct answer now;

	while (clock_monotonic_ms() < until_ms) {
		if (ask(daemon, NULL, &now, err) != 0)
			return ERR_IO;
		if (now.answered >= number)
			return now.successful
				       ? 0
				       : err_set(err, ERR_INVALID,
						 "the daemon refused the configuration; its log says why");
		nanosleep(&pause, NULL);
	}
	return err_set(err, ERR_IO, "the daemon has not reloaded in %d s", TIMEOUT_MS / 1000);
}

static int reload(const char *conf_path, struct err *err)
{
	struct admin_client daemon;
	struct answer request;
	int code;

	if (admin_client_find(&daemon, conf_path, err) != 0)
		return ERR_NOT_FOUND;
	code = ask(&daemon, conf_path, &request, err);
	if (code == 0)
		code = wait_for_reload(&daemon, request.requested, err);
	admin_client_release(&daemon);
	return code;
}

int cmd_reload(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	/* The daemon has its own environment: whether its secrets are
	 * there is for it to say. */
	const struct conf_options check = {
		.embedded = true, .skip_secrets = true, .generation = 1};
	const char *conf_path = NULL;
	struct conf *conf;
	struct err err;
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (c == 'c') {
			conf_path = optarg;
			continue;
		}
		if (c != 'h')
			return cmd_wrong_usage("reload", NULL);
		fputs(usage, stdout);
		return 0;
	}
	if (conf_path == NULL)
		return cmd_wrong_usage("reload", "a configuration is needed: -c FILE");
	http_global_init();
	conf = conf_load(conf_path, &check, cmd_print_finding, NULL);
	if (conf == NULL)
		return 1;
	conf_unref(conf);
	if (reload(conf_path, &err) != 0) {
		fprintf(stderr, "postrider reload: %s\n", err.text);
		return 1;
	}
	printf("%s is in force\n", conf_path);
	return 0;
}
