/* SPDX-License-Identifier: Apache-2.0 */
/* The `postrider reload` command: checks the file here, asks the running daemon to read it
 * again, and waits until the daemon has applied or refused it. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
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

/* What the daemon says of its configuration. */
struct answer {
	pid_t pid;
	json_int_t generation, reloads;
	bool successful;
};

static int daemon_answer(const struct remote *daemon, struct answer *ret, struct err *err)
{
	struct buf out;
	json_t *status, *configuration;
	int code;

	buf_init(&out, BUF_UNLIMITED);
	code = remote_status(daemon, &out, err);
	status = code == 0 ? json_loadb(out.data, out.len, 0, NULL) : NULL;
	buf_release(&out);
	if (code == 0 && status == NULL)
		code = err_set(err, ERR_IO, "%s/status is not Postrider's", daemon->url);
	if (code != 0)
		return code;
	configuration = json_object_get(status, "configuration");
	*ret = (struct answer){
		.pid = (pid_t)json_integer_value(json_object_get(status, "pid")),
		.generation = json_integer_value(json_object_get(configuration, "generation")),
		.reloads = json_integer_value(json_object_get(configuration, "reloads")),
		.successful =
			json_is_true(json_object_get(configuration, "last_reload_successful")),
	};
	json_decref(status);
	return 0;
}

static int wait_for_reload(
	const struct remote *daemon, const struct answer *before, struct err *err)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	int64_t until_ms = clock_monotonic_ms() + TIMEOUT_MS;
	struct answer now;

	while (clock_monotonic_ms() < until_ms) {
		if (daemon_answer(daemon, &now, err) != 0)
			return ERR_IO;
		if (now.reloads > before->reloads)
			return now.successful
				       ? 0
				       : err_set(err, ERR_INVALID,
						 "the daemon refused the configuration; its log says why");
		nanosleep(&pause, NULL);
	}
	return err_set(err, ERR_IO, "the daemon (pid %d) has not reloaded in %d s",
		(int)before->pid, TIMEOUT_MS / 1000);
}

static int reload(const char *conf_path, struct err *err)
{
	struct remote daemon;
	struct answer before;
	int code;

	if (remote_find(&daemon, conf_path, err) != 0)
		return ERR_NOT_FOUND;
	code = daemon_answer(&daemon, &before, err);
	if (code == 0 && (before.pid <= 1 || kill(before.pid, SIGHUP) != 0))
		code = err_set(err, ERR_DENIED, "pid %d can't be signalled: %s",
			(int)before.pid, strerror(errno));
	if (code == 0)
		code = wait_for_reload(&daemon, &before, err);
	remote_release(&daemon);
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
		fputs(usage, c == 'h' ? stdout : stderr);
		return c == 'h' ? 0 : 2;
	}
	if (conf_path == NULL) {
		fputs(usage, stderr);
		return 2;
	}
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
