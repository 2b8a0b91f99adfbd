/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - does this librdkafka know a property, and take its value? Without a client
 * and without a network, for checking a configuration.
 */
#ifndef IO_KAFKA_CHECK_H
#define IO_KAFKA_CHECK_H

#include "base/err.h"

/* ERR_NOT_FOUND: not known; ERR_INVALID: not its value. The text shows @value only if it is no
 * @secret. */
int kafka_check_property(
	const char *name, const char *value, bool secret, struct err *err) ATTR_MUST_CHECK;

#endif
