/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's tables as iptables-legacy or iptables-nft prints them: what our program did to
 * them is read with another's eyes.
 */
#ifndef NOTRACK_TESTS_TABLES_H
#define NOTRACK_TESTS_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "netns.h"

/*
 * The address family of that number whose host is filtered by the backend that the suite runs
 * over: over nftables, its rules are those of iptables-nft.
 */
const struct family *suite_family(int number);

/* Whether its programs are those of iptables-nft. */
bool family_is_nft(const struct family *family);

/* "filter INPUT 1" as the library names it: over nftables with the family of the table ahead. */
const char *place_of(const struct family *family, const char *place);

/* iptables-legacy-save -c of one table, or of every table there is (NULL), without comments. */
char *table_save(const struct family *family, const char *table);

/* raw and filter of both families, or all of nftables: whatever we could have changed. */
char *tables_save_all(void);

/* What is left of a saved text without our jumps and our chains. */
char *tables_without_ours(const char *saved);

/*
 * One way through a built-in chain to a verdict: what every rule on the way
 * matched, in words of iptables, sorted. However ports are matched, it reads
 * `--dport`; TCP's `--tcp-flags` of `--syn` too; comments are left out.
 */
struct path {
	char *selector;		/* "--dport 53 -p udp" */
	char *target;		/* "ACCEPT", "NOTRACK", "DROP"; the last rule's */
	char *comment;		/* the last rule's, or "" */
	char *rule;		/* the last rule, as saved */
	uint64_t packets;	/* it counted */
};

struct paths {
	struct path *path;
	size_t count;
};

/*
 * Every path through the chain, in the order in which a packet would try them. Over nftables,
 * PREROUTING and OUTPUT of raw are the chains that untrack there (listed.h).
 */
struct paths table_walk(const struct family *family, const char *table, const char *chain);

/* Those of the paths that end in the target. */
struct paths paths_to(struct paths paths, const char *target);

/* The selectors, as a set, one a line: for comparing. */
char *paths_as_set(struct paths paths);

/* How many packets took any path with this selector to the target. */
uint64_t paths_packets(struct paths paths, const char *selector, const char *target);

/* How many packets a rule of filter has taken: the first that has the words in its line. */
unsigned int rule_packets(const struct family *family, const char *words);
/* The same of all that have them, in any table. */
unsigned int rules_packets(const struct family *family, const char *words);

/* A rule without a target, at the end of the chain, that counts what matches. */
void counter_append(const struct family *family, const char *label, const char *table,
		    const char *chain, const char *match);
uint64_t counter_packets(const struct family *family, const char *label);
bool counter_reaches(const struct family *family, const char *label, uint64_t packets);

/*
 * A host that lets in and out what conntrack knows, and nothing else: every
 * policy DROP, ESTABLISHED and RELATED accepted, INVALID dropped. New flows may
 * only begin to UDP port 7 (echo), by which a test sees that conntrack is alive.
 */
void firewall_install(const struct family *family);

/* A host that accepts nothing by itself, so that what is added is opened there. */
void firewall_deny(const struct family *family);

/* The namespace's conntrack entries. */
unsigned int conntrack_count(void);

#endif
