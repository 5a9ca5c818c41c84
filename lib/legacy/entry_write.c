/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From rules to entries. */
#include "legacy/layout.h"
#include "rules/view.h"

#include <errno.h>
#include <string.h>

/* --- matches ------------------------------------------------------- */

struct writer {
	char *entry;
	size_t size;
	bool full;
	const struct xt_family *family;
	const struct features *features;
	uint64_t overflow[64];		/* where matches go that find no room */
};

/* The data of a match that is appended, zeroed. */
static void *add_match(struct writer *writer, const char *name, int revision, size_t data_size)
{
	size_t size = XT_ALIGN(sizeof(struct xt_entry_match)) + XT_ALIGN(data_size);
	struct xt_entry_match *match = (void *)(writer->entry + writer->size);

	if (writer->size + size > ENTRY_MAX - 128) {	/* and a target */
		writer->full = true;
		return writer->overflow;
	}
	memset(match, 0, size);
	match->u.user.match_size = (uint16_t)size;
	match->u.user.revision = (uint8_t)revision;
	strcpy(match->u.user.name, name);
	writer->size += size;
	return match->data;
}

/* Revision 1 has no room for UNTRACKED; 3 is 2 with more behind it, which stays zero. */
static void put_states(struct writer *writer, uint8_t states)
{
	const int revision = writer->features->conntrack;
	struct xt_conntrack_mtinfo2 *info =
		add_match(writer, "conntrack", revision, revision == 3 ?
			  sizeof(struct xt_conntrack_mtinfo3) : sizeof(*info));

	info->match_flags = XT_CONNTRACK_STATE;
	info->state_mask = (uint16_t)((states & ~CT_UNTRACKED) |
				      (states & CT_UNTRACKED ? XT_CONNTRACK_STATE_UNTRACKED : 0));
}

static void put_local(struct writer *writer, const struct match *match)
{
	struct xt_addrtype_info_v1 *info = add_match(writer, "addrtype", 1, sizeof(*info));

	info->source = match->from_local ? XT_ADDRTYPE_LOCAL : 0;
	info->dest = match->to_local ? XT_ADDRTYPE_LOCAL : 0;
}

static void put_multiport(struct writer *writer, const struct ports *ports, uint8_t flags)
{
	struct xt_multiport_v1 *multiport = add_match(writer, "multiport", 1, sizeof(*multiport));

	multiport->flags = flags;
	multiport->invert = ports->inverted;
	for (unsigned int i = 0; i < ports->count; i++) {
		multiport->ports[multiport->count] = ports->range[i].first;
		if (ports->range[i].first != ports->range[i].last) {
			multiport->pflags[multiport->count++] = 1;
			multiport->ports[multiport->count] = ports->range[i].last;
		}
		multiport->count++;
	}
}

static void put_range(__u16 range[2], const struct ports *ports, bool elsewhere)
{
	range[0] = ports->count && !elsewhere ? ports->range[0].first : 0;
	range[1] = ports->count && !elsewhere ? ports->range[0].last : 0xffff;
}

/* The bit of an inverted range, where it is asked for here. */
static uint8_t inverted(const struct ports *ports, bool elsewhere, unsigned int bit)
{
	return (uint8_t)(ports->inverted && !elsewhere ? bit : 0);
}

static void put_tcp_flags(struct xt_tcp *tcp, const struct match *match)
{
	if (match->syn) {
		tcp->flg_mask = SYN_MASK;
		tcp->flg_cmp = match->syn == SYN_ACK_NOT ? SYN_BIT | ACK_BIT : SYN_BIT;
		tcp->invflags |= match->syn == SYN_ONLY ? 0 : XT_TCP_INV_FLAGS;
	} else {
		tcp->flg_mask = match->tcp_mask;
		tcp->flg_cmp = match->tcp_flags;
	}
}

