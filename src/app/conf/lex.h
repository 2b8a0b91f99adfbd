/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lex.h - where blanks and strings of a configuration file end. Pure; nothing beyond @end is read.
 */
#ifndef APP_CONF_LEX_H
#define APP_CONF_LEX_H

#include "base/util.h"

/* The length of the white space and comments at @at; 0: there are none. */
size_t conf_lex_blank(const char *at, const char *end);
/* The length of the string at @at, quotes included; 0: it is not closed. */
size_t conf_lex_string(const char *at, const char *end);
/* May a name of a setting have @c, or begin with it (@first)? */
bool conf_lex_is_name(char c, bool first);
/* The length of the name at @at; 0: there is none. */
size_t conf_lex_name(const char *at, const char *end);
/* Is there a = or a : at @at, behind blanks? What precedes it is the name of a setting. */
bool conf_lex_assigns(const char *at, const char *end);

#endif
