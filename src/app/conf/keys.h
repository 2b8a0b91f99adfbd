/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - every key of the configuration: one table for each section.
 *
 * The tables drive the parsing, the checks of type and range, the refusal of unknown keys, what
 * `check --print` and GET /config show, the commented reference and postrider.cfg(5).
 *
 * To add a key, add one row to the table of its section (keys.c, keys_http.c, keys_rule.c): name,
 * type, field, limits, and the sentence that documents it. The field goes into a struct of conf.h
 * or of the module that uses it, and its default, unless it is 0, into the section's defaults().
 * Then run `make documents`; lint fails until reference and manual have the key. Only a condition
 * that concerns several keys needs code: in check*.c.
 */
#ifndef APP_CONF_KEYS_H
#define APP_CONF_KEYS_H

#include "app/conf/conf.h"

/* How a key is written, and what it is stored as. */
enum conf_type {
	CONF_TEXT,        /* char * */
	CONF_WORD,        /* char *, one of `choices` */
	CONF_CHOICE,      /* an enum, one of `choices` */
	CONF_BOOL,        /* bool */
	CONF_INTEGER,     /* int, unsigned, size_t or int64_t: a whole number */
	CONF_DURATION,    /* int64_t, ms: "500ms", "30s", "24h" */
	CONF_SIZE,        /* size_t, bytes: "64MiB" */
	CONF_RATE,        /* int64_t, in 1,000 s: 10, 0.5, "10/min" */
	CONF_CONCURRENCY, /* struct gate_settings: a number or "auto" */
	CONF_STATUSES,    /* struct retry_statuses: [ "5xx", 429 ] */
	CONF_REAUTHORIZE, /* bool: a list of statuses that may hold 403 */
	CONF_TEXTS,       /* char ** and its count: a list */
	CONF_PAIRS,       /* struct request_parameter * and its count: name = value */
	CONF_JSON,        /* char *: JSON as a text, or written natively */
	CONF_FILE,        /* char *: the path of a readable file, made absolute */
	CONF_CONTENT,     /* char *: the content of the file that is named */
	CONF_REFERENCE,   /* a pointer to a consumer, connection or destination */
	CONF_GROUP,       /* keys within keys */
	CONF_LIST,        /* of groups: the targets */
};

enum {
	CONF_REQUIRED = 1 << 0,
	CONF_SECRET = 1 << 1, /* masked wherever it is printed */
	CONF_KEPT = 1 << 2,   /* ${…} is checked, but expanded only where the value is used */
	CONF_PLAIN = 1 << 3,  /* ${…} has no meaning in it */
	CONF_SECONDS = 1 << 4,   /* a duration without a unit is in seconds */
	CONF_RESTART = 1 << 5,   /* a change needs a restart */
	CONF_HIDDEN = 1 << 6,    /* accepted here, but documented in another section */
	CONF_NOT_SHOWN = 1 << 7, /* printed as another key */
	CONF_GUARDED = 1 << 8,   /* not a secret, but what its references expand to is masked */
};

struct conf_choice {
	const char *name; /* NULL ends the list */
	int value;
};

struct conf_section;

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t offset, size; /* of the field, in the section's struct */
	size_t count_offset; /* of CONF_TEXTS, CONF_PAIRS */
	int64_t min, max;    /* of numbers; of texts: the most characters; 0: no limit */
	unsigned flags;
	const struct conf_choice *choices;
	const struct conf_section *section; /* of CONF_GROUP, CONF_LIST, CONF_REFERENCE */
	const char *alias;                  /* another name that is accepted; NULL: none */
	const char *of;       /* the only authorization_type that has it; NULL: all */
	const char *absent;   /* how NULL is written: "none" */
	const char *example;  /* for the reference and messages, if there is no default */
	const char *sentence; /* what it does, without the full stop */
};

struct conf_section {
	const char *name;     /* "destinations"; "" for the top */
	const char *singular; /* "destination"; NULL: the section has no named things */
	const char *sentence;
	const struct conf_key *keys;
	size_t key_count;
	size_t size; /* of its struct; 0: its fields are in the struct of the group around it */
	size_t array_offset, count_offset; /* of the array of its things in struct conf */
	void (*defaults)(void *settings);
};

/* How the struct of every named thing begins. */
struct conf_named {
	struct conf_place place;
	char *name;
};

extern const struct conf_section conf_top_section, conf_kafka_section, conf_consumer_section,
	conf_connection_section, conf_destination_section, conf_rule_section,
	conf_target_section, conf_response_rule_section;

/* All of them, in the order of the manual. */
extern const struct conf_section *const conf_sections[];
extern const size_t conf_section_count;

/* The thing number @i of a section with named things; NULL: there are fewer. */
const void *conf_section_thing(const struct conf *c, const struct conf_section *s, size_t i);

/* Are its things a list within others, so that it stands nowhere by itself? */
static inline bool conf_section_is_list(const struct conf_section *s)
{
	return s == &conf_target_section || s == &conf_response_rule_section;
}

/* By name or alias; NULL: there is none. */
const struct conf_key *conf_key_find(const struct conf_section *s, const char *name);
/* What a value must be, for messages and the manual: "a duration such as …". */
const char *conf_type_name(const struct conf_key *key);

/* Append a number with its unit: "24h", "64MiB", "1000". */
void conf_key_format(const struct conf_key *key, int64_t value, struct buf *out);

/* Put a number, a choice or a boolean into the field of @key in @settings. */
void conf_store(const struct conf_key *key, void *settings, int64_t value);

/* The field of @key in @settings. */
static inline void *conf_key_field(const struct conf_key *key, const void *settings)
{
	return (char *)settings + key->offset;
}

#endif
