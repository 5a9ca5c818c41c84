/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules/view_words_condition.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void words_add(struct words *words, const char *format, ...)
{
	static const char dots[] = " ...";
	size_t room = words->size - words->used;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(words->text + words->used, room, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= room) {
		memcpy(words->text + words->size - sizeof(dots), dots, sizeof(dots));
		words->used = words->size - 1;
	} else {
		words->used += (size_t)length;
	}
}

/* --- values ----------------------------------------------------------- */

static const struct number_name protocols[] = {
	{ IPPROTO_UDP, "udp", "udp" }, { IPPROTO_TCP, "tcp", "tcp" },
	{ IPPROTO_ICMP, "icmp", "icmp" }, { IPPROTO_ICMPV6, "ipv6-icmp", "ipv6-icmp" },
	{ IPPROTO_SCTP, "sctp", "sctp" }, { IPPROTO_UDPLITE, "udplite", "udplite" },
	{ 0, NULL, NULL },
};

const struct number_name state_names[] = {
	{ CT_INVALID, "INVALID", "invalid" }, { CT_NEW, "NEW", "new" },
	{ CT_RELATED, "RELATED", "related" }, { CT_ESTABLISHED, "ESTABLISHED", "established" },
	{ CT_UNTRACKED, "UNTRACKED", "untracked" }, { 0, NULL, NULL },
};

static const struct number_name families[] = {
	{ AF_INET, "IPv4", "ipv4" }, { AF_INET6, "IPv6", "ipv6" }, { 0, NULL, NULL },
};

const struct number_name tcp_flag_names[] = {
	{ 0x01, "FIN", "fin" }, { 0x02, "SYN", "syn" }, { 0x04, "RST", "rst" }, { 0x08, "PSH", "psh" },
	{ 0x10, "ACK", "ack" }, { 0x20, "URG", "urg" }, { 0x40, "ECE", "ecn" }, { 0x80, "CWR", "cwr" },
	{ 0, NULL, NULL },
};

static const struct number_name address_types[] = {
	{ 1, "UNICAST", "unicast" }, { 2, "LOCAL", "local" }, { 3, "BROADCAST", "broadcast" },
	{ 5, "MULTICAST", "multicast" }, { 0, NULL, NULL },
};

static const struct number_name *find_name(const struct number_name *names, uint32_t number)
{
	while (names->legacy && names->number != number)
		names++;
	return names->legacy ? names : NULL;
}

static void add_named(struct words *words, const struct number_name *names, uint32_t number)
{
	const struct number_name *name = find_name(names, number);

	if (name)
		words_add(words, "%s", words->nft ? name->nft : name->legacy);
	else
		words_add(words, "%" PRIu32, number);
}

static void add_range(struct words *words, const struct range *range, const struct number_name *names)
{
	if (range->first == range->last && names)
		add_named(words, names, range->first);
	else if (range->first == range->last)
		words_add(words, "%" PRIu32, range->first);
	else
		words_add(words, "%" PRIu32 "%c%" PRIu32, range->first, words->nft ? '-' : ':', range->last);
}

/* One, several, or those with some bits. */
static void add_numbers(struct words *words, const struct step *step, const struct number_name *names)
{
	const struct range *ranges = step->kind == STEP_NUMBER ? &step->range : step->ranges;
	uint32_t count = step->kind == STEP_NUMBER ? 1 : step->count;
	bool several = count > 1 && words->nft;

	words_add(words, "%s", several ? "{ " : "");
	for (uint32_t i = 0; i < count; i++) {
		words_add(words, "%s", !i ? "" : words->nft ? ", " : ",");
		add_range(words, &ranges[i], names);
	}
	words_add(words, "%s", several ? " }" : "");
}

/* Of some bits, of states or of the status, one is set. */
static bool is_any_of_bits(const struct step *step)
{
	return (step->field == FIELD_STATE || (step->field == FIELD_CT_STATUS && step->mask)) &&
	       step->kind == STEP_NUMBER && !step->range.last;
}

/* What iptables takes for states: whether NAT has translated the connection. */
static bool is_translation(const struct step *step)
{
	return step->field == FIELD_CT_STATUS && is_any_of_bits(step) &&
	       !(step->mask & ~(uint32_t)(IPS_SRC_NAT | IPS_DST_NAT));
}

