/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <string.h>

int file_read_stream(FILE *f, const char *name, struct buf *out, struct err *err)
{
	char part[16384];
	size_t n;
	int code = 0;

	errno = 0;
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		buf_add(out, part, n);
	if (ferror(f))
		code = err_set(err, ERR_IO, "%s: %s", name, strerror(errno));
	else if (buf_failed(out))
		code = err_set(err, ERR_LIMIT, "%s: more than %zu bytes", name, out->max_bytes);
	explicit_bzero(part, sizeof part); /* it may have been a private key */
	return code;
}

int file_read(const char *path, struct buf *out, struct err *err)
{
	FILE *f = fopen(path, "re");
	int code;

	if (f == NULL)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	code = file_read_stream(f, path, out, err);
	fclose(f);
	return code;
}
