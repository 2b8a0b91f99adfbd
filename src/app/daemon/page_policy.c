/* SPDX-License-Identifier: Apache-2.0 */
/* The Content-Security-Policy for the status page. */
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "base/base64.h"
#include "core/auth/sha256.h"

/* The hash of what stands between @open and @close, as a browser wants it. */
static void add_hash(struct buf *out, struct sha256 *sha, const char *open, const char *close)
{
	const char *start = strstr(page_html, open) + strlen(open);
	const struct slice text = {start, (size_t)(strstr(start, close) - start)};
	unsigned char hash[SHA256_BYTES];

	sha256_hash(sha, &text, 1, hash);
	buf_add_str(out, "'sha256-");
	base64_encode(out, (struct slice){(const char *)hash, sizeof hash});
	buf_add_char(out, '\'');
}

char *page_policy(void)
{
	struct sha256 *sha = sha256_new();
	struct buf out;
	char *policy;

	buf_init(&out, BUF_UNLIMITED);
	buf_add_str(&out, "default-src 'none'; connect-src 'self'; base-uri 'none'; "
			  "form-action 'none'; frame-ancestors 'none'; script-src ");
	add_hash(&out, sha, "<script>", "</script>");
	buf_add_str(&out, "; style-src ");
	add_hash(&out, sha, "<style>", "</style>");
	policy = xstrdup(buf_str(&out));
	buf_release(&out);
	sha256_free(sha);
	return policy;
}
