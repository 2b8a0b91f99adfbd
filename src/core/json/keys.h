/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - which members of an object another one with the same key hides.
 *
 * Used by the parser alone (core/json/parser.c); core/json/json.h says what the outcome means.
 */
#ifndef CORE_JSON_KEYS_H
#define CORE_JSON_KEYS_H

#include "core/json/json.h"

/* How many earlier members are looked at one by one before that is put off. */
#define JX_KEYS_NEAR 16

/*
 * Member @t of object @open has just been added, and its key may be there already. Marks
 * the earlier one as shadowed. Returns false when there are too many members to look at
 * now; then call jx_keys_resolve() once the object is complete.
 */
bool jx_keys_near(struct jx_index *ix, uint32_t open, uint32_t t);

/* Mark all members of the complete object @t that a later one hides. */
void jx_keys_resolve(struct jx_index *ix, uint32_t t);

#endif
