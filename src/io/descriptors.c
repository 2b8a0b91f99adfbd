/* SPDX-License-Identifier: Apache-2.0 */
/* The limit of open files: raised once, and read for each new socket. */
#include "io/descriptors.h"

#include <sys/resource.h>

/* Kernels allow a billion where nobody has set a limit. */
#define DESCRIPTORS_MAX ((rlim_t)1 << 20)
/* Kept from requests: a quarter, up to: */
#define RESERVE_MAX 128

void descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static size_t get_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > DESCRIPTORS_MAX)
		return (size_t)DESCRIPTORS_MAX;
	return (size_t)limit.rlim_cur;
}

size_t descriptors_for_requests(void)
{
	size_t limit = get_limit();

	return limit - (limit / 4 < RESERVE_MAX ? limit / 4 : RESERVE_MAX);
}
