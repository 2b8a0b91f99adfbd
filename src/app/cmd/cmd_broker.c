/* SPDX-License-Identifier: Apache-2.0 */
/* The `postrider broker` command: the embedded broker alone, with the topics that were
 * named, until a signal ends it. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd.h"
#include "io/kafka/embedded.h"

static const char usage[] =
	"usage: postrider broker [--topic NAME[:PARTITIONS]]...\n"
	"\n"
	"Run the embedded broker alone, for trying things out. It listens on a free port of 127.0.0.1, keeps\n"
	"everything in memory (5 MiB a partition), makes topics when they are named, and prints its address.\n"
	"\n"
	"      --topic NAME[:N]    make a topic with N partitions (default 4)\n"
	"  -h, --help              this text\n";

static bool make_topic(struct embedded *broker, const char *argument, struct err *err)
{
	char *name = xstrdup(argument), *colon = strrchr(name, ':');
	unsigned partitions = 4;
	int code;

	if (colon != NULL) {
		*colon = '\0';
		partitions = (unsigned)strtoul(colon + 1, NULL, 10);
	}
	code = partitions == 0 ? err_set(err, ERR_INVALID,
					 "%s: PARTITIONS must be a number from 1", argument)
			       : embedded_create_topic(broker, name, partitions, err);
	free(name);
	return code == 0;
}

static int serve(char **topics, size_t topic_count)
{
	struct err err;
	struct embedded *broker;
	sigset_t set;
	int signo;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	broker = embedded_new(&err);
	if (broker == NULL) {
		fprintf(stderr, "postrider broker: %s\n", err.text);
		return 1;
	}
	for (size_t i = 0; i < topic_count; i++)
		if (!make_topic(broker, topics[i], &err)) {
			fprintf(stderr, "postrider broker: %s\n", err.text);
			embedded_free(broker);
			return 1;
		}
	printf("%s\n", embedded_bootstrap_servers(broker));
	fflush(stdout);
	sigwait(&set, &signo);
	embedded_free(broker);
	return 0;
}

int cmd_broker(int argc, char **argv)
{
	enum {
		TOPIC = 256
	};
	static const struct option options[] = {
		{"topic", required_argument, NULL, TOPIC},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	char **topics = xcalloc((size_t)argc, sizeof *topics);
	size_t topic_count = 0;
	int c, status;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == TOPIC) {
			topics[topic_count++] = optarg;
			continue;
		}
		free(topics);
		if (c != 'h')
			return cmd_wrong_usage("broker", NULL);
		fputs(usage, stdout);
		return 0;
	}
	status = serve(topics, topic_count);
	free(topics);
	return status;
}
