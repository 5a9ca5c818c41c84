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

/*
 * In order of name.  What a match asks belongs to its name: a revision that is not here, or another
 * size, hides what it asks of conntrack, but not that it does.  Some are here for that alone.
 */
const struct match_kind match_kinds[] = {
	{ "addrtype", .revisions = {
		{ 0, sizeof(struct xt_addrtype_info), match_addrtype0 },
		{ 1, sizeof(struct xt_addrtype_info_v1), match_addrtype },
	} },
	{ "cluster", .asks_conntrack = true, .revisions = {
		{ 0, sizeof(struct xt_cluster_match_info), match_of_entry },
	} },
	{ "comment", .revisions = {
		{ 0, sizeof(struct xt_comment_info), match_all },
	} },
	{ "connbytes", .asks_conntrack = true, .revisions = {
		{ 0, sizeof(struct xt_connbytes_info), match_of_entry },
	} },
	{ "connlabel", .asks_conntrack = true, .revisions = {
		{ 0, sizeof(struct xt_connlabel_mtinfo), match_connlabel },
	} },
	{ "connlimit", .asks_conntrack = true, .revisions = {
		{ 1, sizeof(struct xt_connlimit_info), match_connlimit },
	} },
	{ "connmark", .asks_conntrack = true, .revisions = {
		{ 1, sizeof(struct xt_connmark_mtinfo1), match_connmark },
	} },
	{ "conntrack", .asks_conntrack = true, .revisions = {
		{ 1, sizeof(struct xt_conntrack_mtinfo1), match_conntrack1 },
		{ 2, sizeof(struct xt_conntrack_mtinfo2), match_conntrack2 },
		{ 3, sizeof(struct xt_conntrack_mtinfo3), match_conntrack2 },
	} },
	{ "dst", .revisions = {
		{ 0, sizeof(struct ip6t_opts), match_extension },
	} },
	{ "frag", .revisions = {
		{ 0, sizeof(struct ip6t_frag), match_extension },
	} },
	{ "hashlimit", .revisions = {
		{ 1, sizeof(struct xt_hashlimit_mtinfo1), match_hashlimit1 },
		{ 2, sizeof(struct xt_hashlimit_mtinfo2), match_hashlimit2 },
		{ 3, sizeof(struct xt_hashlimit_mtinfo3), match_hashlimit3 },
	} },
	{ "hbh", .revisions = {
		{ 0, sizeof(struct ip6t_opts), match_extension },
	} },
	{ "helper", .asks_conntrack = true, .revisions = {
		{ 0, sizeof(struct xt_helper_info), match_helper },
	} },
	{ "icmp", .revisions = {
		{ 0, sizeof(struct ipt_icmp), match_icmp },
	} },
	{ "icmp6", .revisions = {
		{ 0, sizeof(struct ipt_icmp), match_icmp },
	} },
	{ "iprange", .revisions = {
		{ 1, sizeof(struct xt_iprange_mtinfo), match_iprange },
	} },
	{ "ipvs", .asks_conntrack = true },
	{ "layer7", .asks_conntrack = true },
	{ "limit", .revisions = {
		{ 0, sizeof(struct xt_rateinfo), match_limit },
	} },
	{ "mac", .revisions = {
		{ 0, sizeof(struct xt_mac_info), match_mac },
	} },
	{ "mark", .revisions = {
		{ 1, sizeof(struct xt_mark_mtinfo1), match_mark },
	} },
	{ "multiport", .revisions = {
		{ 1, sizeof(struct xt_multiport_v1), match_multiport },
	} },
	{ "ndpi", .asks_conntrack = true },
	{ "nfacct", .revisions = {
		{ 0, sizeof(struct xt_nfacct_match_info), match_all },
		{ 1, sizeof(struct xt_nfacct_match_info_v1), match_all },
	} },
	{ "pkttype", .revisions = {
		{ 0, sizeof(struct xt_pkttype_info), match_pkttype },
	} },
	{ "quota", .revisions = {
		{ 0, sizeof(struct xt_quota_info), match_quota },
	} },
	{ "recent", .revisions = {
		{ 0, sizeof(struct xt_recent_mtinfo), match_recent },
		{ 1, sizeof(struct xt_recent_mtinfo_v1), match_recent },
	} },
	{ "rpfilter", .revisions = {
		{ 0, sizeof(struct xt_rpfilter_info), match_rpfilter },
	} },
	{ "rt", .revisions = {
		{ 0, sizeof(struct ip6t_rt), match_extension },
	} },
	{ "sctp", .revisions = {
		{ 0, sizeof(struct xt_sctp_info), match_sctp },
	} },
	{ "set", .revisions = {
		{ 1, sizeof(struct xt_set_info_match_v1), match_set },
		{ 2, sizeof(struct xt_set_info_match_v1), match_set },
		{ 3, sizeof(struct xt_set_info_match_v3), match_set3 },
		{ 4, sizeof(struct xt_set_info_match_v4), match_set4 },
	} },
	{ "state", .asks_conntrack = true, .revisions = {
		{ 0, sizeof(struct xt_state_info), match_state },
	} },
	{ "tcp", .revisions = {
		{ 0, sizeof(struct xt_tcp), match_tcp },
	} },
	{ "udp", .revisions = {
		{ 0, sizeof(struct xt_udp), match_udp },
	} },
	{ "udplite", .revisions = {
		{ 0, sizeof(struct xt_udp), match_udp },
	} },
};
const size_t match_kind_count = sizeof(match_kinds) / sizeof(match_kinds[0]);

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

static int compare_kinds(const void *name, const void *kind)
{
	return strcmp(name, ((const struct match_kind *)kind)->name);
}

static const struct match_revision *find_revision(const struct match_kind *kind, uint8_t revision,
						  size_t size)
{
	const struct match_revision *found = kind ? kind->revisions : NULL;

	for (int i = 0; found && i < MATCH_REVISIONS_MAX; i++, found++)
		if (found->decode && found->revision == revision && size == XT_ALIGN(found->size))
			return found;
	return NULL;
}

/* Of one that asks conntrack, who has an entry may meet it, and so may who has none. */
static int add_unread(struct view *view, const struct match_kind *kind, const char *name)
{
	const char *what = arena_strdup(&view->arena, name);
	struct step *step = what ? view_add_unknown(view, STEP_UNKNOWN, what) : NULL;

	if (!step)
		return -ENOMEM;
	if (kind && kind->asks_conntrack) {
		step->field = FIELD_CT_OTHER;
		step->flags = STEP_ANY_VALUE;
	}
	return 0;
}

int extension_view_match(struct view *view, enum family family, const char *name, uint8_t revision,
			 const void *data, size_t size)
{
	const struct match_data match = { .view = view, .family = family, .data = data };
	const struct match_kind *kind = bsearch(name, match_kinds, match_kind_count,
						sizeof(match_kinds[0]), compare_kinds);
	const struct match_revision *known = find_revision(kind, revision, size);
	const size_t before = view->step_count;
	int err = known ? known->decode(&match) : add_unread(view, kind, name);

	identify(view, before, name, data, size);
	return err;
}
