/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letters_list.h - `postrider dead-letters list` and `show`: dead letters, for people and for
 * programs. Both read without a group and commit nothing.
 */
#ifndef APP_DEADLETTERS_LETTERS_LIST_H
#define APP_DEADLETTERS_LETTERS_LIST_H

#include "app/deadletters/letters.h"

struct letters_list_options {
	struct letters_filter filter;
	bool follow;  /* wait for those to come */
	bool json;    /* one object a line */
	bool summary; /* only how many, by rule, target, status and code */
};

/* Prints to standard output. ERR_*: Kafka could not be asked. */
int letters_list(const struct conf *conf, const struct letters_list_options *o,
	struct err *err) ATTR_MUST_CHECK;

/* One letter, by "TOPIC/PARTITION/OFFSET": its event, the request that would be made of it
 * today, with the credentials masked, and the reply that it got. ERR_NOT_FOUND when it is not
 * there (any more). */
int letters_show(
	const struct conf *conf, const char *place, bool json, struct err *err) ATTR_MUST_CHECK;

#endif
