/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Views from text and back, in words like those of iptables-save:
 *
 *	*filter				a legacy table; "*filter6" is that of IPv6
 *	:INPUT DROP
 *	-A INPUT -i lo -p udp --dport 53 --ctstate NEW -j ACCEPT
 *	*nft inet fw			a table of nftables
 *	:in input 0 DROP		a base chain: its hook, priority and policy
 *	:allowed			and any other
 *
 * A rule's conditions and effects stand in the order of its steps:
 * -p, -s, -d, -i, -o, --sport, --dport, --port, --syn, --tcp-flags, --icmp, --mark,
 * --ctstate, --ctdir, --ctstatus, --src-local, --dst-local, --family, --limit,
 * --recent-update, --recent-set, --connlimit, --unknown; "!" ahead of one inverts it;
 * --lookup FIELDS KEY,KEY... and, as verdict, --map FIELDS KEY=VERDICT,...: fields are
 * state, proto, dport and in, joined by dots as are the values of a key.
 * -j and -g with a chain, a verdict, or LOG, MARK, CONNMARK (restore), UNKNOWN.
 */
#ifndef NOTRACK_TESTS_VIEW_WORDS_H
#define NOTRACK_TESTS_VIEW_WORDS_H

#include "rules/view.h"

/* Adds the tables of the text, and finds what is reached; stops the test where it is wrong. */
void view_read(struct view *view, const char *text);

/* The chains that have rules of a table (NULL: of all); to be freed. */
char *view_write(const struct view *view, const char *table);

#endif
