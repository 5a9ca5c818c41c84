/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/clock.h"
#include "support/holder.h"
#include "support/lock.h"

#define LOCK_FILE "/run/xtables.lock"	/* XT_LOCK_NAME in iptables/xshared.h */

/*
 * flock(2) has no time limit of its own, and a library may not use a signal to
 * end it.  The holders work for milliseconds, so asking again soon is cheap.
 */
#define RETRY_US_MIN 500
#define RETRY_US_MAX 10000

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

/* --- the file --------------------------------------------------------- */

static const char *kind_of(mode_t mode)
{
	return S_ISDIR(mode) ? "directory" : S_ISFIFO(mode) ? "FIFO" :
	       S_ISSOCK(mode) ? "socket" : "device";
}

static int refuse(const char *path, const struct stat *file, struct error *error)
{
	return error_set(error, -EIO, "lock %.500s: it is a %s, where a regular file should be; remove it, "
			 "or name a lock file in XTABLES_LOCKFILE", path, kind_of(file->st_mode));
}

/*
 * Nothing is opened that is no file: that of a FIFO or a device may block, or start
 * something.  A link is followed if root or the caller made it; one by somebody else
 * could make us create or hold any file there is.
 */
static int check_file(const char *path, struct error *error)
{
	struct stat file;

	if (!lstat(path, &file) && S_ISLNK(file.st_mode) && file.st_uid && file.st_uid != geteuid())
		return error_set(error, -EIO, "lock %.500s: it is a symbolic link that user %u made, who may "
				 "lead it anywhere; remove it, or name a lock file in XTABLES_LOCKFILE",
				 path, file.st_uid);
	if (!stat(path, &file) && !S_ISREG(file.st_mode))
		return refuse(path, &file, error);
	return 0;
}

static int open_file(const char *path, struct error *error)
{
	struct stat file = { 0 };
	int err = check_file(path, error), fd;

	if (err)
		return err;
	/* somebody may have put something else there since */
	fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0) {
		/* of the rest, callers would take some for something else: -ENOENT */
		err = errno == EACCES || errno == EPERM ? -EPERM : error_of_system(-errno);
		return error_set(error, err, "lock %.500s: %m%s", path, err == -ENOMEM ? "" : "; run as "
				 "root, or name a lock file in XTABLES_LOCKFILE");
	}
	if (!fstat(fd, &file) && S_ISREG(file.st_mode))
		return fd;
	close(fd);
	return refuse(path, &file, error);
}

/* --- the lock --------------------------------------------------------- */

static int explain_wait(int err, const char *path, unsigned int wait_ms, struct error *error)
{
	if (err == -EBUSY && !wait_ms)
		return error_set(error, err, "lock %.500s: held by another program; try again, or wait "
				 "longer", path);
	if (err == -EBUSY)
		return error_set(error, err, "lock %.500s: held by another program after %u.%03u s; "
			    "try again, or wait longer", path, wait_ms / 1000, wait_ms % 1000);
	errno = -err;
	return error_set(error, error_of_system(err), "lock %.500s: %m", path);
}

const char *lock_path(void)
{
	const char *path = secure_getenv("XTABLES_LOCKFILE");

	return path && *path ? path : LOCK_FILE;
}

int lock_take(struct lock *lock, unsigned int wait_ms, struct error *error)
{
	const char *path = lock_path();
	int fd, err;

	fd = open_file(path, error);
	if (fd < 0)
		return fd;
	err = wait_for(fd, wait_ms);
	if (err) {
		close(fd);
		return explain_wait(err, path, wait_ms, error);
	}
	*lock = (struct lock){ fd, holder_note() };
	if (lock->holder)
		return 0;
	lock_release(lock);
	return error_set(error, -ENOMEM, "out of memory");
}

bool lock_is_held(const struct lock *lock)
{
	return lock->fd >= 0 && holder_is_us(lock->holder);
}

void lock_release(struct lock *lock)
{
	/*
	 * Children that were forked have the descriptor, too, and would keep the lock: it is
	 * given up, and not only closed.  A child of ours must not do that for its parent.
	 */
	if (lock_is_held(lock))
		flock(lock->fd, LOCK_UN);
	if (lock->fd >= 0)
		close(lock->fd);
	holder_forget(lock->holder);
	*lock = LOCK_FREE;
}
