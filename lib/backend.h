/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seam: a backend is a way into the kernel's packet filter.  There are two,
 * legacy (the xtables tables raw and filter, and mangle and security where the host
 * filters there, through libiptc) and nft (netlink, through libnftnl and libmnl).  What
 * changes rules through it knows neither, and a backend knows nothing of what is above.
 *
 *	model --compile--> wanted --begin--> change --commit--> kernel
 *	                                       ^
 *	model <--raise--- image <--read--------+
 */
#ifndef LIB_BACKEND_H
#define LIB_BACKEND_H

#include <stdio.h>

#include "model/model.h"
#include "rules/graft.h"
#include "rules/rule.h"
#include "rules/view.h"
#include "support/error.h"
#include "support/news.h"
#include "support/tape.h"

struct backend;

/* One errand of a public call, which runs in the network namespace that it is about. */
struct session {
	unsigned int families;		/* bits, 1u << enum family */
	bool foreign_netns;		/* not the caller's own: its owner may wish us ill */
	struct tape *tape;		/* what the call has heard of the kernel already; or NULL */
	struct error *error;		/* has the sentence wherever a call fails */
};

/*
 * What the model means.  Families that it does not name stay as they are.  An empty
 * model wants everything of ours to go.
 */
struct wanted {
	unsigned int families;		/* bits, 1u << enum family */
	const struct model *model;	/* has the clients, which TARGET_LIMITS stands for */
	/* jumps in filter are for print() alone: a commit has grafts in their place */
	struct ruleset rules[FAMILIES][TABLES];
	/*
	 * What leaves: selectors, as chains of raw, that untrack the answers of services which
	 * are in this backend and are not to be there, or not as they are.  See PHASE_UNTRACK.
	 */
	struct ruleset leaving[FAMILIES];
	bool local_only;		/* what comes in is taken where it is for this host */
	bool lets_damage_go;		/* services of other families that nothing describes any more
					   may go where they cannot be kept */
	/*
	 * What is to stand in chains of the host, in all tables of the backend's world; whatever else of
	 * ours stands there goes.  NULL: all that is there stays.
	 */
	const struct grafts *grafts;
};

/* What there is to be read. */
enum part {
	PART_RULES = 1 << 0,		/* our chains, and the jumps to them, with counters */
	PART_CLIENTS = 1 << 1,		/* the limited clients, with counters */
};

/* What one backend has, as read at one moment; a backend's own struct begins with it. */
struct image {
	const struct backend *backend;
	struct session session;
	unsigned int parts;		/* enum part */
};

/*
 * A change of backend or of rules is committed in phases, so that no packet is
 * untracked and not accepted at any time.  Several phases in one call may be
 * one step for a backend that can do them at once.
 */
enum phase {
	PHASE_ACCEPT = 1 << 0,		/* filter gets what is new, and keeps what it accepts */
	PHASE_UNTRACK = 1 << 1,		/* raw becomes what is wanted; of what leaves, first the
					   requests are tracked again, and, after a while, the
					   answers: those to untracked requests are untracked */
	PHASE_FINISH = 1 << 2,		/* filter becomes what is wanted */
	PHASES = PHASE_ACCEPT | PHASE_UNTRACK | PHASE_FINISH,
};

/* From what an image has to what is wanted; a backend's own struct begins with it. */
struct change {
	struct image *image;
	const struct wanted *wanted;
};

/* What a client's limit counted. */
struct client_counts {
	struct prefix prefix;
	struct notrack_count seen, passed, dropped;
};

/* Whom a backend reports counters to; a value other than 0 ends the report. */
struct count_visitor {
	int (*service)(const char *name, enum family family, const struct notrack_count *untracked,
		       const struct notrack_count *accepted, void *data);
	int (*client)(const char *service, const struct client_counts *client, void *data);
	void *data;
};

/* A source that a limit counts now. */
struct bucket {
	struct prefix source;
	const struct limit_rate *rate;
	uint32_t available;		/* requests that would pass at this moment; UINT32_MAX:
					   the kernel does not tell */
	uint32_t expires_ms;		/* unused for so long, it is forgotten */
};

/* Whom to tell of each thing that was looked at, as in struct notrack_check. */
struct check_visitor {
	void (*check)(void *data, const char *name, enum notrack_status status, int err,
		      const char *format, ...) __attribute__((format(printf, 5, 6)));
	void *data;
};
#define check_tell(visitor, ...) ((visitor)->check((visitor)->data, __VA_ARGS__))

/*
 * All calls return 0 or a count, or -errno with a sentence in the session's error.
 * They run in the session's network namespace, in any thread.
 */
