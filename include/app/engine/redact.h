/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redact.h - what an API answers may repeat what it was told, credentials and all; a reply that
 * is kept or shown goes through here first.
 *
 * Masked are the credentials of the attempt (in their header, and BASIC's as plain text) and
 * every secret of the configuration, each as it is, as JSON has it and as a URL has it.
 */
#ifndef APP_ENGINE_REDACT_H
#define APP_ENGINE_REDACT_H

#include "app/conf/conf.h"
#include "io/auth/connection.h"

/* Append @body, masked, to @out. Its end may be cut: what may be the beginning of a secret
 * there is masked too. */
void echo_mask(const struct conf *conf, const struct connection_credentials *cr,
	struct slice body, struct buf *out);

#endif
