/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "context.h"
#include "layout.h"
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
	UNCANCELLED;
	if (!nt)
		return;
	notrack_unlock(nt);
	if (nt->netns_fd >= 0)
		close(nt->netns_fd);
	free(nt->netns_path);
	model_free(&nt->model);
	findings_free(&nt->findings);
	opening_memory_free(&nt->memory);
	free(nt);
}

const char *notrack_error(const struct notrack *nt)
{
	return nt ? nt->error.text : "there is no context: out of memory, or notrack_new() was not called";
}

const char *notrack_version(void)
{
	return NOTRACK_VERSION;
}

int context_begin_call(struct notrack *nt, const char *call, const struct argument *arguments)
{
	if (!nt)
		return -EINVAL;
	nt->error.text[0] = '\0';
	/* a child that was forked has what its parent took, and holds nothing itself */
	if (nt->lock.fd >= 0 && !lock_is_held(&nt->lock))
		notrack_unlock(nt);
	for (; arguments->name; arguments++)
		if (!arguments->given)
			return error_set(&nt->error, -EINVAL, "%s: %s is NULL", call, arguments->name);
	return 0;
}

int context_begin_changes(struct notrack *nt, const struct notrack_changes *changes)
{
	int err = context_begin(nt);

	return err || !changes ? err : layout_check(&layout_changes, changes, &nt->error);
}

int notrack_set_families(struct notrack *nt, unsigned int families)
{
	int err = context_begin(nt);

	if (err)
		return err;
	if (!families || families & ~NOTRACK_ANY)
		return error_set(&nt->error, -EINVAL, "families 0x%x: NOTRACK_IPV4, NOTRACK_IPV6 or both",
			    families);
	nt->families = families;
	nt->clients_only = false;
	return 0;
}

static void work_in(struct notrack *nt, int netns_fd, char *path)
{
	context_forget(nt);
	nt->clients_only = false;
	if (nt->netns_fd >= 0)
		close(nt->netns_fd);
	nt->netns_fd = netns_fd;
	free(nt->netns_path);
	nt->netns_path = path;
}

/* A path that means the same whoever follows it, and from where. */
static bool is_lasting(const char *path)
{
	return *path == '/' && strncmp(path, "/proc/self/", strlen("/proc/self/")) &&
	       strncmp(path, "/proc/thread-self/", strlen("/proc/thread-self/"));
}

int notrack_set_netns_fd(struct notrack *nt, int fd)
{
	UNCANCELLED;
	int own = context_begin(nt);

	if (own)
		return own;
	/* what open() returns on failure must not mean the caller's own namespace */
	if (fd < 0)
		return error_set(&nt->error, -EINVAL, "network namespace: %d is no descriptor; the call "
				 "that should have opened it has failed", fd);
	own = context_complete(nt);
	if (!own)
		own = netns_adopt(fd, &nt->error);
	if (own < 0)
		return own;
	work_in(nt, own, NULL);
	return 0;
}

int notrack_set_netns(struct notrack *nt, const char *path)
{
	UNCANCELLED;
	int fd = -1, err = context_begin(nt);
	char *kept = NULL;

	if (err)
		return err;
	if (path) {
		fd = netns_open(path, &nt->error);
		if (fd < 0)
			return fd;
	}
	if (path && is_lasting(path)) {
		kept = strdup(path);
		if (!kept)
			err = error_set(&nt->error, -ENOMEM, "out of memory");
	}
	if (!err)
		err = context_complete(nt);
	if (!err) {
		work_in(nt, fd, kept);
		return 0;
	}
	if (fd >= 0)
		close(fd);
	free(kept);
	return err;
}

int notrack_set_force(struct notrack *nt, unsigned int flags)
{
	int err = context_begin(nt);

	if (err)
		return err;
	if (flags & ~NOTRACK_FORCE)
		return error_set(&nt->error, -EINVAL, "force 0x%x: NOTRACK_FORCE or 0", flags);
	nt->force = flags;
	return 0;
}

void notrack_set_wait(struct notrack *nt, unsigned int milliseconds)
{
	if (nt)
		nt->wait_ms = milliseconds;
}

int notrack_lock(struct notrack *nt)
{
	UNCANCELLED;
	int err = context_begin(nt);

	if (err || lock_is_held(&nt->lock))
		return err;
	context_forget(nt);	/* others may have changed it until now */
	return lock_take(&nt->lock, nt->wait_ms, &nt->error);
}

void notrack_unlock(struct notrack *nt)
{
	UNCANCELLED;
	if (!nt)
		return;
	context_forget(nt);
	lock_release(&nt->lock);
}

/* --- what is there ---------------------------------------------------- */

struct session context_session(struct notrack *nt)
{
	return (struct session){ .families = nt->families, .foreign_netns = nt->netns_fd >= 0,
				 .tape = &nt->tape, .error = &nt->error };
}

int context_view(struct notrack *nt, unsigned int families, struct image *read, struct view *view)
{
	struct session session = context_session(nt);
	int err = 0;

	session.families = families;
	for (size_t i = 0; i < BACKENDS && !err; i++)
		err = backends[i]->view(&session, read, view);
	return err;
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

/* The caller's thread may have gone to another namespace: what was read there is not from here. */
static void find_out_where(struct notrack *nt)
{
	const struct netns_id here = netns_identify(nt->netns_fd);

	if (!netns_same(&here, &nt->here))
		context_forget(nt);
	nt->here = here;
}

int context_in_kernel(struct notrack *nt, int (*work)(struct notrack *nt, void *data),
		      void *data)
{
	struct errand errand = { nt, work, data };
	int result;

	find_out_where(nt);
	result = nt->netns_fd >= 0 ? netns_run(nt->netns_fd, run_errand, &errand, &nt->error) :
				     work(nt, data);
	if (result == -ENOMEM && !*nt->error.text)
		error_set(&nt->error, result, "out of memory");
	/* without the lock, it may be changed from now on: a later call reads it anew */
	if (result < 0 || !lock_is_held(&nt->lock))
		context_forget(nt);
	if (!nt->keeps_tape)
		tape_free(&nt->tape);
	return result;
}
