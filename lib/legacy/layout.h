/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What encoding and decoding have in common. */
#ifndef LIB_LAYOUT_H
#define LIB_LAYOUT_H

#include "legacy/entry.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_CT.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

/*
 * The revisions of one match.  Entries are aligned for pointers, and these for 64 bits, which is
 * more where pointers have 32: what lies in an entry is copied from and to this.
 */
union hashlimit_info {
	struct xt_hashlimit_mtinfo1 v1;
	struct xt_hashlimit_mtinfo2 v2;
	struct xt_hashlimit_mtinfo3 v3;
};
#define HASHLIMIT_REVISIONS 4
extern const size_t hashlimit_sizes[HASHLIMIT_REVISIONS];

#define GC_INTERVAL_MS 1000	/* iptables' default */
#define SCTP_INIT 1		/* RFC 9260, section 3.2 */
#define ICMP_ANY_CODE 0xff

/* RFC 9293, section 3.1: FIN, SYN, RST, ACK; as iptables' --syn */
#define SYN_MASK 0x17
#define SYN_BIT 0x02
#define ACK_BIT 0x10

/* How iptables spells the verdicts, by enum target. */
#define VERDICTS (TARGET_RETURN + 1)
extern const char *const verdict_labels[VERDICTS];

#endif
