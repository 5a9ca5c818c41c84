/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules/view_words.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct words {
	char *text;
	size_t used;
	bool nft;
	bool ipv6;
	uint8_t protocol;		/* named so far, for "udp dport" */
};

static void add(struct words *words, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct words *words, const char *format, ...)
{
	static const char dots[] = " ...";
	size_t room = RULE_WORDS - words->used;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(words->text + words->used, room, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= room) {
		memcpy(words->text + RULE_WORDS - sizeof(dots), dots, sizeof(dots));
		words->used = RULE_WORDS - 1;
	} else {
		words->used += (size_t)length;
	}
}

/* --- values ----------------------------------------------------------- */

struct name {
	uint32_t number;
	const char *legacy, *nft;
};

static const struct name protocols[] = {
	{ IPPROTO_UDP, "udp", "udp" }, { IPPROTO_TCP, "tcp", "tcp" },
	{ IPPROTO_ICMP, "icmp", "icmp" }, { IPPROTO_ICMPV6, "ipv6-icmp", "ipv6-icmp" },
	{ IPPROTO_SCTP, "sctp", "sctp" }, { IPPROTO_UDPLITE, "udplite", "udplite" },
	{ 0, NULL, NULL },
};

static const struct name states[] = {
	{ CT_INVALID, "INVALID", "invalid" }, { CT_NEW, "NEW", "new" },
	{ CT_RELATED, "RELATED", "related" }, { CT_ESTABLISHED, "ESTABLISHED", "established" },
	{ CT_UNTRACKED, "UNTRACKED", "untracked" }, { 0, NULL, NULL },
};

static const struct name families[] = {
	{ AF_INET, "IPv4", "ipv4" }, { AF_INET6, "IPv6", "ipv6" }, { 0, NULL, NULL },
};

static const struct name address_types[] = {
	{ 1, "UNICAST", "unicast" }, { 2, "LOCAL", "local" }, { 3, "BROADCAST", "broadcast" },
	{ 5, "MULTICAST", "multicast" }, { 0, NULL, NULL },
};

static const struct name *find_name(const struct name *names, uint32_t number)
{
	while (names->legacy && names->number != number)
		names++;
	return names->legacy ? names : NULL;
}

static void add_named(struct words *words, const struct name *names, uint32_t number)
{
	const struct name *name = find_name(names, number);

	if (name)
		add(words, "%s", words->nft ? name->nft : name->legacy);
	else
		add(words, "%" PRIu32, number);
}

static void add_range(struct words *words, const struct range *range, const struct name *names)
{
	if (range->first == range->last && names)
		add_named(words, names, range->first);
	else if (range->first == range->last)
		add(words, "%" PRIu32, range->first);
	else
		add(words, "%" PRIu32 "%c%" PRIu32, range->first, words->nft ? '-' : ':', range->last);
}

/* One, several, or those with some bits. */
static void add_numbers(struct words *words, const struct step *step, const struct name *names)
{
	const struct range *ranges = step->kind == STEP_NUMBER ? &step->range : step->ranges;
	uint32_t count = step->kind == STEP_NUMBER ? 1 : step->count;
	bool several = count > 1 && words->nft;

	add(words, "%s", several ? "{ " : "");
	for (uint32_t i = 0; i < count; i++) {
		add(words, "%s", !i ? "" : words->nft ? ", " : ",");
		add_range(words, &ranges[i], names);
	}
	add(words, "%s", several ? " }" : "");
}

/* Of the bits of some states, one is set: a packet has just one of them. */
static bool is_any_of_states(const struct step *step)
{
	return step->field == FIELD_STATE && step->kind == STEP_NUMBER && !step->range.last;
}

static void add_states(struct words *words, const struct step *step)
{
	bool more = false;

	if (!is_any_of_states(step)) {
		add_numbers(words, step, states);
		return;
	}
	for (const struct name *name = states; name->legacy; name++)
		if (step->mask & name->number) {
			add(words, "%s%s", more ? "," : "", words->nft ? name->nft : name->legacy);
			more = true;
		}
}

