/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers to dumps that were read already, for whoever asks the same again.  The kernel goes
 * through all rules from the first one on for each 32 KiB of a dump: of 100,000 rules, to
 * read them costs more than all that is done with them.
 */
#ifndef LIB_TAPE_H
#define LIB_TAPE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What would not find room in so many bytes is read again each time. */
#define TAPE_MAX ((size_t)128 * 1024 * 1024)

struct tape_dump;

struct tape {
	struct tape_dump *dumps;
	size_t size;			/* bytes, of all of them */
	uint32_t stamp;			/* when they were read: the generation of the rules */
	bool runs;			/* a stamp was given */
};

/* What was read at another time is forgotten.  @tape may be NULL here and below. */
void tape_begin(struct tape *tape, uint32_t stamp);
void tape_free(struct tape *tape);

/* The answers to a request; NULL: they are not there. */
const struct tape_dump *tape_find(const struct tape *tape, const struct nlmsghdr *request);
/* The sequence number that they have. */
uint32_t tape_sequence(const struct tape_dump *dump);
/* The datagrams, one after another: NULL first, then what came before; NULL at their end. */
const void *tape_next(const struct tape_dump *dump, const void *datagram, size_t *size);

/*
 * Records the answers to a request, which are there for others once they are kept.  NULL:
 * they are not recorded; there may be no memory for it, and nobody needs them.
 */
struct tape_dump *tape_record(struct tape *tape, const struct nlmsghdr *request);
/* false: it has no room for that, or @dump is NULL; what was recorded before is still there. */
bool tape_add(const struct tape *tape, struct tape_dump *dump, const void *datagram, size_t size);
void tape_keep(struct tape *tape, struct tape_dump *dump);
void tape_drop(struct tape_dump *dump);

#endif
