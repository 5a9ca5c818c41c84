/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The matches that we know, by name and revision; all others are unknown. */
#include "legacy/extensions/match.h"

#include <errno.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_cluster.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_connbytes.h>
#include <linux/netfilter/xt_connlabel.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_nfacct.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_quota.h>
#include <linux/netfilter/xt_recent.h>
#include <linux/netfilter/xt_rpfilter.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6t_frag.h>
#include <linux/netfilter_ipv6/ip6t_opts.h>
#include <linux/netfilter_ipv6/ip6t_rt.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/extensions/extension.h"

/* Every packet meets it. */
static int match_all(const struct match_data *match)
{
	(void)match;
	return 0;
}

/* The source's hardware address: one that somebody named is not the usual one. */
static int match_mac(const struct match_data *match)
{
	const struct xt_mac_info *mac = match->data;
	struct step *step = view_add_step(match->view, STEP_SET);

	if (!step)
		return -ENOMEM;
	step->field = FIELD_SOURCE;
	step->mask = view_hash(1, mac->srcaddr, sizeof(mac->srcaddr));
	view_invert(step, mac->invert);
	return 0;
}

/* An extension header of IPv6, as few packets have: the kernel, and our rules, look behind it. */
static int match_extension(const struct match_data *match)
{
	return view_add_number(match->view, FIELD_EXTENSION, 1, 1) ? 0 : -ENOMEM;
}

/* In order of name and revision. */
static const struct match_kind kinds[] = {
	{ "addrtype", 0, sizeof(struct xt_addrtype_info), match_addrtype0 },
	{ "addrtype", 1, sizeof(struct xt_addrtype_info_v1), match_addrtype },
	{ "cluster", 0, sizeof(struct xt_cluster_match_info), match_of_entry },
	{ "comment", 0, sizeof(struct xt_comment_info), match_all },
	{ "connbytes", 0, sizeof(struct xt_connbytes_info), match_of_entry },
	{ "connlabel", 0, sizeof(struct xt_connlabel_mtinfo), match_connlabel },
	{ "connlimit", 1, sizeof(struct xt_connlimit_info), match_connlimit },
	{ "connmark", 1, sizeof(struct xt_connmark_mtinfo1), match_connmark },
	{ "conntrack", 1, sizeof(struct xt_conntrack_mtinfo1), match_conntrack1 },
	{ "conntrack", 2, sizeof(struct xt_conntrack_mtinfo2), match_conntrack2 },
	{ "conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), match_conntrack2 },
	{ "dst", 0, sizeof(struct ip6t_opts), match_extension },
	{ "frag", 0, sizeof(struct ip6t_frag), match_extension },
	{ "hashlimit", 1, sizeof(struct xt_hashlimit_mtinfo1), match_hashlimit1 },
	{ "hashlimit", 2, sizeof(struct xt_hashlimit_mtinfo2), match_hashlimit2 },
	{ "hashlimit", 3, sizeof(struct xt_hashlimit_mtinfo3), match_hashlimit3 },
	{ "hbh", 0, sizeof(struct ip6t_opts), match_extension },
	{ "helper", 0, sizeof(struct xt_helper_info), match_helper },
	{ "icmp", 0, sizeof(struct ipt_icmp), match_icmp },
	{ "icmp6", 0, sizeof(struct ipt_icmp), match_icmp },
	{ "iprange", 1, sizeof(struct xt_iprange_mtinfo), match_iprange },
	{ "limit", 0, sizeof(struct xt_rateinfo), match_limit },
	{ "mac", 0, sizeof(struct xt_mac_info), match_mac },
	{ "mark", 1, sizeof(struct xt_mark_mtinfo1), match_mark },
	{ "multiport", 1, sizeof(struct xt_multiport_v1), match_multiport },
	{ "nfacct", 0, sizeof(struct xt_nfacct_match_info), match_all },
	{ "nfacct", 1, sizeof(struct xt_nfacct_match_info_v1), match_all },
	{ "pkttype", 0, sizeof(struct xt_pkttype_info), match_pkttype },
	{ "quota", 0, sizeof(struct xt_quota_info), match_quota },
	{ "recent", 0, sizeof(struct xt_recent_mtinfo), match_recent },
	{ "recent", 1, sizeof(struct xt_recent_mtinfo_v1), match_recent },
	{ "rpfilter", 0, sizeof(struct xt_rpfilter_info), match_rpfilter },
	{ "rt", 0, sizeof(struct ip6t_rt), match_extension },
	{ "sctp", 0, sizeof(struct xt_sctp_info), match_sctp },
	{ "set", 1, sizeof(struct xt_set_info_match_v1), match_set },
	{ "set", 2, sizeof(struct xt_set_info_match_v1), match_set },
	{ "set", 3, sizeof(struct xt_set_info_match_v3), match_set3 },
	{ "set", 4, sizeof(struct xt_set_info_match_v4), match_set4 },
	{ "state", 0, sizeof(struct xt_state_info), match_state },
	{ "tcp", 0, sizeof(struct xt_tcp), match_tcp },
	{ "udp", 0, sizeof(struct xt_udp), match_udp },
	{ "udplite", 0, sizeof(struct xt_udp), match_udp },
};

/* What tells one from another that is not decoded, or not in full, is all that it was given. */
static void identify(struct view *view, size_t before, const char *name, const void *data, size_t size)
{
	const uint32_t hash = view_hash(view_hash(1, name, strlen(name)), data, size);

	for (size_t i = before; i < view->step_count; i++)
		if (view->steps[i].kind == STEP_UNKNOWN)
			view->steps[i].index = hash;
		else if (view->steps[i].field == FIELD_EXTENSION)
			view->steps[i].length = (uint8_t)hash;
}

static int compare_kinds(const void *a, const void *b)
{
	const struct match_kind *one = a, *other = b;
	int order = strcmp(one->name, other->name);

	return order ? order : (int)one->revision - other->revision;
}

int extension_view_match(struct view *view, enum family family, const char *name, uint8_t revision,
			 const void *data, size_t size)
{
	const struct match_data match = { .view = view, .family = family, .data = data };
	const struct match_kind key = { .name = name, .revision = revision };
	const struct match_kind *kind = bsearch(&key, kinds, sizeof(kinds) / sizeof(kinds[0]),
						sizeof(kinds[0]), compare_kinds);
	const size_t before = view->step_count;
	char *what;
	int err;

	if (kind && size == XT_ALIGN(kind->size)) {
		err = kind->decode(&match);
	} else {
		what = arena_strdup(&view->arena, name);
		err = what && view_add_unknown(view, STEP_UNKNOWN, what) ? 0 : -ENOMEM;
	}
	identify(view, before, name, data, size);
	return err;
}
