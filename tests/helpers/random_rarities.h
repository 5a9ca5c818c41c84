/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Conditions, effects and maps that few rules of a host have, in the words of iptables and of
 * nft: what a generator of hosts by chance puts in now and then.
 */
#ifndef NOTRACK_TESTS_RANDOM_RARITIES_H
#define NOTRACK_TESTS_RANDOM_RARITIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum rarity_part { RARE_CONDITION, RARE_EFFECT, RARE_MAP, RARE_PARTS };

/* Where it may stand, as bits; 0: everywhere. */
enum {
	AT_PREROUTING = 1 << 0, AT_INPUT = 1 << 1, AT_OUTPUT = 1 << 2, AT_POSTROUTING = 1 << 3,
	AT_ENTRY = AT_PREROUTING | AT_INPUT, AT_EXIT = AT_OUTPUT | AT_POSTROUTING,
};

enum {
	OF_IPV4 = 1 << 0, OF_IPV6 = 1 << 1,
	/* The rule may say nothing else of protocols, ports and addresses. */
	ALONE = 1 << 2,
	/* Who meets it, nobody can know from the rules: unsure. */
	HIDDEN = 1 << 3,
	/* It asks conntrack for more than a state, and is not met without an entry: refused, where
	   that decides. */
	OF_ENTRY = 1 << 4,
	/* It remembers: refused, where it stands ahead of a state and decides. */
	REMEMBERS = 1 << 5,
};

struct rarity {
	const char *kind;		/* several may be of one */
	/*
	 * With $IP for "ip" or "ip6", $6 for "4" or "6", $ADDRESS, $PREFIX and $RANGE of the family,
	 * $N for a number that no other rule has; of maps, $PASS, $DROP and $CHAIN for verdicts.
	 */
	const char *text;
	enum { SELDOM, OFTEN } met;	/* by how many of the packets that the tests send */
	uint8_t hooks, flags;
	const char *tables;		/* of xtables: the only ones; NULL: all but nat */
};

struct rarity_list {
	const struct rarity *list;
	size_t count;
};
/* random_rarities_xt.c, random_rarities_nft.c */
extern const struct rarity_list xt_rarities[RARE_PARTS], nft_rarities[RARE_PARTS];

struct rarity_place {
	bool nft, six, alone;		/* alone: what says protocols and addresses may stand there */
	unsigned int hooks;		/* bits: those that lead there; 0: it is not known which */
	const char *table;		/* of xtables */
};

/* Asks the kernel which of them it takes. */
void rarities_begin(void);
/* One that may stand there, or NULL. */
const struct rarity *rarity_by_chance(enum rarity_part part, const struct rarity_place *place);
/* Of one kind each: the kinds have numbers from 0 on. */
enum { RARE_KINDS_MAX = 200 };
unsigned int rarity_number(const struct rarity *rarity);
const char *rarity_name(unsigned int number);
/* @chain: the verdict that leads to a chain; of maps alone. */
void rarity_write(const struct rarity *rarity, const struct rarity_place *place, const char *chain,
		  FILE *out);
/* The sets and maps that their texts name: as commands of nft, for a table, or in the kernel. */
void rarity_write_sets(const char *table, bool ipv4, bool ipv6, FILE *out);
/* As ipset(8) takes them; made by rarities_begin() where there is such a program. */
extern const char rarity_ipsets[];

#endif
