/* SPDX-License-Identifier: Apache-2.0 */
/* Messages about a refused pattern: EventBridge's reason, then the path in the pattern, line
 * and column. */
#include "compile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* "reason (at path, line 1, column 2); mend". */
static void describe(
	struct compiler *c, uint32_t t, const char *reason, const char *mend, struct buf *out)
{
	const struct jx_token *token = &c->ix.tokens[t];
	unsigned line, column;

	jx_locate(c->text, token->start - (token->type == JX_STRING), &line, &column);
	buf_add_str(out, reason);
	buf_add_str(out, " (at ");
	if (c->name == 0)
		buf_add_str(out, "the top");
	else
		pattern_add_path(c->pattern, c->name, out);
	buf_addf(out, ", line %u, column %u)", line, column);
	if (mend != NULL)
		buf_addf(out, "; %s", mend);
}

int compiler_refuse(struct compiler *c, uint32_t t, const char *mend, const char *reason, ...)
{
	char text[512];
	struct buf out;
	va_list args;

	va_start(args, reason);
	vsnprintf(text, sizeof text, reason, args);
	va_end(args);
	buf_init(&out, BUF_UNLIMITED);
	describe(c, t, text, mend, &out);
	err_set(c->err, ERR_INVALID, "%s", buf_str(&out));
	buf_release(&out);
	return ERR_INVALID;
}

int compiler_refuse_unportable(struct compiler *c, uint32_t t, const char *reason, ...)
{
	char text[512];
	struct buf out;
	va_list args;
	int r = 0;

	va_start(args, reason);
	vsnprintf(text, sizeof text, reason, args);
	va_end(args);
	buf_init(&out, BUF_UNLIMITED);
	describe(c, t, text, NULL, &out);
	if (c->options->strict) {
		err_set(c->err, ERR_LIMIT, "%s", buf_str(&out));
		r = ERR_LIMIT;
	} else if (c->options->warn != NULL) {
		char *warning = xasprintf("not portable to EventBridge: %s", buf_str(&out));

		c->options->warn(c->options->warn_data, warning);
		free(warning);
	}
	buf_release(&out);
	return r;
}
