/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - an index over the bytes of one JSON text, instead of a tree.
 *
 * One pass validates the text (RFC 8259, UTF-8 strictly) and leaves a flat array of
 * tokens in document order. A token is a value; a member of an object also knows its
 * key. Values are slices of the *original* text, so that 12345678901234567890, 1.10,
 * key order and escapes survive untouched. Nothing is copied and, once the arena is
 * warm, nothing is allocated.
 *
 * Token 0 is the whole value. The children of an array or object are the tokens from
 * t + 1 up to jx_next(t), each skipping to the next by jx_next(). Where an object
 * names a key twice the last one wins: jx_member() finds it, and `shadowed` tells
 * walkers to pass over the others.
 *
 * The index borrows the text: it must outlive every use of the index. Pure; one
 * thread at a time per struct jx_index. (Prefix jx_, because json_ is jansson's.)
 *
 * What jansson (with JSON_DECODE_ANY) accepts, the index accepts, and what it refuses,
 * the index refuses, but for these:
 *  - numbers of any size are accepted, as text (jansson refuses integers beyond 64 bits
 *    and reals beyond a double);
 *  - the escape \u0000 is accepted in strings and keys (jansson needs JSON_ALLOW_NUL,
 *    and refuses it in keys even so);
 *  - a NUL byte between values is refused (jansson overlooks one behind a number);
 *  - bytes, depth and tokens have the limits given here (jansson: 2048 levels).
 *
 * Time is linear in the text whatever it is: repeated keys of a small object are
 * found by a filter of 64 bits and a short walk, of a large one by a hash table
 * made when the object closes, and by sorting if the hashes of its keys collide.
 */
#ifndef CORE_JSON_JSON_H
#define CORE_JSON_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/util.h"

enum jx_type {
	JX_NULL,
	JX_FALSE,
	JX_TRUE,
	JX_NUMBER,
	JX_STRING,
	JX_ARRAY,
	JX_OBJECT,
};

#define JX_NONE UINT32_MAX

/* Some keys, by their hashes. It may have more than were added to it. */
struct jx_key_set {
	uint64_t bits[16];
};

struct jx_limits {
	size_t max_bytes;   /* 4 GiB - 1 is the most there can be */
	unsigned max_depth; /* of arrays and objects in each other; [] is one deep */
	uint32_t max_tokens;
	/* Accept half of a pair of surrogates in \uXXXX. It decodes to three bytes that are
	 * no UTF-8, so it equals nothing in an event. For patterns: the original takes it. */
	bool lone_surrogates;
	/* NULL: every value has a token. Otherwise an array of nothing but numbers (and such
	 * arrays) may be *folded*: it has a token, and what is in it has none. Not folded are
	 * those that are the member of one of these keys, or of a key with a dot in it. */
	const struct jx_key_set *fold_except;
};

/* The most that an event's limit may be: whoever walks an index does it by recursion, one call for
 * each level, and a stack of JX_MAX_DEPTH_STACK_BYTES has room for that. */
#define JX_MAX_DEPTH             10000
#define JX_MAX_DEPTH_STACK_BYTES (4 << 20)

extern const struct jx_limits jx_default_limits;

struct jx_token {
	uint32_t start;              /* of the text; of a string, the byte behind its quote */
	uint32_t len;                /* of the text; of a string, without its quotes */
	uint32_t next;               /* the token behind this value and all in it */
	uint32_t key_start, key_len; /* like start and len; key_len is 0 in arrays */
	uint8_t type;                /* enum jx_type */
	bool escaped;                /* a string with a backslash in it */
	bool key_escaped;
	bool shadowed;     /* a later member of the same object has the same key */
	uint32_t key_hash; /* jx_key_hash() of the decoded key */
	uint32_t parent;   /* the array or object around it; JX_NONE: of token 0 */
};

struct jx_index {
	const char *text;
	size_t text_len;
	struct jx_token *tokens;
	uint32_t count, cap;
	uint32_t folded;   /* values without a token: see jx_limits.fold_except */
	uint32_t *scratch; /* for the keys of large objects */
	size_t scratch_cap;
};

void jx_init(struct jx_index *ix);
void jx_release(struct jx_index *ix);

/*
 * Index @text. Returns 0; or ERR_INVALID (not JSON; the error names line and column and
 * what was expected), ERR_LIMIT (too long, too deep, too many tokens, each with its own
 * text). After a failure the index is empty (count 0).
 */
int jx_parse(struct jx_index *ix, struct slice text, const struct jx_limits *limits,
	struct err *err) ATTR_MUST_CHECK;

static inline enum jx_type jx_type(const struct jx_index *ix, uint32_t t)
{
	return (enum jx_type)ix->tokens[t].type;
}

static inline uint32_t jx_next(const struct jx_index *ix, uint32_t t)
{
	return ix->tokens[t].next;
}

/* The characters of a string without quotes, escapes as they stand; the text of any other
 * value. */
static inline struct slice jx_inner(const struct jx_index *ix, uint32_t t)
{
	return slice_of(ix->text + ix->tokens[t].start, ix->tokens[t].len);
}

/* The value exactly as it stands in the text, a string with its quotes. */
struct slice jx_text(const struct jx_index *ix, uint32_t t);

/* The key of member @t without quotes, escapes as they stand; empty for other tokens. */
static inline struct slice jx_key(const struct jx_index *ix, uint32_t t)
{
	return slice_of(ix->text + ix->tokens[t].key_start, ix->tokens[t].key_len);
}

/* The hash that tokens carry for their decoded key; the same for the same bytes on one
 * machine, and not to be stored. */
uint32_t jx_key_hash(struct slice key);

static inline uint64_t jx_key_set_bit(uint32_t hash)
{
	return UINT64_C(1) << (hash >> 22 & 63);
}

static inline void jx_key_set_add(struct jx_key_set *set, uint32_t hash)
{
	set->bits[hash >> 28] |= jx_key_set_bit(hash);
}

static inline bool jx_key_set_has(const struct jx_key_set *set, uint32_t hash)
{
	return (set->bits[hash >> 28] & jx_key_set_bit(hash)) != 0;
}

/* Line and column, from 1 and in characters, of byte @at of @text. */
void jx_locate(struct slice text, size_t at, unsigned *ret_line, unsigned *ret_column);

/* The value of member @key (decoded characters) of object @t; JX_NONE if there is none
 * or @t is no object. */
uint32_t jx_member(const struct jx_index *ix, uint32_t t, struct slice key);
/* Element @n, from 0, of array @t, or JX_NONE. */
uint32_t jx_element(const struct jx_index *ix, uint32_t t, size_t n);

/* Whether the decoded characters of string @t are @s. */
bool jx_equals(const struct jx_index *ix, uint32_t t, struct slice s);

/* Append the characters of string @t, escapes decoded, as UTF-8. */
void jx_decode(const struct jx_index *ix, uint32_t t, struct buf *out);
/* The same for any slice that stood between quotes of an indexed text. */
void jx_decode_slice(struct slice raw, struct buf *out);

#endif
