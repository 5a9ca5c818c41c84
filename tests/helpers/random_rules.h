/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hosts by chance: rules of both worlds and of all kinds, in chains that lead to
 * each other four deep, entered by interface, source and port.  Each base chain
 * begins with a rule that lets UDP from port 9 to port 9 pass: see wire.h.
 */
#ifndef NOTRACK_TESTS_RANDOM_RULES_H
#define NOTRACK_TESTS_RANDOM_RULES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "random_rarities.h"

/* Which worlds a host uses, as bits. */
enum {
	RULES_LEGACY = 1 << 0,		/* iptables-legacy */
	RULES_NFT = 1 << 1,		/* nft */
	RULES_COMPAT = 1 << 2,		/* iptables-nft */
};

enum kind {		/* of conditions and targets */
	KIND_PROTOCOL, KIND_PORT, KIND_MULTIPORT, KIND_FLAGS, KIND_ADDRESS, KIND_RANGE,
	KIND_INTERFACE, KIND_STATE, KIND_STATE_NOT, KIND_DIRECTION, KIND_STATUS, KIND_MARK,
	KIND_CT_MARK, KIND_TYPE, KIND_REVERSE, KIND_LIMIT, KIND_HASHLIMIT, KIND_RECENT_SET,
	KIND_RECENT_UPDATE, KIND_IPSET, KIND_COMMENT, KIND_PKTTYPE, KIND_MAC, KIND_CONNLIMIT,
	KIND_QUOTA, KIND_UNKNOWN, KIND_SET, KIND_INTERVALS, KIND_CONCATENATION, KIND_NAMED_SET,
	KIND_STATE_MAP, KIND_CONCATENATED_MAP, KIND_PORT_MAP, KIND_INTERFACE_MAP, KIND_NAMED_MAP,
	KIND_INTERVAL_MAP, KIND_HIDDEN_MAP,
	KIND_DYNAMIC_SET, KIND_ACCEPT, KIND_DROP, KIND_REJECT, KIND_RETURN, KIND_JUMP, KIND_GOTO,
	KIND_LOG, KIND_SET_MARK, KIND_SET_CT_MARK, KIND_RESTORE_MARK, KIND_NOTRACK, KIND_ZONE,
	KIND_NAT, KIND_COUNT, KIND_BITWISE, KIND_COUNTER,
	KIND_TPROXY, KIND_QUEUE, KIND_BESIDE, KIND_DORMANT, KIND_SHARED_CHAIN, KINDS
};

/* Those above, and then the rare ones. */
enum { RANDOM_KINDS = KINDS + RARE_KINDS_MAX };
/* NULL: there is none of that number. */
const char *random_kind_name(unsigned int kind);

struct random_kinds {
	bool there[RANDOM_KINDS];
};

struct random_rules {
	unsigned int worlds;
	char *legacy[2], *compat[2];	/* for iptables-restore, by family */
	char *nft;
	struct random_kinds kinds;	/* of conditions and targets that occur */
};

/* Asks the kernel which kinds it takes: in a namespace that nothing else needs. */
void random_rules_begin(void);
/* Whether the kernel takes it, of xtables or of nft. */
bool random_rules_may(enum kind kind, bool nft);
/* Lives as long as the test. */
struct random_rules random_rules(void);
/*
 * A host that makes sense: it filters for a name server and a few other services, drops what
 * it does not let in, and bans some; with a rule now and then that makes less sense.
 */
struct random_rules random_firewall(void);
/* In place of all that HOST has. */
void random_rules_install(const struct random_rules *rules);
void random_rules_print(const struct random_rules *rules, FILE *out);

#endif
