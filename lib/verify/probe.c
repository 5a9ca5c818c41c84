/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * As the kernel's match functions have it; where a set of packets is asked
 * instead of one, a rule may match a few of them.
 */
#include "legacy/layout.h"
#include "verify/probe.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>
#include <string.h>

/* Both questions at once. */
static unsigned int both(unsigned int a, unsigned int b)
{
	return (a & b & ALL_DO) | ((a | b) & NONE_DOES);
}

static unsigned int invert(unsigned int meets, bool inverted)
{
	return inverted ? (meets & ALL_DO) << 1 | (meets & NONE_DOES) >> 1 : meets;
}

/* --- the header ------------------------------------------------------- */

static unsigned int meets_prefix(const struct prefix *packets, const struct prefix *usual,
				 const struct prefix *asked)
{
	if (prefix_covers(asked, packets))
		return ALL_DO;
	if (!prefix_covers(packets, asked))
		return NONE_DOES;
	return usual->length && prefix_covers(asked, usual) && prefix_covers(packets, usual) ?
	       MOST_DO : FEW_DO;
}

static bool begins(const char *name, const char *with, size_t size)
{
	return !strncmp(name, with, size);
}

static unsigned int meets_interface(const char *packets, const char *usual, const char *asked)
{
	size_t size = strlen(packets), asked_size = strlen(asked);
	bool open = size && packets[size - 1] == '+';
	bool asks_open = asked_size && asked[asked_size - 1] == '+';

	if (!asked_size)
		return ALL_DO;
	size -= open;
	asked_size -= asks_open;
	if (asks_open && size >= asked_size && begins(packets, asked, asked_size))
		return ALL_DO;
	if (!open)
		return !strcmp(packets, asked) ? ALL_DO : NONE_DOES;
	if (!begins(asked, packets, size))
		return NONE_DOES;
	/* a whole name is compared with its end */
	return *usual && begins(usual, asked, asked_size + !asks_open) &&
	       begins(usual, packets, size) ? MOST_DO : FEW_DO;
}

static unsigned int meets_header(const struct probe *probe, const struct header *header)
{
	uint8_t inverted = header->inverted;
	unsigned int meets = ALL_DO;

	if (header->protocol)
		meets = invert(header->protocol == probe->protocol ? ALL_DO : NONE_DOES,
			       inverted & IPT_INV_PROTO);
	if (header->fragments)	/* whole packets come here: see notrackctl(8) */
		meets = both(meets, invert(NONE_DOES, inverted & IPT_INV_FRAG));
	meets = both(meets, invert(meets_interface(probe->in, probe->usual_interface,
						   header->in),
				   inverted & IPT_INV_VIA_IN));
	meets = both(meets, invert(meets_interface(probe->out, probe->usual_interface,
						   header->out),
				   inverted & IPT_INV_VIA_OUT));
	if (header->odd_masks)
		return both(meets, NOBODY_KNOWS);
	meets = both(meets, invert(meets_prefix(&probe->source, &probe->usual_source,
						&header->source),
				   inverted & IPT_INV_SRCIP));
	return both(meets, invert(meets_prefix(&probe->destination,
						 &probe->usual_destination,
						 &header->destination),
				  inverted & IPT_INV_DSTIP));
}

/* --- ports ------------------------------------------------------------ */

static unsigned int meets_ranges(const struct port_range *packets,
				 const struct port_range *asked, size_t count)
{
	unsigned int from = packets->first;	/* from here on, nobody has asked yet */
	unsigned int before;
	bool some = false;

	do {
		before = from;
		for (size_t i = 0; i < count; i++) {
			some |= asked[i].first <= packets->last && asked[i].last >= packets->first;
			if (asked[i].first <= from && asked[i].last >= from)
				from = asked[i].last + 1u;
		}
	} while (from != before && from <= packets->last);
	if (from > packets->last)
		return ALL_DO;
	return some ? FEW_DO : NONE_DOES;
}

static unsigned int meets_range(const struct port_range *packets, const __u16 asked[2])
{
	const struct port_range range = { asked[0], asked[1] };

	return meets_ranges(packets, &range, 1);
}

