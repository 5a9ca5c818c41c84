/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/holder.h"
#include "support/lock.h"
#include "support/retry.h"

/* Where the lock of iptables is; network namespaces are told apart by their number. */
static int make_path(char *path, size_t size, const char *kind)
{
	const char *lock = lock_path(), *slash = strrchr(lock, '/');
	struct stat namespace = { 0 };
	int length;

	stat("/proc/thread-self/ns/net", &namespace);
	length = snprintf(path, size, "%.*snotrack-%s-%ju.lock",
			  slash ? (int)(slash - lock) + 1 : 0, lock, kind,
			  (uintmax_t)namespace.st_ino);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

/* Locks of the open file, not of the process: threads and forks cannot lose them. */
static struct flock whole_file(short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET };
}

static pid_t read_holder(int fd)
{
	char text[32] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

/* Whoever held the lock before may have removed the file after we opened it. */
static bool is_there(const struct instance *instance)
{
	struct stat ours, there;

	return !fstat(instance->fd, &ours) && !lstat(instance->path, &there) &&
	       ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/* One of another PID namespace is not to be seen from here, either. */
static bool is_gone(pid_t process)
{
	return process <= 0 || (kill(process, 0) && errno == ESRCH);
}

static int refuse(const struct instance *instance, const char *kind, struct error *error)
{
	pid_t holder = read_holder(instance->fd);

	return error_set(error, -EEXIST, "process %d has a %s in this network namespace already%s; end "
			 "it first", (int)holder, kind, is_gone(holder) ? ", or, since it is not to be "
			 "seen here, a child that it has left behind" : "");
}

static void write_holder(const struct instance *instance)
{
	char text[32];
	int size = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	/* the number is for the sentence alone; the lock does not need it */
	if (ftruncate(instance->fd, 0) || pwrite(instance->fd, text, (size_t)size, 0) != size)
		return;
}

/* 0: held; -EAGAIN: the file went; or -errno with a sentence. */
static int try_to_take(struct instance *instance, const char *kind, struct error *error)
{
	struct flock lock = whole_file(F_WRLCK);
	struct stat file;

	/* nothing is followed or opened that is no file of ours */
	instance->fd = open(instance->path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
			    O_NOCTTY, 0600);
	if (instance->fd < 0)
		return error_set(error, errno == EACCES || errno == EPERM ? -EPERM : error_of_system(-errno),
				 "lock %.500s: %m", instance->path);
	if (fstat(instance->fd, &file) || !S_ISREG(file.st_mode))
		return error_set(error, -EIO, "lock %.500s: is not a regular file; remove it",
				 instance->path);
	if (fcntl(instance->fd, F_OFD_SETLK, &lock)) {
		if (errno != EAGAIN && errno != EACCES)
			return error_set(error, -EIO, "lock %.500s: %m", instance->path);
		return refuse(instance, kind, error);
	}
	return is_there(instance) ? 0 : -EAGAIN;
}

static int take(struct instance *instance, const char *kind, struct error *error)
{
	int err = -EAGAIN;

	if (!instance->holder)
		return error_set(error, -ENOMEM, "out of memory");
	if (make_path(instance->path, sizeof(instance->path), kind))
		return error_set(error, -EIO, "the path of the lock is too long");
	for (int i = 0; i < QUICK_TRIES && err == -EAGAIN; i++) {
		err = try_to_take(instance, kind, error);
		if (err && instance->fd >= 0)
			close(instance->fd);
	}
	return err == -EAGAIN ? error_set(error, -EIO, "lock %.500s: is removed again and again",
					  instance->path) : err;
}

int instance_take(struct instance *instance, const char *kind, struct error *error)
{
	int err;

	*instance = (struct instance){ .fd = -1, .holder = holder_note() };
	err = take(instance, kind, error);
	if (!err) {
		write_holder(instance);
		return 0;
	}
	holder_forget(instance->holder);
	*instance = (struct instance)INSTANCE_FREE;
	return err;
}

void instance_release(struct instance *instance)
{
	struct flock nothing = whole_file(F_UNLCK);

	if (instance->fd < 0)
		return;
	if (holder_is_us(instance->holder)) {
		unlink(instance->path);		/* while the lock is held: nobody else's is removed */
		/* children that were forked have the descriptor, too, and would keep the lock */
		fcntl(instance->fd, F_OFD_SETLK, &nothing);
	}
	close(instance->fd);
	holder_forget(instance->holder);
	*instance = (struct instance)INSTANCE_FREE;
}

pid_t instance_holder(const char *kind)
{
	struct flock lock = whole_file(F_WRLCK);
	struct instance instance;
	pid_t holder = 0;

	if (make_path(instance.path, sizeof(instance.path), kind))
		return -ENAMETOOLONG;
	instance.fd = open(instance.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (instance.fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fcntl(instance.fd, F_OFD_GETLK, &lock))
		holder = -errno;
	else if (lock.l_type != F_UNLCK)
		holder = read_holder(instance.fd);
	close(instance.fd);
	return holder;
}
