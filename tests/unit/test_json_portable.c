/* SPDX-License-Identifier: Apache-2.0 */
/* All promises of the index again, for the loops of machines without SSE2. The parser is
 * compiled into this program, so the library's copy of it is not linked. */
#define JX_PORTABLE 1
#include "../../src/core/json/parser.c"
#include "test_json.c"
