/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known while the tables are read. */
#ifndef LIB_NFT_VIEW_READER_H
#define LIB_NFT_VIEW_READER_H

#include "nft/question.h"
#include "nft/view_attribute.h"
#include "rules/view.h"
#include "support/netlink.h"

struct view_set {
	struct view_set *next;		/* of the same hash */
	const struct view_table *table;
	const char *name;
	uint32_t flags;			/* NFT_SET_* */
	uint32_t key_size, data_size;
	bool judges;			/* its elements have limits or quotas: being there is not all */
	const struct view_lookup *read;	/* the first one by which its elements were read; NULL: none */
};

struct view_object {
	struct view_object *next;
	const struct view_table *table;
	const char *name;
	uint32_t type;			/* NFT_OBJECT_* */
	bool inverted;			/* of limits and quotas: "over" */
};

#define SET_SLOTS 1024

struct view_reader {
	struct view *view;
	struct netlink *netlink;
	struct view_set *sets[SET_SLOTS];
	struct view_object *objects;
	struct view_chain *chain;	/* of the rule that was read last */
	bool skims;			/* rules get no steps: only their place, and whether they are ours */
	/* whoever wants more of each rule than its steps; NULL: nobody */
	int (*take)(struct view_reader *reader, const struct view_chain *chain,
		    const struct view_rule *rule, const struct attributes *from);
	void *data;
};

/* --- messages ---------------------------------------------------------- */

/* The attributes of a message of nftables; its family. */
struct attributes view_message_attributes(const struct nlmsghdr *message, uint8_t *family);

/* "ip", AF_INET and so on; NFPROTO_UNSPEC where it is none that we walk through. */
uint8_t view_family_of(const struct view_table *table);

/* --- what is read ------------------------------------------------------ */

int reader_add_set(struct view_reader *reader, const struct view_table *table,
		   const struct attributes *set);
struct view_set *reader_find_set(struct view_reader *reader, const struct view_table *table,
				 const char *name);
const struct view_object *reader_find_object(const struct view_reader *reader,
					    const struct view_table *table, const char *name,
					    uint32_t type);

/* Reads all tables of nftables into the reader's view, but for the elements of sets. */
int reader_read(struct view_reader *reader);

/* Reads the elements of all sets that belong to rules which packets of ours may meet. */
int reader_read_elements(struct view_reader *reader);

/* Likewise for one step. */
int reader_read_step(struct view_reader *reader, struct step *step);

/* --- keys: view_key.c --------------------------------------------------- */

/* Fields of a concatenation begin at every fourth byte. */
size_t key_next_offset(size_t offset, const struct key_field *field);
size_t key_size(const struct view_lookup *lookup);
bool key_is_address(const struct key_field *field);
bool key_is_interface(const struct key_field *field);
/* Nobody knows what it is of a packet. */
bool key_is_hidden(const struct key_field *field);
uint32_t key_read_number(const struct key_field *field, const uint8_t *bytes);

/* What a view keeps for questions. */
struct view_asker {
	struct view *view;
	struct netlink netlink;
};

/* Asks for one key of a set with a name: see struct view. */
int nft_view_ask(void *asker, const struct view_lookup *lookup, const struct key_value *key,
		 struct set_element *found);

/* --- rules: view_rule.c ------------------------------------------------- */

/* More than any rule has: a rule of the kernel has 128 expressions at most. */
#define VIEW_STEPS_MAX 256
/*
 * Makes a row of steps in view.steps of a list of expressions; @from, which may be NULL,
 * has room for VIEW_STEPS_MAX: the number of the expression that each step was made of.
 */
int reader_run(struct view_reader *reader, struct view_chain *chain, const void *list, size_t size,
	       uint8_t *from);

/* Of the attributes of a rule. */
int reader_add_rule(struct view_reader *reader, struct view_chain *chain,
		    const struct attributes *rule);

#endif
