/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scanning configuration files before libconfig does: includes, numbers, names, brackets, strings.
 */
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lex.h"
#include "mistake.h"
#include "scope.h"

#define MAX_FILE_BYTES    ((size_t)64 << 20)
#define MAX_INCLUDE_DEPTH 10

struct conf_text_segment {
	unsigned text_line; /* the first line of the text that is from this place */
	struct conf_place place;
};

/* A file that is being read, and the file that includes it. */
struct input {
	const char *file;
	const char *at, *end;
	unsigned line;
	bool line_begins; /* only white space so far in this line */
	struct input *below;
	unsigned depth;
};

struct reader {
	struct conf_text *text;
	struct conf_files *files;
	struct conf_faults *faults;
	struct conf_scope scope;
	unsigned text_line;
	bool broken;
	char last;               /* what the last thing read begins with; blanks are none */
	struct conf_place comma; /* it is a comma behind an element, here; no file: it is not */
	size_t comma_at;         /* where that stands in the text */
};

void conf_files_release(struct conf_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->names[i]);
	free(f->names);
	free(f->readable_by_others);
	*f = (struct conf_files){0};
}

bool conf_files_is_open(const struct conf_files *f, struct conf_place place)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->names[i] == place.file)
			return f->readable_by_others[i];
	return false;
}

static bool is_open_to_others(const struct stat *st)
{
	return (st->st_mode & (S_IRGRP | S_IROTH)) != 0;
}

static const char *add_file(struct conf_files *f, const char *path, const struct stat *st)
{
	/* A file that is included twice keeps its first place in the order. */
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->names[i], path) == 0) {
			if (st != NULL)
				f->readable_by_others[i] = is_open_to_others(st);
			return f->names[i];
		}
	f->names = xreallocarray(f->names, f->count + 1, sizeof *f->names);
	f->readable_by_others = xreallocarray(
		f->readable_by_others, f->count + 1, sizeof *f->readable_by_others);
	f->readable_by_others[f->count] = st != NULL && is_open_to_others(st);
	f->names[f->count] = xstrdup(path);
	return f->names[f->count++];
}

static struct conf_place here(const struct input *in)
{
	return (struct conf_place){in->file, in->line};
}

static void begin_segment(struct reader *r, const struct input *in)
{
	struct conf_text *t = r->text;

	t->segments = xreallocarray(t->segments, t->segment_count + 1, sizeof *t->segments);
	t->segments[t->segment_count++] = (struct conf_text_segment){r->text_line, here(in)};
}

/* Copy @len bytes of the file into the text. */
static void copy(struct reader *r, struct input *in, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = in->at[i];

		if (c == '\n') {
			in->line++;
			r->text_line++;
			in->line_begins = true;
		} else if (c != ' ' && c != '\t') {
			in->line_begins = false;
		}
	}
	buf_add(&r->text->bytes, in->at, len);
	in->at += len;
}

static bool read_input(struct reader *r, struct input *in);

/* 0 or an errno. A file that is too large is read up to a chunk beyond MAX_FILE_BYTES. */
static int read_bytes(const char *path, struct buf *out, struct stat *ret_st)
{
	FILE *f = fopen(path, "re");
	char chunk[65536];
	size_t len = sizeof chunk;
	int code = 0;

	if (f == NULL)
		return errno;
	if (fstat(fileno(f), ret_st) != 0)
		code = errno;
	else if (S_ISDIR(ret_st->st_mode))
		code = EISDIR;
	while (code == 0 && len == sizeof chunk && out->len <= MAX_FILE_BYTES) {
		len = fread(chunk, 1, sizeof chunk, f);
		if (ferror(f))
			code = errno;
		buf_add(out, chunk, len);
	}
	fclose(f);
	return code;
}

static bool read_conf_file(
	struct reader *r, const char *path, struct conf_place from, struct input *below)
{
	struct input in = {
		.line = 1,
		.line_begins = true,
		.below = below,
		.depth = below != NULL ? below->depth + 1 : 0,
	};
	struct buf bytes;
	struct stat st;
	bool ok = false;
	int code;

	buf_init(&bytes, BUF_UNLIMITED);
	code = read_bytes(path, &bytes, &st);
	if (code == 0) {
		in.file = add_file(r->files, path, &st);
		in.at = buf_str(&bytes);
		in.end = in.at + bytes.len;
		ok = read_input(r, &in);
	} else {
		conf_fault(
			r->faults, from, "file '%s': cannot be read: %s", path, strerror(code));
	}
	buf_release(&bytes);
	return ok;
}

