/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output and standard error behind a filter: streams of our own, which stdio's names then
 * stand for. */
#include "terminal.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/utf8.h"

/* One of the two. */
struct guarded {
	int fd;
	char begun[UTF8_MAX_BYTES]; /* a character whose rest comes with the next write */
	size_t begun_len;
};

/* Is the end of a text, which decodes to no character, the beginning of one? */
static bool is_begun(const char *p, size_t len)
{
	unsigned char lead = (unsigned char)p[0];
	size_t whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

	if (lead < 0xc2 || lead > 0xf4 || len >= whole)
		return false;
	for (size_t i = 1; i < len; i++)
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			return false;
	return true;
}

static void add_character(struct buf *out, const char *p, size_t len)
{
	if (len == 1 && (*p == '\n' || *p == '\t'))
		buf_add_char(out, *p);
	else
		buf_add_printable(out, slice_of(p, len));
}

/* Append @text to @out, filtered. Returns how many bytes at its end are a character begun. */
static size_t filter(struct slice text, struct buf *out)
{
	size_t i = 0;

	while (i < text.len) {
		uint32_t code;
		size_t len = utf8_decode(text.data + i, text.data + text.len, &code);

		if (len == 0 && is_begun(text.data + i, text.len - i))
			break;
		len = len ? len : 1;
		add_character(out, text.data + i, len);
		i += len;
	}
	return text.len - i;
}

static int write_all(int fd, struct slice text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.data, text.len);

		if (n < 0 && errno != EINTR)
			return -1;
		n = n < 0 ? 0 : n;
		text = slice_of(text.data + n, text.len - (size_t)n);
	}
	return 0;
}

static ssize_t write_guarded(void *cookie, const char *data, size_t len)
{
	struct guarded *g = cookie;
	struct buf in, out;
	int code;

	buf_init(&in, BUF_UNLIMITED);
	buf_init(&out, BUF_UNLIMITED);
	buf_add(&in, g->begun, g->begun_len);
	buf_add(&in, data, len);
	g->begun_len = filter(buf_slice(&in), &out);
	memcpy(g->begun, in.data + in.len - g->begun_len, g->begun_len);
	code = write_all(g->fd, buf_slice(&out));
	buf_release(&in);
	buf_release(&out);
	return code == 0 ? (ssize_t)len : 0; /* 0 is how such a stream fails */
}

static FILE *guard(struct guarded *g, FILE *plain, int buffering)
{
	FILE *stream = fopencookie(g, "w", (cookie_io_functions_t){.write = write_guarded});

	if (stream == NULL)
		return plain;
	setvbuf(stream, NULL, buffering, BUFSIZ);
	return stream;
}

void terminal_guard(void)
{
	static struct guarded out = {.fd = STDOUT_FILENO}, err = {.fd = STDERR_FILENO};

	stdout = guard(&out, stdout, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF);
	stderr = guard(&err, stderr, _IOLBF);
}
