/* SPDX-License-Identifier: Apache-2.0 */
#include "base/util.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

static atomic_long fail_countdown;

void util_fail_allocation(long n)
{
	atomic_store(&fail_countdown, n);
}

void out_of_memory(void)
{
	/* The logger may allocate; this must not. */
	static const char line[] = "level=fatal id=out_of_memory msg=\"out of memory; what was "
				   "not settled will be read again\"\n";

	(void)!write(STDERR_FILENO, line, sizeof line - 1);
	abort();
}

static void *checked(void *ptr)
{
	if (ptr == NULL)
		out_of_memory();
	return ptr;
}

static void count_down(void)
{
	if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) == 0)
		return;
	if (atomic_fetch_sub(&fail_countdown, 1) == 1)
		out_of_memory();
}

void *xmalloc(size_t size)
{
	count_down();
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	count_down();
	return checked(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *ptr, size_t size)
{
	count_down();
	return checked(realloc(ptr, size ? size : 1));
}

void *xreallocarray(void *ptr, size_t count, size_t size)
{
	count_down();
	return checked(reallocarray(ptr, count ? count : 1, size ? size : 1));
}

char *xmemdup(const void *data, size_t len)
{
	char *copy = xmalloc(len + 1);

	if (len > 0)
		memcpy(copy, data, len);
	copy[len] = '\0';
	return copy;
}

char *xstrdup(const char *s)
{
	return xmemdup(s, strlen(s));
}

char *xasprintf(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	count_down();
	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0)
		out_of_memory();
	return text;
}

bool slice_ieq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || strncasecmp(a.data, b.data, a.len) == 0);
}

bool slice_istarts(struct slice s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len >= len && strncasecmp(s.data, prefix, len) == 0;
}

uint64_t util_hash(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ (h >> 32);
}
