/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parser.c - one loop without recursion or a stack: the way back up is each token's parent.
 *
 * The loop does not ask at each byte whether the text has ended: its last byte, a closing
 * bracket, stops every inner loop but that of strings. A text that does not end so is broken or
 * a mere scalar; json.c makes a copy of it with a NUL behind it.
 *
 * While an object is open, its token has no length and no next token yet. Until it closes, these
 * two fields hold a filter of its keys: see key_filter().
 */
#include "parser.h"

#include "keys.h"
#include "numbers.h"
#include "core/json/scan.h"
#include "base/utf8.h"

/* Deeper ones are not: their ancestors are counted. */
#define MAX_FOLD_DEPTH 32

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* The state of the loop. Nothing that is not inlined gets its address, so that the compiler can
 * keep it in registers. */
struct scan {
	const char *p, *end, *text;
	struct jx_token *tokens;
	struct jx_token key; /* of the next member: only its key is set */
	uint32_t count, cap, open;
	unsigned depth;
	char closer; /* the bracket that ends the open container; NUL: none is open */
};

static const char *wrong(struct jx_fault *f, const char *at, const char *expected)
{
	f->at = at;
	f->expected = expected;
	return NULL;
}

static const char *limited(struct jx_fault *f, const char *over)
{
	f->at = NULL;
	f->over = over;
	return NULL;
}

static bool is_hex4(const char *p, const char *end, uint32_t *ret_unit)
{
	uint32_t unit = 0;

	if (end - p < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		unsigned char c = (unsigned char)p[i], letter = c | 0x20;

		if (c >= '0' && c <= '9')
			unit = unit << 4 | (c - '0');
		else if (letter >= 'a' && letter <= 'f')
			unit = unit << 4 | (letter - 'a' + 10U);
		else
			return false;
	}
	*ret_unit = unit;
	return true;
}

