/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - uthash, with our memory: by itself it ends the process without a word when there is
 * none.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/util.h"

#define uthash_malloc(size) xmalloc(size)

#include <uthash.h>

#endif
