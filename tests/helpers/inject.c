/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

/* More calls than the first one that fail. */
static const unsigned int fault_lasts[] = {
	[FAULT_ONCE] = 0, [FAULT_FOR_A_WHILE] = 10, [FAULT_FROM_THEN_ON] = UINT_MAX / 2,
};

static struct {
	enum fault fault;
	unsigned int nth;	/* 0: off */
	unsigned int calls;
	int err;
	struct injected injected;
	int option;		/* ahead of which somebody intrudes */
	unsigned int until;	/* his turn; 0: nobody's */
	void (*intrude)(const char *table, int level);
	unsigned int alive;	/* until that call; 0: to the end */
} injection;

void inject_begin(enum fault fault, unsigned int nth, int err)
{
	memset(&injection, 0, sizeof(injection));
	injection.fault = fault;
	injection.nth = nth;
	injection.err = err;
}

void inject_intruder(int option, unsigned int nth, void (*intrude)(const char *table, int level))
{
	memset(&injection, 0, sizeof(injection));
	injection.option = option;
	injection.until = nth;
	injection.intrude = intrude;
}

void inject_kill(unsigned int nth)
{
	memset(&injection, 0, sizeof(injection));
	injection.alive = nth;
}

struct injected inject_end(void)
{
	injection.nth = 0;
	injection.until = 0;
	return injection.injected;
}

bool injected_probe(const struct injected *injected)
{
	if (injected->write)
		return false;
	if (injected->level == IPPROTO_IP)
		return injected->option == IPT_SO_GET_REVISION_MATCH ||
		       injected->option == IPT_SO_GET_REVISION_TARGET;
	return injected->option == IP6T_SO_GET_REVISION_MATCH ||
	       injected->option == IP6T_SO_GET_REVISION_TARGET;
}

static bool is_about_xtables(int level, int option)
{
	switch (level) {
	case IPPROTO_IP:
		return option >= IPT_BASE_CTL && option <= IPT_SO_GET_MAX;
	case IPPROTO_IPV6:
		return option >= IP6T_BASE_CTL && option <= IP6T_SO_GET_REVISION_TARGET;
	default:
		return false;
	}
}

/* Whether this call is to fail. Each of them begins with a name. */
static bool fails(int level, int option, const void *value, bool write)
{
	struct injected *injected = &injection.injected;

	if (!injection.nth || !is_about_xtables(level, option))
		return false;
	injection.calls++;
	if (injection.calls < injection.nth ||
	    injection.calls - injection.nth > fault_lasts[injection.fault])
		return false;
	if (!injected->count++) {
		injected->level = level;
		injected->option = option;
		injected->write = write;
		strncpy(injected->name, value, sizeof(injected->name) - 1);
	}
	errno = injection.err;
	return true;
}

static void end_in_time(int level, int option)
{
	if (injection.alive && is_about_xtables(level, option) && !--injection.alive)
		kill(getpid(), SIGKILL);
}

/* In place of libc's, for the library is linked into this program. */
int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	if (is_about_xtables(level, option) && option == injection.option && injection.until &&
	    !--injection.until) {
		injection.injected.count++;
		injection.intrude(value, level);
	}
	end_in_time(level, option);
	if (fails(level, option, value, true))
		return -1;
	return (int)syscall(SYS_setsockopt, fd, level, option, value, size);
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict size)
{
	end_in_time(level, option);
	if (fails(level, option, value, false))
		return -1;
	return (int)syscall(SYS_getsockopt, fd, level, option, value, size);
}
