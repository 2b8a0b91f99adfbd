/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - the status page, src/app/daemon/page.html, as it stands in the program. */
#ifndef APP_DAEMON_PAGE_H
#define APP_DAEMON_PAGE_H

extern const char page_html[];

/* What a browser may do with it: run its one script, use its one style sheet (it knows them by
 * their hashes), ask this listener, and nothing else; no other site may frame it. The caller
 * frees it. */
char *page_policy(void);

#endif
