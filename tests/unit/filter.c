/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into every unit program: with T=word in the environment only the tests whose name
 * contains the word are run. cmocka has the filter, but no way to set it from outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

__attribute__((constructor)) static void filter_from_environment(void)
{
	static char pattern[256]; /* cmocka keeps the pointer */
	const char *word = getenv("T");

	if (word && *word) {
		snprintf(pattern, sizeof pattern, "*%s*", word);
		cmocka_set_test_filter(pattern);
	}
}
