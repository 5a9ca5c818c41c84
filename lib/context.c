/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
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
	nt->lock = LOCK_FREE;
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
	/* a child that was forked has what its parent took, and holds nothing itself */
	if (nt->lock.fd >= 0 && !lock_is_held(&nt->lock))
		notrack_unlock(nt);
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

static void work_in(struct notrack *nt, int netns_fd)
{
	context_forget(nt);
	if (nt->netns_fd >= 0)
		close(nt->netns_fd);
	nt->netns_fd = netns_fd;
}

int notrack_set_netns_fd(struct notrack *nt, int fd)
{
	int own;

	context_begin(nt);
	/* what open() returns on failure must not mean the caller's own namespace */
	if (fd < 0)
		return error_set(&nt->error, -EINVAL, "network namespace: %d is no descriptor; the call "
				 "that should have opened it has failed", fd);
	own = netns_adopt(fd, &nt->error);
	if (own < 0)
		return own;
	work_in(nt, own);
	return 0;
}

int notrack_set_netns(struct notrack *nt, const char *path)
{
	int fd = -1;

	context_begin(nt);
	if (path) {
		fd = netns_open(path, &nt->error);
		if (fd < 0)
			return fd;
	}
	work_in(nt, fd);
	return 0;
}

void notrack_set_wait(struct notrack *nt, unsigned int milliseconds)
{
	nt->wait_ms = milliseconds;
}

int notrack_lock(struct notrack *nt)
{
	context_begin(nt);
	return lock_is_held(&nt->lock) ? 0 : lock_take(&nt->lock, nt->wait_ms, &nt->error);
}

void notrack_unlock(struct notrack *nt)
{
	context_forget(nt);
	lock_release(&nt->lock);
}

/* --- what is there ---------------------------------------------------- */

struct session context_session(struct notrack *nt)
{
	return (struct session){ .families = nt->families, .foreign_netns = nt->netns_fd >= 0,
				 .error = &nt->error };
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

int struct_take(void *to, size_t size, const void *from, const char *what, struct error *error)
{
	size_t given = from ? *(const size_t *)from : 0;

	/* sizeof any struct of that kind is a multiple, and splits no member */
	if (given <= sizeof(size_t) || given > 16 * size || given % sizeof(size_t))
		return error_set(error, -EINVAL, "%s: its size member is not set", what);
	/* a newer caller's members that are not zero would be ignored */
	for (size_t i = size; i < given; i++)
		if (((const char *)from)[i])
			return error_set(error, -EINVAL, "%s: uses a member that this version "
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
