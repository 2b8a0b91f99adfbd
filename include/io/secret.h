/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.h - values that must never be seen, and where they come from.
 *
 * A configured text may hold references: ${env:NAME}, ${file:PATH}, ${credential:NAME}
 * (systemd: $CREDENTIALS_DIRECTORY/NAME), several in one, nested in text; "$$" is a dollar, and
 * so is one that neither "$" nor "{" follows. Names may hold references in their turn:
 * ${file:${env:SECRETS}/key}. A file's last line end is cut. A struct secret can't be given to
 * the logger, and its bytes are wiped when it is released or replaced.
 */
#ifndef IO_SECRET_H
#define IO_SECRET_H

#include "base/err.h"
#include "base/util.h"

/* The expanded text. Read it by secret_value() where it is put on the wire, nowhere else. */
struct secret {
	char *bytes; /* NUL behind them; NULL: empty */
	size_t len;
};

void secret_release(struct secret *s);

static inline struct slice secret_value(const struct secret *s)
{
	return slice_of(s->bytes ? s->bytes : "", s->len);
}

/* Does @text refer to anything? A credential without a reference is a literal secret. */
bool secret_has_reference(const char *text);

/*
 * Expand @text, replacing what *ret (zero before its first use) held; relative paths are
 * relative to @base_dir (NULL: the working directory). ERR_NOT_FOUND or ERR_INVALID name the
 * reference that can't be resolved, never a value; *ret is untouched then. Other codes tell why
 * a file could not be read: ERR_DENIED, ERR_IO, ERR_LIMIT.
 */
int secret_expand(struct secret *ret, const char *text, const char *base_dir,
	struct err *err) ATTR_MUST_CHECK;

/* Append to @paths, an array of @count malloc'ed strings (both freed by the caller), each file
 * that @text refers to, for watching. Returns the new count. */
size_t secret_files(const char *text, const char *base_dir, char ***paths, size_t count);

#endif
