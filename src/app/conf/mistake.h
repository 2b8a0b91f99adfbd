/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mistake.h - what people write who know JSON, YAML or the shell but not libconfig. libconfig only
 * says in which line it stopped; here the mistake is named, with the cure.
 *
 * No message shows what the file has in the place of a value: it may be a secret.
 */
#ifndef APP_CONF_MISTAKE_H
#define APP_CONF_MISTAKE_H

#include "fault.h"

/*
 * @at is the beginning of what is neither blank nor comment, at @place; @last is what the thing
 * before it begins with, NUL for none. True: it is a mistake, and a fault has been reported.
 */
bool conf_mistake_report(const char *at, const char *end, char last, struct conf_place place,
	struct conf_faults *faults);

#endif
