/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A model and the nft backend, driven as the calls of the library drive them.  Families
 * are numbers: 0 is IPv4, 1 is IPv6, as in families[] of netns.h.
 */
#ifndef NOTRACK_TESTS_BACKEND_HOST_H
#define NOTRACK_TESTS_BACKEND_HOST_H

#include <notrack.h>
#include <stdbool.h>

struct backend_host;

/* An empty model, for the families of NOTRACK_IPV4 and NOTRACK_IPV6. */
struct backend_host *host_new(unsigned int families);
void host_free(struct backend_host *host);
const char *host_error(const struct backend_host *host);

/* --- the model: what follows stops the test where the library fails ------- */

/* "NAME", or "NAME: key = value; key = value". */
void host_add(struct backend_host *host, const char *description);
void host_remove(struct backend_host *host, const char *service);
void host_clear(struct backend_host *host, unsigned int families);
/* Whether others ask the service in that family. */
bool host_serves(const struct backend_host *host, const char *service, int family);
/* Which service of it is described no more; "": none. */
const char *host_damage(const struct backend_host *host, int family);
void host_limit(struct backend_host *host, const char *service, const char *prefix,
		const char *above, unsigned int burst);
void host_limit_as(struct backend_host *host, const char *service, const char *prefix,
		   const struct hashlimit *limit);
/* Single addresses of IPv4, from the @first'th behind 10.0.0.0 on. */
void host_limit_many(struct backend_host *host, const char *service, unsigned int first,
		     unsigned int count, const char *above);
void host_unlimit(struct backend_host *host, const char *service, const char *prefix);
/* In words: two models that are the same have the same. */
char *host_words(const struct backend_host *host);

/* --- the kernel ----------------------------------------------------------- */

/* Called by each commit, once it was planned and before the backend looks. */
void host_let_happen(struct backend_host *host, void (*between)(void));

/* Rules and elements that were added and removed. */
struct notrack_changes host_commit(struct backend_host *host);
/* A line each; "" where nothing differs. */
char *host_diff(struct backend_host *host);
/* What is wanted, as text for "nft -f". */
char *host_print(struct backend_host *host);
/* Makes the model what the kernel says. */
void host_load(struct backend_host *host);
/* The same without the clients: those that come and go now are changes of what there is. */
void host_load_services(struct backend_host *host);

struct host_counts {
	struct notrack_count untracked, accepted;	/* of a service */
	struct notrack_count seen, passed, dropped;	/* of a client */
};

/* @prefix: a client of @service; NULL: the service itself. */
struct host_counts host_count(struct backend_host *host, const char *service, int family,
			      const char *prefix);
/* The sources that the limits of a service count. */
unsigned int host_count_buckets(struct backend_host *host, const char *service, int family);
/* The worst of what is checked, and "" or the sentences of what is not well. */
enum notrack_status host_check(struct backend_host *host, char **text);

/* --- without stopping: 0 or -errno, with the sentence in host_error() ------ */

int host_try_commit(struct backend_host *host);
int host_try_load(struct backend_host *host);
int host_try_probe(struct backend_host *host);
/* Commits, and takes it back. */
int host_try_rollback(struct backend_host *host);

#endif
