/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"

/* A path, or "@" and a name in the abstract namespace; the length, or 0. */
static socklen_t read_address(const char *word, struct sockaddr_un *address)
{
	size_t length = word ? strlen(word) : 0;

	if (length < 2 || length >= sizeof(address->sun_path) || !strchr("/@", *word))
		return 0;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(address->sun_path, word, length);
	if (*word == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*word == '/'));
}

void notify(const char *format, ...)
{
	struct sockaddr_un address;
	socklen_t length = read_address(getenv("NOTIFY_SOCKET"), &address);
	int fd = length ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	char text[2000];
	va_list args;
	int size;

	if (fd < 0)
		return;
	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (size > (int)sizeof(text) - 1)
		size = sizeof(text) - 1;
	/* a manager that does not listen is no reason to end */
	if (size > 0)
		sendto(fd, text, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT, (const void *)&address,
		       length);
	close(fd);
}

uint64_t notify_watchdog_us(void)
{
	const char *us = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!us || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	return strtoull(us, NULL, 10);
}
