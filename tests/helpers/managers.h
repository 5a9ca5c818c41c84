/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that manage the rules of a host, each in the network namespace of the test, with
 * their configuration in folders that nobody but the test sees.  families[].other may ask port
 * 53, families[].limited may not, where the program refuses anybody.
 */
#ifndef NOTRACK_TESTS_MANAGERS_H
#define NOTRACK_TESTS_MANAGERS_H

#include "netns.h"

/* All return false where the program is not installed. */
bool given_textbook_nft(void);
bool given_textbook_legacy(void);
bool given_zones_nft(void);
bool given_zones_legacy(void);
bool given_nftables_conf(void);
bool given_ufw(void);
bool given_shorewall(void);
bool given_firewalld(void);
bool given_fail2ban(void);		/* with jails "iptables" and "nftables", and nobody in them */
bool given_docker_nft(void);
bool given_docker_legacy(void);
bool given_kubernetes_nft(void);
bool given_kubernetes_legacy(void);
bool given_kube_proxy_legacy(void);
bool given_kube_proxy(void);
bool given_calico(void);

/* Every rule there is, in the words of the programs that print them, without counters. */
char *managers_rules(void);

#endif