static unsigned int ask_tcp(const struct probe *probe, const void *data, unsigned int states)
{
	const struct xt_tcp *tcp = data;
	bool flags = (probe->tcp_flags & tcp->flg_mask) == tcp->flg_cmp;
	unsigned int meets = both(invert(meets_range(&probe->source_port, tcp->spts),
					 tcp->invflags & XT_TCP_INV_SRCPT),
				  invert(meets_range(&probe->destination_port, tcp->dpts),
					 tcp->invflags & XT_TCP_INV_DSTPT));

	(void)states;
	meets = both(meets, invert(flags ? ALL_DO : NONE_DOES,
				   tcp->invflags & XT_TCP_INV_FLAGS));
	return tcp->option ? both(meets, NOBODY_KNOWS) : meets;
}

static unsigned int ask_udp(const struct probe *probe, const void *data, unsigned int states)
{
	const struct xt_udp *udp = data;

	(void)states;
	return both(invert(meets_range(&probe->source_port, udp->spts),
			   udp->invflags & XT_UDP_INV_SRCPT),
		    invert(meets_range(&probe->destination_port, udp->dpts),
			   udp->invflags & XT_UDP_INV_DSTPT));
}

/* Which chunks a packet has is not for us to say. */
static unsigned int ask_sctp(const struct probe *probe, const void *data, unsigned int states)
{
	const struct xt_sctp_info *sctp = data;
	unsigned int meets = ALL_DO;

	(void)states;
	if (sctp->flags & XT_SCTP_SRC_PORTS)
		meets = invert(meets_range(&probe->source_port, sctp->spts),
			       sctp->invflags & XT_SCTP_SRC_PORTS);
	if (sctp->flags & XT_SCTP_DEST_PORTS)
		meets = both(meets, invert(meets_range(&probe->destination_port, sctp->dpts),
					   sctp->invflags & XT_SCTP_DEST_PORTS));
	return sctp->flags & XT_SCTP_CHUNK_TYPES ? both(meets, NOBODY_KNOWS) : meets;
}

static unsigned int ask_multiport(const struct probe *probe, const void *data,
				  unsigned int states)
{
	const struct xt_multiport_v1 *multiport = data;
	struct port_range ranges[XT_MULTI_PORTS];
	unsigned int source, destination, meets;
	size_t count = 0;

	(void)states;
	for (unsigned int i = 0; i < multiport->count && i < XT_MULTI_PORTS; i++) {
		ranges[count].first = multiport->ports[i];
		if (multiport->pflags[i] && i + 1 < XT_MULTI_PORTS)
			i++;
		ranges[count++].last = multiport->ports[i];
	}
	source = meets_ranges(&probe->source_port, ranges, count);
	destination = meets_ranges(&probe->destination_port, ranges, count);
	if (multiport->flags == XT_MULTIPORT_SOURCE)
		meets = source;
	else if (multiport->flags == XT_MULTIPORT_DESTINATION)
		meets = destination;
	else	/* one of them: not neither */
		meets = invert(both(invert(source, true), invert(destination, true)), true);
	return invert(meets, multiport->invert);
}

/* --- state ------------------------------------------------------------ */

static unsigned int meets_states(unsigned int states, unsigned int asked)
{
	if (!(states & ~asked))
		return ALL_DO;
	return states & asked ? NOBODY_KNOWS : NONE_DOES;
}

/* Packets without an entry: conntrack_mt() asks for nothing but their state. */
static bool has_entry(unsigned int states)
{
	return states & ~(unsigned int)(XT_CONNTRACK_STATE_INVALID |
					XT_CONNTRACK_STATE_UNTRACKED);
}

static unsigned int meets_conntrack(unsigned int flags, unsigned int inverted,
				    unsigned int asked, unsigned int states)
{
	unsigned int meets;

	if (!(flags & XT_CONNTRACK_STATE))
		return has_entry(states) ? NOBODY_KNOWS : NONE_DOES;
	if (has_entry(states) && asked & (XT_CONNTRACK_STATE_SNAT | XT_CONNTRACK_STATE_DNAT))
		return NOBODY_KNOWS;
	meets = invert(meets_states(states, asked), inverted & XT_CONNTRACK_STATE);
	if (has_entry(states) && flags & ~(XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS))
		return both(meets, NOBODY_KNOWS);
	return meets;
}

static unsigned int ask_conntrack1(const struct probe *probe, const void *data,
				   unsigned int states)
{
	const struct xt_conntrack_mtinfo1 *info = data;

	(void)probe;
	return meets_conntrack(info->match_flags, info->invert_flags, info->state_mask, states);
}