static void add_address(struct words *words, const uint8_t *address)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(words->ipv6 ? AF_INET6 : AF_INET, address, text, sizeof(text));
	add(words, "%s", text);
}

static void add_addresses(struct words *words, const struct step *step)
{
	for (uint32_t i = 0; i < step->count; i++) {
		const struct address_range *range = &step->addresses[i];

		add(words, "%s", !i ? (words->nft ? "{ " : "") : words->nft ? ", " : ",");
		add_address(words, range->first);
		if (!memcmp(range->first, range->last, sizeof(range->first)))
			continue;
		add(words, "-");
		add_address(words, range->last);
	}
	add(words, "%s", words->nft ? " }" : "");
}

/* --- conditions ------------------------------------------------------- */

/* What stands ahead of the value: how iptables says it, and how nft does. */
static const struct {
	const char *legacy, *nft;
} fields[FIELDS] = {
	[FIELD_FAMILY] = { "(family)", "meta nfproto" },
	[FIELD_ETHER_TYPE] = { "(ethertype)", "meta protocol" },
	[FIELD_PROTOCOL] = { "-p", "meta l4proto" },
	[FIELD_SOURCE] = { "-s", "saddr" },
	[FIELD_DESTINATION] = { "-d", "daddr" },
	[FIELD_SOURCE_PORT] = { "--sport", "sport" },
	[FIELD_DESTINATION_PORT] = { "--dport", "dport" },
	[FIELD_EITHER_PORT] = { "--ports", "(either port)" },
	[FIELD_IN] = { "-i", "iifname" },
	[FIELD_OUT] = { "-o", "oifname" },
	[FIELD_TCP_FLAGS] = { "--tcp-flags", "tcp flags" },
	[FIELD_CHUNK] = { "--chunk-types any", "sctp chunk" },
	[FIELD_ICMP_TYPE] = { "--icmp-type", "icmp type" },
	[FIELD_ICMP_CODE] = { "--icmp-code", "icmp code" },
	[FIELD_FRAGMENT] = { "(fragment)", "ip frag-off" },
	[FIELD_EXTENSION] = { "(extension header)", "(extension header)" },
	[FIELD_MARK] = { "-m mark --mark", "meta mark" },
	[FIELD_SOURCE_TYPE] = { "-m addrtype --src-type", "fib saddr type" },
	[FIELD_DESTINATION_TYPE] = { "-m addrtype --dst-type", "fib daddr type" },
	[FIELD_DESTINATION_TYPE_HERE] = { "-m addrtype --limit-iface-in --dst-type",
					  "fib daddr . iif type" },
	[FIELD_LINK_TYPE] = { "-m pkttype --pkt-type", "meta pkttype" },
	[FIELD_REVERSE_PATH] = { "-m rpfilter", "fib saddr . iif oif" },
	[FIELD_STATE] = { "-m conntrack --ctstate", "ct state" },
	[FIELD_CT_DIRECTION] = { "-m conntrack --ctdir", "ct direction" },
	[FIELD_CT_STATUS] = { "-m conntrack --ctstatus", "ct status" },
	[FIELD_CT_MARK] = { "-m connmark --mark", "ct mark" },
	[FIELD_CT_OTHER] = { "-m conntrack (...)", "ct (...)" },
};

static const struct name *names_of(enum field field)
{
	switch (field) {
	case FIELD_FAMILY:
		return families;
	case FIELD_PROTOCOL:
		return protocols;
	case FIELD_SOURCE_TYPE:
	case FIELD_DESTINATION_TYPE:
	case FIELD_DESTINATION_TYPE_HERE:
		return address_types;
	default:
		return NULL;
	}
}

