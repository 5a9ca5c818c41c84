/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An IPv4 table of anybody's rules, written entry by entry as the kernel would
 * hand it out, decoded into a view, and packets through it.  One at a time: a
 * test has its process.
 */
#ifndef NOTRACK_TESTS_FOREIGN_H
#define NOTRACK_TESTS_FOREIGN_H

#include "rules/rule.h"
#include "verify/walk.h"

#include <linux/netfilter_ipv4/ip_tables.h>

extern struct ipt_entry *last;		/* the rule that was added last */

/* RAW: ahead of conntrack; FILTER: behind it. */
void table_begin(enum table_id id);
void table_end(void);

/* A chain is open until it is ended, by a policy or XT_RETURN; @hook: -1 for a user's. */
size_t add_chain(const char *name, int hook);
void end_chain(int verdict);

/* Rules without a match. */
void add_verdict(int verdict);
void add_target(const char *name);
void accept_all(void);
void drop_all(void);
void return_all(void);

/* One that leads to a chain which is not there yet: lead() says to which. */
struct patch {
	size_t rule;
};

struct patch jump(bool go);
void lead(struct patch patch, size_t chain);

/* What the last rule asks for. */
void *add_match(const char *name, uint8_t revision, size_t size);
void unknown(void);
void from(const char *address, unsigned int bits, bool not);
void by(const char *interface, size_t mask, bool not);

/* UDP to these ports, from anybody, by any interface; NEW where it is tracked. */
struct probe udp_to(uint16_t first, uint16_t last_port);

/* The states in which the last walk let packets go on, beyond the table. */
extern int went_on;

/* Packets through INPUT: those of the probe in these states; tracked ones to port 53. */
struct journey walk(const struct probe *probe, unsigned int states);
struct journey walk_udp(void);

/* The states of those who were accepted, and of those who were dropped. */
void expect_states(const struct journey *journey, unsigned int accepted, unsigned int dropped);
void expect_place(const struct ending *ending, const char *chain, unsigned int rule);

#endif
