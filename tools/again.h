/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --watch SECONDS: prints again and again. */
#ifndef AGAIN_H
#define AGAIN_H

#include "options.h"

#define WATCH_ROW(milliseconds, text) \
	{ "watch", 0, "SECONDS", take_pause, &(milliseconds), text }

/* Seconds, as milliseconds: not 0. */
int take_pause(const char *name, const char *word, void *to);

/* Shows what was printed, and waits; false if it was for once, or nobody reads any more. */
bool again(unsigned int watch_ms);

#endif
