/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Matches that look at the packet alone. */
#include "legacy/extensions/match.h"

#include <errno.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_rpfilter.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* --- ports ------------------------------------------------------------ */

static int add_port(const struct match_data *match, enum field field, const __u16 range[2],
		    bool inverted)
{
	struct step *step;

	if (!range[0] && range[1] == UINT16_MAX && !inverted)
		return 0;
	step = view_add_number(match->view, field, range[0], range[1]);
	if (!step)
		return -ENOMEM;
	view_invert(step, inverted);
	return 0;
}

static int add_ports(const struct match_data *match, const __u16 source[2],
		     const __u16 destination[2], bool not_source, bool not_destination)
{
	int err = add_port(match, FIELD_SOURCE_PORT, source, not_source);

	return err ? err : add_port(match, FIELD_DESTINATION_PORT, destination, not_destination);
}

int match_tcp(const struct match_data *match)
{
	const struct xt_tcp *tcp = match->data;
	struct step *step;

	if (add_ports(match, tcp->spts, tcp->dpts, tcp->invflags & XT_TCP_INV_SRCPT,
		      tcp->invflags & XT_TCP_INV_DSTPT))
		return -ENOMEM;
	if (tcp->flg_mask || tcp->flg_cmp || tcp->invflags & XT_TCP_INV_FLAGS) {
		step = view_add_number(match->view, FIELD_TCP_FLAGS, tcp->flg_cmp, tcp->flg_cmp);
		if (!step)
			return -ENOMEM;
		step->mask = tcp->flg_mask;
		view_invert(step, tcp->invflags & XT_TCP_INV_FLAGS);
	}
	if (tcp->option && !view_add_unknown(match->view, STEP_UNKNOWN, "tcp option"))
		return -ENOMEM;
	return 0;
}

int match_udp(const struct match_data *match)
{
	const struct xt_udp *udp = match->data;

	return add_ports(match, udp->spts, udp->dpts, udp->invflags & XT_UDP_INV_SRCPT,
			 udp->invflags & XT_UDP_INV_DSTPT);
}

/* Any chunk of one type, whatever its flags, is what the first one is. */
static int add_chunks(const struct match_data *match, const struct xt_sctp_info *sctp)
{
	const size_t words = sizeof(sctp->chunkmap) / sizeof(sctp->chunkmap[0]);
	unsigned int types = 0, type = 0;
	struct step *step;

	for (size_t i = 0; i < words * 32; i++)
		if (sctp->chunkmap[i / 32] & 1u << i % 32) {
			types++;
			type = (unsigned int)i;
		}
	if (types != 1 || sctp->flag_count || sctp->chunk_match_type != SCTP_CHUNK_MATCH_ANY)
		return view_add_unknown(match->view, STEP_UNKNOWN, "sctp chunks") ? 0 : -ENOMEM;
	step = view_add_number(match->view, FIELD_CHUNK, type, type);
	if (!step)
		return -ENOMEM;
	view_invert(step, sctp->invflags & XT_SCTP_CHUNK_TYPES);
	return 0;
}

int match_sctp(const struct match_data *match)
{
	const struct xt_sctp_info *sctp = match->data;
	int err = 0;

	if (sctp->flags & XT_SCTP_SRC_PORTS)
		err = add_port(match, FIELD_SOURCE_PORT, sctp->spts,
			       sctp->invflags & XT_SCTP_SRC_PORTS);
	if (!err && sctp->flags & XT_SCTP_DEST_PORTS)
		err = add_port(match, FIELD_DESTINATION_PORT, sctp->dpts,
			       sctp->invflags & XT_SCTP_DEST_PORTS);
	return !err && sctp->flags & XT_SCTP_CHUNK_TYPES ? add_chunks(match, sctp) : err;
}

int match_multiport(const struct match_data *match)
{
	const struct xt_multiport_v1 *multiport = match->data;
	struct range ranges[XT_MULTI_PORTS];
	struct step *step;
	size_t count = 0;

	for (unsigned int i = 0; i < multiport->count && i < XT_MULTI_PORTS; i++) {
		ranges[count].first = multiport->ports[i];
		if (multiport->pflags[i] && i + 1 < XT_MULTI_PORTS)
			i++;
		ranges[count++].last = multiport->ports[i];
	}
	step = view_add_numbers(match->view, multiport->flags == XT_MULTIPORT_SOURCE ?
				FIELD_SOURCE_PORT : multiport->flags == XT_MULTIPORT_DESTINATION ?
				FIELD_DESTINATION_PORT : FIELD_EITHER_PORT, ranges, count);
	if (!step)
		return -ENOMEM;
	view_invert(step, multiport->invert);
	return 0;
}

#define ICMP_ANY_TYPE 0xff	/* of iptables' "any", which asks for no code either */

int match_icmp(const struct match_data *match)
{
	const struct ipt_icmp *icmp = match->data;
	bool inverted = icmp->invflags & IPT_ICMP_INV;
	bool all_codes = !icmp->code[0] && icmp->code[1] == 0xff;
	struct step *step;

	if (icmp->type == ICMP_ANY_TYPE && match->family == IPV4)
		return !inverted || view_add_unknown(match->view, STEP_UNKNOWN, "icmp") ? 0 : -ENOMEM;
	if (inverted && !all_codes)	/* not both; a rule has only conditions that all hold */
		return view_add_unknown(match->view, STEP_UNKNOWN, "icmp code") ? 0 : -ENOMEM;
	step = view_add_number(match->view, FIELD_ICMP_TYPE, icmp->type, icmp->type);
	if (!step)
		return -ENOMEM;
	view_invert(step, inverted);
	if (!all_codes && !view_add_number(match->view, FIELD_ICMP_CODE, icmp->code[0],
					   icmp->code[1]))
		return -ENOMEM;
	return 0;
}

