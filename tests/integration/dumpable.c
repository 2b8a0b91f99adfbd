/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into the program: when a command begins to read its options, it writes to the file
 * SEEN whether the process may be dumped and whether libcurl is asked for session keys.
 */
#include <dlfcn.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

typedef int (*getopt_fn)(int argc, char *const *argv, const char *letters,
	const struct option *options, int *at);

int getopt_long(
	int argc, char *const *argv, const char *letters, const struct option *options, int *at)
{
	FILE *f = fopen(getenv("SEEN"), "w");

	if (f != NULL) {
		fprintf(f, "%d %s", prctl(PR_GET_DUMPABLE),
			getenv("SSLKEYLOGFILE") ? "keys" : "no keys");
		fclose(f);
	}
	return ((getopt_fn)dlsym(RTLD_NEXT, "getopt_long"))(argc, argv, letters, options, at);
}
