/* SPDX-License-Identifier: Apache-2.0 */
/*
 * util.h - what C forgot: attributes, sizes, slices, and memory that never is NULL.
 *
 * Allocation aborts when memory is out. That is right for this program: an
 * offset is committed only after success, so a crash repeats work but loses
 * none, and half of all error paths need not exist. Sizes that come from
 * outside are bounded *before* they are allocated.
 *
 * Everything here may be called from any thread.
 */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ATTR_MUST_CHECK   __attribute__((warn_unused_result))
#define ATTR_NORETURN     __attribute__((noreturn))
#define ATTR_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ATTR_UNUSED       __attribute__((unused))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The struct of @type whose @member is at @ptr. */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline int64_t min_i64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t max_i64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Bytes that somebody else owns; not terminated, may hold NUL. data may be NULL
 * only when len is 0; where absent and empty differ (a Kafka key), NULL is absent. */
struct slice {
	const char *data;
	size_t len;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

static inline struct slice slice_of(const char *data, size_t len)
{
	return (struct slice){data, len};
}

/* The text of a C string; NULL gives an absent slice. */
static inline struct slice slice_str(const char *s)
{
	return (struct slice){s, s ? strlen(s) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Are two C strings, each of which may be NULL, the same? */
static inline bool str_eq(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Letters of ASCII compare without case. */
bool slice_ieq(struct slice a, struct slice b);
bool slice_istarts(struct slice s, const char *prefix);

/* Ends the process with a line that says so; for those that learn it from a library. */
void out_of_memory(void) ATTR_NORETURN;

/* Never NULL; the caller owns the result and gives it to free(). Size 0 is allowed. */
void *xmalloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2)));
void *xrealloc(void *ptr, size_t size) __attribute__((alloc_size(2)));
/* Like xrealloc of count * size, with the product checked. */
void *xreallocarray(void *ptr, size_t count, size_t size);
char *xstrdup(const char *s);
/* A copy of @len bytes with a NUL behind them. */
char *xmemdup(const void *data, size_t len);
char *xasprintf(const char *fmt, ...) ATTR_PRINTF(1, 2);

/* For tests: the @n-th allocation from now fails (0: none does). */
void util_fail_allocation(long n);

/* 64-bit hash of bytes, equal on every machine and in every release (it stands in
 * commit metadata). FNV-1a with a final mix. */
uint64_t util_hash(const void *data, size_t len);

#endif
