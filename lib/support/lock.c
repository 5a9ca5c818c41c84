/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "support/lock.h"

#define LOCK_FILE "/run/xtables.lock"	/* XT_LOCK_NAME in iptables/xshared.h */

/*
 * flock(2) has no time limit of its own, and a library may not use a signal to
 * end it.  The holders work for milliseconds, so asking again soon is cheap.
 */
#define RETRY_US_MIN 500
#define RETRY_US_MAX 10000

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void nap(uint64_t us)
{
	const struct timespec time = { .tv_nsec = (long)us * 1000 };

	nanosleep(&time, NULL);
}

static int wait_for(int fd, unsigned int wait_ms)
{
	uint64_t deadline = now_us() + (uint64_t)wait_ms * 1000, pause = RETRY_US_MIN;

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		uint64_t now = now_us();

		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (wait_ms != UINT_MAX && now >= deadline)
			return -EBUSY;
		if (wait_ms != UINT_MAX && now + pause > deadline)
			pause = deadline - now;
		nap(pause);
		/* the clock's low digits keep waiters from asking in step */
		pause = pause * 3 / 2 + now % 256;
		if (pause > RETRY_US_MAX)
			pause = RETRY_US_MAX - now % 2048;
	}
	return 0;
}

int lock_take(unsigned int wait_ms, struct error *error)
{
	const char *path = secure_getenv("XTABLES_LOCKFILE");
	int fd, err;

	if (!path || !*path)
		path = LOCK_FILE;
	fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0600);
	if (fd < 0) {
		/* of the rest, callers would take some for something else: -ENOENT */
		err = errno == EACCES || errno == EPERM ? -EPERM : -EIO;
		return error_set(error, err, "lock %s: %m; run as root, or name a lock file in "
			    "XTABLES_LOCKFILE", path);
	}
	err = wait_for(fd, wait_ms);
	if (!err)
		return fd;
	close(fd);
	if (err == -EBUSY)
		return error_set(error, err, "lock %s: held by another program after %u.%03u s; "
			    "try again, or wait longer (-w)", path, wait_ms / 1000, wait_ms % 1000);
	errno = -err;
	return error_set(error, err, "lock %s: %m", path);
}
