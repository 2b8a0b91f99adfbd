/* SPDX-License-Identifier: Apache-2.0 */
#include "core/auth/token_schedule.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* A server that says more than ten years means for ever. */
#define LIFETIME_MAX_S (10.0 * 365 * 86400)
#define ERROR_CHARS    160

/* --- Replies. --- */

/* The server's words, one line, cut. */
static void copy_words(char *out, size_t size, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = 0;

	for (; text && *text && len + 1 < size && len < ERROR_CHARS; text++)
		out[len++] = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text;
	out[len] = '\0';
}

static int refused(int status, const json_t *reply, struct err *err)
{
	char code[ERROR_CHARS + 1], description[ERROR_CHARS + 1];

	copy_words(code, sizeof code, json_object_get(reply, "error"));
	copy_words(
		description, sizeof description, json_object_get(reply, "error_description"));
	if (code[0] == '\0' && status >= 200 && status <= 299)
		return err_set(err, ERR_INVALID,
			"the token server's reply (status %d) has no access_token", status);
	return err_set(err, ERR_DENIED, "the token server refuses with status %d%s%s%s%s",
		status, code[0] ? ": " : "", code, description[0] ? ": " : "", description);
}

static int64_t read_lifetime(const json_t *value)
{
	double seconds = json_number_value(value); /* 0 for what is no number */
	const char *text = json_string_value(value);
	char *end;

	if (text != NULL) {
		seconds = strtod(text, &end);
		if (end == text || *end != '\0')
			return -1;
	}
	/* Zero and less would never serve at all: some servers mean "does not expire". */
	if (!(seconds > 0) || seconds > LIFETIME_MAX_S)
		return -1;
	return (int64_t)(seconds * 1000);
}

static bool is_type_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

/* Anything that is not a scheme's name is taken for what nearly all servers mean. */
static void read_type(char out[TOKEN_TYPE_BYTES], const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = 0;

	while (text && is_type_char((unsigned char)text[len]))
		len++;
	if (len == 0 || text[len] != '\0' || len >= TOKEN_TYPE_BYTES ||
		strcasecmp(text, "bearer") == 0 || strcasecmp(text, "BearerToken") == 0)
		text = "Bearer";
	snprintf(out, TOKEN_TYPE_BYTES, "%s", text);
}

static int check_token(const char *token, struct err *err)
{
	size_t len = strlen(token);

	if (len == 0 || len > TOKEN_MAX_BYTES)
		return err_set(err, ERR_INVALID,
			"the token server's access_token has %zu bytes; 1 to %d are possible",
			len, TOKEN_MAX_BYTES);
	for (size_t i = 0; i < len; i++)
		if (token[i] < ' ' || token[i] > '~')
			return err_set(err, ERR_INVALID,
				"the token server's access_token has a character (at %zu) that "
				"no header may have",
				i);
	return 0;
}

static int read_token(struct token_reply *ret, int status, const json_t *reply, struct err *err)
{
	const char *token = json_string_value(json_object_get(reply, "access_token"));
	int code;

	if (status < 200 || status > 299 || token == NULL)
		return refused(status, reply, err);
	code = check_token(token, err);
	if (code != 0)
		return code;
	ret->access_token = xstrdup(token);
	ret->lifetime_ms = read_lifetime(json_object_get(reply, "expires_in"));
	read_type(ret->type, json_object_get(reply, "token_type"));
	return 0;
}

int token_reply_read(struct token_reply *ret, int status, struct slice body, struct err *err)
{
	json_error_t where;
	json_t *reply = json_loadb(body.data ? body.data : "", body.len, 0, &where);
	int code;

	if (!json_is_object(reply) && status >= 200 && status <= 299)
		code = err_set(err, ERR_INVALID,
			"the token server's reply (status %d, %zu bytes) is not a JSON object; is "
			"authorization_endpoint the right URL?",
			status, body.len);
	else
		code = read_token(ret, status, reply, err);
	json_decref(reply);
	return code;
}

void token_reply_release(struct token_reply *r)
{
	if (r->access_token != NULL)
		explicit_bzero(r->access_token, strlen(r->access_token));
	free(r->access_token);
	r->access_token = NULL;
}

/* --- The schedule. --- */

bool token_schedule_is_usable(const struct token_schedule *s, int64_t now_ms)
{
	return s->has_token && now_ms < s->expires_ms;
}

bool token_schedule_should_ask(const struct token_schedule *s, int64_t now_ms)
{
	return !s->is_asking && now_ms >= s->retry_ms &&
	       (!s->has_token || now_ms >= s->refresh_ms);
}

void token_schedule_asked(struct token_schedule *s)
{
	s->is_asking = true;
}

void token_schedule_obtained(struct token_schedule *s, int64_t asked_ms, int64_t lifetime_ms)
{
	s->has_token = true;
	s->is_asking = false;
	s->failures = 0;
	s->retry_ms = 0;
	s->obtained_ms = asked_ms;
	s->refresh_ms = s->expires_ms = INT64_MAX;
	if (lifetime_ms >= 0) {
		s->expires_ms = asked_ms + lifetime_ms;
		s->refresh_ms = s->expires_ms - min_i64(TOKEN_EARLY_MS, lifetime_ms / 2);
	}
}

void token_schedule_failed(struct token_schedule *s, int64_t now_ms, struct rng *rng)
{
	unsigned doublings = s->failures < 10 ? s->failures : 10;
	int64_t most = min_i64((int64_t)TOKEN_BACKOFF_MS << doublings, TOKEN_BACKOFF_MAX_MS);

	s->is_asking = false;
	s->failures++;
	/* Half fixed, half by chance: neither a storm nor at once. */
	s->retry_ms = now_ms + most / 2 + (int64_t)rng_upto(rng, (uint64_t)most / 2);
}

bool token_schedule_rejected(struct token_schedule *s, int64_t now_ms)
{
	unsigned doublings = s->rejections < 5 ? s->rejections : 5;
	int64_t age_ms = now_ms - s->obtained_ms;

	if (!s->has_token)
		return true; /* the next one is on its way, or waited for */
	if (s->rejections > 0 && age_ms < (int64_t)TOKEN_REJECT_AGE_MS << (doublings - 1))
		return false;
	if (age_ms >= 2 * ((int64_t)TOKEN_REJECT_AGE_MS << doublings))
		s->rejections = 0; /* it had served for long */
	s->rejections++;
	s->has_token = false;
	return true;
}

void token_schedule_reset_backoff(struct token_schedule *s)
{
	s->failures = 0;
	s->retry_ms = 0;
}
