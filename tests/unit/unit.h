/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit.h - what every unit test begins with: cmocka and the headers that it needs, and the log.
 *
 * unit.c is linked into every unit program. While a test runs it takes the log: a warning or an
 * error that the test has not announced fails it. With T=word in the environment only the tests whose name has the word run.
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Until this test ends, warnings and errors with @id (a literal) are part of it; at least one
 * must come. */
void log_expected(const char *id);
/* The same, but none need come: whether they do hangs on time. */
void log_allowed(const char *id);
/* How many lines with @id, of any level, have come in this test. */
unsigned log_count(const char *id);
/* The last line that has come, newline included. */
const char *log_last(void);

#endif
