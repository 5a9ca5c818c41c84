/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hosts by chance: rules of both worlds and of all kinds, in chains that lead to
 * each other four deep, entered by interface, source and port.  Each base chain
 * begins with a rule that lets UDP from port 9 to port 9 pass: see wire.h.
 */
#ifndef NOTRACK_TESTS_RANDOM_RULES_H
#define NOTRACK_TESTS_RANDOM_RULES_H

#include <stdbool.h>
#include <stdio.h>

/* Which worlds a host uses, as bits. */
enum {
	RULES_LEGACY = 1 << 0,		/* iptables-legacy */
	RULES_NFT = 1 << 1,		/* nft */
	RULES_COMPAT = 1 << 2,		/* iptables-nft */
};

struct random_rules {
	unsigned int worlds;
	char *legacy[2], *compat[2];	/* for iptables-restore, by family */
	char *nft;
	unsigned long kinds;		/* bits: which kinds of conditions and targets occur */
};

#define RANDOM_KINDS 64
extern const char *const random_kind_names[RANDOM_KINDS];

/* Asks the kernel which kinds it takes: in a namespace that nothing else needs. */
void random_rules_begin(void);
/* Lives as long as the test. */
struct random_rules random_rules(void);
/* In place of all that HOST has. */
void random_rules_install(const struct random_rules *rules);
void random_rules_print(const struct random_rules *rules, FILE *out);

#endif
