/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - a whole file in memory.
 *
 * Both functions append to @out, whose limit is the largest size that is accepted. They return
 * 0, ERR_IO (the error says which file and why) or ERR_LIMIT; then @out holds a part, or nothing.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

int file_read(const char *path, struct buf *out, struct err *err) ATTR_MUST_CHECK;
/* The rest of the open file @f, which messages call @name. */
int file_read_stream(
	FILE *f, const char *name, struct buf *out, struct err *err) ATTR_MUST_CHECK;

#endif