static void add_bits(struct words *words, const struct number_name *names, uint32_t bits)
{
	const char *between = "";

	if (!bits)
		words_add(words, words->nft ? "0x0" : "NONE");
	for (const struct number_name *name = names; name->legacy; name++)
		if (bits & name->number) {
			words_add(words, "%s%s", between, words->nft ? name->nft : name->legacy);
			between = ",";
		}
}

static void add_states(struct words *words, const struct step *step)
{
	if (is_any_of_bits(step))
		add_bits(words, state_names, step->mask);
	else
		add_numbers(words, step, state_names);
}

static const struct number_name statuses[] = {
	{ IPS_EXPECTED, "EXPECTED", "expected" }, { IPS_SEEN_REPLY, "SEEN_REPLY", "seen-reply" },
	{ IPS_ASSURED, "ASSURED", "assured" }, { IPS_CONFIRMED, "CONFIRMED", "confirmed" },
	{ IPS_SRC_NAT, "SNAT", "snat" }, { IPS_DST_NAT, "DNAT", "dnat" }, { 0, NULL, NULL },
};

static void add_tcp_flags(struct words *words, const struct step *step)
{
	add_bits(words, tcp_flag_names, words->nft ? step->range.first : step->mask);
	words_add(words, words->nft ? " / " : " ");
	add_bits(words, tcp_flag_names, words->nft ? step->mask : step->range.first);
}

static void add_mark(struct words *words, const struct step *step)
{
	bool whole = step->mask == UINT32_MAX;

	if (words->nft && !whole)
		words_add(words, "& 0x%08" PRIx32 " == ", step->mask);
	words_add(words, words->nft ? "0x%08" PRIx32 : "0x%" PRIx32, step->range.first);
	if (!words->nft && !whole)
		words_add(words, "/0x%" PRIx32, step->mask);
}

static void add_address(struct words *words, const uint8_t *address)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(words->ipv6 ? AF_INET6 : AF_INET, address, text, sizeof(text));
	words_add(words, "%s", text);
}

static void add_addresses(struct words *words, const struct step *step)
{
	for (uint32_t i = 0; i < step->count; i++) {
		const struct address_range *range = &step->addresses[i];

		words_add(words, "%s", !i ? (words->nft ? "{ " : "") : words->nft ? ", " : ",");
		add_address(words, range->first);
		if (!memcmp(range->first, range->last, sizeof(range->first)))
			continue;
		words_add(words, "-");
		add_address(words, range->last);
	}
	words_add(words, "%s", words->nft ? " }" : "");
}

/* --- conditions ------------------------------------------------------- */

/* What stands ahead of the value: how iptables says it, by which match, and how nft does. */
static const struct {
	const char *legacy, *nft, *match;
} fields[FIELDS] = {
	[FIELD_FAMILY] = { "(family)", "meta nfproto", NULL },
	[FIELD_ETHER_TYPE] = { "(ethertype)", "meta protocol", NULL },
	[FIELD_PROTOCOL] = { "-p", "meta l4proto", NULL },
	[FIELD_NEXT_HEADER] = { "(next header)", "ip6 nexthdr", NULL },
	[FIELD_SOURCE] = { "-s", "saddr", NULL },
	[FIELD_DESTINATION] = { "-d", "daddr", NULL },
	[FIELD_SOURCE_PORT] = { "--sport", "sport", NULL },
	[FIELD_DESTINATION_PORT] = { "--dport", "dport", NULL },
	[FIELD_EITHER_PORT] = { "--ports", "(either port)", NULL },
	[FIELD_IN] = { "-i", "iifname", NULL },
	[FIELD_OUT] = { "-o", "oifname", NULL },
	[FIELD_TCP_FLAGS] = { "--tcp-flags", "tcp flags", NULL },
	[FIELD_CHUNK] = { "--chunk-types any", "sctp chunk", NULL },
	[FIELD_ICMP_TYPE] = { "--icmp-type", "type", NULL },
	[FIELD_ICMP_CODE] = { "--icmp-code", "code", NULL },
	[FIELD_FRAGMENT] = { "(fragment)", "ip frag-off", NULL },
	[FIELD_EXTENSION] = { "(extension header)", "(extension header)", NULL },
	[FIELD_MARK] = { "--mark", "meta mark", "mark" },
	[FIELD_SOURCE_TYPE] = { "--src-type", "fib saddr type", "addrtype" },
	[FIELD_DESTINATION_TYPE] = { "--dst-type", "fib daddr type", "addrtype" },
	[FIELD_DESTINATION_TYPE_HERE] = { "--limit-iface-in --dst-type", "fib daddr . iif type",
					  "addrtype" },
	[FIELD_LINK_TYPE] = { "--pkt-type", "meta pkttype", "pkttype" },
	[FIELD_REVERSE_PATH] = { "", "fib saddr . iif oif", "rpfilter" },
	[FIELD_OTHER] = { "(...)", "(...)", NULL },
	[FIELD_STATE] = { "--ctstate", "ct state", "conntrack" },
	[FIELD_CT_DIRECTION] = { "--ctdir", "ct direction", "conntrack" },
	[FIELD_CT_STATUS] = { "--ctstatus", "ct status", "conntrack" },
	[FIELD_CT_MARK] = { "--mark", "ct mark", "connmark" },
	[FIELD_CT_OTHER] = { "(...)", "ct (...)", "conntrack" },
};

