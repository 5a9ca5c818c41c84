/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the network namespace has one of. */
#ifndef LIB_HOST_H
#define LIB_HOST_H

#include <net/if.h>

#include "model/prefix.h"
#include "rules/view.h"
#include "support/error.h"

/*
 * An address of an interface that is up, and not lo.  By the first that it has of a family,
 * the host sends as a rule, and REDIRECT sends there what comes by it.
 */
struct host_address {
	char interface[IFNAMSIZ];
	struct prefix address;
	bool first;
};

/*
 * The interface that packets of others come by and the address that they come
 * to, where there is just one: rules that name it mean everybody.
 */
struct host {
	char interface[IFNAMSIZ];	/* "": none, or many */
	struct prefix address[FAMILIES];/* of length 0: likewise */
	struct prefix *own;		/* all addresses */
	size_t own_count;
	struct host_address *outward;	/* those of a link alone are left out */
	size_t outward_count;
	char (*interfaces)[IFNAMSIZ];	/* that are up, but for lo */
	size_t interface_count;
	bool forwards;			/* packets of others, so that not all that come are for us */
	bool forwards_of[FAMILIES];	/* those of one family */
};

/*
 * Of the calling thread's namespace; what cannot be read is not there.  0; -ENOMEM; or -EBUSY, with
 * a sentence, where it changes faster than it can be read.
 */
int host_look(struct host *host, struct error *error);
/* Tells rules of @view that look up addresses which are this host's; it is @host's then. */
void host_tell(const struct host *host, struct view *view);
void host_release(struct host *host);

bool host_owns(const struct host *host, const struct prefix *address);
/* Addresses that every host has (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3). */
bool host_is_loopback(const struct prefix *prefix);
/*
 * As long as no interface but lo has an address of that family, as at boot, addresses are still
 * to come, and any that a rule names may be one of them.
 */
bool host_knows(const struct host *host, enum family family);
/* What to say then behind a finding that would not be one otherwise; "" else. */
const char *host_reserve(const struct host *host, enum family family);
/* Whether an address of this host's lies in @prefix, or may be going to. */
bool host_may_own(const struct host *host, const struct prefix *prefix);
/* fe80::/10: nobody from elsewhere sends there (RFC 4291, section 2.5.6). */
bool host_is_of_link(const struct prefix *address);

#endif