static void put_transport(struct writer *writer, const struct match *match)
{
	bool source = ports_need_multiport(match->protocol, &match->source);
	bool destination = ports_need_multiport(match->protocol, &match->destination);

	if (source)
		put_multiport(writer, &match->source, XT_MULTIPORT_SOURCE);
	if (destination)
		put_multiport(writer, &match->destination, XT_MULTIPORT_DESTINATION);
	if ((source || !match->source.count) && (destination || !match->destination.count) &&
	    !match->syn && !match->tcp_mask)
		return;
	if (match->protocol == IPPROTO_TCP) {
		struct xt_tcp *tcp = add_match(writer, "tcp", 0, sizeof(*tcp));

		put_range(tcp->spts, &match->source, source);
		put_range(tcp->dpts, &match->destination, destination);
		tcp->invflags = inverted(&match->source, source, XT_TCP_INV_SRCPT) |
				inverted(&match->destination, destination, XT_TCP_INV_DSTPT);
		put_tcp_flags(tcp, match);
	} else {
		struct xt_udp *udp = add_match(writer, "udp", 0, sizeof(*udp));

		put_range(udp->spts, &match->source, source);
		put_range(udp->dpts, &match->destination, destination);
		udp->invflags = inverted(&match->source, source, XT_UDP_INV_SRCPT) |
				inverted(&match->destination, destination, XT_UDP_INV_DSTPT);
	}
}

static void put_sctp_init(struct writer *writer, bool not)
{
	struct xt_sctp_info *sctp = add_match(writer, "sctp", 0, sizeof(*sctp));

	sctp->flags = XT_SCTP_CHUNK_TYPES;
	sctp->invflags = not ? XT_SCTP_CHUNK_TYPES : 0;
	sctp->chunk_match_type = SCTP_CHUNK_MATCH_ANY;
	SCTP_CHUNKMAP_SET(sctp->chunkmap, SCTP_INIT);
}

static void put_icmp(struct writer *writer, uint8_t type)
{
	/* struct ip6t_icmp is the same */
	struct ipt_icmp *icmp = add_match(writer, writer->family->icmp_match, 0, sizeof(*icmp));

	icmp->type = type;
	icmp->code[1] = ICMP_ANY_CODE;
}

/* The members that the revisions' configurations have in common; all others stay zero. */
#define PUT_CONFIG(config, rate, scale, bits) do {				\
	(config)->avg = (rate)->period / (LIMIT_SCALE / (scale));		\
	(config)->burst = (rate)->burst;					\
	(config)->mode = XT_HASHLIMIT_INVERT | XT_HASHLIMIT_HASH_SIP;		\
	(config)->size = (rate)->htable_size;					\
	(config)->max = (rate)->htable_max;					\
	(config)->gc_interval = GC_INTERVAL_MS;					\
	(config)->expire = (rate)->htable_expire_ms;				\
	(config)->srcmask = (uint8_t)(rate)->srcmask;				\
	(config)->dstmask = (uint8_t)(bits);					\
} while (0)

static void put_hashlimit(struct writer *writer, const struct match *match)
{
	const int revision = writer->features->hashlimit;
	const unsigned int bits = family_bits(writer->family->family);
	union hashlimit_info info;
	char *name = (char *)&info;	/* as each revision begins */

	memset(&info, 0, sizeof(info));
	strcpy(name, match->table_name);
	if (revision == 3)
		PUT_CONFIG(&info.v3.cfg, match->above, XT_HASHLIMIT_SCALE_v2, bits);
	else if (revision == 2)
		PUT_CONFIG(&info.v2.cfg, match->above, XT_HASHLIMIT_SCALE_v2, bits);
	else
		PUT_CONFIG(&info.v1.cfg, match->above, XT_HASHLIMIT_SCALE, bits);
	memcpy(add_match(writer, "hashlimit", revision, hashlimit_sizes[revision]), &info,
	       hashlimit_sizes[revision]);
}

static void put_comments(struct writer *writer, const char *comment)
{
	size_t left = strlen(comment);

	while (left) {
		size_t piece = left < COMMENT_MAX ? left : COMMENT_MAX;
		struct xt_comment_info *info = add_match(writer, "comment", 0, sizeof(*info));

		memcpy(info->comment, comment, piece);
		comment += piece;
		left -= piece;
	}
}

static void put_match(struct writer *writer, const struct match *match)
{
	if (match->states)
		put_states(writer, match->states);
	if (match->to_local || match->from_local)
		put_local(writer, match);
	put_transport(writer, match);
	if (match->sctp_init || match->sctp_not_init)
		put_sctp_init(writer, match->sctp_not_init);
	if (match->icmp)
		put_icmp(writer, match->icmp_type);
	if (match->above)
		put_hashlimit(writer, match);
	if (match->comment)
		put_comments(writer, match->comment);
}

/* --- targets ------------------------------------------------------- */

