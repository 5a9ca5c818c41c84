/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "context.h"
#include "support/lock.h"
#include "support/netns.h"

#define WAIT_MS_DEFAULT 5000

struct notrack *notrack_new(void)
{
	struct notrack *nt = calloc(1, sizeof(*nt));

	if (!nt)
		return NULL;
	nt->families = NOTRACK_ANY;
	nt->netns_fd = -1;
	nt->lock_fd = -1;
	nt->wait_ms = WAIT_MS_DEFAULT;
	return nt;
}

void notrack_free(struct notrack *nt)
{
	if (!nt)
		return;
	notrack_unlock(nt);
	if (nt->netns_fd >= 0)
		close(nt->netns_fd);
	model_free(&nt->model);
	free(nt);
}

const char *notrack_error(const struct notrack *nt)
{
	return nt->error.text;
}

const char *notrack_version(void)
{
	return NOTRACK_VERSION;
}

void context_begin(struct notrack *nt)
{
	nt->error.text[0] = '\0';
}

int notrack_set_families(struct notrack *nt, unsigned int families)
{
	context_begin(nt);
	if (!families || families & ~NOTRACK_ANY)
		return error_set(&nt->error, -EINVAL, "families 0x%x: NOTRACK_IPV4, NOTRACK_IPV6 or both",
			    families);
	nt->families = families;
	return 0;
}

int notrack_set_netns_fd(struct notrack *nt, int fd)
{
	int copy = -1;

	context_begin(nt);
	context_forget(nt);
	if (fd >= 0) {
		if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET)
			return error_set(&nt->error, -EINVAL, "network namespace: descriptor %d is of none",
				    fd);
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (copy < 0)
			return error_set(&nt->error, -errno, "network namespace: %m");
	}
	if (nt->netns_fd >= 0)
		close(nt->netns_fd);
	nt->netns_fd = copy;
	return 0;
}

int notrack_set_netns(struct notrack *nt, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	context_begin(nt);
	if (fd < 0)
		return error_set(&nt->error, -errno, "network namespace %s: %m", path);
	err = notrack_set_netns_fd(nt, fd);
	if (err == -EINVAL)
		err = error_set(&nt->error, err, "network namespace %s: it is none", path);
	close(fd);
	return err;
}

void notrack_set_wait(struct notrack *nt, unsigned int milliseconds)
{
	nt->wait_ms = milliseconds;
}

int notrack_lock(struct notrack *nt)
{
	int fd;

	context_begin(nt);
	if (nt->lock_fd >= 0)
		return 0;
	fd = lock_take(nt->wait_ms, &nt->error);
	if (fd < 0)
		return fd;
	nt->lock_fd = fd;
	nt->lock_pid = getpid();
	return 0;
}

void notrack_unlock(struct notrack *nt)
{
	context_forget(nt);
	if (nt->lock_fd >= 0) {
		if (nt->lock_pid == getpid())	/* and not for the parent */
			flock(nt->lock_fd, LOCK_UN);
		close(nt->lock_fd);
	}
	nt->lock_fd = -1;
}

/* --- what is there ---------------------------------------------------- */

const struct backend *const backends[BACKENDS] = { &legacy_backend };

struct session context_session(struct notrack *nt)
{
	return (struct session){ .families = nt->families, .foreign_netns = nt->netns_fd >= 0,
				 .error = &nt->error };
}

size_t context_chosen(const struct notrack *nt)
{
	(void)nt;
	return 0;
}

static bool covers(const struct image *image, unsigned int families, unsigned int parts)
{
	return !(families & ~image->session.families) && !(parts & ~image->parts);
}

int context_image(struct notrack *nt, size_t backend, unsigned int parts, struct image **image)
{
	struct session session = context_session(nt);
	struct image **kept = &nt->images[backend];
	int err = 0;

	if (*kept && !covers(*kept, nt->families, parts)) {
		backends[backend]->release(*kept);
		*kept = NULL;
	}
	if (!*kept)
		err = backends[backend]->read(&session, parts, kept);
	*image = *kept;
	return err;
}

void context_forget(struct notrack *nt)
{
	for (size_t i = 0; i < BACKENDS; i++) {
		if (nt->images[i])
			backends[i]->release(nt->images[i]);
		nt->images[i] = NULL;
	}
}

/* --- the kernel ------------------------------------------------------- */

struct errand {
	struct notrack *nt;
	int (*work)(struct notrack *nt, void *data);
	void *data;
};

static int run_errand(void *data)
{
	struct errand *errand = data;

	return errand->work(errand->nt, errand->data);
}

int context_in_kernel(struct notrack *nt, int (*work)(struct notrack *nt, void *data),
		      void *data)
{
	struct errand errand = { nt, work, data };

	if (nt->netns_fd >= 0)
		return netns_run(nt->netns_fd, run_errand, &errand, &nt->error);
	return work(nt, data);
}

/* --- structs of other versions ---------------------------------------- */

int context_take_struct(struct notrack *nt, void *to, size_t size, const void *from,
			const char *what)
{
	size_t given = from ? *(const size_t *)from : 0;

	if (given <= sizeof(size_t) || given > 16 * size)
		return error_set(&nt->error, -EINVAL, "%s: its size member is not set", what);
	/* a newer caller's members that are not zero would be ignored */
	for (size_t i = size; i < given; i++)
		if (((const char *)from)[i])
			return error_set(&nt->error, -EINVAL, "%s: uses a member that this version "
				    "of libnotrack does not have", what);
	memset(to, 0, size);
	memcpy(to, from, given < size ? given : size);
	return 0;
}

void context_give_struct(void *to, const void *from, size_t size)
{
	size_t room = to ? *(const size_t *)to : 0;

	if (room > size)
		room = size;
	if (room > sizeof(size_t))
		memcpy((char *)to + sizeof(size_t), (const char *)from + sizeof(size_t),
		       room - sizeof(size_t));
}
