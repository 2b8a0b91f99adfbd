/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part.c - one part of a request that comes from the event: read, released, and the reason when
 * it makes the request impossible.
 */
#include <stdlib.h>

#include "plan.h"

int request_fail_parameter(
	struct request_failure *f, const struct request_part *part, const char *why)
{
	f->code = "INVALID_PARAMETER";
	return err_set(f->err, ERR_INVALID, "%s: %s %s", part->field,
		value_source_text(part->source), why);
}

int request_fail_limit(struct request_failure *f, const char *what, size_t max)
{
	f->code = "RESOURCE_LIMIT_EXCEEDED";
	return err_set(
		f->err, ERR_LIMIT, "the %s is larger than the limit of %zu bytes", what, max);
}

int request_read_part(const struct request_part *part, const struct value_context *c,
	struct request *r, struct value *ret, struct request_failure *f)
{
	*ret = value_read(part->source, c, &r->work->of_template.value);
	if (buf_failed(&r->work->of_template.value))
		return request_fail_limit(f, part->field, r->work->of_template.value.max_bytes);
	return 0;
}

void request_part_release(struct request_part *p)
{
	buf_release(&p->before);
	value_source_free(p->source);
	free(p->field);
}