const char *const verdict_labels[VERDICTS] = {
	[TARGET_NONE] = "", [TARGET_ACCEPT] = "ACCEPT",
	[TARGET_DROP] = "DROP", [TARGET_RETURN] = "RETURN",
};

static void *add_target(struct writer *writer, const char *name, int revision, size_t size)
{
	struct xt_entry_target *target = (void *)(writer->entry + writer->size);

	memset(target, 0, size);
	target->u.user.target_size = (uint16_t)size;
	target->u.user.revision = (uint8_t)revision;
	strcpy(target->u.user.name, name);
	writer->size += size;
	return target->data;
}

static void put_target(struct writer *writer, const struct rule *rule)
{
	const size_t standard = XT_ALIGN(sizeof(struct xt_standard_target));
	const size_t bare = XT_ALIGN(sizeof(struct xt_entry_target));
	struct xt_ct_target_info_v1 ct;

	if (rule->target < VERDICTS) {
		add_target(writer, verdict_labels[rule->target], 0, standard);
	} else if (rule->target != TARGET_NOTRACK) {
		add_target(writer, rule->to->name, 0, standard);
	} else if (writer->features->notrack && writer->features->ct < 2) {
		add_target(writer, "NOTRACK", 0, bare);
	} else {
		/* With the alias it is what iptables writes, and finds, as -j NOTRACK. */
		memset(&ct, 0, sizeof(ct));
		ct.flags = XT_CT_NOTRACK;
		if (writer->features->notrack)
			ct.flags |= XT_CT_NOTRACK_ALIAS;
		memcpy(add_target(writer, "CT", writer->features->ct, bare + XT_ALIGN(sizeof(ct))), &ct,
		       sizeof(ct));
	}
}

static void put_header(struct writer *writer, const struct rule *rule, size_t target_offset)
{
	const struct match *match = rule->match;
	struct header header = {
		.source = rule->source,
		.protocol = match ? match->protocol : 0,
		.go = rule->target == TARGET_GOTO,
		.target_offset = (uint16_t)target_offset,
		.next_offset = (uint16_t)writer->size,
		.counters = { rule->count.packets, rule->count.bytes },
	};

	if (match) {
		header.destination = match->to;
		memcpy(header.in, match->in, IFNAMSIZ);
		memcpy(header.out, match->out, IFNAMSIZ);
	}
	memset(writer->entry, 0, writer->family->entry_size);
	entry_put_header(writer->entry, &header, writer->family);
}

static bool has_matches(const struct match *match, const struct features *features)
{
	return (!match->states || features->conntrack >= 2) &&
	       ((!match->to_local && !match->from_local) || features->addrtype);
}

int entry_encode(void *buffer, const struct rule *rule, const struct xt_family *family,
		 const struct features *features, struct error *error)
{
	struct writer writer = { .entry = buffer, .size = family->entry_size,
				 .family = family, .features = features };
	size_t target_offset;

	if (rule->target == TARGET_FOREIGN) {
		const struct xt_counters counters = { rule->count.packets, rule->count.bytes };

		memcpy(buffer, rule->match->foreign, rule->match->foreign_size);
		memcpy((char *)buffer + family->at.counters, &counters, sizeof(counters));
		return 0;
	}
	if (rule->match && rule->match->above && features->hashlimit < 1)
		return error_set(error, -EPROTONOSUPPORT,
			    "the kernel has no hashlimit match for %s: load module xt_hashlimit, "
			    "or build it with CONFIG_NETFILTER_XT_MATCH_HASHLIMIT", family->name);
	if (rule->match && rule->match->above && features->hashlimit == 1 &&
	    rule->match->above->period < LIMIT_SCALE / XT_HASHLIMIT_SCALE)
		return error_set(error, -EPROTONOSUPPORT,
			    "the kernel's hashlimit (revision 1) holds no rate above %d/sec",
			    XT_HASHLIMIT_SCALE);
	if (rule->match && !has_matches(rule->match, features))
		return error_set(error, -EPROTONOSUPPORT, "the kernel has no conntrack match of "
				 "revision 2 or addrtype match of revision 1 for %s: load modules "
				 "xt_conntrack and xt_addrtype", family->name);
	if (rule->match)
		put_match(&writer, rule->match);
	target_offset = writer.size;
	put_target(&writer, rule);
	put_header(&writer, rule, target_offset);
	if (writer.full)
		return error_set(error, -EINVAL, "a rule of more than %d bytes: its lists are too long",
			    ENTRY_MAX);
	return 0;
}