/* In nft, ports and addresses are of a protocol. */
static void add_field(struct words *words, const struct step *step)
{
	const struct name *protocol = find_name(protocols, words->protocol);
	/* "not none of them" */
	bool inverted = !(step->flags & STEP_INVERTED) == is_any_of_states(step);
	enum field field = (enum field)step->field;

	if (!words->nft) {
		add(words, "%s%s ", inverted ? "! " : "", fields[field].legacy);
		return;
	}
	if (field == FIELD_SOURCE_PORT || field == FIELD_DESTINATION_PORT)
		add(words, "%s ", protocol ? protocol->nft : "th");
	else if (field == FIELD_SOURCE || field == FIELD_DESTINATION)
		add(words, "%s ", words->ipv6 ? "ip6" : "ip");
	add(words, "%s %s", fields[field].nft, inverted ? "!= " : "");
}

static void add_masked(struct words *words, const struct step *step)
{
	if (step->kind != STEP_NUMBER || step->mask == UINT32_MAX)
		add_numbers(words, step, names_of((enum field)step->field));
	else if (step->field == FIELD_TCP_FLAGS)
		add(words, words->nft ? "0x%" PRIx32 " / 0x%" PRIx32 : "0x%" PRIx32 " 0x%" PRIx32,
		    words->nft ? step->range.first : step->mask,
		    words->nft ? step->mask : step->range.first);
	else
		add(words, words->nft ? "& 0x%" PRIx32 " == 0x%" PRIx32 : "(& 0x%" PRIx32 ") 0x%" PRIx32,
		    step->mask, step->range.first);
}

static void add_interface(struct words *words, const struct step *step)
{
	bool whole = memchr(step->name, '\0', step->length) != NULL;
	int length = (int)(whole ? strnlen(step->name, sizeof(step->name)) : step->length);

	if (words->nft)
		add(words, "\"%.*s%s\"", length, step->name, whole ? "" : "*");
	else
		add(words, "%.*s%s", length, step->name, whole ? "" : "+");
}

static void add_condition(struct words *words, const struct step *step)
{
	const char *inverted = step->flags & STEP_INVERTED ? words->nft ? "!= " : "! " : "";

	switch (step->kind) {
	case STEP_WITHIN_RATE:
		add(words, "%s%s", inverted, words->nft ? "limit rate (...)" : "-m limit (...)");
		return;
	case STEP_REMEMBERED:
		add(words, "%s%s", inverted, words->nft ? "(recorded before)" : "-m recent (...)");
		return;
	case STEP_UNKNOWN:
		add(words, words->nft ? "%s(%s)" : "%s-m %s (...)", inverted,
		    step->text ? step->text : "?");
		return;
	default:
		add_field(words, step);
	}
	if (step->kind == STEP_SET)
		add(words, "@(a set)");
	else if (step->kind == STEP_LOOKUP)
		add(words, "@%s", step->lookup->name ? step->lookup->name : "(a set)");
	else if (step->kind == STEP_PREFIX) {
		add_address(words, step->address);
		add(words, "/%u", step->length);
	} else if (step->kind == STEP_ADDRESSES)
		add_addresses(words, step);
	else if (step->kind == STEP_INTERFACE)
		add_interface(words, step);
	else if (step->field == FIELD_STATE)
		add_states(words, step);
	else
		add_masked(words, step);
}

/* --- effects and verdicts --------------------------------------------- */

static const struct {
	const char *legacy, *nft;
} deeds[] = {
	[STEP_COUNT] = { "", "counter" },
	[STEP_NOTRACK] = { "-j CT --notrack", "notrack" },
	[STEP_TEMPLATE] = { "-j CT (...)", "ct (...) set" },
	[STEP_MARK] = { "-j MARK --set-xmark", "meta mark set" },
	[STEP_CT_MARK] = { "-j CONNMARK (...)", "ct mark set" },
	[STEP_RESTORE_MARK] = { "-j CONNMARK --restore-mark", "meta mark set ct mark" },
	[STEP_MAP] = { "-j (a map)", "vmap" },
	[STEP_ACCEPT] = { "-j ACCEPT", "accept" },
	[STEP_DROP] = { "-j DROP", "drop" },
	[STEP_REJECT] = { "-j REJECT", "reject" },
	[STEP_RETURN] = { "-j RETURN", "return" },
	[STEP_JUMP] = { "-j", "jump" },
	[STEP_GOTO] = { "-g", "goto" },
	[STEP_QUEUE] = { "-j NFQUEUE", "queue" },
	[STEP_DIVERT] = { "-j TPROXY", "tproxy" },
	[STEP_SYNPROXY] = { "-j SYNPROXY", "synproxy" },
	[STEP_ANYTHING] = { "-j", "" },
};

