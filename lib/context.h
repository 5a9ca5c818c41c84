/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A context: the model, and what it takes to reach the kernel. */
#ifndef LIB_CONTEXT_H
#define LIB_CONTEXT_H

#include "backend.h"
#include "model/model.h"
#include "notrack.h"
#include "support/error.h"
#include "support/lock.h"
#include "support/netns.h"
#include "support/uncancelled.h"
#include "verify/finding.h"
#include "verify/opening_memory.h"

/* Which backend is used, and why. */
struct choice {
	size_t backend;			/* its place among @backends */
	bool fixed;			/* asked for */
	bool used;			/* a watch has committed before, */
	size_t last;			/* through this one */
	const char *why;
};

struct host;
struct view;

/* Sees the host's rules, with ours among them, when a plan is made of them; both are the plan's. */
struct onlooker {
	int (*look)(struct notrack *nt, void *data, const struct view *view,
		    const struct host *host);
	void *data;
};

struct notrack {
	struct model model;
	unsigned int families;		/* NOTRACK_IPV4, NOTRACK_IPV6 */
	int netns_fd;			/* -1: the caller's */
	char *netns_path;		/* by which it was named; NULL: by none that others would follow */
	unsigned int wait_ms;
	unsigned int force;		/* NOTRACK_FORCE */
	struct lock lock;
	struct choice choice;
	size_t loaded_from;		/* the backend that has the clients a partial model lacks */
	bool local_only;		/* so rules were that it was loaded from, or committed: see struct wanted */
	bool clients_only;		/* since it was loaded or committed, only clients have changed */
	bool clients_changed;		/* ... and they have */
	bool loading;			/* somebody seems to be loading the host's rules */
	bool deferred;			/* the last commit waited for that to end */
	struct opening_memory memory;	/* of what was opened */
	bool insists;			/* it is the host that has changed: what stands is judged, too */
	struct findings findings;	/* what the last commit or diff found about the host */
	struct netns_id here;		/* where the call works that is under way, or was the last */
	struct netns_id known_in;	/* where it was loaded, or committed; zeros: nowhere yet */
	/* as read; with the lock held, good for the commit as well; NULL: not read */
	struct image *images[BACKENDS];
	struct tape tape;		/* of the call that is under way */
	bool keeps_tape;		/* it goes to the kernel more than once */
	struct onlooker *onlooker;	/* of that call; or NULL */
	struct error error;
};

/* Whether a commit may be to blame for how packets fare then. */
static inline bool context_is_judged(const struct notrack *nt)
{
	return nt->insists || model_has_come(&nt->model, nt->families);
}

struct session context_session(struct notrack *nt);
/*
 * The rules of everybody, in all worlds, in the kernel's time; @families are bits, and what the
 * image of @read, which may be NULL, has is not read again.
 */
int context_view(struct notrack *nt, unsigned int families, struct image *read, struct view *view);

/* Chooses a backend, unless one was asked for; to be called in the kernel's time. */
int context_choose(struct notrack *nt);
/* The backend whose rules a commit makes: its place among @backends. */
static inline size_t context_chosen(const struct notrack *nt)
{
	return nt->choice.backend;
}

/* Reads what a backend has, unless it was read before; to be called in the kernel's time. */
int context_image(struct notrack *nt, size_t backend, unsigned int parts, struct image **image);
/* What was read may have been changed since; context_in_kernel() knows when. */
void context_forget(struct notrack *nt);

/* Whether the model was loaded, or committed, in another namespace than the call works in. */
static inline bool context_has_moved(const struct notrack *nt)
{
	return nt->known_in.number && !netns_same(&nt->known_in, &nt->here);
}

/* Whether there are clients that notrack_load() has not read. */
bool context_is_partial(const struct notrack *nt);
/* Reads them, so that the model is whole. */
int context_complete(struct notrack *nt);
/* The same, to be called in the kernel's time; @data is not used. */
int context_complete_in_kernel(struct notrack *nt, void *data);
/*
 * Whether the services of the kernel are those of the model: 1 or 0; -ESTALE where one is
 * gone whose clients were not read.  To be called in the kernel's time.
 */
int context_has_services_of_kernel(struct notrack *nt);
/* 1 or 0, looked up where it has not been read; or -errno. */
int context_has_client(struct notrack *nt, const struct served *served,
		       const struct prefix *prefix);
/* What has changed of clients that were not read is in the kernel now. */
void context_settle(struct notrack *nt);

/* A pointer that a public call was given or not, and its name. */
struct argument {
	const char *name;
	bool given;
};
#define ARGUMENT(pointer) { #pointer, (pointer) != NULL }

/*
 * What public calls begin with, as in context_begin(nt, ARGUMENT(service)): -EINVAL where
 * the context, or a pointer that the call cannot do without, is NULL.
 */
#define context_begin(nt, ...) context_begin_call(nt, __func__, (const struct argument[]){	\
		{ __func__, true }, ##__VA_ARGS__, { NULL, false } })
int context_begin_call(struct notrack *nt, const char *call, const struct argument *arguments);
/* The same of a call that gives changes: none is made that the caller could not be told. */
int context_begin_changes(struct notrack *nt, const struct notrack_changes *changes);

static inline bool context_has(const struct notrack *nt, enum family family)
{
	return nt->families & 1u << family;
}

/*
 * Runs @work in the context's network namespace; -ENOMEM has a sentence then, if no other one.
 * What it reads is kept for the next call as long as the lock is held, and no longer.
 */
int context_in_kernel(struct notrack *nt, int (*work)(struct notrack *nt, void *data),
		      void *data);

#endif
