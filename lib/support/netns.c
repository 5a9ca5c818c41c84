/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "support/netns.h"

/* Whatever the host has as a default, or as a limit; what is not used of it takes no memory. */
#define STACK_SIZE (1024 * 1024)

struct errand {
	int fd;
	int (*work)(void *data);
	void *data;
	bool entered;
	int result;
};

static void *run(void *data)
{
	struct errand *errand = data;

	errand->entered = !setns(errand->fd, CLONE_NEWNET);
	errand->result = errand->entered ? errand->work(errand->data) : -errno;
	return NULL;
}

int netns_thread(void *(*work)(void *data), void *data)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int err;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	/* the host's handlers must not run in a thread it does not know */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attributes, work, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (!err)
		pthread_join(thread, NULL);
	return err ? -ENOMEM : 0;	/* EAGAIN: no room for one more */
}

/* What callers are told of by number; %m says which it is of the rest. */
static int explain(int err)
{
	return err == -ENOENT ? err : err == -EPERM || err == -EACCES ? -EPERM : error_of_system(err);
}

int netns_run(int fd, int (*work)(void *data), void *data, struct error *error)
{
	struct errand errand = { .fd = fd, .work = work, .data = data };
	int err = netns_thread(run, &errand);

	if (err)
		return error_set(error, err, "no thread for the network namespace: too many threads");
	if (errand.entered)
		return errand.result;
	errno = -errand.result;
	return error_set(error, explain(errand.result), "the network namespace cannot be entered: %m%s",
		    errno == EPERM ? "; that needs CAP_SYS_ADMIN" : "");
}

/* --- which one -------------------------------------------------------- */

struct netns_id netns_identify(int fd)
{
	struct stat file;

	if (fd >= 0 ? fstat(fd, &file) : stat("/proc/thread-self/ns/net", &file))
		return (struct netns_id){ 0 };
	return (struct netns_id){ file.st_dev, file.st_ino };
}

bool netns_has_gone(const char *path, const struct netns_id *from)
{
	struct stat file;

	if (stat(path, &file))
		return errno == ENOENT || errno == ENOTDIR;
	return file.st_dev != from->device || file.st_ino != from->number;
}

static bool is_namespace(int fd)
{
	struct statfs fs;

	/* other files may take the number for something else */
	return !fstatfs(fd, &fs) && fs.f_type == NSFS_MAGIC && ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

int netns_open(const char *path, struct error *error)
{
	struct statfs fs;
	int fd;

	if (statfs(path, &fs))
		return error_set(error, explain(-errno), "network namespace %.500s: %m", path);
	if (fs.f_type != NSFS_MAGIC)
		return error_set(error, -EINVAL, "network namespace %.500s: it is none", path);
	/* somebody may have put something else there since */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_set(error, explain(-errno), "network namespace %.500s: %m", path);
	if (is_namespace(fd))
		return fd;
	close(fd);
	return error_set(error, -EINVAL, "network namespace %.500s: it is none", path);
}

struct visit {
	int of;		/* a process */
	int result;	/* a namespace, or -errno */
};

/* There is no other way from a process's descriptor to its namespace's before Linux 6.11. */
static void *visit_process(void *data)
{
	struct visit *visit = data;

	visit->result = setns(visit->of, CLONE_NEWNET) ? -1 :
			open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (visit->result < 0)
		visit->result = -errno;
	return NULL;
}

int netns_adopt(int fd, struct error *error)
{
	struct visit visit = { .of = fd };
	int err;

	if (is_namespace(fd)) {
		visit.result = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (visit.result >= 0)
			return visit.result;
		if (errno == EINVAL)	/* where there may be no descriptor from 3 on */
			errno = EMFILE;
		return error_set(error, explain(-errno), "network namespace: %m");
	}
	err = netns_thread(visit_process, &visit);
	if (err)
		return error_set(error, err, "no thread for the network namespace: too many threads");
	if (visit.result >= 0)
		return visit.result;
	if (visit.result == -EINVAL || visit.result == -EBADF)
		return error_set(error, -EINVAL, "network namespace: descriptor %d is of none", fd);
	errno = -visit.result;
	return error_set(error, explain(visit.result), "network namespace of the process with "
			 "descriptor %d: %m", fd);
}
