/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --watch SECONDS: prints again and again. */
#ifndef AGAIN_H
#define AGAIN_H

#include "options.h"

#define WATCH_ROW(milliseconds, text) \
	{ "watch", 0, "SECONDS", take_seconds, &(milliseconds), text }

/* Shows what was printed, and waits; false if it was for once, or nobody reads any more. */
bool again(unsigned int watch_ms);

#endif
