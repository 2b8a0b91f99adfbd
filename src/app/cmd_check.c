/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>

#include "app/check_tests.h"
#include "app/cmd.h"
#include "app/conf.h"
#include "app/conf_doc.h"
#include "base/buf.h"

static const char usage[] =
	"usage: postrider check -c FILE [--print | --print-json] [--no-secrets]\n"
	"                       [--tests FILE]\n"
	"       postrider check --reference | --manual | --keys\n"
	"\n"
	"Validate a configuration without a network, like nginx -t. All faults are shown, each with\n"
	"its place; the exit status is 0 when there is none, else 1.\n"
	"\n"
	"  -c, --config FILE   the configuration: a file, or a directory of *.cfg files\n"
	"      --print         show all of it as it is in effect, defaults included, secrets masked\n"
	"      --print-json    the same as JSON\n"
	"      --no-secrets    do not require that environment and files of secrets are there\n"
	"      --tests FILE    also run the tests in FILE: events, and the requests expected of each\n"
	"      --reference     print every key with its default, for a file to start from\n"
	"      --manual        print what postrider.cfg(5) says of each key, in mdoc\n"
	"      --keys          print the names of all keys\n"
	"  -h, --help          this text\n";

enum {
	PRINT = 256,
	PRINT_JSON,
	NO_SECRETS,
	TESTS,
	REFERENCE,
	MANUAL,
	KEYS,
};

static void complain(void *ctx, enum conf_severity severity, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s%s\n", severity == CONF_WARNING ? "warning: " : "", line);
}

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

static int print_document(void (*write)(struct buf *out))
{
	struct buf out;

	buf_init(&out, BUF_UNLIMITED);
	write(&out);
	fwrite(buf_str(&out), 1, out.len, stdout);
	buf_release(&out);
	return 0;
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"print", no_argument, NULL, PRINT},
		{"print-json", no_argument, NULL, PRINT_JSON},
		{"no-secrets", no_argument, NULL, NO_SECRETS},
		{"tests", required_argument, NULL, TESTS},
		{"reference", no_argument, NULL, REFERENCE},
		{"manual", no_argument, NULL, MANUAL},
		{"keys", no_argument, NULL, KEYS},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct conf_options o = {.generation = 1};
	const char *path = NULL, *tests = NULL;
	struct conf *conf;
	int c, print = 0, status;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case PRINT:
		case PRINT_JSON:
			print = c;
			break;
		case NO_SECRETS:
			o.skip_secrets = true;
			break;
		case TESTS:
			tests = optarg;
			break;
		case REFERENCE:
			return print_document(conf_doc_reference);
		case MANUAL:
			return print_document(conf_doc_manual);
		case KEYS:
			return print_document(conf_doc_keys);
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (path == NULL || optind < argc) {
		fprintf(stderr, "postrider check: %s\n%s",
			path == NULL ? "a configuration is needed: -c FILE"
				     : "there are no arguments but options",
			usage);
		return 2;
	}
	conf = conf_load(path, &o, complain, NULL);
	if (conf == NULL)
		return 1;
	status = tests != NULL ? run_tests(conf, tests) : 0;
	if (tests == NULL)
		report(conf, print);
	conf_unref(conf);
	return status;
}
