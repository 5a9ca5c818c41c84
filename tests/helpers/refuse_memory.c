/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For LD_PRELOAD, ahead of a program of any kind: refuses one request for memory, the
 * $NOTRACK_REFUSE'th from 1 on, whoever makes it, and then writes "refused" on descriptor 3.
 */
#include "short_memory.h"

#include <stdlib.h>
#include <unistd.h>

static void __attribute__((constructor)) begin(void)
{
	const char *nth = getenv("NOTRACK_REFUSE");

	memory_refuse(nth ? (unsigned int)strtoul(nth, NULL, 10) : 0);
}

static void __attribute__((destructor)) end(void)
{
	if (memory_end() && write(3, "refused", 7) < 0)
		_exit(99);
}
