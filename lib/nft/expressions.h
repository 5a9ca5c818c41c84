/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of expressions as the kernel has them: which ones a part of a rule needs, and
 * new ones.
 */
#ifndef LIB_NFT_EXPRESSIONS_H
#define LIB_NFT_EXPRESSIONS_H

#include "nft/view_attribute.h"
#include "support/arena.h"

/* As many as the kernel takes in one rule. */
#define EXPRESSIONS_MAX 128
/* One attribute holds them all. */
#define EXPRESSIONS_SIZE 65000

struct expressions {
	const struct nlattr *list[EXPRESSIONS_MAX];
	size_t count;
};

/* One of a list, taken apart. */
struct expression_parts {
	const char *name;
	struct attributes data;
};

struct expressions expressions_of(const void *list, size_t size);
struct expression_parts expression_parts(const struct nlattr *expression);
/* Whether it only counts: what it has counted is no part of a rule. */
bool expression_counts(const char *name);
/* Whether an attribute is the number of a register, or something counted. */
bool expression_is_private(const char *name, uint16_t attribute);
/* What an attribute of an expression says, but for that a quota is used up; it may be put into @room. */
const void *expression_lasting(const char *name, const struct nlattr *attr, uint32_t *room);
/* The name of the set that it looks up or refers to; NULL: none. */
const char *expression_set(const struct expression_parts *parts);

/* How many bytes the key of a set has; 0: not known. */
typedef size_t expression_key_size(void *data, const char *set);

/*
 * Marks, beside those that are marked, all that load what these need.  @key_size says of a
 * set what a lookup of it reads.
 */
void expressions_need(const struct expressions *all, bool *needed, expression_key_size *key_size,
		      void *data);

/* --- new ones: expression_write.c --------------------------------------- */

/* A list that is being written. */
struct expression_writer {
	struct nlmsghdr *message;
	bool failed;			/* out of memory */
	bool overflow;			/* more than a rule can have */
	bool counts;			/* has a counter */
};

void expressions_begin(struct expression_writer *writer);
void expressions_free(struct expression_writer *writer);
/* What was written, in @arena; NULL if out of memory. */
const void *expressions_end(struct expression_writer *writer, size_t *size, struct arena *arena);

/* As it stands in a rule; what it counted, or used up, is left out. */
void expression_copy(struct expression_writer *writer, const struct nlattr *expression);

void expression_load_meta(struct expression_writer *writer, uint32_t key);
void expression_load_payload(struct expression_writer *writer, uint32_t base, uint32_t offset,
			     uint32_t size);
void expression_load_state(struct expression_writer *writer);
/* The type of the source or destination address. */
void expression_load_address_type(struct expression_writer *writer, bool destination);
void expression_mask(struct expression_writer *writer, const void *mask, size_t size);
void expression_compare(struct expression_writer *writer, bool inverted, const void *value,
			size_t size);
void expression_range(struct expression_writer *writer, bool inverted, const void *first,
		      const void *last, size_t size);
void expression_count(struct expression_writer *writer);
/* @chain: of NFT_JUMP and NFT_GOTO. */
void expression_verdict(struct expression_writer *writer, int verdict, const char *chain);
/* A match of xtables. */
void expression_match(struct expression_writer *writer, const char *name, uint32_t revision,
		      const void *info, size_t size);

#endif
