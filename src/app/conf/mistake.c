/* SPDX-License-Identifier: Apache-2.0 */
/* Recognizing common mistakes in the syntax of a configuration file. */
#include "mistake.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "lex.h"

/* The length of a typographic quote at @at, in UTF-8; 0: there is none. */
static size_t typographic_quote(const char *at, const char *end)
{
	static const char *const quotes[] = {"‘", "’", "‚", "“", "”", "„", "«", "»", "‹", "›"};

	for (size_t i = 0; i < COUNT_OF(quotes); i++) {
		size_t len = strlen(quotes[i]);

		if ((size_t)(end - at) >= len && memcmp(at, quotes[i], len) == 0)
			return len;
	}
	return 0;
}

static bool has_typographic_quote(const char *at, const char *end)
{
	for (; at < end && *at != '\n'; at++)
		if (typographic_quote(at, end) > 0)
			return true;
	return false;
}

static unsigned count_lines(const char *at, const char *end)
{
	unsigned count = 0;

	for (; at < end; at++)
		count += *at == '\n';
	return count;
}

/* Does the string at @at begin as JSON does, and has no quote in it that is escaped? */
static bool looks_like_raw_json(const char *at, size_t len)
{
	const char *p = at + 1, *end = at + len;

	while (p < end && isspace((unsigned char)*p))
		p++;
	return p < end && (*p == '{' || *p == '[') && memmem(at, len, "\\\"", 2) == NULL;
}

/* May @at be behind a string? libconfig takes a name too, which nobody writes: a string has ended too
 * early there. */
static bool may_follow_string(const char *at, const char *end)
{
	return at == end || isspace((unsigned char)*at) || strchr(";,})]\"#/", *at) != NULL;
}

static const char *string_mistake(const char *at, const char *end, unsigned *ret_lines)
{
	size_t len = conf_lex_string(at, end);
	const char *behind = at + len;

	*ret_lines = 0;
	if (len > 0 && conf_lex_assigns(behind, end))
		return "the name of a setting has no quotes: name = value; JSON as it is goes "
		       "into a file (event_pattern_file, input_template_file), or into a "
		       "string with \\\" for each quote";
	if (len > 0 && may_follow_string(behind, end))
		return NULL;
	if (has_typographic_quote(at, len > 0 ? behind : end))
		return "the string that begins here has a typographic quote in it and no "
		       "closing one; a string stands in straight double quotes: \"…\"";
	if (len == 0)
		return "the string that begins here is not closed; write \\\" for a quote in a "
		       "string";
	*ret_lines = count_lines(at, behind);
	if (*ret_lines == 0 || looks_like_raw_json(at, len))
		return "the string that begins here ends at a quote inside it; a quote inside "
		       "a string is written \\\", or use a file (event_pattern_file, "
		       "input_template_file)";
	return "is its closing quote missing?";
}

static bool report_string(
	const char *at, const char *end, struct conf_place place, struct conf_faults *faults)
{
	unsigned lines;
	const char *words = string_mistake(at, end, &lines);

	if (words == NULL)
		return false;
	if (lines > 0 && words[0] == 'i')
		conf_fault(faults, place,
			"syntax: the string that begins here ends in line %u: %s",
			place.line + lines, words);
	else
		conf_fault(faults, place, "syntax: %s", words);
	return true;
}

static bool is_word(const char *at, size_t len, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strlen(*words) == len && strncasecmp(at, *words, len) == 0)
			return true;
	return false;
}

/* Of a word where a value is expected. */
static const char *value_mistake(const char *at, size_t len)
{
	static const char *const good[] = {"true", "false", NULL};
	static const char *const yes[] = {"yes", "on", "y", "enabled", NULL};
	static const char *const no[] = {"no", "off", "n", "disabled", NULL};
	static const char *const none[] = {"null", "nil", "none", NULL};

	if (is_word(at, len, good))
		return NULL;
	if (is_word(at, len, yes))
		return "yes is written true, without quotes";
	if (is_word(at, len, no))
		return "no is written false, without quotes";
	if (is_word(at, len, none))
		return "there is no null here; a pattern that has one is JSON: in a file "
		       "(event_pattern_file), or in a string with \\\" for each quote";
	return "a string stands in double quotes: name = \"value\"";
}

static bool is_value_expected(char last)
{
	return last != '\0' && strchr("=:([,", last) != NULL;
}

static const char *name_mistake(const char *at, const char *end, char last)
{
	size_t len = conf_lex_name(at, end);
	const char *behind = at + len + conf_lex_blank(at + len, end);

	if (conf_lex_assigns(behind, end))
		return NULL;
	if (is_value_expected(last))
		return value_mistake(at, len);
	if (behind < end && *behind == '{')
		return "a = is missing before the {: name = { … };";
	return NULL;
}

/* Of what begins with a digit or an underscore. */
static const char *digit_mistake(const char *at, const char *end, char last)
{
	const char *p = at;

	if (last == '=' || last == ':')
		return NULL;
	while (p < end && (isalnum((unsigned char)*p) || *p == '_' || *p == '-'))
		p++;
	return conf_lex_assigns(p, end)
		       ? "the name of a setting begins with a letter, not with "
			 "a digit or an underscore; put a letter before it"
		       : NULL;
}

static const char *dollar_mistake(const char *at, const char *end)
{
	if (end - at >= 3 && strncmp(at, "$or", 3) == 0)
		return "$or cannot be the name of a setting; a pattern that has it is JSON: in "
		       "a file (event_pattern_file), or in a string with \\\" for each quote";
	return "a reference stands in a string: \"${env:NAME}\"";
}

static const char *mistake(const char *at, const char *end, char last)
{
	if (*at == '{' && last == '\0')
		return "this is JSON; a configuration has no braces around it, and its settings "
		       "are written name = value; see postrider.cfg(5)";
	if (*at == '\'')
		return "a string stands in double quotes: \"…\", not in single ones";
	if (typographic_quote(at, end) > 0)
		return "a string stands in straight double quotes: \"…\", not in typographic "
		       "ones";
	if (*at == '$')
		return dollar_mistake(at, end);
	if (isdigit((unsigned char)*at) || *at == '_')
		return digit_mistake(at, end, last);
	return conf_lex_is_name(*at, true) ? name_mistake(at, end, last) : NULL;
}

bool conf_mistake_report(const char *at, const char *end, char last, struct conf_place place,
	struct conf_faults *faults)
{
	const char *words;

	if (*at == '"')
		return report_string(at, end, place, faults);
	words = mistake(at, end, last);
	if (words == NULL)
		return false;
	conf_fault(faults, place, "syntax: %s", words);
	return true;
}
