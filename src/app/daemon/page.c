/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

/* The assembler reads the file, so that the page is edited as a page. */
__asm__(".section .rodata\n"
	".global page_html\n"
	"page_html:\n"
	".incbin \"src/app/daemon/page.html\"\n"
	".byte 0\n"
	".previous\n");
