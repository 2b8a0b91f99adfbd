/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - the status page, src/app/daemon/page.html, as it stands in the program. */
#ifndef APP_DAEMON_PAGE_H
#define APP_DAEMON_PAGE_H

extern const char page_html[];

#endif
