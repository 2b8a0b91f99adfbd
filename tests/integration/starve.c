/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into the program: whoever allocates the STARVE_AT-th time from the start on, also a
 * library, gets nothing, and so does everybody with STARVE_ON set from then on. At the end the
 * number of allocations goes to the file STARVE_COUNT, if that is set. Who uses the nothing
 * that it got is named on standard error.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static atomic_long allocations;
static long fail_at;
static bool fail_on;

static bool fails(void)
{
	long n = atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed) + 1;

	if (fail_at == 0 || (fail_on ? n < fail_at : n != fail_at))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

/* "segfault in FILE": the innermost that is neither this file nor the C library, which was
 * called. */
static void name_the_guilty(int number)
{
	void *frames[32];
	int count = backtrace(frames, 32);
	Dl_info in = {.dli_fname = "?"};

	for (int i = 2; i < count; i++)
		if (dladdr(frames[i], &in) != 0 && strstr(in.dli_fname, "/libc.so") == NULL)
			break;
	dprintf(STDERR_FILENO, "segfault in %s\n", in.dli_fname);
	signal(number, SIG_DFL);
	raise(number);
}

/* Counting begins where the program does: what the dynamic linker needs is not asked about. */
__attribute__((constructor)) static void begin(void)
{
	const char *at = getenv("STARVE_AT");
	void *first[1];

	backtrace(first, 1); /* loads what it needs */
	signal(SIGSEGV, name_the_guilty);
	atomic_store(&allocations, 0);
	fail_on = getenv("STARVE_ON") != NULL;
	fail_at = at != NULL ? atol(at) : 0;
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("STARVE_COUNT");
	char text[32];
	int fd, len;

	if (path == NULL)
		return;
	fail_at = 0;
	len = snprintf(text, sizeof text, "%ld\n", atomic_load(&allocations));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd >= 0 && write(fd, text, (size_t)len) < 0)
		perror(path);
}
