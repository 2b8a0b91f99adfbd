/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_private.h - the memory behind a struct conf, and the steps of loading one; for app/conf.
 *
 * Loading goes down this list; each step uses only those below it:
 *
 *  conf.c      loads or refreshes a configuration
 *  read.c      fills the structs from the tree, section by section; for each thing it calls
 *  finish.c    what is made of it: patterns, plans, defaults that follow from other keys
 *  check*.c    what is wrong with it that no table of keys can express
 *  value.c     one value into its field (text_value.c, number.c, list.c)
 *  subject.c   faults that name the thing being read
 *  keys*.c     the tables of keys
 *  source.c    the tree of all files (node.c: libconfig; text.c, scope.c, lex.c: what precedes it;
 *              mistake.c: what is wrong with its syntax)
 *  fault.c, mask.c
 */
#ifndef APP_CONF_CONF_PRIVATE_H
#define APP_CONF_CONF_PRIVATE_H

#include "app/conf/conf.h"
#include "fault.h"
#include "keys.h"
#include "app/conf/mask.h"
#include "source.h"

struct conf_original;

/* Owns the strings and arrays that settings point to; strings are wiped when they are freed. */
struct conf_private {
	struct conf_source *source;
	struct conf_mask mask;
	char **texts;
	size_t text_count, text_cap;
	void **blocks;
	size_t block_count, block_cap;
	struct conf_original *originals; /* of strings that contained references */
	bool bootstrap_given;
};

/* Takes over the reference to @source. */
struct conf_private *conf_private_new(struct conf_source *source);
void conf_private_free(struct conf_private *p);
/* Take ownership of @text, and return it. */
char *conf_own_text(struct conf_private *p, char *text);
void *conf_own_block(struct conf_private *p, void *block);
/* Note that @value was expanded from @text, which is copied. */
void conf_note_original(struct conf_private *p, const char *value, const char *text);
/* The text from which @value was expanded; @value itself if it had no references. */
const char *conf_original_text(const struct conf_private *p, const char *value);

/* The files that those references name, as secret_files() does. */
size_t conf_private_secret_files(
	const struct conf_private *p, const char *base_dir, char ***paths);

/* A key that was given, and its node. */
struct conf_given {
	const struct conf_key *key;
	const struct conf_node *node;
};

#define CONF_MAX_GIVEN 128

/* The thing that is being read, such as a destination. */
struct conf_subject {
	char what[160];       /* "destination 'slack'"; "" for the top */
	const char *base_key; /* of a nested group: "retry_policy."; "" otherwise */
	const struct conf_node *node;
	void *settings;
	struct conf_given given[CONF_MAX_GIVEN];
	size_t given_count;
};

struct conf_reader {
	struct conf *conf;
	struct conf_private *priv;
	struct conf_faults faults;
	const struct conf_options *options;
};

/* --- read.c: the whole tree ------------------------------------------------------------- */

void conf_read(struct conf_reader *r, const struct conf_node *root);

/* --- subject.c: what is being read ------------------------------------------------------ */

/* The node of the key of that name; NULL: it was not given. */
const struct conf_node *conf_given_node(const struct conf_subject *s, const char *key);
/* A fault or a warning about @key (NULL: the subject as a whole) of @s. */
void conf_refuse(struct conf_reader *r, const struct conf_subject *s, const char *key,
	struct conf_place place, const char *fmt, ...) ATTR_PRINTF(5, 6);
void conf_warn(struct conf_reader *r, const struct conf_subject *s, const char *key,
	struct conf_place place, const char *fmt, ...) ATTR_PRINTF(5, 6);
/* "; did you mean 'x'?" or "". */
void conf_suggest(
	const char *name, const char *const *candidates, size_t count, char *out, size_t size);

/* --- value.c, text_value.c, number.c, list.c: one value into its field -------------------- */

void conf_read_value(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n);
void conf_read_number(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n);
void conf_read_list(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n);
/* @text, which stands in @n, as the key wants it: expanded or checked, owned by the
 * configuration. NULL: it has a fault, which was reported. */
char *conf_read_text(struct conf_reader *r, struct conf_subject *s, const struct conf_key *key,
	const struct conf_node *n, const char *text);
/* Mask what the references of @text expand to; @literal: also a text without references. */
void conf_mask_secrets(struct conf_reader *r, const char *text, bool literal);

/* --- check*.c: what a table of keys can't express, of each section ------------------------ */

/* They report faults and warnings of a subject that has been read, and change nothing. */
void conf_check_top(struct conf_reader *r, const struct conf_subject *s);
void conf_check_kafka(struct conf_reader *r, const struct conf_subject *s);
void conf_check_consumer(struct conf_reader *r, const struct conf_subject *s);
void conf_check_connection(struct conf_reader *r, const struct conf_subject *s);
void conf_check_destination(struct conf_reader *r, const struct conf_subject *s);
void conf_check_target(struct conf_reader *r, const struct conf_subject *s);
void conf_check_rule(struct conf_reader *r, const struct conf_subject *s);
void conf_check_response_rule(struct conf_reader *r, const struct conf_subject *s);
/* The configuration as a whole, when all sections are finished. */
void conf_check_all(struct conf_reader *r);

/* Shared by them. */
void conf_check_dead_letter_topic(
	struct conf_reader *r, const struct conf_subject *s, const char *topic);
/* The topic of a rule or a consumer, which may not be "none". */
void conf_check_default_topic(
	struct conf_reader *r, const struct conf_subject *s, const char *topic);
void conf_check_tls(
	struct conf_reader *r, const struct conf_subject *s, const struct http_settings *http);
/* Refuse names and values that cannot be headers, and names of the transport. @ours: one that
 * Postrider sets itself, beside them; NULL: none. @headers stand at @key of @group. */
void conf_check_headers(struct conf_reader *r, const struct conf_subject *s, const char *group,
	const char *ours, const struct request_parameter *headers, size_t count);
/* Where the pair of that name stands in @pairs, a group or a list of key and value; that of @pairs
 * when it is not there. */
struct conf_place conf_pair_place(const struct conf_node *pairs, const char *name);
/* Where the dead letters of @t go: its own topic, its rule's, its consumer's; NULL: "none". */
char *conf_effective_dead_letter_topic(const struct conf_target *t);
/* The name in "name=value", without blanks; empty: @text is not written so. */
struct slice conf_property_name(const char *text);
/* Does the property make librdkafka load code or run a command? */
bool conf_is_code_property(struct slice name);
/* Is @name 1 to 64 of A-Z a-z 0-9 . - _, as EventBridge requires of names? */
bool conf_is_name(const char *name);

/* --- finish.c: what is made of a section once it has been checked --------------------------- */

/* Compile, and fill in what follows from other keys. Even a subject with faults is finished,
 * since compiling finds more of them. */
void conf_finish_top(struct conf_reader *r, const struct conf_subject *s);
void conf_finish_kafka(struct conf_reader *r, const struct conf_subject *s);
void conf_finish_consumer(struct conf_reader *r, const struct conf_subject *s);
void conf_finish_connection(struct conf_reader *r, const struct conf_subject *s);
void conf_finish_destination(struct conf_reader *r, const struct conf_subject *s);
void conf_finish_target(struct conf_reader *r, const struct conf_subject *s);
void conf_finish_rule(struct conf_reader *r, const struct conf_subject *s);
void conf_finish_response_rule(struct conf_reader *r, const struct conf_subject *s);

#endif
