/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is signed: any URL, header and body leads to whole header lines and nothing else, and to
 * the same ones again.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/auth/sigv4.h"
#include "core/auth/webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t lines(const struct buf *b)
{
	size_t count = 0;

	for (size_t i = 0; i < b->len; i++) {
		assert(b->data[i] != '\r' && b->data[i] != '\n');
		count += b->data[i] == '\0';
	}
	assert(b->len == 0 || b->data[b->len - 1] == '\0');
	return count;
}

static void sign_v4(const struct sigv4_request *r, struct buf *out)
{
	const struct sigv4_settings s = {
		SLICE("AKID"), SLICE("secret"), SLICE("token"), "eu-central-1", "execute-api"};
	struct sigv4 *v = sigv4_new(&s);
	size_t before = lines(out), count = 0;
	struct header_writer w = {.lines = out, .count = &count};

	sigv4_sign(v, r, &w);
	assert(lines(out) == before + count);
	sigv4_free(v);
}

static void sign_webhook(struct slice body, struct buf *out)
{
	const struct slice key = SLICE("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	struct webhook_signer *s = webhook_signer_new(&key, 1, NULL);
	size_t before = lines(out), count = 0;
	struct header_writer w = {.lines = out, .count = &count};

	webhook_sign(s, SLICE("msg_1"), 1614265330000, body, &w);
	assert(count == 3 && lines(out) == before + count);
	webhook_signer_free(s);
}

/* Up to the first three line ends: URL, a header's value, body. No control character gets that
 * far in either: core/request refuses them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmemdup(data, size), *url, *header, *end;
	struct buf once, again;
	struct sigv4_request r = {
		.method = "POST", .header_count = 1, .wall_ms = 1614265330000};

	for (size_t i = 0; i < size; i++)
		if (((unsigned char)text[i] < ' ' && text[i] != '\n') || text[i] == 0x7f)
			text[i] = 'x';
	end = strchr(text, '\n');
	url = xasprintf("https://example.com/%.*s", (int)(end ? end - text : 0), text);
	header = xasprintf(
		"X-Any: %.*s", (int)(end ? strcspn(end + 1, "\n") : 0), end ? end + 1 : "");
	r.url = url;
	r.headers = header;
	r.body = slice_of(text, size);
	buf_init(&once, BUF_UNLIMITED);
	buf_init(&again, BUF_UNLIMITED);
	sign_v4(&r, &once);
	sign_webhook(r.body, &once);
	sign_v4(&r, &again);
	sign_webhook(r.body, &again);
	assert(once.len == again.len && memcmp(once.data, again.data, once.len) == 0);
	buf_release(&once);
	buf_release(&again);
	free(url);
	free(header);
	free(text);
	return 0;
}
