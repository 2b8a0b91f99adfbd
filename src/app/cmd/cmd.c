/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"

int cmd_wrong_usage(const char *command, const char *why)
{
	if (why != NULL)
		fprintf(stderr, "postrider %s: %s\n", command, why);
	fprintf(stderr, "try 'postrider %s --help'\n", command);
	return 2;
}

void cmd_print_finding(void *ctx, enum conf_severity severity, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s%s\n", severity == CONF_WARNING ? "warning: " : "", line);
}

void cmd_print_fault(void *ctx, enum conf_severity severity, const char *line)
{
	if (severity == CONF_FAULT)
		cmd_print_finding(ctx, severity, line);
}

int cmd_read_input(const char *path, struct buf *out, struct err *err)
{
	if (strcmp(path, "-") == 0)
		return file_read_stream(stdin, "standard input", out, err);
	return file_read(path, out, err);
}
