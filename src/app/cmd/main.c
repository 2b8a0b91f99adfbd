/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postrider: carries events from Kafka topics to HTTP APIs. This file only picks the
 * subcommand.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "cmd.h"
#include "terminal.h"
#include "base/util.h"
#include "io/http/http.h"
#include "io/source/source.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *does;
} commands[] = {
	{"run", cmd_run, "carry events, until a signal ends it"},
	{"check", cmd_check, "validate a configuration without running it"},
	{"test-event", cmd_test_event,
		"show which rules match an event and what would be sent"},
	{"test-pattern", cmd_test_pattern, "does an event pattern match an event?"},
	{"test-transform", cmd_test_transform,
		"show the body that a transformer makes of an event"},
	{"dead-letters", cmd_dead_letters, "show dead letters, and send them again"},
	{"reload", cmd_reload, "have the running daemon read its configuration again"},
	{"status", cmd_status, "show what the running daemon does"},
	{"broker", cmd_broker, "run the embedded broker alone, for trying things out"},
};

static void print_usage(FILE *out)
{
	fputs("usage: postrider COMMAND [OPTIONS]\n\n"
	      "Postrider carries events from Kafka topics to HTTP APIs.\n\n",
		out);
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		fprintf(out, "  %-16s %s\n", commands[i].name, commands[i].does);
	fputs("\nEach command has --help. The manual: postrider(1), postrider.cfg(5).\n", out);
}

static void print_version(void)
{
	printf("postrider %s (%s, %s)\n", POSTRIDER_VERSION, source_library_version(),
		http_library_version());
}

/* Before anything secret is read: no core dump holds it, no process of the same user looks into
 * this one, and libcurl writes no session keys to a file. */
static void keep_secrets(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	unsetenv("SSLKEYLOGFILE");
}

static int run(const struct command *command, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof name, "postrider %s", command->name);
	argv[0] = name;
	return command->run(argc, argv);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	keep_secrets();
	terminal_guard();
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return run(&commands[i], argc - 1, argv + 1);
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		print_version();
		return 0;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ||
		strcmp(name, "help") == 0) {
		print_usage(stdout);
		return 0;
	}
	if (name[0] != '\0') {
		fprintf(stderr, "postrider: there is no command '%s'\ntry 'postrider --help'\n",
			name);
		return 2;
	}
	print_usage(stderr);
	return 2;
}
