/* SPDX-License-Identifier: Apache-2.0 */
/*
 * number.h - when are two JSON numbers equal, and which is the smaller?
 *
 * 300, 300.0 and 3e2 are one number; 0 and -0 too. A number is *comparable* when its text
 * is worth exactly the shortest decimal that reads back as its double (so at most 17
 * significant digits; all with at most 15 are). Only comparable numbers have an order
 * and are equal by value; any other equals only its own text (EventBridge does so
 * since event-ruler 1.8). Pure.
 */
#ifndef CORE_PATTERN_NUMBER_H
#define CORE_PATTERN_NUMBER_H

#include "base/util.h"

/*
 * Whether the JSON number @text is comparable. *ret_key is then its place in the order of
 * all doubles: keys compare as the numbers do, neighbouring doubles have neighbouring
 * keys, and both zeros have one key.
 */
bool number_key(struct slice text, int64_t *ret_key);

/* The smallest and the largest key of a finite number. */
#define NUMBER_KEY_MIN (-0x7fefffffffffffffLL)
#define NUMBER_KEY_MAX 0x7fefffffffffffffLL

#endif
