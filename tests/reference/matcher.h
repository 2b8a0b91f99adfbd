/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matcher.h - event patterns matched slowly, straight from postrider-patterns(7), over jansson
 * trees. It shares nothing with the matcher of the product, checks
 * no pattern (give it only valid ones), and takes exponential time if asked to.
 *
 * What jansson doesn't tell apart it can't either: the spelling of numbers, repeated keys.
 */
#ifndef REFERENCE_MATCHER_H
#define REFERENCE_MATCHER_H

#include <jansson.h>
#include <stdbool.h>

bool reference_matches(const json_t *pattern, const json_t *event);

#endif
