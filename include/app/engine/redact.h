/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact.h - masking of secrets in the replies of APIs.
 *
 * A reply may repeat what was sent, credentials included, so it passes through here before it
 * is stored or shown. Masked are the credentials of the attempt (as in their header, and those
 * of BASIC as plain text, too) and every secret of the configuration: each in any spelling
 * (app/conf/mask.h), and the beginnings of each.
 */
#ifndef APP_ENGINE_REDACT_H
#define APP_ENGINE_REDACT_H

#include "app/conf/conf.h"
#include "io/auth/connection.h"

/* Append @body, masked, to @out. @body may be the first part of a reply only: if its end could be
 * the beginning of a secret, that is masked, too. */
void redact_reply(const struct conf *conf, const struct connection_credentials *cr,
	struct slice body, struct buf *out);

#endif
