/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys_private.h - macros for the tables of keys; for app/conf/keys*.c.
 */
#ifndef APP_CONF_KEYS_PRIVATE_H
#define APP_CONF_KEYS_PRIVATE_H

#include "keys.h"

/* The offset and the size of a field. */
#define AT(type, member)                                                                       \
	.offset = offsetof(type, member), .size = sizeof(((type *)NULL)->member)
#define COUNTED(type, member, count)                                                           \
	.offset = offsetof(type, member), .count_offset = offsetof(type, count)

/* Where the things of a section are, in struct conf. */
#define THINGS(member, count)                                                                  \
	.array_offset = offsetof(struct conf, member),                                         \
	.count_offset = offsetof(struct conf, count)

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define KIB    ((int64_t)1024)
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)

/* 512 characters: the limit of EventBridge. */
#define DESCRIPTION(type)                                                                      \
	{                                                                                      \
		"description", CONF_TEXT, AT(type, description),                               \
			.max = 512, .flags = CONF_PLAIN, .example = "what it is for",          \
			.sentence = "A note for people"                                        \
	}

/* Of a destination, and of a target. */
#define RESPONSE_RULES(type, more)                                                             \
	{                                                                                      \
		"response_rules", CONF_LIST,                                                   \
			COUNTED(type, response_rules, response_rule_count),                    \
			.section = &conf_response_rule_section, .sentence = more               \
	}

/* The keys that destinations and token requests share; @http is a struct http_settings in @type. */
#define HTTP_KEYS(type, http, client)                                                          \
	{"connect_timeout", CONF_DURATION, AT(type, http.connect_timeout_ms), .min = 1,        \
		.max = 10 * MINUTE, .flags = CONF_SECONDS, .of = client,                       \
		.sentence = "The time limit for name resolution, TCP and TLS together"},       \
		{"timeout", CONF_DURATION, AT(type, http.timeout_ms), .min = 1, .max = HOUR,   \
			.flags = CONF_SECONDS, .of = client,                                   \
			.sentence =                                                            \
				"The time limit for the whole request (EventBridge: 5 s)"},    \
		{"no_progress_timeout", CONF_DURATION, AT(type, http.no_progress_timeout_ms),  \
			.min = 0, .max = HOUR, .flags = CONF_SECONDS, .of = client,            \
			.sentence = "A request that transfers no byte for this long is "       \
				    "aborted; 0: never"},                                      \
		{"max_lifetime", CONF_DURATION, AT(type, http.max_lifetime_ms), .min = SECOND, \
			.max = DAY, .flags = CONF_SECONDS, .of = client,                       \
			.sentence = "A connection is not reused after this age, so "           \
				    "that a change of address takes effect"},                  \
		{"idle_timeout", CONF_DURATION, AT(type, http.idle_timeout_ms), .min = SECOND, \
			.max = HOUR, .flags = CONF_SECONDS, .of = client,                      \
			.sentence = "A connection is not reused after being idle for "         \
				    "this long"},                                              \
		{"response_max_bytes", CONF_SIZE, AT(type, http.response_max_bytes),           \
			.min = KIB, .max = GIB, .of = client,                                  \
			.sentence = "How many bytes of a reply's body are read at most"},      \
		{"ca_file", CONF_FILE, AT(type, http.ca_file), .of = client,                   \
			.example = "tls/ca.pem",                                               \
			.sentence =                                                            \
				"Certificate authorities to trust instead of the system's"},   \
		{"client_certificate_file", CONF_FILE, AT(type, http.client_certificate_file), \
			.of = client, .example = "tls/client.pem",                             \
			.sentence = "The client certificate (PEM)"},                           \
		{"client_key_file", CONF_FILE, AT(type, http.client_key_file), .of = client,   \
			.example = "tls/client.key", .sentence = "Its private key (PEM)"},     \
		{"insecure_skip_verify", CONF_BOOL, AT(type, http.insecure_skip_verify),       \
			.of = client,                                                          \
			.sentence = "Do not verify the server's certificate: anyone on the "   \
				    "network path can read and change everything"},            \
	{                                                                                      \
		"proxy", CONF_TEXT, AT(type, http.proxy),                                      \
			.flags = CONF_GUARDED, .of = client,                                   \
			.example = "http://proxy.example.com:3128",                            \
			.sentence = "The HTTP proxy; the proxy variables of the "              \
				    "environment are ignored"                                  \
	}

#endif