struct backend {
	const char *name;		/* "legacy", "nft" */
	const char *tables;		/* what it is a way into, in the plural */
	enum world world;

	/* Whether the kernel has what a commit needs: -EPROTONOSUPPORT says what is missing. */
	int (*probe)(const struct session *session);

	/* 1: somebody else filters there; 0: nobody does. */
	int (*filters)(const struct session *session);

	/*
	 * Adds the tables of the session's families, with the rules of everybody, and makes none;
	 * those that may be told apart by family only are whole.  What @image has, which may be NULL
	 * or of any backend, is not read again.
	 */
	int (*view)(const struct session *session, struct image *image, struct view *view);

	/* Reads what is ours, and makes nothing that is not there; @image is for release(). */
	int (*read)(const struct session *session, unsigned int parts, struct image **image);
	void (*release)(struct image *image);
	/* Whether anything of ours is there. */
	bool (*is_used)(const struct image *image);
	/* Whether rules of ours untrack there: in chains of the host, others may stand elsewhere. */
	bool (*untracks)(const struct image *image);
	/* Whether those take what comes in where it is for this host: see struct wanted. */
	bool (*is_local_only)(const struct image *image);
	/*
	 * Puts what the image says into @model: services, and with PART_CLIENTS in @parts, which
	 * the image has, their clients; without, lists of clients are empty or partial.
	 */
	int (*raise)(struct image *image, unsigned int parts, struct model *model);
	/* Looks a client of a partial list up: 1 or 0.  NULL: no list is ever partial. */
	int (*has_client)(struct image *image, const char *service, const struct prefix *prefix);
	int (*count)(struct image *image, const struct count_visitor *visitor);

	/* Lowers what is wanted to what the backend has.  Nothing is committed yet. */
	int (*begin)(struct image *image, const struct wanted *wanted, struct change **change);
	/* Adds to @changes the rules that differ; and prints a line each on @out, where not NULL. */
	int (*diff)(struct change *change, FILE *out, struct notrack_changes *changes);
	/*
	 * Commits some phases, in order, and adds what it did to @changes.  What changed since
	 * the image was read is read again, a bounded number of times; then -EBUSY.  GRAFT_OUTDATED,
	 * as of begin(): see rules/graft.h.  On
	 * failure, what this call committed is taken back; -ENOTRECOVERABLE where it cannot.
	 * The image is out of date afterwards.
	 */
	int (*commit)(struct change *change, unsigned int phases, struct notrack_changes *changes);
	/*
	 * Takes back all that was committed, last to first; -ENOTRECOVERABLE where it cannot,
	 * which is added to the sentence that the session's error has already.
	 */
	int (*rollback)(struct change *change);
	void (*end)(struct change *change);

	/* What is wanted as text that the backend's own tool takes; asks no kernel. */
	int (*print)(const struct session *session, const struct wanted *wanted, FILE *out);
	/*
	 * What the image has beside what print() prints of @wanted (NULL: that is nothing): rules
	 * in chains of the host, and in chains of ours that are there for these; a line each.
	 */
	int (*print_beside)(struct image *image, const struct wanted *wanted, FILE *out);
	/* The sources that the limits of a service count now. */
	int (*buckets)(const struct session *session, const char *service,
		       const struct clients *clients, enum family family,
		       int (*visit)(const struct bucket *bucket, void *data), void *data);
	/*
	 * Bytes of the tables that have to be read and committed as a whole; NULL where no
	 * change takes memory in proportion to what is there.
	 */
	uint64_t (*bytes)(const struct session *session);
	/* What this host has of what a commit needs. */
	void (*check)(const struct session *session, const struct check_visitor *visitor);

	/*
	 * News of changes in the network namespace of the calling thread; NULL where the kernel has
	 * none, and mark() has to be asked.  listen() returns 0 or a bare -errno.
	 */
	int (*listen)(struct news_queue *queue);
	/* What has been told since the last call, enum news; 0 where nothing was. */
	unsigned int (*hear)(struct news_queue *queue);
	/*
	 * Changes of the calling thread are ours from here on.  The kernel names it by its number
	 * in the first of all PID namespaces, which is another one than ours in a container.
	 */
	void (*sign)(struct news_queue *queue);
	/*
	 * A number made of what the kernel tells of its tables at no cost: another one says that
	 * somebody changed a table.  The same one does not say that nobody did.  0: there are none.
	 */
	uint64_t (*mark)(void);
};

extern const struct backend legacy_backend, nft_backend;

/* All there are. */
#define BACKENDS 2
extern const struct backend *const backends[BACKENDS];

#endif
