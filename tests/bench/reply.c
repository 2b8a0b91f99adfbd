/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply - what response rules cost on a reply: four rules, such as a chat API needs, on a reply
 * of 1 KB of JSON with ten headers that none of them matches. The best of some rounds counts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "core/reply/reply.h"

#define ROUNDS 20
#define JUDGED 100000

static const struct {
	const char *pattern;
	enum retry_action outcome;
} texts[] = {
	{"{\"body\":{\"ok\":[false],\"error\":[\"ratelimited\",\"internal_error\"]}}",
		RETRY_LATER},
	{"{\"body\":{\"ok\":[false]}}", RETRY_REFUSE},
	{"{\"status\":[409]}", RETRY_DELIVERED},
	{"{\"status\":[403],\"headers\":{\"x-ratelimit-remaining\":[\"0\"]}}", RETRY_LATER},
};

static const char head[] =
	"HTTP/1.1 200 OK\r\nDate: Sun, 29 Nov 2026 12:00:00 GMT\r\nServer: envoy\r\n"
	"Content-Type: application/json; charset=utf-8\r\nContent-Length: 1024\r\n"
	"Cache-Control: no-store\r\nVary: Accept-Encoding\r\nX-Request-Id: 4be5a4c0\r\n"
	"X-RateLimit-Limit: 100\r\nX-RateLimit-Remaining: 97\r\nX-RateLimit-Reset: 30\r\n\r\n";

static void make_body(struct buf *body)
{
	buf_add_str(body,
		"{\"ok\":true,\"channel\":\"C123\",\"ts\":\"1503435956.000247\",\"message\":{");
	for (int i = 0; body->len < 960; i++)
		buf_addf(body,
			"\"field%d\":{\"type\":\"text\",\"text\":\"Order %d, EUR %d.50\"},", i,
			i * 7919, i);
	buf_add_str(body, "\"user\":\"U045VRZFT\"}}");
}

static int64_t measure(struct reply_reader *reader, const struct reply *reply)
{
	const struct reply_rule *rule;
	int64_t best_us = INT64_MAX;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t began_us = clock_monotonic_us();

		for (int i = 0; i < JUDGED; i++)
			if (reply_judge(reader, reply, &rule) != REPLY_NO_RULE)
				abort();
		best_us = min_i64(best_us, clock_monotonic_us() - began_us);
	}
	return best_us * 1000 / JUDGED;
}

int main(void)
{
	struct reply_rule rules[COUNT_OF(texts)];
	struct reply_rules *compiled;
	struct reply_reader *reader;
	struct buf body;
	struct err err;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		rules[i] = (struct reply_rule){
			pattern_compile(slice_str(texts[i].pattern), NULL, &err),
			texts[i].outcome, "rule"};
		if (rules[i].pattern == NULL)
			abort();
	}
	buf_init(&body, BUF_UNLIMITED);
	make_body(&body);
	compiled = reply_rules_new(rules, COUNT_OF(rules));
	reader = reply_reader_new(compiled);
	printf("reply rules=%zu body_bytes=%zu ns=%lld\n", COUNT_OF(rules), body.len,
		(long long)measure(reader, &(struct reply){.status = 200,
						   .head = slice_of(head, sizeof head - 1),
						   .body = buf_slice(&body)}));
	reply_reader_free(reader);
	reply_rules_free(compiled);
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		pattern_free((struct pattern *)rules[i].pattern);
	buf_release(&body);
	return 0;
}
