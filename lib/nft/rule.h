/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One rule of nftables, as far as this library makes them: what it asks of a packet,
 * each as a comparison of some bytes, and then what it does with the packet.  Both
 * what is wanted and what the kernel has takes this form, so that the two can be
 * compared by meaning: nft(8) writes the same rule in more than one way.
 */
#ifndef LIB_NFT_RULE_H
#define LIB_NFT_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/rule.h"
#include "support/arena.h"

/* The longest field that is compared: an IPv6 address, or the name of an interface. */
#define NFT_FIELD_MAX 16
/* More than any rule of ours asks. */
#define NFT_TESTS_MAX 16
/* The longest comment that nft(8) takes (NFTNL_UDATA_COMMENT_MAXLEN). */
#define NFT_COMMENT_MAX 128

enum nft_base {
	NFT_BASE_META,
	NFT_BASE_NETWORK,
	NFT_BASE_TRANSPORT,
	NFT_BASE_FIB,			/* the type of an address, RTN_* */
};

/* Where the bytes are that a test compares. */
struct nft_field {
	uint8_t base;			/* enum nft_base */
	uint8_t key;			/* NFT_META_*, of NFT_BASE_META; NFTA_FIB_F_*, of NFT_BASE_FIB */
	uint8_t offset, size;		/* bytes */
	uint8_t mask[NFT_FIELD_MAX];	/* bits that count */
};

/* Both ends belong to it. */
struct nft_interval {
	uint8_t first[NFT_FIELD_MAX], last[NFT_FIELD_MAX];
};

/* The field must be in one of the intervals, or in a set that has a name. */
struct nft_test {
	struct nft_field field;
	bool inverted;
	const char *set;		/* NULL: intervals */
	size_t count;
	struct nft_interval only;	/* where there is one */
	const struct nft_interval *list;	/* where there are several: ascending, apart */
};

struct nft_limit {
	uint64_t packets;		/* in the time of @seconds */
	uint64_t seconds;
	uint32_t burst;
};

/* update @SET { KEY limit ... }, or { KEY counter } */
struct nft_update {
	struct nft_field key;
	const char *set;
	bool limited;			/* has @limit; else it counts */
	struct nft_limit limit;
};

struct nft_body;

struct nft_rule {
	/* of a rule of ours in a table of others: all that it is; NULL: what follows is */
	const struct nft_body *body;
	const struct nft_test *tests;
	size_t test_count;
	const struct nft_update *update;	/* NULL: none */
	bool counts;
	bool notrack;
	uint8_t target;			/* enum target; TARGET_FOREIGN: not understood */
	bool is_theirs;			/* of others, in a chain of theirs: it is left alone */
	const char *chain;		/* of TARGET_JUMP and TARGET_GOTO, and where a foreign rule
					   leads to one */
	const char *comment;		/* NULL: none */
	struct notrack_count count;
	uint64_t handle;		/* as read from the kernel */
};

/* A rule under construction. */
struct nft_draft {
	struct nft_rule rule;
	struct nft_test tests[NFT_TESTS_MAX];
	struct nft_update update;	/* room for one */
	bool overflow;			/* it asks more than fits */
};

struct nft_field nft_meta_field(uint8_t key, uint8_t size);
struct nft_field nft_header_field(enum nft_base base, uint8_t offset, uint8_t size);
struct nft_field nft_address_type_field(bool destination);
/* A source or destination address, as far as @length bits of it. */
struct nft_field nft_address_field(enum family family, bool destination, unsigned int length);

void nft_draft_begin(struct nft_draft *draft);
/* The field has the value of @size bytes at @value. */
void nft_draft_equal(struct nft_draft *draft, const struct nft_field *field, const void *value);
void nft_draft_byte(struct nft_draft *draft, const struct nft_field *field, uint8_t value);
/* It is in one of the intervals, which must outlive the draft. */
void nft_draft_intervals(struct nft_draft *draft, const struct nft_field *field,
			 const struct nft_interval *list, size_t count);
void nft_draft_set(struct nft_draft *draft, const struct nft_field *field, const char *set);
/* The last test is to fail. */
void nft_draft_invert(struct nft_draft *draft);
/* Nothing is asked of a prefix that covers everybody; @field begins the address. */
void nft_draft_prefix(struct nft_draft *draft, const struct nft_field *field,
		      const struct prefix *prefix);

/* Copies it, with all that it refers to; -ENOMEM, -E2BIG if it asks too much. */
int nft_rule_copy(struct nft_rule *rule, const struct nft_draft *draft, struct arena *arena);

static inline const struct nft_interval *nft_test_intervals(const struct nft_test *test)
{
	return test->count == 1 ? &test->only : test->list;
}

/* In order, and none next to another one; returns how many are left. */
size_t nft_intervals_join(struct nft_interval *list, size_t count, size_t size);

/* Whether it asks for packets of that family. */
bool nft_rule_is_of(const struct nft_rule *rule, enum family family);
bool nft_field_is_masked(const struct nft_field *field);
/*
 * Whether both do the same with the same packets, whatever they have counted; of rules of
 * others, whether they are one.
 */
bool nft_rule_same(const struct nft_rule *a, const struct nft_rule *b);

#endif
