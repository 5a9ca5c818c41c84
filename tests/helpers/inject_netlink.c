/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject_netlink.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	unsigned int first, last;	/* that fail; 0: none */
	int err;
	unsigned int nth;		/* that somebody intrudes ahead of; 0: all */
	void (*intrude)(void);
	void (*intrude_waits)(void);
	bool refuses_force;
	unsigned int sent;
} injection;

void netlink_fail(unsigned int nth, int err)
{
	injection.first = injection.last = nth;
	injection.err = err;
}

void netlink_fail_from(unsigned int nth, int err)
{
	netlink_fail(nth, err);
	injection.last = (unsigned int)-1;
}

void netlink_intrude(unsigned int nth, void (*intrude)(void))
{
	injection.nth = nth;
	injection.intrude = intrude;
}

void netlink_intrude_waits(void (*intrude)(void))
{
	injection.intrude_waits = intrude;
}

void netlink_refuse_force(void)
{
	injection.refuses_force = true;
}

unsigned int netlink_end(void)
{
	unsigned int sent = injection.sent;

	memset(&injection, 0, sizeof(injection));
	return sent;
}

static bool is_netfilter(int fd)
{
	int domain = 0, protocol = 0;
	socklen_t size = sizeof(domain);

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_NETLINK &&
	       !getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) &&
	       protocol == NETLINK_NETFILTER;
}

/* In place of libc's, for all that is linked in here. */
ssize_t send(int fd, const void *data, size_t size, int flags)
{
	if (is_netfilter(fd)) {
		injection.sent++;
		if (injection.first && injection.sent >= injection.first &&
		    injection.sent <= injection.last) {
			errno = injection.err;
			return -1;
		}
		if (injection.intrude && (!injection.nth || injection.nth == injection.sent))
			injection.intrude();
	}
	return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

/* Whoever waits for packets waits for processors, which takes a call that libc has no name for. */
long syscall(long number, ...)
{
	static long (*real)(long number, ...);
	long of[6];
	va_list list;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	if (!real)
		abort();
	va_start(list, number);
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		of[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_membarrier && injection.intrude_waits)
		injection.intrude_waits();
	return real(number, of[0], of[1], of[2], of[3], of[4], of[5]);
}

static unsigned long received;

unsigned long netlink_received(void)
{
	return received;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t size = syscall(SYS_recvmsg, fd, message, flags);

	if (size > 0 && is_netfilter(fd))
		received += (unsigned long)size;
	return size;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	if (injection.refuses_force && level == SOL_SOCKET && is_netfilter(fd)) {
		if (option == SO_SNDBUF)	/* as far as wmem_max, which is where it is */
			return 0;
		errno = EPERM;
		if (option == SO_SNDBUFFORCE)
			return -1;
	}
	return (int)syscall(SYS_setsockopt, fd, level, option, value, size);
}