/* Behind the escape whose backslash is at @p, or NULL. */
static const char *skip_escape(const char *p, const char *end, struct jx_fault *f)
{
	uint32_t unit, low;

	if (end - p < 2 || p[1] == '\0' || strchr("\"\\/bfnrtu", p[1]) == NULL)
		return wrong(
			f, p, "one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
	if (p[1] != 'u')
		return p + 2;
	if (!is_hex4(p + 2, end, &unit))
		return wrong(f, p, "four hexadecimal digits behind \\u");
	if (unit < 0xd800 || unit > 0xdfff)
		return p + 6;
	if (f->lone_surrogates)
		return p + 6;
	if (unit >= 0xdc00 || end - p < 8 || p[6] != '\\' || p[7] != 'u' ||
		!is_hex4(p + 8, end, &low) || low < 0xdc00 || low > 0xdfff)
		return wrong(f, p, "a pair of surrogates (\\uD800-DBFF, then \\uDC00-DFFF)");
	return p + 12;
}

/* The closing quote of a string with more in it than plain characters, or NULL. */
static const char *string_end(
	const char *p, const char *end, bool *ret_escaped, struct jx_fault *f)
{
	uint32_t code;
	unsigned len;

	for (;;) {
		p = jx_skip_plain(p, end);
		if (p == end)
			return wrong(f, p, "the quote that closes a string");
		if (*p == '"')
			return p;
		if (*p == '\\') {
			*ret_escaped = true;
			p = skip_escape(p, end, f);
			if (p == NULL)
				return NULL;
			continue;
		}
		if ((unsigned char)*p < 0x20)
			return wrong(f, p, "an escape for a control character in a string");
		do {
			len = utf8_decode(p, end, &code);
			if (len == 0)
				return wrong(f, p, "valid UTF-8");
			p += len;
		} while (p < end && (unsigned char)*p >= 0x80);
	}
}

/* The closing quote of the string whose inside begins at @p, or NULL. */
JX_INLINE const char *find_quote(
	const char *p, const char *end, bool *ret_escaped, struct jx_fault *f)
{
	const char *stop = jx_skip_plain(p, end);

	if (likely(stop < end && *stop == '"'))
		return stop;
	return string_end(stop, end, ret_escaped, f);
}

JX_INLINE bool is_digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

/* Behind the exponent whose 'e' is at @p, or NULL. */
static const char *exponent_end(const char *p, const char *end, struct jx_fault *f)
{
	p++;
	if (*p == '+' || *p == '-')
		p++;
	if (!is_digit(*p))
		return wrong(f, p, "a digit in the exponent");
	return jx_skip_digits(p, end);
}

/* Behind the number at @p, or NULL. Before the point there are mostly few digits, and behind it
 * more: the former are taken one by one. */
JX_INLINE const char *number_end(const char *p, const char *end, struct jx_fault *f)
{
	if (*p == '-')
		p++;
	if (unlikely(!is_digit(*p)))
		return wrong(f, p, "a digit");
	if (*p++ != '0') {
		if (is_digit(p[0]) && is_digit(*++p) && is_digit(*++p))
			p = jx_skip_digits(p, end);
	} else if (unlikely(is_digit(*p))) {
		return wrong(f, p, "a number without a leading zero");
	}
	if (*p == '.') {
		const char *fraction = p + 1;

		p = jx_skip_digits(fraction, end);
		if (unlikely(p == fraction))
			return wrong(f, p, "a digit behind the point");
	}
	return unlikely((*p | 0x20) == 'e') ? exponent_end(p, end, f) : p;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

JX_INLINE const char *skip_space(const char *p)
{
	while (unlikely((unsigned char)*p <= ' ') && is_space(*p))
		p++;
	return p;
}

/* Room for one token more; false at the limit. */
static bool grow(struct jx_index *ix, uint32_t max_tokens)
{
	uint64_t cap = ix->cap ? (uint64_t)ix->cap * 2 : 256;

	if (ix->cap >= max_tokens)
		return false;
	cap = cap < max_tokens ? cap : max_tokens;
	/* One more than is used, and no garbage: see predicted(). */
	ix->tokens = xreallocarray(ix->tokens, cap + 1, sizeof *ix->tokens);
	memset(ix->tokens + ix->cap, 0, (cap + 1 - ix->cap) * sizeof *ix->tokens);
	ix->cap = (uint32_t)cap;
	return true;
}

static uint32_t hash_escaped_key(struct slice raw)
{
	struct buf decoded;
	uint32_t hash;

	buf_init(&decoded, BUF_UNLIMITED);
	jx_decode_slice(raw, &decoded);
	hash = jx_key_hash(buf_slice(&decoded));
	buf_release(&decoded);
	return hash;
}

/*
 * Branch prediction on the token position of the previous event: events of one kind have the same
 * keys, so the token that an earlier event left in this place predicts where the key ends. The
 * result is always @found. If @guess is right, the processor goes on from the guess, and need not
 * wait until the loads that found the end have come back.
 */
JX_INLINE const char *predicted(const char *found, const char *guess)
{
	if (likely(found == guess)) {
		/* Without this the compiler sees that both are equal, and uses @found. */
		__asm__ volatile("" : "+r"(guess));
		return guess;
	}
	return found;
}

/* Read the key at p and its colon into s->key; p is then at the value. */
JX_INLINE const char *take_key(struct scan *s, const char *p, struct jx_fault *f)
{
	const char *start = p + 1, *quote;
	bool escaped = false;

	if (unlikely(*p != '"'))
		return wrong(f, p, "a key in double quotes");
	quote = find_quote(start, s->end, &escaped, f);
	if (unlikely(quote == NULL))
		return NULL;
	quote = predicted(quote, start + s->tokens[s->count].key_len);
	s->key.key_start = (uint32_t)(start - s->text);
	s->key.key_len = (uint32_t)(quote - start);
	s->key.key_escaped = escaped;
	if (unlikely(escaped))
		s->key.key_hash = hash_escaped_key(slice_of(start, s->key.key_len));
	else
		s->key.key_hash = (uint32_t)jx_hash(start, s->key.key_len);
	p = skip_space(quote + 1);
	if (unlikely(*p != ':'))
		return wrong(f, p, "':' behind a key");
	return skip_space(p + 1);
}

/*
 * The filter of an open object's keys: a Bloom filter of 64 bits, with one bit for a hash. It is
 * kept in fields of the object's token that have no meaning before the object closes: 32 bits in
 * `len`, 32 in `next`. `escaped` says that two keys may be the same, so that all must be compared
 * when the object closes. Only the functions down to note_key() know that.
 */
JX_INLINE uint32_t *key_filter(struct jx_token *open, uint32_t key_hash)
{
	return key_hash >> 31 ? &open->next : &open->len;
}

JX_INLINE uint32_t key_bit(uint32_t key_hash)
{
	return 1U << (key_hash >> 26 & 31);
}

JX_INLINE bool may_repeat_keys(const struct jx_token *open)
{
	return open->escaped;
}

/* Token s->count, just filled in, is a member: does it hide an earlier one? */
JX_INLINE void note_key(struct jx_index *ix, struct scan *s)
{
	struct jx_token *open = &s->tokens[s->open];
	uint32_t *filter = key_filter(open, s->key.key_hash);
	uint32_t bit = key_bit(s->key.key_hash);

	if (unlikely((*filter & bit) != 0) && !may_repeat_keys(open))
		open->escaped = !jx_keys_near(ix, s->open, s->count);
	*filter |= bit;
}

static const char *literal_end(const char *p, const char *end, enum jx_type *ret_type)
{
	size_t room = (size_t)(end - p);

	if (room >= 4 && memcmp(p, "true", 4) == 0) {
		*ret_type = JX_TRUE;
		return p + 4;
	}
	if (room >= 5 && memcmp(p, "false", 5) == 0) {
		*ret_type = JX_FALSE;
		return p + 5;
	}
	if (room >= 4 && memcmp(p, "null", 4) == 0) {
		*ret_type = JX_NULL;
		return p + 4;
	}
	return NULL;
}

/* What the author of the text may have meant with what stands at @p in place of a value. */
static const char *value_expected(const char *p, const char *end)
{
	if (*p == '\'')
		return "a value; strings take double quotes";
	if (*p == '/' || *p == '#')
		return "a value; JSON has no comments";
	if (*p == ']' || *p == '}')
		return "a value; a comma must not be the last";
	if (*p == '.' || *p == '+')
		return "a value; a number begins with a digit or '-'";
	if (end - p >= 3 && (memcmp(p, "NaN", 3) == 0 || memcmp(p, "Inf", 3) == 0))
		return "a value; JSON has neither NaN nor Infinity";
	return "a value (a string, number, array, object, true, false or null)";
}

JX_INLINE bool begins_number(char c)
{
	return c == '-' || is_digit(c);
}

/*
 * Behind the number at @p, whose token is empty, or NULL. In an array others often follow it:
 * as long as only a comma is between them they are taken at once.
 */
JX_INLINE const char *take_numbers(
	struct scan *s, const char *p, struct jx_token *token, struct jx_fault *f)
{
	for (;;) {
		const char *stop = number_end(p, s->end, f);

		if (unlikely(stop == NULL))
			return NULL;
		token->start = (uint32_t)(p - s->text);
		token->len = (uint32_t)(stop - p);
		token->next = s->count;
		token->type = JX_NUMBER;
		if (*stop != ',' || s->closer != ']' || !begins_number(stop[1]) ||
			s->count == s->cap)
			return stop;
		p = stop + 1;
		token = &s->tokens[s->count++];
		*token = (struct jx_token){.parent = s->open};
	}
}

/* Behind the scalar at @p, whose token has its key and no more; or NULL. */
JX_INLINE const char *take_scalar(
	struct scan *s, const char *p, struct jx_token *token, struct jx_fault *f)
{
	enum jx_type type = JX_STRING;
	bool escaped = false;
	const char *stop;

	if (begins_number(*p))
		return take_numbers(s, p, token, f);
	if (*p == '"') {
		stop = find_quote(++p, s->end, &escaped, f);
		if (unlikely(stop == NULL))
			return NULL;
	} else {
		stop = literal_end(p, s->end, &type);
		if (stop == NULL)
			return wrong(f, p, value_expected(p, s->end));
	}
	token->start = (uint32_t)(p - s->text);
	token->len = (uint32_t)(stop - p);
	token->next = s->count;
	token->type = (uint8_t)type;
	token->escaped = escaped;
	return stop + (type == JX_STRING);
}

/* The innermost open container ends behind @p. */
JX_INLINE void close_container(struct jx_index *ix, struct scan *s, const char *p)
{
	uint32_t t = s->open;
	struct jx_token *token = &s->tokens[t];
	bool resolve = may_repeat_keys(token);

	s->open = token->parent;
	s->depth--;
	token->next = s->count;
	token->len = (uint32_t)(p - s->text) - token->start;
	token->escaped = false;
	if (unlikely(resolve))
		jx_keys_resolve(ix, t);
	if (unlikely(s->open == JX_NONE))
		s->closer = '\0';
	else
		s->closer = s->tokens[s->open].type == JX_OBJECT ? '}' : ']';
}

/*
 * Behind a value, at @p: close what ends here, and go to the next value, whose key is then
 * in s->key. Returns NULL with no fault when token 0 has ended; s->p is behind it.
 */
JX_INLINE const char *next_value(
	struct jx_index *ix, struct scan *s, const char *p, struct jx_fault *f)
{
	while (s->closer != '\0') {
		p = skip_space(p);
		if (*p == ',') {
			p = skip_space(p + 1);
			return s->closer == '}' ? take_key(s, p, f) : p;
		}
		if (unlikely(*p != s->closer))
			return wrong(f, p,
				s->closer == '}' ? "',' or '}' behind a member"
						 : "',' or ']' behind an element");
		close_container(ix, s, ++p);
		if (unlikely(p == s->end))
			break;
	}
	if (unlikely(s->closer != '\0'))
		return wrong(f, p, "the bracket that closes an array or object");
	s->p = p;
	return NULL;
}

/* The bracket at @p opens token s->count - 1. Returns the place of its first value, or,
 * when it has none, what next_value() does. */
JX_INLINE const char *open_container(struct jx_index *ix, struct scan *s, const char *p,
	struct jx_token *token, struct jx_fault *f)
{
	bool is_object = *p == '{';

	token->type = is_object ? JX_OBJECT : JX_ARRAY;
	token->start = (uint32_t)(p - s->text);
	s->open = s->count - 1;
	s->closer = is_object ? '}' : ']';
	s->depth++;
	if (unlikely(++p == s->end))
		return wrong(f, p, "the bracket that closes an array or object");
	p = skip_space(p);
	if (unlikely(*p == s->closer)) {
		close_container(ix, s, ++p);
		if (p == s->end && s->closer != '\0')
			return wrong(f, p, "the bracket that closes an array or object");
		return next_value(ix, s, p, f);
	}
	return is_object ? take_key(s, p, f) : p;
}

/*
 * Behind the array at @p, a member whose token has its key and no more, if nobody wants what is
 * in it and it can be folded; or NULL, and then it is parsed like any other. (One that ends the
 * text lacks the bracket around it.) Cold, and out of the loop's way, which it would slow by a
 * tenth.
 */
static __attribute__((noinline, cold)) const char *fold(struct jx_index *ix,
	struct jx_token *token, const char *text, const char *p, const char *end,
	const struct jx_limits *limits)
{
	unsigned depth = 0;
	const char *behind;
	uint32_t values;

	for (uint32_t t = token->parent; t != JX_NONE; t = ix->tokens[t].parent)
		if (++depth == MAX_FOLD_DEPTH)
			return NULL;
	if (depth > limits->max_depth)
		return NULL;
	if (token->key_escaped || jx_key_set_has(limits->fold_except, token->key_hash) ||
		memchr(text + token->key_start, '.', token->key_len) != NULL)
		return NULL;
	behind = jx_numbers_end(p, end, limits->max_depth - depth, &values);
	if (behind == NULL || behind == end)
		return NULL;
	token->start = (uint32_t)(p - text);
	token->len = (uint32_t)(behind - p);
	token->type = JX_ARRAY;
	ix->folded += values;
	return behind;
}

static const char *parse_value(struct jx_index *ix, const char *text, const char *end,
	const struct jx_limits *limits, struct jx_fault *f)
{
	struct scan s = {.text = text, .end = end, .open = JX_NONE};
	const char *p = skip_space(text);

	s.tokens = ix->tokens;
	s.cap = ix->cap < limits->max_tokens ? ix->cap : limits->max_tokens;
	do {
		struct jx_token *token;

		if (unlikely(s.count == s.cap)) {
			if (!grow(ix, limits->max_tokens))
				return limited(f, "values");
			s.tokens = ix->tokens;
			s.cap = ix->cap;
		}
		token = &s.tokens[s.count];
		if (s.closer == '}') {
			*token = s.key;
			token->parent = s.open;
			note_key(ix, &s);
		} else {
			*token = (struct jx_token){.parent = s.open};
		}
		s.count++;
		if (*p == '{' || *p == '[') {
			const char *behind = NULL;

			if (unlikely(s.depth == limits->max_depth))
				return limited(f, "levels");
			if (unlikely((p[1] == '[' || begins_number(p[1])) &&
				     limits->fold_except && s.closer == '}'))
				behind = fold(ix, token, text, p, end, limits);
			if (likely(behind == NULL)) {
				p = open_container(ix, &s, p, token, f);
				continue;
			}
			token->next = s.count;
			p = behind;
		} else {
			p = take_scalar(&s, p, token, f);
		}
		if (likely(p != NULL))
			p = next_value(ix, &s, p, f);
	} while (p != NULL);
	if (s.p != NULL && unlikely(ix->folded > limits->max_tokens - s.count))
		return limited(f, "values");
	ix->count = s.count;
	return s.p;
}

/* The loop is a sixth faster if its fault is an object of this file, and not the caller's. */
const char *jx_parse_value(struct jx_index *ix, const char *text, const char *end,
	const struct jx_limits *limits, struct jx_fault *ret_fault)
{
	struct jx_fault f = {.lone_surrogates = limits->lone_surrogates};
	const char *p = parse_value(ix, text, end, limits, &f);

	*ret_fault = f;
	return p;
}
