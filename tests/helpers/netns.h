/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every test runs in a network namespace of its own, and in a mount namespace
 * with an empty /run, so that neither its rules nor its lock are anyone
 * else's. Both end with the process that the test is.
 *
 *      HOST                                    PEER
 *      the tables under test       veth        clients and upstreams
 *      192.0.2.1/24           ◀────────────▶   192.0.2.2, .10, .11, .12
 *                                              198.51.100.7
 *      2001:db8::1/64                          2001:db8::2, 2001:db8:2::10
 *                                              2001:db8:1::10, 2001:db8:1:1::10
 *
 * Neighbours are permanent entries: no ARP, no neighbour discovery, so that a
 * counter counts what the test sent and nothing else.
 */
#ifndef NOTRACK_TESTS_NETNS_H
#define NOTRACK_TESTS_NETNS_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

enum place { HOST, PEER };

/* What differs between the two address families, for tests that loop over them. */
struct family {
	const char *name;		/* as in --json */
	const char *option;		/* of notrackctl */
	int domain;			/* AF_INET, AF_INET6 */
	const char *tables;		/* iptables-legacy and its like */
	const char *save;
	const char *restore;
	const char *replace;		/* as strace prints the socket option */
	const char *hashlimit;		/* folder in /proc/thread-self/net */
	int srcmask;			/* of a limit that names none */
	const char *lo;
	const char *host;
	const char *peer;		/* the upstream this host queries */
	const char *limited;		/* a client within limited_prefix */
	const char *limited_prefix;
	const char *other;		/* a client within no prefix here */
	const char *other_prefix;
	const char *wide_prefix;	/* holds limited */
	const char *wide_client;	/* within wide_prefix, not within limited_prefix */
	const char *narrow_prefix;	/* limited, and nobody else */
	const char *host_bits;		/* not a prefix: bits set past its length */
};

/*
 * First those of the legacy tables; a test that is about the other world as well goes on to
 * the same two with the programs of iptables-nft.
 */
enum { FAMILY_COUNT = 2, FAMILIES_OF_BOTH_WORLDS = 4 };
extern const struct family families[FAMILIES_OF_BOTH_WORLDS];

/* The namespace of HOST, with lo up. Every test begins with it. */
void netns_enter(void);

/* The second namespace and the link to it. */
void netns_add_peer(void);

/* The second namespace with nothing in it, and an interface of HOST's given to it. */
void netns_add_empty_peer(void);
void netns_give(const char *interface);

/* Until HOST may send over an interface whose other end is up. */
void netns_wait_for_carrier(const char *interface);
/* ... until an IPv6 address of either takes packets. */
void netns_wait_for_address(enum place where, const char *address);

/* Moves the calling thread; a process that serves a place for good, or a child before exec. */
void netns_move_to(enum place where);

/* A descriptor of that place's network namespace. */
int netns_descriptor(enum place where);

/* socket(2) in that place, close-on-exec. */
int netns_socket(enum place where, int domain, int type, int protocol);

/*
 * Says that this test, or a part of it, is not run here, and why; netns_main() counts them, so that
 * none passes for one that was run.  The caller returns.
 */
void skip_test(const char *why, ...) __attribute__((format(printf, 1, 2)));

/*
 * Whether there is a program to test with.  One that is named in $NOTRACK_PROMISED, by whoever has
 * seen to it that it is installed, must be there: the test fails without.
 */
bool program_is_there(const char *name);

/*
 * The main() of a test program: runs the suite that `tests` fills, each test in
 * a process and a namespace of its own. 77 (skipped) where there can be none, or where all were
 * skipped.
 */
int netns_main(const char *name, void (*tests)(TCase *));

#endif