/* Revision 3 begins as 2 does. */
static unsigned int ask_conntrack2(const struct probe *probe, const void *data,
				   unsigned int states)
{
	const struct xt_conntrack_mtinfo2 *info = data;

	(void)probe;
	return meets_conntrack(info->match_flags, info->invert_flags, info->state_mask, states);
}

static unsigned int ask_state(const struct probe *probe, const void *data, unsigned int states)
{
	const struct xt_state_info *info = data;
	unsigned int asked = info->statemask & 0xf;	/* up to NEW, the bits are the same */

	(void)probe;
	if (info->statemask & XT_STATE_UNTRACKED)
		asked |= XT_CONNTRACK_STATE_UNTRACKED;
	return meets_states(states, asked);
}

/* --- limits: what is asked about keeps to every rate ------------------ */

static unsigned int ask_hashlimit1(const struct probe *probe, const void *data,
				   unsigned int states)
{
	const struct xt_hashlimit_mtinfo1 *info = data;

	(void)probe, (void)states;
	return info->cfg.mode & XT_HASHLIMIT_INVERT ? NONE_DOES : ALL_DO;
}

static unsigned int ask_hashlimit2(const struct probe *probe, const void *data,
				   unsigned int states)
{
	const struct xt_hashlimit_mtinfo2 *info = data;

	(void)probe, (void)states;
	return info->cfg.mode & XT_HASHLIMIT_INVERT ? NONE_DOES : ALL_DO;
}

static unsigned int ask_hashlimit3(const struct probe *probe, const void *data,
				   unsigned int states)
{
	const struct xt_hashlimit_mtinfo3 *info = data;

	(void)probe, (void)states;
	return info->cfg.mode & XT_HASHLIMIT_INVERT ? NONE_DOES : ALL_DO;
}

/* --- an entry --------------------------------------------------------- */

static unsigned int ask_nothing(const struct probe *probe, const void *data, unsigned int states)
{
	(void)probe, (void)data, (void)states;
	return ALL_DO;
}

static const struct {
	const char *name;
	uint8_t revision;
	size_t size;
	unsigned int (*ask)(const struct probe *probe, const void *data, unsigned int states);
} matches[] = {
	{ "tcp", 0, sizeof(struct xt_tcp), ask_tcp },
	{ "udp", 0, sizeof(struct xt_udp), ask_udp },
	{ "udplite", 0, sizeof(struct xt_udp), ask_udp },
	{ "sctp", 0, sizeof(struct xt_sctp_info), ask_sctp },
	{ "multiport", 1, sizeof(struct xt_multiport_v1), ask_multiport },
	{ "comment", 0, sizeof(struct xt_comment_info), ask_nothing },
	{ "conntrack", 1, sizeof(struct xt_conntrack_mtinfo1), ask_conntrack1 },
	{ "conntrack", 2, sizeof(struct xt_conntrack_mtinfo2), ask_conntrack2 },
	{ "conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), ask_conntrack2 },
	{ "state", 0, sizeof(struct xt_state_info), ask_state },
	{ "hashlimit", 1, sizeof(struct xt_hashlimit_mtinfo1), ask_hashlimit1 },
	{ "hashlimit", 2, sizeof(struct xt_hashlimit_mtinfo2), ask_hashlimit2 },
	{ "hashlimit", 3, sizeof(struct xt_hashlimit_mtinfo3), ask_hashlimit3 },
};
#define MATCHES (sizeof(matches) / sizeof(matches[0]))

static unsigned int ask_match(const struct probe *probe, const struct xt_entry_match *match,
			      unsigned int states)
{
	size_t size = match->u.match_size - XT_ALIGN(sizeof(*match));

	for (size_t i = 0; i < MATCHES; i++)
		if (!strcmp(match->u.user.name, matches[i].name) &&
		    match->u.user.revision == matches[i].revision &&
		    size == XT_ALIGN(matches[i].size))
			return matches[i].ask(probe, match->data, states);
	return NOBODY_KNOWS;
}

unsigned int probe_meets(const struct probe *probe, const struct xt_family *kernel,
			 const void *entry, unsigned int states)
{
	size_t offset = kernel->entry_size;
	struct header header;
	unsigned int meets;

	kernel->get_header(entry, &header);
	meets = meets_header(probe, &header);
	while (offset < header.target_offset && meets & ALL_DO) {
		const struct xt_entry_match *match = (const void *)((const char *)entry + offset);

		meets = both(meets, ask_match(probe, match, states));
		offset += match->u.match_size;
	}
	return meets;
}