/* --- addresses -------------------------------------------------------- */

static int add_addresses(const struct match_data *match, enum field field, const void *first,
			 const void *last, bool inverted)
{
	struct address_range *range = arena_alloc(&match->view->arena, sizeof(*range));
	struct step *step = range ? view_add_step(match->view, STEP_ADDRESSES) : NULL;
	size_t size = family_bits(match->family) / 8;

	if (!step)
		return -ENOMEM;
	memcpy(range->first, first, size);
	memcpy(range->last, last, size);
	step->field = (uint8_t)field;
	step->count = 1;
	step->addresses = range;
	view_invert(step, inverted);
	return 0;
}

int match_iprange(const struct match_data *match)
{
	const struct xt_iprange_mtinfo *range = match->data;
	int err = 0;

	if (range->flags & IPRANGE_SRC)
		err = add_addresses(match, FIELD_SOURCE, &range->src_min, &range->src_max,
				    range->flags & IPRANGE_SRC_INV);
	if (!err && range->flags & IPRANGE_DST)
		err = add_addresses(match, FIELD_DESTINATION, &range->dst_min, &range->dst_max,
				    range->flags & IPRANGE_DST_INV);
	return err;
}

/*
 * In IPv6 the types are no alternatives: each that is asked for must hold, and
 * the addresses of this host are unicast as well.  Returns 0 where we cannot tell.
 */
static unsigned int types_of_ipv6(unsigned int types)
{
	switch (types) {
	case XT_ADDRTYPE_LOCAL:
	case XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_UNICAST:
		return XT_ADDRTYPE_LOCAL;
	case XT_ADDRTYPE_UNICAST:
		return XT_ADDRTYPE_UNICAST | XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_ANYCAST |
		       XT_ADDRTYPE_UNREACHABLE;
	case XT_ADDRTYPE_MULTICAST:
		return XT_ADDRTYPE_MULTICAST;
	default:
		return 0;
	}
}

static int add_types(const struct match_data *match, enum field field, unsigned int types,
		     bool inverted)
{
	struct range ranges[RTN_MAX + 1];
	struct step *step;
	size_t count = 0;

	if (!types)
		return 0;
	if (match->family == IPV6)
		types = types_of_ipv6(types);
	for (unsigned int type = 0; type <= RTN_MAX; type++)
		if (types & 1u << type)
			ranges[count++] = (struct range){ type, type };
	if (!types)
		return view_add_unknown(match->view, STEP_UNKNOWN, "addrtype") ? 0 : -ENOMEM;
	step = view_add_numbers(match->view, field, ranges, count);
	if (!step)
		return -ENOMEM;
	view_invert(step, inverted);
	return 0;
}

int match_addrtype(const struct match_data *match)
{
	const struct xt_addrtype_info_v1 *info = match->data;
	bool here = info->flags & XT_ADDRTYPE_LIMIT_IFACE_IN;
	int err;

	if (info->flags & XT_ADDRTYPE_LIMIT_IFACE_OUT || (here && info->source))
		return view_add_unknown(match->view, STEP_UNKNOWN, "addrtype") ? 0 : -ENOMEM;
	err = add_types(match, FIELD_SOURCE_TYPE, info->source,
			info->flags & XT_ADDRTYPE_INVERT_SOURCE);
	return err ? err : add_types(match, here ? FIELD_DESTINATION_TYPE_HERE :
				     FIELD_DESTINATION_TYPE, info->dest,
				     info->flags & XT_ADDRTYPE_INVERT_DEST);
}

int match_addrtype0(const struct match_data *match)
{
	const struct xt_addrtype_info *info = match->data;
	int err = add_types(match, FIELD_SOURCE_TYPE, info->source, info->invert_source);

	return err ? err : add_types(match, FIELD_DESTINATION_TYPE, info->dest,
				     info->invert_dest);
}

int match_rpfilter(const struct match_data *match)
{
	const struct xt_rpfilter_info *info = match->data;
	struct step *step = view_add_number(match->view, FIELD_REVERSE_PATH, 1, 1);

	if (!step)
		return -ENOMEM;
	step->length = info->flags & (uint8_t)~XT_RPFILTER_INVERT;
	view_invert(step, info->flags & XT_RPFILTER_INVERT);
	return 0;
}

/* --- marks and types -------------------------------------------------- */

int match_mark(const struct match_data *match)
{
	const struct xt_mark_mtinfo1 *mark = match->data;
	struct step *step = view_add_number(match->view, FIELD_MARK, mark->mark, mark->mark);

	if (!step)
		return -ENOMEM;
	step->mask = mark->mask;
	view_invert(step, mark->invert);
	return 0;
}

int match_pkttype(const struct match_data *match)
{
	const struct xt_pkttype_info *info = match->data;
	struct step *step = view_add_number(match->view, FIELD_LINK_TYPE, (uint32_t)info->pkttype,
					    (uint32_t)info->pkttype);

	if (!step)
		return -ENOMEM;
	view_invert(step, info->invert);
	return 0;
}
