/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever stands in the head of a reply: a delay is between 0 and a week; Retry-After alone is
 * asked where the reply was no refusal for the rate; and a header says the same alone as it says
 * behind lines of other names.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "core/gate/retry_after.h"

#define NOW_MS INT64_C(1795953600000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const own_names[] = {"X-Busy-Until"};
static const struct retry_after_names own = {own_names, 1};

static enum retry_after_kind read_head(struct slice head, bool throttled, int64_t *ret_delay_ms)
{
	enum retry_after_kind kind;

	*ret_delay_ms = 0;
	kind = retry_after_read(head, &own, throttled, NOW_MS, ret_delay_ms);
	assert(*ret_delay_ms >= 0 && *ret_delay_ms <= RETRY_AFTER_MAX_MS);
	return kind;
}

static void check_order(struct slice head)
{
	int64_t strict_ms, delay_ms;
	enum retry_after_kind strict = read_head(head, false, &strict_ms);
	enum retry_after_kind kind = read_head(head, true, &delay_ms);

	assert(strict == RETRY_AFTER_NONE || (strict == kind && strict_ms == delay_ms));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of((const char *)data, size);
	int64_t alone_ms, among_ms;
	enum retry_after_kind alone;
	struct buf head;

	check_order(text);
	if (memchr(data, '\n', size) != NULL)
		return 0;
	buf_init(&head, BUF_UNLIMITED);
	buf_add_str(&head, "RateLimit:");
	buf_add_slice(&head, text);
	alone = read_head(buf_slice(&head), true, &alone_ms);
	buf_reset(&head);
	buf_add_str(&head, "HTTP/1.1 429 No\r\nRateLimits: 1\r\nRateLimit:");
	buf_add_slice(&head, text);
	buf_add_str(&head, "\nDate: 1\r\n\r\n");
	assert(read_head(buf_slice(&head), true, &among_ms) == alone);
	assert(alone_ms == among_ms);
	buf_release(&head);
	return 0;
}
