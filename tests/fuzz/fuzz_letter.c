/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers that stand on a record in a dead-letter topic, whoever wrote them: it is no letter,
 * or what is read of it lies within it, and says a record that could be.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/letter_view.h"

#define HEADERS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a letter has; a fuzzer does not guess a dozen of them at once. */
static const char *const names[] = {"ERROR_CODE", "ERROR_MESSAGE", "RULE_NAME", "TARGET_ID",
	"DESTINATION", "HTTP_STATUS", "RETRY_ATTEMPTS", "SOURCE_TOPIC", "SOURCE_PARTITION",
	"SOURCE_OFFSET", "SOURCE_TIMESTAMP", "FIRST_ATTEMPT_TIME", "LAST_ATTEMPT_TIME",
	"RESPONSE_BODY", "REDRIVE_COUNT", "EXHAUSTED_RETRY_CONDITION"};

/* A byte for the name, one for the length, then the value. */
static size_t read_headers(struct event_header *headers, const uint8_t *data, size_t size)
{
	size_t count = 0;

	while (count < HEADERS_MAX && size >= 2) {
		const char *name = names[data[0] % COUNT_OF(names)];
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		headers[count++] = (struct event_header){
			.name = data[0] & 0x80 ? slice_of((const char *)data + 2, len)
					       : slice_str(name),
			.value = slice_of((const char *)data + 2, len),
		};
		data += 2 + len;
		size -= 2 + len;
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_header headers[HEADERS_MAX];
	struct event_fields record = {
		.topic = "dead", .value = SLICE("{}"), .headers = headers};
	struct letter_view v;

	record.header_count = (uint32_t)read_headers(headers, data, size);
	if (letter_view_read(&v, &record)) {
		struct event_fields event = letter_view_event(&v, &record);

		assert(v.header_count <= record.header_count);
		assert(event.header_count == v.header_count);
		assert(event_is_topic_name(slice_str(v.topic)));
		assert(v.partition >= 0 && v.offset >= 0);
	}
	return 0;
}