static bool field_is_port(enum field field)
{
	return field == FIELD_SOURCE_PORT || field == FIELD_DESTINATION_PORT || field == FIELD_EITHER_PORT;
}

static const struct number_name *names_of(enum field field)
{
	switch (field) {
	case FIELD_FAMILY:
		return families;
	case FIELD_PROTOCOL:
	case FIELD_NEXT_HEADER:
		return protocols;
	case FIELD_SOURCE_TYPE:
	case FIELD_DESTINATION_TYPE:
	case FIELD_DESTINATION_TYPE_HERE:
		return address_types;
	default:
		return NULL;
	}
}

/* iptables-save names the match that an option is of: ports are of their protocol's, or multiport's. */
static void add_match(struct words *words, const struct step *step)
{
	const struct number_name *protocol = find_name(protocols, words->protocol);
	enum field field = (enum field)step->field;
	bool by_protocol = field == FIELD_TCP_FLAGS || field == FIELD_CHUNK || field == FIELD_ICMP_TYPE;

	if (fields[field].match) {
		words_add(words, "-m %s ", fields[field].match);
	} else if (field_is_port(field) && step->kind == STEP_NUMBERS) {
		words_add(words, "-m multiport ");
	} else if ((field_is_port(field) || by_protocol) && protocol && !words->match_named) {
		words_add(words, "-m %s ", protocol->number == IPPROTO_ICMPV6 ? "icmp6" : protocol->legacy);
		words->match_named = true;
	}
}

static void add_legacy_field(struct words *words, const struct step *step, bool inverted)
{
	bool several = field_is_port((enum field)step->field) && step->kind == STEP_NUMBERS &&
		       step->field != FIELD_EITHER_PORT;
	const char *option = is_translation(step) ? "--ctstate" : fields[step->field].legacy;

	add_match(words, step);
	words_add(words, "%s%s%s%s", inverted ? "! " : "", option, several ? "s" : "", *option ? " " : "");
}

/* In nft, ports and addresses are of a protocol. */
static void add_nft_field(struct words *words, enum field field)
{
	const struct number_name *protocol = find_name(protocols, words->protocol);

	if (field == FIELD_SOURCE_PORT || field == FIELD_DESTINATION_PORT)
		words_add(words, "%s ", protocol ? protocol->nft : "th");
	else if (field == FIELD_SOURCE || field == FIELD_DESTINATION)
		words_add(words, "%s ", words->ipv6 ? "ip6" : "ip");
	else if (field == FIELD_ICMP_TYPE || field == FIELD_ICMP_CODE)
		words_add(words, words->protocol == IPPROTO_ICMPV6 ? "icmpv6 " : "icmp ");
	words_add(words, "%s", field < FIELDS && fields[field].nft ? fields[field].nft : "(a key)");
}

void words_add_keys(struct words *words, const struct view_lookup *lookup)
{
	for (size_t i = 0; i < lookup->field_count; i++) {
		words_add(words, i ? " . " : "");
		add_nft_field(words, (enum field)lookup->fields[i].field);
	}
}

