/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What untracks over nftables, table inet libnotrack, in the words of iptables-save: who reads
 * table raw of the legacy tables reads that as well.
 */
#ifndef NOTRACK_TESTS_LISTED_H
#define NOTRACK_TESTS_LISTED_H

#include "netns.h"

/*
 * The rules for that family, with their counters. The base chains are PREROUTING and OUTPUT;
 * words that iptables has no like of stand as nft prints them.
 */
char *untracking_saved(const struct family *family);

/* nft(8) from 1.1 on lists "tcp flags & (fin | syn) == syn": as "tcp flags syn / fin,syn", as before. */
char *nft_flags_in_short(const char *line);

#endif
