/* SPDX-License-Identifier: Apache-2.0 */
#include "io/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* More than any key or token has; a mistaken path must not fill the memory. */
#define FILE_MAX_BYTES (1024 * 1024)
/* ${file:${env:DIR}/name} is two deep. */
#define MAX_DEPTH 8

static void wipe(void *data, size_t len)
{
	if (data != NULL)
		explicit_bzero(data, len);
}

void secret_release(struct secret *s)
{
	wipe(s->bytes, s->len);
	free(s->bytes);
	*s = (struct secret){0};
}

/* Not a struct buf: realloc() would leave copies behind. */
static void add(struct secret *out, struct slice text)
{
	char *grown;

	if (text.len == 0)
		return;
	grown = xmalloc(out->len + text.len + 1);
	if (out->len > 0)
		memcpy(grown, out->bytes, out->len);
	memcpy(grown + out->len, text.data, text.len);
	grown[out->len + text.len] = '\0';
	wipe(out->bytes, out->len);
	free(out->bytes);
	out->bytes = grown;
	out->len += text.len;
}

/* Where the next "$$" or "${" of @text stands, or its end. */
static size_t find_dollar(struct slice text)
{
	for (size_t i = 0; i + 1 < text.len; i++)
		if (text.data[i] == '$' && (text.data[i + 1] == '$' || text.data[i + 1] == '{'))
			return i;
	return text.len;
}

/* The length of the reference that @text begins with, both braces included; 0: not closed. */
static size_t reference_length(struct slice text)
{
	unsigned open = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '$' && i + 1 < text.len && text.data[i + 1] == '{') {
			open++;
			i++;
		} else if (text.data[i] == '}' && --open == 0) {
			return i + 1;
		}
	}
	return 0;
}

bool secret_has_reference(const char *text)
{
	struct slice rest = slice_str(text);

	while (rest.len > 0) {
		size_t at = find_dollar(rest);

		if (at == rest.len)
			return false;
		if (rest.data[at + 1] == '{')
			return true;
		rest = slice_of(rest.data + at + 2, rest.len - at - 2);
	}
	return false;
}

/* One walk over a text, for its expansion or for the files that it refers to. */
struct scanner {
	const char *base_dir;
	unsigned depth;
	struct secret *out; /* NULL: only the files are wanted */
	char ***paths;
	size_t path_count;
	struct err *err;
};

static int scan(struct scanner *s, struct slice text);

enum kind {
	KIND_ENV,
	KIND_FILE,
	KIND_CREDENTIAL,
	KIND_NR_VALUES
};

static const char *const kind_names[KIND_NR_VALUES] = {
	[KIND_ENV] = "env:",
	[KIND_FILE] = "file:",
	[KIND_CREDENTIAL] = "credential:",
};

static int read_env(struct scanner *s, const char *reference, const char *name)
{
	const char *value = getenv(name);

	if (value == NULL)
		return err_set(s->err, ERR_NOT_FOUND,
			"%s: this environment variable is not set", reference);
	add(s->out, slice_str(value));
	return 0;
}

static char *resolve_path(const char *path, const char *base_dir)
{
	if (path[0] == '/' || base_dir == NULL || base_dir[0] == '\0')
		return xstrdup(path);
	return xasprintf("%s/%s", base_dir, path);
}

