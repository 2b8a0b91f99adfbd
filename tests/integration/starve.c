/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into the program: whoever allocates the STARVE_AT-th time from the start on, also a
 * library, gets nothing. At the end the number of allocations goes to the file STARVE_COUNT, if
 * that is set. The thread of number STARVE_THREAD can't be made. Who crashes over it is named
 * on standard error.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static atomic_long allocations;
static long fail_at;

/* OpenSSL reads its authorities with a hundred thousand allocations: they would hide all
 * others. */
static struct {
	uintptr_t begin, end;
} openssl;

static int find_openssl(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	if (strstr(info->dlpi_name, "/libcrypto.so") == NULL)
		return 0;
	openssl.begin = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD)
			openssl.end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
				      info->dlpi_phdr[i].p_memsz;
	return 1;
}

static bool fails(void *caller)
{
	uintptr_t from = (uintptr_t)caller;
	long n;

	if (from >= openssl.begin && from < openssl.end)
		return false;
	n = atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed) + 1;
	if (n != fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

/* libcurl's are the same. */
void *mi_malloc(size_t size)
{
	return malloc(size);
}

void *mi_calloc(size_t count, size_t size)
{
	return calloc(count, size);
}

void *mi_realloc(void *old, size_t size)
{
	return realloc(old, size);
}

char *mi_strdup(const char *text)
{
	return strdup(text);
}

void mi_free(void *memory)
{
	free(memory);
}

static bool thread_fails(void)
{
	static atomic_long threads;
	const char *at = getenv("STARVE_THREAD");

	return at != NULL && atomic_fetch_add(&threads, 1) + 1 == atol(at);
}

int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
	int (*real)(thrd_t *, thrd_start_t, void *) = dlsym(RTLD_NEXT, "thrd_create");

	return thread_fails() ? thrd_nomem : real(thread, run, arg);
}

int pthread_create(
	pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
		dlsym(RTLD_NEXT, "pthread_create");

	return thread_fails() ? EAGAIN : real(thread, attr, run, arg);
}

/* "crash in FILE": the innermost that is neither this file nor the C library, which was
 * called. */
static void name_the_guilty(int number)
{
	void *frames[32];
	int count = backtrace(frames, 32);
	Dl_info in = {.dli_fname = "?"};

	for (int i = 2; i < count; i++)
		if (dladdr(frames[i], &in) != 0 && strstr(in.dli_fname, "/libc.so") == NULL)
			break;
	dprintf(STDERR_FILENO, "crash in %s\n", in.dli_fname);
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
	signal(SIGFPE, name_the_guilty);
	signal(SIGABRT, name_the_guilty);
	dl_iterate_phdr(find_openssl, NULL);
	atomic_store(&allocations, 0);
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
