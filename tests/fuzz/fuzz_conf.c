/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration file of any bytes: it is refused with a line that has a place, or what is
 * printed of it is taken again.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/conf/conf.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct conf_options options = {
	.embedded = true, .skip_secrets = true, .generation = 1};
static unsigned faults;

static void complain(void *ctx, enum conf_severity severity, const char *line)
{
	(void)ctx;
	assert(line[0] != '\0');
	faults += severity == CONF_FAULT;
}

static void write_file(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "w");

	assert(f != NULL);
	fwrite(data, 1, size, f);
	fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[64];
	struct conf *c, *again;
	struct buf printed;

	if (path[0] == '\0')
		snprintf(path, sizeof path, "/tmp/postrider-fuzz-%d.cfg", (int)getpid());
	write_file(path, data, size);
	faults = 0;
	c = conf_load(path, &options, complain, NULL);
	assert((c == NULL) == (faults > 0));
	if (c == NULL)
		return 0;
	buf_init(&printed, BUF_UNLIMITED);
	conf_print(c, &printed);
	write_file(path, printed.data, printed.len);
	again = conf_load(path, &options, complain, NULL);
	assert(again != NULL || faults > 0); /* masked secrets and files may be refused */
	conf_unref(again);
	conf_unref(c);
	buf_release(&printed);
	unlink(path);
	return 0;
}