/* The whole of @fd into @bytes, which has room for the limit and one more. */
static int read_descriptor(int fd, char *bytes, size_t *ret_len)
{
	size_t len = 0;

	while (len <= FILE_MAX_BYTES) {
		ssize_t n = read(fd, bytes + len, FILE_MAX_BYTES + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

static int check_file_text(
	struct scanner *s, const char *reference, const char *bytes, size_t len)
{
	if (len > FILE_MAX_BYTES)
		return err_set(s->err, ERR_LIMIT, "%s: the file has more than %d bytes",
			reference, FILE_MAX_BYTES);
	if (memchr(bytes, '\0', len) != NULL)
		return err_set(s->err, ERR_INVALID,
			"%s: the file holds a NUL byte; a secret is text", reference);
	return 0;
}

static int read_open_file(struct scanner *s, const char *reference, int fd)
{
	char *bytes;
	size_t len = 0;
	int code;
	struct stat st;

	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(s->err, ERR_INVALID, "%s: not a regular file", reference);
	bytes = xmalloc(FILE_MAX_BYTES + 1);
	if (read_descriptor(fd, bytes, &len) != 0)
		code = err_set(s->err, ERR_IO, "%s: %s", reference, strerror(errno));
	else
		code = check_file_text(s, reference, bytes, len);
	if (code == 0) {
		size_t end = len;

		if (end > 0 && bytes[end - 1] == '\n')
			end--;
		if (end < len && end > 0 && bytes[end - 1] == '\r')
			end--;
		add(s->out, slice_of(bytes, end));
	}
	wipe(bytes, len);
	free(bytes);
	return code;
}

static int read_secret_file(struct scanner *s, const char *reference, const char *path)
{
	/* Without O_NONBLOCK a FIFO nobody writes to would stop the loop. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), code;
	/* What was looked for, unless a value has gone into it. */
	bool nested = strstr(reference + 2, "${") != NULL;

	if (fd < 0)
		return err_set(s->err, errno == EACCES ? ERR_DENIED : ERR_NOT_FOUND,
			"%s: %s%s%s", reference, nested ? "" : path, nested ? "" : ": ",
			strerror(errno));
	code = read_open_file(s, reference, fd);
	close(fd);
	return code;
}

static int use_file(struct scanner *s, const char *reference, char *path)
{
	int code = 0;

	if (s->out != NULL) {
		code = read_secret_file(s, reference, path);
		free(path);
	} else {
		*s->paths = xreallocarray(*s->paths, s->path_count + 1, sizeof **s->paths);
		(*s->paths)[s->path_count++] = path;
	}
	return code;
}

static int use_credential(struct scanner *s, const char *reference, const char *name)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (strchr(name, '/') != NULL || strcmp(name, "..") == 0 || strcmp(name, ".") == 0)
		return err_set(s->err, ERR_INVALID,
			"%s: a credential's name is not a path; write ${file:…} for a file",
			reference);
	if (dir == NULL)
		return err_set(s->err, ERR_NOT_FOUND,
			"%s: CREDENTIALS_DIRECTORY is not set; systemd sets it for a unit "
			"with LoadCredential=",
			reference);
	return use_file(s, reference, xasprintf("%s/%s", dir, name));
}

static int use(struct scanner *s, const char *reference, enum kind kind, const char *name)
{
	if (name[0] == '\0')
		return err_set(s->err, ERR_INVALID, "%s: there is no name in it", reference);
	switch (kind) {
	case KIND_ENV:
		return s->out != NULL ? read_env(s, reference, name) : 0;
	case KIND_FILE:
		return use_file(s, reference, resolve_path(name, s->base_dir));
	default:
		return use_credential(s, reference, name);
	}
}

/* What stands behind "env:" may itself hold references: ${file:${env:DIR}/key}. */
static int expand_name(struct scanner *s, struct slice text, struct secret *ret)
{
	struct scanner inner = *s;

	if (++inner.depth > MAX_DEPTH)
		return err_set(
			s->err, ERR_LIMIT, "more than %d references in each other", MAX_DEPTH);
	inner.out = ret;
	return scan(&inner, text);
}

static int use_reference(struct scanner *s, struct slice text)
{
	struct slice inner = slice_of(text.data + 2, text.len - 3);
	char *reference = xmemdup(text.data, text.len);
	struct secret name = {0};
	unsigned kind;
	int code;

	for (kind = 0; kind < KIND_NR_VALUES; kind++) {
		size_t len = strlen(kind_names[kind]);

		if (inner.len >= len && memcmp(inner.data, kind_names[kind], len) == 0) {
			inner = slice_of(inner.data + len, inner.len - len);
			break;
		}
	}
	if (kind == KIND_NR_VALUES)
		code = err_set(s->err, ERR_INVALID,
			"%s is not a reference; there are ${env:NAME}, ${file:PATH} and "
			"${credential:NAME}; write $${ for the characters themselves",
			reference);
	else
		code = expand_name(s, inner, &name);
	if (code == 0)
		code = use(s, reference, (enum kind)kind, name.bytes ? name.bytes : "");
	secret_release(&name);
	free(reference);
	return code;
}

static int scan(struct scanner *s, struct slice text)
{
	while (text.len > 0) {
		size_t at = find_dollar(text), used = at;
		int code;

		if (s->out != NULL)
			add(s->out, slice_of(text.data, at));
		if (at == text.len)
			break;
		if (text.data[at + 1] == '$') {
			if (s->out != NULL)
				add(s->out, SLICE("$"));
			used += 2;
		} else {
			size_t len = reference_length(slice_of(text.data + at, text.len - at));

			if (len == 0)
				return err_set(s->err, ERR_INVALID,
					"a reference that begins with ${ is not closed by }; "
					"write $${ for the characters themselves");
			code = use_reference(s, slice_of(text.data + at, len));
			if (code != 0)
				return code;
			used += len;
		}
		text = slice_of(text.data + used, text.len - used);
	}
	return 0;
}

int secret_expand(struct secret *ret, const char *text, const char *base_dir, struct err *err)
{
	struct secret out = {0};
	struct scanner s = {.base_dir = base_dir, .out = &out, .err = err};
	int code = scan(&s, slice_str(text));

	if (code != 0) {
		secret_release(&out);
		return code;
	}
	secret_release(ret);
	*ret = out;
	return 0;
}

size_t secret_files(const char *text, const char *base_dir, char ***paths, size_t count)
{
	struct scanner s = {.base_dir = base_dir, .paths = paths, .path_count = count};
	struct slice rest = slice_str(text);

	/* One that can't be resolved hides no other. */
	while (rest.len > 0) {
		size_t at = find_dollar(rest), len = 2;

		if (at == rest.len)
			break;
		rest = slice_of(rest.data + at, rest.len - at);
		if (rest.data[1] == '{') {
			len = reference_length(rest);
			if (len == 0)
				break;
			(void)use_reference(&s, slice_of(rest.data, len));
		}
		rest = slice_of(rest.data + len, rest.len - len);
	}
	return s.path_count;
}
