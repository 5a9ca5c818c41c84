/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table as the kernel hands it out: what verify walks through. */
#ifndef LIB_BLOB_H
#define LIB_BLOB_H

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

#define STANDARD_SIZE XT_ALIGN(sizeof(struct xt_standard_target))
#define ERROR_SIZE XT_ALIGN(sizeof(struct xt_error_target))

static inline uint32_t blob_head_size(const struct xt_family *kernel)
{
	return entry_head_size(kernel);
}

/* In our copy, the head of a chain has its number where the kernel does not look. */
static inline uint32_t *blob_mark(const struct blob *blob, uint32_t head)
{
	return (uint32_t *)((char *)blob->block->entrytable + head + blob->kernel->mark_offset);
}

/* -errno of the kernel; the block is freed by blob_free() also on error. */
int blob_read(struct blob *blob, const struct xt_family *kernel, enum table_id id);
/* Finds the chains in the block; blob_read() has done so. */
int blob_index(struct blob *blob);
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

#endif
