/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form.h - a JSON object as application/x-www-form-urlencoded.
 *
 * {"a":1,"b":{"c":"x y","d":[true,null]}} becomes a=1&b%5Bc%5D=x+y&b%5Bd%5D%5B0%5D=true&
 * b%5Bd%5D%5B1%5D=: members of members as a[b], elements as a[0], the way Stripe, Twilio, PHP
 * and Rails read them. Strings are sent decoded, numbers as they are spelled, null as the
 * empty text. Empty arrays and objects send nothing: a form cannot say them.
 *
 * Encoding is that of the URL standard: letters, digits and *-._ stay, a space becomes +,
 * every other byte %XX.
 */
#ifndef CORE_REQUEST_FORM_H
#define CORE_REQUEST_FORM_H

#include "base/buf.h"
#include "core/json/json.h"

/* Deeper than this is refused: each level repeats the names of all above it. */
#define FORM_MAX_DEPTH 32

/* Append the object @t. ERR_INVALID: it is no object; ERR_LIMIT: too deep, or @out is full. */
int form_add_object(struct buf *out, const struct jx_index *ix, uint32_t t,
	struct err *err) ATTR_MUST_CHECK;
/* Append characters so encoded. */
void form_add_encoded(struct buf *out, struct slice text);
/* Append characters percent-encoded for a URL: all but the unreserved of RFC 3986, 2.3. */
void form_add_percent(struct buf *out, struct slice text);

#endif
