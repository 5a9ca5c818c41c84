/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/selectors.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

/* FIN, SYN, RST and ACK: what iptables' --syn looks at, and SYN alone among them. */
#define TCP_FLAGS_OFFSET 13
#define TCP_FLAGS_MASK 0x17
#define TCP_SYN 0x02
#define TCP_SYN_ACK 0x12
/* The type of the first chunk; one with INIT has no other (RFC 9260, section 4.3). */
#define SCTP_CHUNK_OFFSET 12
#define SCTP_INIT 1

/* --- what a service selects --------------------------------------------- */

int nft_select(struct nft_selection *selection, const struct family_model *model,
	       const struct service *service, enum family family, enum nft_flows flows,
	       bool local_only, struct error *error)
{
	struct compiler compiler = {
		.service = service,
		.model = model,
		.local_only = local_only && flows != NFT_FLOWS_REQUESTS,
		.family = family,
		.rules = &selection->rules[family],
		.target = flows == NFT_FLOWS_REQUESTS ? TARGET_JUMP : TARGET_GOTO,
		.error = error,
	};

	compiler.chain = ruleset_add_chain(compiler.rules, "");
	if (!compiler.chain)
		return error_set(error, -ENOMEM, "out of memory");
	selection->selectors[family] = compiler.chain;
	selection->strict[family] = !service->classic;
	if (flows == NFT_FLOWS_REQUESTS)
		return select_requests(&compiler);
	return select_direction(&compiler, flows == NFT_FLOWS_IN ? IN : OUT);
}

void nft_selection_free(struct nft_selection *selection)
{
	for (enum family family = IPV4; family < FAMILIES; family++)
		ruleset_free(&selection->rules[family]);
	*selection = (struct nft_selection){ 0 };
}

/* --- one selector ------------------------------------------------------- */