/* nft has words of its own for what is there, or is not. */
static bool is_of_presence(const struct words *words, const struct step *step)
{
	return words->nft && step->kind == STEP_NUMBER && step->range.first == step->range.last &&
	       (step->field == FIELD_REVERSE_PATH || step->field == FIELD_EXTENSION);
}

static void add_presence(struct words *words, const struct step *step)
{
	add_nft_field(words, (enum field)step->field);
	words_add(words, !step->range.first == !(step->flags & STEP_INVERTED) ? " missing" : " exists");
}

static void add_field(struct words *words, const struct step *step)
{
	/* "not none of them" */
	bool inverted = !(step->flags & STEP_INVERTED) == is_any_of_bits(step);

	if (!words->nft) {
		add_legacy_field(words, step, inverted);
		return;
	}
	add_nft_field(words, (enum field)step->field);
	/* "!=" is another question there: whether it is not just these bits */
	words_add(words, !inverted ? " " : is_any_of_bits(step) ? " ! " : " != ");
}

static void add_masked(struct words *words, const struct step *step)
{
	if (step->kind == STEP_NUMBER && (step->field == FIELD_MARK || step->field == FIELD_CT_MARK) &&
	    step->range.first == step->range.last)
		add_mark(words, step);
	else if (step->kind != STEP_NUMBER || step->mask == UINT32_MAX)
		add_numbers(words, step, names_of((enum field)step->field));
	else if (step->field == FIELD_TCP_FLAGS)
		add_tcp_flags(words, step);
	else if (step->field == FIELD_CT_STATUS && is_any_of_bits(step))
		add_bits(words, statuses, step->mask);
	else
		words_add(words, words->nft ? "& 0x%" PRIx32 " == 0x%" PRIx32 :
			  "(& 0x%" PRIx32 ") 0x%" PRIx32, step->mask, step->range.first);
}

static void add_interface(struct words *words, const struct step *step)
{
	bool whole = memchr(step->name, '\0', step->length) != NULL;
	int length = (int)(whole ? strnlen(step->name, sizeof(step->name)) : step->length);

	if (words->nft)
		words_add(words, "\"%.*s%s\"", length, step->name, whole ? "" : "*");
	else
		words_add(words, "%.*s%s", length, step->name, whole ? "" : "+");
}

void words_add_condition(struct words *words, const struct step *step)
{
	const char *inverted = step->flags & STEP_INVERTED ? words->nft ? "!= " : "! " : "";

	switch (step->kind) {
	case STEP_WITHIN_RATE:
		words_add(words, "%s%s", inverted, words->nft ? "limit rate (...)" : "-m limit (...)");
		return;
	case STEP_REMEMBERED:
		words_add(words, "%s%s", inverted, words->nft ? "(recorded before)" : "-m recent (...)");
		return;
	case STEP_UNKNOWN:
		words_add(words, words->nft ? "%s(%s)" : "%s-m %s (...)", inverted,
		    step->text ? step->text : "?");
		return;
	case STEP_LOOKUP:
		if (!words->nft)
			break;
		words_add_keys(words, step->lookup);
		words_add(words, " %s@%s", inverted, step->lookup->name ? step->lookup->name : "(a set)");
		return;
	default:
		break;
	}
	if (is_of_presence(words, step)) {
		add_presence(words, step);
		return;
	}
	add_field(words, step);
	if (step->kind == STEP_SET)
		words_add(words, "@(a set)");
	else if (step->kind == STEP_LOOKUP)
		words_add(words, "@%s", step->lookup->name ? step->lookup->name : "(a set)");
	else if (step->kind == STEP_PREFIX) {
		add_address(words, step->address);
		if (!words->nft || step->length < (words->ipv6 ? 128 : 32))
			words_add(words, "/%u", step->length);
	} else if (step->kind == STEP_ADDRESSES)
		add_addresses(words, step);
	else if (step->kind == STEP_INTERFACE)
		add_interface(words, step);
	else if (step->field == FIELD_STATE)
		add_states(words, step);
	else
		add_masked(words, step);
}

bool words_tell_protocol(const struct words *words, enum field field)
{
	switch (field) {
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		return words->protocol == IPPROTO_ICMP || words->protocol == IPPROTO_ICMPV6;
	case FIELD_SOURCE_PORT:
	case FIELD_DESTINATION_PORT:
	case FIELD_TCP_FLAGS:
		return find_name(protocols, words->protocol);
	default:
		return false;
	}
}
