/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "again.h"
#include "complain.h"

int take_pause(const char *name, const char *word, void *to)
{
	int code = take_seconds(name, word, to);

	return code || *(unsigned int *)to ? code :
	       complain(EXIT_BAD_INPUT, "--%s %s: must be a millisecond at least", name, word);
}

bool again(unsigned int watch_ms)
{
	const struct timespec pause = { .tv_sec = watch_ms / 1000,
					.tv_nsec = (long)(watch_ms % 1000) * 1000000 };

	if (!watch_ms || fflush(stdout) || ferror(stdout))
		return false;
	nanosleep(&pause, NULL);
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	return true;
}