static void add_translation(struct words *words, const struct step *step)
{
	static const char *const legacy[] = {
		[TRANSLATE_SOURCE] = "-j SNAT", [TRANSLATE_DESTINATION] = "-j DNAT",
		[TRANSLATE_MASQUERADE] = "-j MASQUERADE", [TRANSLATE_REDIRECT] = "-j REDIRECT",
	};
	static const char *const nft[] = {
		[TRANSLATE_SOURCE] = "snat", [TRANSLATE_DESTINATION] = "dnat",
		[TRANSLATE_MASQUERADE] = "masquerade", [TRANSLATE_REDIRECT] = "redirect",
	};

	add(words, "%s", (words->nft ? nft : legacy)[step->field]);
	if (step->mask)
		add(words, words->nft ? " to :%" PRIu32 : " --to-ports %" PRIu32, step->mask >> 16);
}

static void add_deed(struct words *words, const struct step *step)
{
	if (step->kind == STEP_TRANSLATE) {
		add_translation(words, step);
		return;
	}
	add(words, "%s", words->nft ? deeds[step->kind].nft : deeds[step->kind].legacy);
	if (step->kind == STEP_MARK)
		add(words, " 0x%" PRIx32, step->value);
	else if (step->kind == STEP_JUMP || step->kind == STEP_GOTO)
		add(words, " %s", step->chain->name);
	else if (step->kind == STEP_MAP)
		add(words, " @%s", step->lookup->name ? step->lookup->name : "(a map)");
	else if (step->kind == STEP_ANYTHING && step->text)
		add(words, " %s", step->text);
}

static void note_protocol(struct words *words, const struct step *step)
{
	if (step->field == FIELD_PROTOCOL && step->kind == STEP_NUMBER &&
	    !(step->flags & STEP_INVERTED))
		words->protocol = (uint8_t)step->range.first;
	if (words->nft && step->field == FIELD_FAMILY && step->kind == STEP_NUMBER)
		words->ipv6 = step->range.first == AF_INET6;
}

/* nft has the protocol in "udp dport", and iptables no word for what only counts. */
static bool goes_without_saying(const struct words *words, const struct view_rule *rule, uint32_t i)
{
	const struct step *step = &rule->steps[i], *next = i + 1 < rule->count ? step + 1 : NULL;

	if (!words->nft)
		return step->kind == STEP_COUNT;
	return step_is_condition(step) && step->field == FIELD_PROTOCOL && words->protocol && next &&
	       step_is_condition(next) && find_name(protocols, words->protocol) &&
	       (next->field == FIELD_SOURCE_PORT || next->field == FIELD_DESTINATION_PORT);
}

/* --- a rule ----------------------------------------------------------- */

const char *view_rule_words(const struct view_chain *chain, const struct view_rule *rule,
			    char text[RULE_WORDS])
{
	struct words words = { .text = text, .nft = chain->table->world == WORLD_NFT };

	text[0] = '\0';
	words.ipv6 = chain->table->families == 1u << IPV6;
	if (!words.nft)
		add(&words, "-A %s", chain->name);
	for (uint32_t i = 0; i < rule->count; i++) {
		const struct step *step = &rule->steps[i];
		bool condition = step_is_condition(step);

		if (condition)
			note_protocol(&words, step);
		if (goes_without_saying(&words, rule, i))
			continue;
		if (words.used)
			add(&words, " ");
		if (condition)
			add_condition(&words, step);
		else
			add_deed(&words, step);
	}
	return text;
}
