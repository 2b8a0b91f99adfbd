/* SPDX-License-Identifier: Apache-2.0 */
/* The `postrider run` command: parses the options of the daemon (app/daemon) and starts it. */
#include <getopt.h>
#include <stdio.h>

#include "cmd.h"
#include "app/daemon/daemon.h"
#include "io/descriptors.h"
#include "io/http/http.h"

static const char usage[] =
	"usage: postrider run -c FILE [--embedded [--bootstrap-file FILE]]\n"
	"\n"
	"Carry events from Kafka topics to HTTP APIs, until a signal ends it.\n"
	"\n"
	"  -c, --config FILE       the configuration: a file, or a directory of *.cfg files\n"
	"      --embedded          bring a broker of our own, for trying things out\n"
	"      --bootstrap-file F  write its address to F when it is ready\n"
	"  -h, --help              this text\n"
	"\n"
	"SIGTERM drains and leaves, SIGHUP reads the configuration again.\n";

int cmd_run(int argc, char **argv)
{
	enum {
		EMBEDDED = 256,
		BOOTSTRAP_FILE
	};
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"embedded", no_argument, NULL, EMBEDDED},
		{"bootstrap-file", required_argument, NULL, BOOTSTRAP_FILE},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct daemon_options o = {0};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			o.conf_path = optarg;
			break;
		case EMBEDDED:
			o.embedded = true;
			break;
		case BOOTSTRAP_FILE:
			o.bootstrap_file = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return cmd_wrong_usage("run", NULL);
		}
	}
	if (o.conf_path == NULL)
		return cmd_wrong_usage("run", "a configuration is needed: -c FILE");
	if (optind < argc)
		return cmd_wrong_usage("run", "there are no arguments but options");
	descriptors_raise();
	http_global_init();
	return daemon_run(&o);
}
