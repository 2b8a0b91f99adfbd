/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prototype - the least that carries events from Kafka to an HTTP endpoint, each committed
 * after its reply: the bare libraries (bare_kafka.h, bare_curl.h), and between them a mark for
 * each offset. No matching, no template, no order, no retry, no limit but that of requests in
 * flight.
 *
 *   prototype BOOTSTRAP TOPIC COUNT URL IN_FLIGHT BODY_BYTES PREFETCH_KB
 *
 * Sends the first BODY_BYTES of each record, and fetches PREFETCH_KB of each partition ahead:
 * 4096 is what Postrider does, and throttles librdkafka 2.0 here, which stalls for a second
 * when it has so much; with 65536 it does not, but takes the memory. Prints events a second and
 * CPU microseconds an event, of this process, both without the first tenth, and its peak
 * memory.
 */
#include <fcntl.h>
#include <stdbool.h>

#include "bare_curl.h"
#include "bare_kafka.h"

#define COMMIT_EVERY_US 1000000
#define SERVE_EVERY_MS  5
/* Offsets between the first open one of a partition and the last read. */
#define WINDOW 65536

struct partition {
	int64_t next_read;
	uint8_t done[WINDOW]; /* by offset */
};

struct record {
	char *body;
	int partition;
	int64_t offset;
};

static struct bench kafka = {.wake_fd = -1};
static struct partition *partitions;
static struct record *records; /* by slot */
static long wanted, body_bytes;
static int64_t began_us, began_cpu_us;
static int wake_pipe[2];

static void settle_record(struct slot *s)
{
	const struct record *r = &records[s - slots];
	struct partition *p = &partitions[r->partition];
	int64_t *low = &kafka.next[r->partition];

	if (finished == wanted / 10) {
		began_us = now_us();
		began_cpu_us = cpu_us();
	}
	p->done[r->offset % WINDOW] = 1;
	while (*low < p->next_read && p->done[*low % WINDOW]) {
		p->done[*low % WINDOW] = 0;
		++*low;
	}
}

static bool send_one(int i)
{
	struct partition *p = &partitions[i];
	struct slot *s = idle_slots;
	struct record *r = &records[s - slots];
	rd_kafka_message_t *m;

	if (p->next_read - kafka.next[i] >= WINDOW)
		return false;
	m = rd_kafka_consume_queue(kafka.queues[i], 0);
	if (m == NULL)
		return false;
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (p->next_read == 0)
			kafka.next[i] = m->offset;
		p->next_read = m->offset + 1;
		r->partition = i;
		r->offset = m->offset;
		s->body = r->body;
		s->body_len = m->len < (size_t)body_bytes ? m->len : (size_t)body_bytes;
		memcpy(r->body, m->payload, s->body_len);
		start(s);
	}
	rd_kafka_message_destroy(m);
	return true;
}

/* From each partition in turn. */
static void send_what_is_there(void)
{
	bool found = true;

	while (found && idle_slots != NULL && started < wanted) {
		found = false;
		for (int i = 0; i < kafka.count && idle_slots != NULL && started < wanted; i++)
			found = send_one(i) || found;
	}
}

static void run(void)
{
	int64_t served_us = 0, committed_us = now_us();
	char bytes[256];

	while (finished < wanted) {
		send_what_is_there();
		pass(SERVE_EVERY_MS);
		while (read(wake_pipe[0], bytes, sizeof bytes) == sizeof bytes)
			;
		if (now_us() - served_us >= SERVE_EVERY_MS * 1000) {
			serve_main(&kafka, 0);
			served_us = now_us();
		}
		if (now_us() - committed_us >= COMMIT_EVERY_US && kafka.partitions != NULL) {
			commit(&kafka, 1);
			committed_us = now_us();
		}
	}
}

static void open_all(char **argv)
{
	char prefetch[64];
	char *properties[] = {prefetch};
	size_t in_flight = (size_t)atol(argv[5]);
	struct epoll_event ev = {.events = EPOLLIN};

	snprintf(prefetch, sizeof prefetch, "queued.max.messages.kbytes=%s", argv[7]);
	wanted = atol(argv[3]);
	body_bytes = atol(argv[6]);
	partitions = calloc(MAX_PARTITIONS, sizeof *partitions);
	records = calloc(in_flight, sizeof *records);
	for (size_t i = 0; i < in_flight; i++)
		records[i].body = malloc((size_t)body_bytes);
	if (!bare_curl_open(argv[4], in_flight))
		fail("url", argv[4]);
	on_finished = settle_record;
	if (pipe2(wake_pipe, O_NONBLOCK | O_CLOEXEC) != 0)
		fail("pipe", "none");
	kafka.wake_fd = wake_pipe[1];
	ev.data.fd = wake_pipe[0];
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_pipe[0], &ev);
	bare_kafka_open(&kafka, argv[1], argv[2], properties, 1);
}

int main(int argc, char **argv)
{
	double seconds, counted;
	struct rusage usage;

	if (argc != 8)
		fail("usage",
			"prototype BOOTSTRAP TOPIC COUNT URL IN_FLIGHT BODY_BYTES PREFETCH_KB");
	open_all(argv);
	run();
	commit(&kafka, 0);
	seconds = (double)(now_us() - began_us) / 1e6;
	counted = (double)(finished - wanted / 10);
	getrusage(RUSAGE_SELF, &usage);
	printf("prototype events_per_s=%.0f cpu_us=%.1f peak_mb=%ld failed=%ld\n",
		counted / seconds, (double)(cpu_us() - began_cpu_us) / counted,
		usage.ru_maxrss / 1024, failed);
	bare_kafka_close(&kafka);
	return failed != 0;
}
