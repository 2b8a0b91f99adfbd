/* SPDX-License-Identifier: Apache-2.0 */
/* Blanks, strings and names in a configuration file, as libconfig understands them. */
#include "lex.h"

#include <ctype.h>
#include <string.h>

static size_t comment_length(const char *at, const char *end)
{
	const char *stop = NULL;

	if (*at == '#' || (end - at >= 2 && at[0] == '/' && at[1] == '/'))
		stop = memchr(at, '\n', (size_t)(end - at));
	else if (end - at >= 2 && at[0] == '/' && at[1] == '*')
		stop = (stop = memmem(at + 2, (size_t)(end - at) - 2, "*/", 2)) ? stop + 2
										: NULL;
	else
		return 0;
	return (size_t)((stop != NULL ? stop : end) - at);
}

size_t conf_lex_blank(const char *at, const char *end)
{
	const char *p = at;

	while (p < end) {
		size_t len = isspace((unsigned char)*p) ? 1 : comment_length(p, end);

		if (len == 0)
			break;
		p += len;
	}
	return (size_t)(p - at);
}

size_t conf_lex_string(const char *at, const char *end)
{
	for (const char *p = at + 1; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '"')
			return (size_t)(p + 1 - at);
	}
	return 0;
}

bool conf_lex_is_name(char c, bool first)
{
	return isalpha((unsigned char)c) || c == '*' ||
	       (!first && (isdigit((unsigned char)c) || c == '-' || c == '_'));
}

size_t conf_lex_name(const char *at, const char *end)
{
	const char *p = at;

	while (p < end && conf_lex_is_name(*p, p == at))
		p++;
	return (size_t)(p - at);
}

bool conf_lex_assigns(const char *at, const char *end)
{
	at += conf_lex_blank(at, end);
	return at < end && (*at == '=' || *at == ':');
}
