/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For LD_PRELOAD, ahead of a program of any kind: refuses one request for memory, the
 * $NOTRACK_REFUSE'th from 1 on, whoever makes it, and then writes "refused" on descriptor 3.
 * The kernel has no memory for the $NOTRACK_REFUSE_EPOLL'th descriptor that is waited for.
 */
#include "short_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static void __attribute__((constructor)) begin(void)
{
	const char *nth = getenv("NOTRACK_REFUSE");

	memory_refuse(nth ? (unsigned int)strtoul(nth, NULL, 10) : 0);
}

int epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event)
{
	static unsigned int calls;
	const char *nth = getenv("NOTRACK_REFUSE_EPOLL");

	if (nth && ++calls == strtoul(nth, NULL, 10)) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epfd, operation, fd, event);
}

static void __attribute__((destructor)) end(void)
{
	if (memory_end() && write(3, "refused", 7) < 0)
		_exit(99);
}
