/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection tracking table, read and edited through ctnetlink.
 *
 * Messages are taken apart with libmnl where they lie: a full table has a
 * million entries, of which a few numbers each are wanted, and not an object.
 */
#ifndef LIB_CONNTRACK_H
#define LIB_CONNTRACK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "support/error.h"
#include "support/netlink.h"
#include "model/prefix.h"

struct conntrack {
	struct netlink netlink;
};

/* One direction of an entry: 4 or 16 bytes of address; ports are 0 where there are none. */
struct tracked_end {
	const uint8_t *source, *destination;
	uint16_t source_port, destination_port;
};

/* An entry, good until the next one. */
struct tracked {
	enum family family;
	uint8_t protocol;		/* IPPROTO_* */
	uint8_t tcp_state;		/* TCP_CONNTRACK_* */
	uint32_t status;		/* IPS_* */
	struct tracked_end original, reply;
	const char *helper;		/* NULL: none */
	const struct nlattr *tuple, *zone, *id;	/* what names it to the kernel */
};

/* In the network namespace of the calling thread. */
int conntrack_open(struct conntrack *conntrack, struct error *error);
void conntrack_close(struct conntrack *conntrack);

enum conntrack_part {
	CONNTRACK_ORIGINAL,		/* family, protocol and original ends, for speed */
	CONNTRACK_WHOLE,
};

/* Whether @message is an entry. */
bool tracked_read(struct tracked *entry, const struct nlmsghdr *message, enum conntrack_part part);

/*
 * Visits every entry of both families.  Those that come and go meanwhile may
 * be visited, or not.  Other than 0 from @visit ends it, and is returned;
 * after that, as after an error, there is nothing to do but to close.
 */
int conntrack_dump(struct conntrack *conntrack, enum conntrack_part part,
		   int (*visit)(const struct tracked *entry, void *data), void *data,
		   struct error *error);

struct conntrack_totals {
	uint64_t count, max;		/* entries, and how many there may be */
	/* packets so far, over all processors */
	uint64_t invalid, insert_failed, dropped, early_dropped;
};

/* 0, or -errno with a sentence. */
int conntrack_read_totals(struct conntrack *conntrack, struct conntrack_totals *totals,
			  struct error *error);

/* Entries that are to go, or to change, some at a time. */
struct conntrack_edit {
	struct conntrack *conntrack;	/* not one that is being dumped */
	char *requests;
	size_t size;			/* of those that are pending */
	unsigned int pending;
	uint64_t done;
};

int conntrack_begin_edit(struct conntrack_edit *edit, struct conntrack *conntrack);
/* One that is gone already, or is another by now, is not counted. */
int conntrack_remove(struct conntrack_edit *edit, const struct tracked *entry,
		     struct error *error);
/* Of TCP: sequence numbers are of no matter any more, as where the kernel meets one midway. */
int conntrack_loosen(struct conntrack_edit *edit, const struct tracked *entry,
		     struct error *error);
/* Hands over what is pending, where @err is 0; returns @err, or -errno. */
int conntrack_end_edit(struct conntrack_edit *edit, int err, struct error *error);

/*
 * Visits every entry, whole, as conntrack_dump() does, for @visit to remove or to change it with
 * @edit; 0, what @visit returned, or -errno.
 */
int conntrack_edit_each(struct conntrack_edit *edit,
			int (*visit)(const struct tracked *entry, void *data), void *data,
			struct error *error);

#endif
