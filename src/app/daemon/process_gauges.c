/* SPDX-License-Identifier: Apache-2.0 */
/* The process as the system sees it: /proc/self, getrusage(), getrlimit(). */
#include "process_gauges.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/http/http.h"
#include "io/kafka/kafka.h"

static void obtain(struct process_gauge *g, struct metrics *m, enum metric_id id)
{
	g->metric = metrics_obtain(m, id, NULL, NULL, NULL);
	g->reported = 0;
}

static void report(struct process_gauge *g, int64_t value)
{
	metric_gauge(g->metric, &g->reported, value);
}

void process_gauges_init(struct process_gauges *g, struct metrics *m)
{
	obtain(&g->cpu, m, METRIC_CPU_SECONDS);
	obtain(&g->resident, m, METRIC_RESIDENT_BYTES);
	obtain(&g->virtual, m, METRIC_VIRTUAL_BYTES);
	obtain(&g->open_fds, m, METRIC_OPEN_FDS);
	obtain(&g->max_fds, m, METRIC_MAX_FDS);
	metric_add(metrics_obtain(m, METRIC_START_TIME, NULL, NULL, NULL), clock_wall_ms());
	metric_add(metrics_obtain(m, METRIC_BUILD_INFO, POSTRIDER_VERSION,
			   kafka_library_version(), http_curl_version()),
		1);
	process_gauges_sample(g);
}

static void sample_memory(struct process_gauges *g)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long long page = sysconf(_SC_PAGESIZE), total, resident;

	if (f == NULL)
		return;
	if (fscanf(f, "%lld %lld", &total, &resident) == 2) {
		report(&g->virtual, total * page);
		report(&g->resident, resident * page);
	}
	fclose(f);
}

static void sample_descriptors(struct process_gauges *g)
{
	DIR *directory = opendir("/proc/self/fd");
	struct rlimit limit;
	int64_t count = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		report(&g->max_fds, (int64_t)limit.rlim_cur);
	if (directory == NULL)
		return;
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	report(&g->open_fds, count - 3); /* ".", "..", and the directory itself */
}

static int64_t microseconds(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

void process_gauges_sample(struct process_gauges *g)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) == 0)
		report(&g->cpu, microseconds(usage.ru_utime) + microseconds(usage.ru_stime));
	sample_memory(g);
	sample_descriptors(g);
}
