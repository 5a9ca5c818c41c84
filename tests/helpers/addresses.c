/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "addresses.h"

#include <check.h>
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "conntrack/own_addresses.h"

static struct own_addresses own;
static size_t received;
static bool is_old;

/* In place of libc's. */
ssize_t recvmsg(int fd, struct msghdr *header, int flags)
{
	ssize_t size = syscall(SYS_recvmsg, fd, header, flags);

	received += size > 0 ? (size_t)size : 0;
	return size;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	if (is_old && level == SOL_NETLINK && option == NETLINK_GET_STRICT_CHK) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return (int)syscall(SYS_setsockopt, fd, level, option, value, size);
}

size_t addresses_read(bool old)
{
	struct error error;

	own_addresses_free(&own);
	is_old = old;
	received = 0;
	ck_assert_msg(!own_addresses_read(&own, &error), "%s", error.text);
	return received;
}

static struct prefix prefix_of(const char *word)
{
	struct prefix prefix;
	struct error error;

	ck_assert(!prefix_parse(&prefix, word, &error));
	return prefix;
}

bool addresses_has(const char *word)
{
	struct prefix address = prefix_of(word);

	return own_addresses_has(&own, &address);
}

bool addresses_hears(const char *word)
{
	struct prefix address = prefix_of(word);

	return own_addresses_hears(&own, &address);
}
