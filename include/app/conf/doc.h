/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doc.h - the documentation of every key, written from the tables that also drive the
 * parser.
 */
#ifndef APP_CONF_DOC_H
#define APP_CONF_DOC_H

#include "base/buf.h"

/* etc/postrider.cfg.reference: every key with its default, commented. */
void conf_doc_reference(struct buf *out);
/* The part of postrider.cfg(5) between its two markers, in mdoc. */
void conf_doc_manual(struct buf *out);
/* "destinations.timeout", one a line. */
void conf_doc_keys(struct buf *out);

#endif