/* The length of "@include" and the string after it; 0: there is no @include here. */
static size_t include_length(const struct input *in, struct slice *ret_name)
{
	static const char word[] = "@include";
	const char *p = in->at;
	size_t len;

	if (!in->line_begins || (size_t)(in->end - p) < sizeof word ||
		memcmp(p, word, sizeof word - 1) != 0)
		return 0;
	p += sizeof word - 1;
	while (p < in->end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == in->end || *p != '"')
		return 0;
	len = conf_lex_string(p, in->end);
	if (len == 0)
		return 0;
	*ret_name = slice_of(p + 1, len - 2);
	return (size_t)(p + len - in->at);
}

static bool is_open(const struct input *in, const char *path)
{
	struct stat a, b;

	if (stat(path, &a) != 0)
		return false;
	for (; in != NULL; in = in->below)
		if (stat(in->file, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return true;
	return false;
}

static void include_one(struct reader *r, struct input *in, const char *path)
{
	if (is_open(in, path))
		conf_fault(
			r->faults, here(in), "@include '%s': the file includes itself", path);
	else if (in->depth + 1 >= MAX_INCLUDE_DEPTH)
		conf_fault(r->faults, here(in),
			"@include '%s': files are nested more than %d deep", path,
			MAX_INCLUDE_DEPTH);
	else if (!read_conf_file(r, path, here(in), in))
		r->broken = true;
}

static void include(struct reader *r, struct input *in, struct slice name)
{
	const char *slash = strrchr(in->file, '/');
	int dir_len = name.len > 0 && name.data[0] == '/' ? 0
		      : slash != NULL                     ? (int)(slash + 1 - in->file)
							  : 0;
	char *path = xasprintf("%.*s%.*s", dir_len, in->file, (int)name.len, name.data);
	glob_t found = {0};

	buf_add_char(&r->text->bytes, '\n');
	r->text_line++;
	if (strpbrk(path, "*?[") == NULL) {
		include_one(r, in, path);
	} else if (glob(path, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			include_one(r, in, found.gl_pathv[i]);
	}
	globfree(&found);
	free(path);
	buf_add_char(&r->text->bytes, '\n');
	r->text_line++;
	begin_segment(r, in);
}

/* The length of the number at @at, sign included. */
static size_t number_length(const char *at, const char *end, bool *ret_integer)
{
	const char *p = at, *digits;
	bool hex;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	hex = end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	if (hex)
		p += 2;
	digits = p;
	while (p < end && (hex ? isxdigit((unsigned char)*p) : isdigit((unsigned char)*p)))
		p++;
	*ret_integer = p > digits && (hex || p == end || (*p != '.' && *p != 'e' && *p != 'E'));
	return (size_t)(p - at);
}

static void read_number(struct reader *r, struct input *in)
{
	bool integer;
	size_t len = number_length(in->at, in->end, &integer);
	char text[32];

	if (!integer) {
		copy(r, in, len > 0 ? len : 1);
		while (in->at < in->end &&
			(isalnum((unsigned char)*in->at) || strchr(".+-", *in->at) != NULL))
			copy(r, in, 1);
		return;
	}
	snprintf(text, sizeof text, "%.*s", (int)len, in->at);
	errno = 0;
	(void)strtoimax(
		text, NULL, len > 2 && (in->at[1] == 'x' || in->at[1] == 'X') ? 16 : 10);
	if (errno == ERANGE || len >= sizeof text) {
		conf_fault(r->faults, here(in),
			"number '%.*s': does not fit in 64 bits; write it as a string, "
			"or in a pattern as JSON",
			(int)(len > 40 ? 40 : len), in->at);
		buf_add_char(&r->text->bytes, '0'); /* libconfig 1.8 would stop at it */
		in->at += len;
	} else {
		copy(r, in, len);
	}
	while (in->at < in->end && *in->at == 'L')
		in->at++;
	buf_add_char(&r->text->bytes, 'L');
}

/* The name of a setting, or the value true or false. */
static void read_name(struct reader *r, struct input *in)
{
	struct slice name = slice_of(in->at, conf_lex_name(in->at, in->end));
	struct conf_place first;

	if (!conf_lex_assigns(in->at + name.len, in->end) ||
		conf_scope_name(&r->scope, name, here(in), &first)) {
		copy(r, in, name.len);
		return;
	}
	conf_scope_complain(&r->scope, name, here(in), first, r->faults);
	buf_addf(&r->text->bytes, "%s%zu", CONF_TEXT_TWICE, r->faults->count);
	in->at += name.len;
	in->line_begins = false;
}

/*
 * At something that is neither blank nor comment: a comma without an element before it is left out
 * (true), and so is one that turns out to be behind the last element.
 */
static bool leave_out_comma(struct reader *r, struct input *in)
{
	if (*in->at == ',' && strchr("([,", r->last) != NULL) {
		conf_fault(r->faults, here(in), "syntax: a comma without an element before it");
		in->at++;
		return true;
	}
	if (r->comma.file != NULL && (*in->at == ']' || *in->at == ')')) {
		conf_warning(r->faults, r->comma,
			"syntax: a comma after the last element of a list; libconfig "
			"accepts it only since version 1.7, so other programs may not");
		r->text->bytes.data[r->comma_at] = ' ';
	}
	r->comma = *in->at == ',' ? here(in) : (struct conf_place){0};
	r->comma_at = r->text->bytes.len;
	r->last = *in->at;
	return false;
}

static bool read_punctuation(struct reader *r, struct input *in)
{
	char c = *in->at;

	if (c == '{' || c == '(' || c == '[')
		conf_scope_enter(&r->scope, c, here(in));
	else if ((c == '}' || c == ')' || c == ']') &&
		 !conf_scope_leave(&r->scope, c, here(in), r->faults))
		return false;
	copy(r, in, 1);
	if (c == '[' || c == ']')
		r->text->bytes.data[r->text->bytes.len - 1] = c == '[' ? '(' : ')';
	return true;
}

static void read_string(struct reader *r, struct input *in)
{
	struct conf_place begin = here(in);

	copy(r, in, conf_lex_string(in->at, in->end));
	if (in->line > begin.line) {
		struct conf_text *t = r->text;

		t->strings = xreallocarray(t->strings, t->string_count + 1, sizeof *t->strings);
		t->strings[t->string_count++] = (struct conf_text_string){begin, r->text_line};
	}
}

static bool check_bytes(struct reader *r, struct input *in)
{
	size_t len = (size_t)(in->end - in->at);

	if (len > MAX_FILE_BYTES)
		conf_fault(r->faults, here(in), "file: has more than %zu bytes",
			(size_t)MAX_FILE_BYTES);
	else if (len > 0 && memchr(in->at, '\0', len) != NULL)
		conf_fault(r->faults, here(in),
			"file: contains a NUL byte; it must be a text file");
	else
		return true;
	return false;
}

/* What is neither blank nor comment; @last: what the thing before it begins with. */
static bool read_thing(struct reader *r, struct input *in, char last)
{
	struct slice name;
	size_t len = include_length(in, &name);

	if (len > 0) {
		in->at += len;
		include(r, in, name);
		return true;
	}
	if (conf_mistake_report(in->at, in->end, last, here(in), r->faults))
		return false;
	if (*in->at == '"')
		read_string(r, in);
	else if (conf_lex_is_name(*in->at, true))
		read_name(r, in);
	else if (isdigit((unsigned char)*in->at) || strchr("+-.", *in->at) != NULL)
		read_number(r, in);
	else
		return read_punctuation(r, in);
	return true;
}

static bool read_input(struct reader *r, struct input *in)
{
	if (!check_bytes(r, in))
		return false;
	if (in->end - in->at >= 3 && memcmp(in->at, "\xef\xbb\xbf", 3) == 0)
		in->at += 3;
	begin_segment(r, in);
	while (in->at < in->end) {
		size_t len = conf_lex_blank(in->at, in->end);
		char last = r->last;

		if (len > 0)
			copy(r, in, len);
		else if (!leave_out_comma(r, in) && !read_thing(r, in, last))
			return false;
	}
	return true;
}

bool conf_text_read(struct conf_text *t, const char *path, struct conf_files *files,
	struct conf_faults *faults)
{
	struct reader r = {.text = t, .files = files, .faults = faults, .text_line = 1};
	const char *file = add_file(files, path, NULL);
	bool ok;

	*t = (struct conf_text){0};
	buf_init(&t->bytes, BUF_UNLIMITED);
	conf_scope_init(&r.scope);
	ok = read_conf_file(&r, path, (struct conf_place){file, 0}, NULL) && !r.broken &&
	     conf_scope_end(&r.scope, faults);
	conf_scope_release(&r.scope);
	return ok;
}

void conf_text_release(struct conf_text *t)
{
	buf_release(&t->bytes);
	free(t->segments);
	free(t->strings);
	*t = (struct conf_text){0};
}

struct conf_place conf_text_place(const struct conf_text *t, unsigned line)
{
	size_t low = 0, high = t->segment_count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (t->segments[middle].text_line <= line)
			low = middle;
		else
			high = middle;
	}
	return (struct conf_place){t->segments[low].place.file,
		t->segments[low].place.line + (line - t->segments[low].text_line)};
}
