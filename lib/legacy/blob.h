/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table as the kernel hands it out and takes it: one block of entries.
 *
 * What iptables(8) does through libiptc is done here on the block itself.  A
 * table of 100,000 clients has 260,000 entries; libiptc makes an allocation of
 * each and prints and aborts where it is surprised, keeps static state, and
 * loses all counters of a table when the last call of a commit fails.  A span
 * of entries that stays is one memcpy() here, several threads may work at
 * once, and a commit that fails halfway is put back with its counters.
 */
#ifndef LIB_BLOB_H
#define LIB_BLOB_H

#include "legacy/inherit.h"
#include "legacy/entry.h"
#include "legacy/xt_family.h"

struct blob_chain {
	const char *name;	/* in the block, or that of the hook */
	uint32_t rules;		/* offset of the first entry */
	uint32_t foot;		/* of the last: the policy, or a return */
	uint32_t first;		/* number of the first entry in the table */
	uint32_t count;		/* of rules, which the foot is not */
	int hook;		/* NF_INET_*, or -1 for a user's chain */
};

struct blob {
	const struct xt_family *kernel;
	enum table_id id;
	int sockfd;
	struct ipt_getinfo info;
	struct ipt_get_entries *block;
	size_t block_size;
	struct blob_chain *chains;	/* as they lie in the block */
	size_t count;
};

/* Of targets, and of the entries that head a user's chain and end any chain. */
#define STANDARD_SIZE XT_ALIGN(sizeof(struct xt_standard_target))
#define ERROR_SIZE XT_ALIGN(sizeof(struct xt_error_target))

static inline uint32_t blob_head_size(const struct xt_family *kernel)
{
	return (uint32_t)(kernel->entry_size + ERROR_SIZE);
}

static inline uint32_t blob_foot_size(const struct xt_family *kernel)
{
	return (uint32_t)(kernel->entry_size + STANDARD_SIZE);
}

/* In our copy, the head of a chain has its number where the kernel does not look. */
static inline uint32_t *blob_mark(const struct blob *blob, uint32_t head)
{
	return (uint32_t *)((char *)blob->block->entrytable + head + blob->kernel->mark_offset);
}

/* What a table's entries are to become. */
struct blob_item {
	const struct rule *rule;	/* a new one, whose chains are linked; or NULL: */
	const struct rule *jump;	/* a new one, whose chain is a name; or NULL: */
	const void *entry;		/* a copy that entry_copy() made; or NULL: */
	uint32_t offset, number;	/* the entry that is there */
};

struct blob_edit {
	const char *name;
	const struct blob_chain *old;	/* NULL: a new chain */
	const struct chain *fresh;	/* the rules of one that is new, or all anew */
	struct blob_item *items;	/* of an old one, where @touched */
	size_t count;
	bool touched;
	bool removed;
	/* where it will be */
	uint32_t rules, foot;
};

/* -errno of the kernel; the block is freed by blob_free() also on error. */
int blob_read(struct blob *blob, const struct xt_family *kernel, enum table_id id);
/* Finds the chains in the block; blob_read() has done so. */
int blob_index(struct blob *blob);
/* One for each entry of the table; -EINVAL if it has another number of them. */
int blob_add_counters(const struct blob *blob, const struct xt_counters_info *counters);
void blob_free(struct blob *blob);

static inline const void *blob_entry(const struct blob *blob, uint32_t offset)
{
	return (const char *)blob->block->entrytable + offset;
}

static inline uint32_t blob_next(const struct blob *blob, uint32_t offset)
{
	return offset + entry_next(blob->kernel, blob_entry(blob, offset));
}

/* "ACCEPT", the name of a chain or target, or "" for a rule that has none. */
const char *blob_label(const struct blob *blob, uint32_t offset);

/* The number of the chain that a rule leads to, or -1. */
long blob_jump(const struct blob *blob, uint32_t offset);

/*
 * Replaces the table by what @edits say, of which there is one for each chain
 * of the blob, in order, and then those of new chains; new rules go on with the
 * counters that @carry has for them.  -errno of the kernel, with the table as it
 * was; -ENOTRECOVERABLE if counters were lost, be it before or after.
 */
int blob_replace(struct blob *blob, struct blob_edit *edits, size_t count,
		 const struct inheritance *carry, const struct features *revisions,
		 struct error *error);

#endif
