/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor_kafka.c - what reading from Kafka costs when nothing is done with the records: a bare
 * librdkafka consumer with a queue for each partition, blocking, with a commit at the end. The
 * floor under everything that is built on it.
 *
 *   floor_kafka BOOTSTRAP TOPIC COUNT [name=value...]
 *
 * Reads COUNT records from the beginning, as a group of its own, and prints one line:
 *
 *   records=200000 bytes=... seconds=... per_s=... cpu_us_per_record=... peak_mib=...
 *
 * CPU is that of the whole process, librdkafka's threads included, without the first tenth of
 * the records; what it fetches ahead is what Postrider does.
 */
#include <sys/resource.h>
#include <time.h>

#include "bare_kafka.h"

#define IDLE_WAIT_MS 5

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static long read_partition(struct bench *b, int i, long most, unsigned long long *bytes)
{
	rd_kafka_message_t *m;
	long count = 0;

	while (count < most && (m = rd_kafka_consume_queue(b->queues[i], 0)) != NULL) {
		if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
			count++;
			*bytes += m->len;
			b->next[i] = m->offset + 1;
		}
		rd_kafka_message_destroy(m);
	}
	return count;
}

int main(int argc, char **argv)
{
	struct bench b = {.wake_fd = -1};
	double began_s = 0, began_cpu_s = 0, for_s, used_s;
	unsigned long long bytes = 0;
	struct rusage usage;
	long wanted, got = 0, counted_from = 0;

	if (argc < 4)
		fail("usage", "floor_kafka BOOTSTRAP TOPIC COUNT [name=value...]");
	wanted = atol(argv[3]);
	bare_kafka_open(&b, argv[1], argv[2], argv + 4, argc - 4);
	while (got < wanted) {
		long before = got;

		for (int i = 0; i < b.count; i++)
			got += read_partition(&b, i, wanted - got, &bytes);
		if (counted_from == 0 && got >= wanted / 10 && got > 0) {
			counted_from = got;
			began_s = now_s();
			began_cpu_s = cpu_s();
		}
		serve_main(&b, got == before ? IDLE_WAIT_MS : 0);
	}
	commit(&b, 0);
	for_s = now_s() - began_s;
	used_s = cpu_s() - began_cpu_s;
	getrusage(RUSAGE_SELF, &usage);
	printf("records=%ld bytes=%llu seconds=%.2f per_s=%.0f cpu_us_per_record=%.2f "
	       "peak_mib=%ld\n",
		got, bytes, for_s, (double)(got - counted_from) / for_s,
		used_s * 1e6 / (double)(got - counted_from), usage.ru_maxrss / 1024);
	bare_kafka_close(&b);
	return 0;
}
