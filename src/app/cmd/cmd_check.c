/* SPDX-License-Identifier: Apache-2.0 */
/* The `postrider check` command: reports every fault of a configuration file, prints it as it is
 * in effect (--print), runs its tests (--tests) and tries the network (--network). */
#include <getopt.h>
#include <stdio.h>

#include "check_tests.h"
#include "cmd.h"
#include "app/conf/conf.h"
#include "check_network.h"
#include "base/buf.h"

static const char usage[] =
	"usage: postrider check -c FILE [--print | --print-json] [--no-secrets]\n"
	"                       [--network] [--tests FILE]\n"
	"\n"
	"Validate a configuration, without a network unless told to, like nginx -t. All faults are shown, each with\n"
	"its place; the exit status is 0 when there is none, else 1.\n"
	"\n"
	"  -c, --config FILE   the configuration: a file, or a directory of *.cfg files\n"
	"      --print         show all of it as it is in effect, defaults included, secrets masked\n"
	"      --print-json    the same as JSON\n"
	"      --no-secrets    do not require that environment and files of secrets are there\n"
	"      --network       also look topics up, get tokens, and connect to each destination:\n"
	"                      what is there, how long it took, and what is wrong; sends no event\n"
	"      --tests FILE    also run the tests in FILE: events, and the requests expected of each\n"
	"  -h, --help          this text\n";

enum {
	PRINT = 256,
	PRINT_JSON,
	NO_SECRETS,
	NETWORK,
	TESTS,
};

static int count(size_t n, const char *one)
{
	return printf("%zu %s%s", n, one, n == 1 ? "" : "s");
}

static void report(const struct conf *c, int print)
{
	struct buf out;

	if (print != 0) {
		buf_init(&out, BUF_UNLIMITED);
		(print == PRINT_JSON ? conf_print_json : conf_print)(c, &out);
		fwrite(buf_str(&out), 1, out.len, stdout);
		buf_release(&out);
		return;
	}
	printf("%s: ok (", c->path);
	count(c->rule_count, "rule");
	printf(", ");
	count(c->destination_count, "destination");
	printf(", ");
	count(c->connection_count, "connection");
	printf(", ");
	count(c->consumer_count, "consumer");
	printf(")\n");
}

static int run_tests(const struct conf *c, const char *path)
{
	struct check_tests_result result;
	struct err err = {0};

	if (check_tests_run(c, path, &result, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	printf("%s: %zu passed, %zu failed\n", path, result.passed, result.failed);
	return result.failed > 0;
}

static int try_network(struct conf *c)
{
	/* What fails is in the report; the libraries' own words would only repeat it. */
	struct log_settings quiet = {.level = LOG_NR_VALUES};
	struct network_result result;
	struct buf out;

	log_configure(&quiet);
	http_global_init();
	buf_init(&out, BUF_UNLIMITED);
	network_check(c, &out, &result);
	fwrite(buf_str(&out), 1, out.len, stdout);
	buf_release(&out);
	printf("network: %zu ok, %zu failed\n", result.passed, result.failed);
	return result.failed > 0;
}

struct check_arguments {
	const char *path, *tests;
	int print;
	bool help, network;
	struct conf_options options;
};

static bool take_option(struct check_arguments *a, int code, const char *text)
{
	switch (code) {
	case 'c':
		a->path = text;
		return true;
	case PRINT:
	case PRINT_JSON:
		a->print = code;
		return true;
	case NO_SECRETS:
		a->options.skip_secrets = true;
		return true;
	case NETWORK:
		a->network = true;
		return true;
	case TESTS:
		a->tests = text;
		return true;
	case 'h':
		a->help = true;
		return true;
	default:
		return false;
	}
}

static int run(const struct check_arguments *a)
{
	struct conf *conf = conf_load(a->path, &a->options, cmd_print_finding, NULL);
	int status = 0;

	if (conf == NULL)
		return 1;
	if (a->tests != NULL)
		status = run_tests(conf, a->tests);
	else
		report(conf, a->print);
	if (a->network)
		status |= try_network(conf);
	conf_unref(conf);
	return status;
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"print", no_argument, NULL, PRINT},
		{"print-json", no_argument, NULL, PRINT_JSON},
		{"no-secrets", no_argument, NULL, NO_SECRETS},
		{"network", no_argument, NULL, NETWORK},
		{"tests", required_argument, NULL, TESTS},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct check_arguments a = {.options.generation = 1};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
		if (!take_option(&a, c, optarg)) {
			return cmd_wrong_usage("check", NULL);
		}
	if (a.help) {
		fputs(usage, stdout);
		return 0;
	}
	if (optind < argc)
		return cmd_wrong_usage("check", "there are no arguments but options");
	if (a.path == NULL)
		return cmd_wrong_usage("check", "a configuration is needed: -c FILE");
	if (a.network && a.options.skip_secrets)
		return cmd_wrong_usage(
			"check", "--network needs the secrets: leave --no-secrets out");
	return run(&a);
}
