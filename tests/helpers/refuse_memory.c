/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For LD_PRELOAD, ahead of a program of any kind: refuses one request for memory, the
 * $NOTRACK_REFUSE'th from 1 on, whoever makes it, and then writes "refused" on descriptor 3.
 * The kernel has no memory for the $NOTRACK_REFUSE_EPOLL'th descriptor that is waited for.  With
 * $NOTRACK_NEWER, matches of conntrack in legacy tables are of a revision that nobody knows.
 */
#include "short_memory.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/netfilter_ipv4/ip_tables.h>

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

/* The name and what fills it up are found wherever they stand; behind them is the revision. */
static void make_newer(char *table, size_t size)
{
	const char name[XT_EXTENSION_MAXNAMELEN] = "conntrack";

	for (size_t i = 0; i + sizeof(name) < size; i++)
		if (!memcmp(table + i, name, sizeof("conntrack")))
			table[i + sizeof(name)] = 99;
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict size)
{
	int result = (int)syscall(SYS_getsockopt, fd, level, option, value, size);

	if (!result && getenv("NOTRACK_NEWER") && level == IPPROTO_IP && option == IPT_SO_GET_ENTRIES)
		make_newer(value, *size);
	return result;
}

static void __attribute__((destructor)) end(void)
{
	if (memory_end() && write(3, "refused", 7) < 0)
		_exit(99);
}