static void ask_family(struct nft_draft *draft, enum family family)
{
	const struct nft_field field = nft_meta_field(NFT_META_NFPROTO, 1);

	nft_draft_byte(draft, &field, family == IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

/* "eth+" is how the name begins. */
static void ask_interface(struct nft_draft *draft, uint8_t key, const char name[IFNAMSIZ])
{
	struct nft_field field = nft_meta_field(key, IFNAMSIZ);
	size_t size = strnlen(name, IFNAMSIZ);

	if (!size)
		return;
	if (name[size - 1] == '+')
		field = nft_meta_field(key, (uint8_t)(size - 1));
	nft_draft_equal(draft, &field, name);
}

/* Of a draft, which it must outlive. */
struct intervals {
	struct nft_interval list[PORT_SLOTS + 1];
	size_t count;
	bool inverted;			/* none of them, which are single ports */
};

static void add_interval(struct intervals *to, unsigned int first, unsigned int last)
{
	struct nft_interval *interval = &to->list[to->count++];

	interval->first[0] = (uint8_t)(first >> 8);
	interval->first[1] = (uint8_t)first;
	interval->last[0] = (uint8_t)(last >> 8);
	interval->last[1] = (uint8_t)last;
}

/* All ports but those of a list, which is in order. */
static void add_others(struct intervals *to, const struct ports *ports)
{
	unsigned int next = 0;

	for (size_t i = 0; i < ports->count; i++) {
		if (ports->range[i].first > next)
			add_interval(to, next, ports->range[i].first - 1u);
		next = ports->range[i].last + 1u;
	}
	if (next <= UINT16_MAX)
		add_interval(to, next, UINT16_MAX);
}

static void read_ports(struct intervals *to, const struct ports *ports)
{
	memset(to, 0, sizeof(*to));
	to->inverted = ports->inverted && ports->count == 1 &&
		       ports->range[0].first == ports->range[0].last;
	if (ports->inverted && !to->inverted) {
		add_others(to, ports);
		return;
	}
	for (size_t i = 0; i < ports->count; i++)
		add_interval(to, ports->range[i].first, ports->range[i].last);
	to->count = nft_intervals_join(to->list, to->count, 2);
}

/* Some of the intervals: from @first on, @count of them. */
static void ask_ports(struct nft_draft *draft, uint8_t offset, const struct intervals *ports,
		      size_t first, size_t count)
{
	const struct nft_field field = nft_header_field(NFT_BASE_TRANSPORT, offset, 2);

	if (!ports->count)
		return;
	nft_draft_intervals(draft, &field, &ports->list[first], count);
	if (ports->inverted)
		nft_draft_invert(draft);
}

static void ask_beginning(struct nft_draft *draft, const struct match *match)
{
	struct nft_field flags = nft_header_field(NFT_BASE_TRANSPORT, TCP_FLAGS_OFFSET, 1);
	const struct nft_field chunk = nft_header_field(NFT_BASE_TRANSPORT, SCTP_CHUNK_OFFSET, 1);

	flags.mask[0] = TCP_FLAGS_MASK;
	if (match->syn != SYN_ANY)
		nft_draft_byte(draft, &flags, match->syn == SYN_ACK_NOT ? TCP_SYN_ACK : TCP_SYN);
	if (match->syn == SYN_NOT || match->syn == SYN_ACK_NOT)
		nft_draft_invert(draft);
	if (match->sctp_init)
		nft_draft_byte(draft, &chunk, SCTP_INIT);
	flags.mask[0] = match->tcp_mask;
	if (match->tcp_mask)
		nft_draft_byte(draft, &flags, match->tcp_flags);
}

/* All but the ports and what is behind them, in the order in which iptables-nft has it. */
static void ask(struct nft_draft *draft, const struct rule *rule, enum family family)
{
	const struct nft_field protocol = nft_meta_field(NFT_META_L4PROTO, 1);
	const struct nft_field source = nft_address_field(family, false, 0);
	const struct nft_field destination = nft_address_field(family, true, 0);
	const struct nft_field from = nft_address_type_field(false);
	const struct nft_field to = nft_address_type_field(true);
	const uint32_t local = RTN_LOCAL;
	const struct match *match = rule->match;

	ask_interface(draft, NFT_META_IIFNAME, match->in);
	ask_interface(draft, NFT_META_OIFNAME, match->out);
	nft_draft_prefix(draft, &source, &rule->source);
	nft_draft_prefix(draft, &destination, &match->to);
	if (match->from_local)
		nft_draft_equal(draft, &from, &local);
	if (match->to_local)
		nft_draft_equal(draft, &to, &local);
	if (match->protocol)
		nft_draft_byte(draft, &protocol, match->protocol);
}

/* --- all selectors, of both families ------------------------------------ */

static int add_selector(struct nft_table *table, struct nft_chain *chain, const struct rule *rule,
			enum family family, bool guarded, const struct nft_rule *end)
{
	struct intervals source, destination;
	struct nft_draft draft;

	read_ports(&source, &rule->match->source);
	read_ports(&destination, &rule->match->destination);
	nft_draft_begin(&draft);
	draft.rule = *end;
	if (guarded)
		ask_family(&draft, family);
	ask(&draft, rule, family);
	ask_ports(&draft, 0, &source, 0, source.count);
	ask_ports(&draft, 2, &destination, 0, destination.count);
	ask_beginning(&draft, rule->match);
	return nft_chain_add(table, chain, &draft);
}

static bool has_address(const struct rule *rule)
{
	return rule->source.length || rule->match->to.length;
}

static bool has_same(const struct chain *chain, const struct rule *rule)
{
	for (size_t i = 0; chain && i < chain->count; i++)
		if (rule_same(&chain->rules[i], rule))
			return true;
	return false;
}

/* In strict mode segments of TCP go another way, on which their flags are looked at. */
static const struct nft_rule *end_of(const struct nft_selection *selection, enum family family,
				     const struct rule *rule, const struct nft_rule *end,
				     const struct nft_rule *segments)
{
	return selection->strict[family] && rule->match->protocol == IPPROTO_TCP ? segments : end;
}

int nft_add_selectors(struct nft_table *table, struct nft_chain *chain,
		      const struct nft_selection *selection, const struct nft_rule *end,
		      const struct nft_rule *segments)
{
	const bool alike = selection->strict[IPV4] == selection->strict[IPV6];
	int err = 0;

	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		const struct chain *mine = selection->selectors[family];
		const struct chain *other = selection->selectors[family == IPV4 ? IPV6 : IPV4];

		for (size_t i = 0; mine && i < mine->count && !err; i++) {
			const struct rule *rule = &mine->rules[i];
			bool common = alike && !has_address(rule) && has_same(other, rule);

			if (!common || family == IPV4)	/* IPv6 has it by now */
				err = add_selector(table, chain, rule, family, !common,
						   end_of(selection, family, rule, end, segments));
		}
	}
	return err;
}

int nft_add_segments(struct nft_table *table, struct nft_chain *chain, const struct nft_rule *end,
		     struct error *error)
{
	struct ruleset rules = { 0 };
	struct compiler compiler = { .rules = &rules, .target = TARGET_GOTO, .error = error,
				     .chain = ruleset_add_chain(&rules, "") };
	int err = compiler.chain ? select_segments(&compiler, 1u << TCP) : -ENOMEM;

	for (size_t i = 0; !err && i < compiler.chain->count; i++)
		err = add_selector(table, chain, &compiler.chain->rules[i], IPV4, false, end);
	ruleset_free(&rules);
	return err;
}

/* --- ICMP errors -------------------------------------------------------- */

/*
 * An error quotes the packet that it is about, behind its own 8 bytes: the IP header,
 * and at least 8 bytes of what follows.  Where the quoted header has options, or the
 * quoted packet is a later fragment, the ports are elsewhere, and the error stays
 * tracked.  The first fragment has them behind a header of its own in IPv6, and a large
 * answer learns the path's MTU by errors about it.
 */
struct quoted {
	uint8_t protocol, source, destination, ports;	/* offsets */
	uint8_t first_fragment;		/* of the header that says so, in IPv6; 0: it has none */
};

static const struct quoted quoted[FAMILIES] = {
	[IPV4] = { .protocol = 17, .source = 20, .destination = 24, .ports = 28 },
	[IPV6] = { .protocol = 14, .source = 16, .destination = 32, .ports = 48 },
};
static const struct quoted quoted_fragment = {
	.protocol = 14, .source = 16, .destination = 32, .ports = 56, .first_fragment = 48,
};

#define QUOTED_VERSION_OFFSET 8
#define QUOTED_FRAGMENT_OFFSET 14

/* IPv4, five words of header, and the beginning of a packet. */
static void ask_plain_header(struct nft_draft *draft)
{
	const struct nft_field version = nft_header_field(NFT_BASE_TRANSPORT,
							  QUOTED_VERSION_OFFSET, 1);
	struct nft_field fragment = nft_header_field(NFT_BASE_TRANSPORT, QUOTED_FRAGMENT_OFFSET, 2);
	static const uint8_t none[2];

	fragment.mask[0] = 0x1f;
	nft_draft_byte(draft, &version, 0x45);
	nft_draft_equal(draft, &fragment, none);
}

/* IPv6, a header for fragments (RFC 8200, section 4.5), and the beginning of a packet. */
static void ask_first_fragment(struct nft_draft *draft, uint8_t at, uint8_t protocol)
{
	const struct nft_field next = nft_header_field(NFT_BASE_TRANSPORT, at, 1);
	struct nft_field offset = nft_header_field(NFT_BASE_TRANSPORT, (uint8_t)(at + 2), 2);
	static const uint8_t none[2];

	offset.mask[1] = 0xf8;
	nft_draft_byte(draft, &next, protocol);
	nft_draft_equal(draft, &offset, none);
}

static void ask_quoted(struct nft_draft *draft, const struct rule *rule, enum family family,
		       const struct quoted *at)
{
	uint8_t size = (uint8_t)(family_bits(family) / 8);
	const struct nft_field protocol = nft_header_field(NFT_BASE_TRANSPORT, at->protocol, 1);
	const struct nft_field source = nft_header_field(NFT_BASE_TRANSPORT, at->source, size);
	const struct nft_field destination = nft_header_field(NFT_BASE_TRANSPORT, at->destination,
							      size);
	const struct nft_field to = nft_address_type_field(true);
	const uint32_t local = RTN_LOCAL;
	const struct match *match = rule->match;

	/* it comes back the way that the packet went */
	ask_interface(draft, NFT_META_OIFNAME, match->in);
	ask_interface(draft, NFT_META_IIFNAME, match->out);
	/* what comes in about packets of others is theirs, and goes on to them */
	if (match->from_local)
		nft_draft_equal(draft, &to, &local);
	if (family == IPV4)
		ask_plain_header(draft);
	nft_draft_byte(draft, &protocol, at->first_fragment ? IPPROTO_FRAGMENT : match->protocol);
	nft_draft_prefix(draft, &source, &rule->source);
	nft_draft_prefix(draft, &destination, &match->to);
	if (at->first_fragment)
		ask_first_fragment(draft, at->first_fragment, match->protocol);
}

/* More ranges than these are asked for as one. */
#define QUOTED_RANGES_MAX 4

/*
 * A service with both roles and many ports leaves out each of them on the other side, where both
 * are ports of its own: such a packet stays tracked.  An error about it is as good untracked.
 */
static void widen(struct intervals *ports, const struct service *service)
{
	unsigned int first = (unsigned int)ports->list[0].first[0] << 8 | ports->list[0].first[1];

	if (ports->count <= QUOTED_RANGES_MAX || service_has_port(service, (uint16_t)first))
		return;
	memcpy(ports->list[0].last, ports->list[ports->count - 1].last, sizeof(ports->list[0].last));
	ports->count = 1;
}

/*
 * A rule for each range of ports: nft(8) tells the type of raw bytes, of which it knows no
 * name, from the rule alone, and would print a set of them in another way than it read it.
 */
static int add_quoted(struct nft_table *table, struct nft_chain *chain, const struct rule *rule,
		      const struct service *service, enum family family, const struct quoted *at,
		      const struct nft_rule *end)
{
	struct intervals source, destination;
	int err = 0;

	read_ports(&source, &rule->match->source);
	read_ports(&destination, &rule->match->destination);
	widen(&source, service);
	widen(&destination, service);
	for (size_t i = 0; i < source.count || !i; i++)
		for (size_t j = 0; (j < destination.count || !j) && !err; j++) {
			struct nft_draft draft;

			nft_draft_begin(&draft);
			draft.rule = *end;
			ask_quoted(&draft, rule, family, at);
			ask_ports(&draft, at->ports, &source, i, 1);
			ask_ports(&draft, (uint8_t)(at->ports + 2), &destination, j, 1);
			err = nft_chain_add(table, chain, &draft);
		}
	return err;
}

/*
 * Datagrams alone are sent in fragments, and over lo only those that are larger than any answer.
 * A host puts them together before it looks at them, so that none of its own errors is about a
 * fragment.
 */
static bool may_quote_fragment(const struct rule *rule, enum family family, enum direction direction)
{
	const uint8_t protocol = rule->match->protocol;

	return family == IPV6 && direction == IN && strcmp(rule->match->out, "lo") &&
	       (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE);
}

int nft_add_icmp_errors(struct nft_table *table, struct nft_chain *chain,
			const struct nft_selection *selection, const struct service *service,
			enum family family, enum direction direction, const struct nft_rule *end)
{
	const struct chain *selectors = selection->selectors[family];
	int err = 0;

	for (size_t i = 0; selectors && i < selectors->count && !err; i++) {
		const struct rule *rule = &selectors->rules[i];

		err = add_quoted(table, chain, rule, service, family, &quoted[family], end);
		if (!err && may_quote_fragment(rule, family, direction))
			err = add_quoted(table, chain, rule, service, family, &quoted_fragment, end);
	}
	return err;
}
