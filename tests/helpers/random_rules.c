/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "random_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "run.h"

enum { CHAINS = 6, TABLE_NAMES = 5 };

/* --- kinds ------------------------------------------------------------ */

static const char *const kind_names[KINDS] = {
	"protocol", "port", "multiport", "flags", "address", "range", "interface", "state",
	"state-not", "direction", "status", "mark", "ct-mark", "type", "reverse", "limit",
	"hashlimit", "recent-set", "recent-update", "ipset", "comment", "pkttype", "mac",
	"connlimit", "quota", "unknown", "set", "intervals", "concatenation", "named-set",
	"state-map", "concatenated-map", "port-map", "interface-map", "named-map",
	"interval-map", "hidden-map", "dynamic-set",
	"accept", "drop", "reject", "return", "jump", "goto", "log", "set-mark", "set-ct-mark",
	"restore-mark", "notrack", "zone", "nat", "count", "bitwise", "counter", "tproxy", "queue",
	"beside", "dormant", "shared-chain",
};

const char *random_kind_name(unsigned int kind)
{
	return kind < KINDS ? kind_names[kind] : rarity_name(kind - KINDS);
}

static struct random_kinds used;	/* in the host that is being made */
static unsigned long refused[2];	/* by the kernel: of xtables, of nft */

static bool is_there(enum kind kind, bool nft)
{
	if (refused[nft] & 1ul << kind)
		return false;
	used.there[kind] = true;
	return true;
}

bool random_rules_may(enum kind kind, bool nft)
{
	return !(refused[nft] & 1ul << kind);
}

/* --- values ----------------------------------------------------------- */

static const char *one_of(const char *const *list, unsigned int count)
{
	return list[random_below(count)];
}

#define ONE_OF(...) one_of((const char *const[]){ __VA_ARGS__ }, \
			   sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static const char *prefix(bool six)
{
	return six ? ONE_OF("2001:db8::/64", "2001:db8::66/128", "2001:db8::/120", "2001:db8:2::/48",
			    "2001:db8:2::7/128", "2001:db8:f::/64", "2001:db8:f::9/128",
			    "2001:db8::1/128") :
		     ONE_OF("192.0.2.0/24", "192.0.2.66/32", "192.0.2.64/26", "198.51.100.0/24",
			    "198.51.100.7/32", "203.0.113.0/24", "203.0.113.9/32", "192.0.2.1/32");
}

static const char *address_range(bool six)
{
	return six ? ONE_OF("2001:db8::60-2001:db8::70", "2001:db8:2::1-2001:db8:2::9") :
		     ONE_OF("192.0.2.60-192.0.2.70", "198.51.100.1-198.51.100.9",
			    "192.0.2.1-192.0.2.67");
}

static const char *ports(void)
{
	return ONE_OF("53", "53", "53", "80", "1024:65535", "50:60", "123", "5353", "1:52");
}

static const char *interface(void)
{
	return ONE_OF("veth0", "veth1", "veth+", "lo", "eth0");
}

static const char *states(void)
{
	return ONE_OF("NEW", "NEW", "ESTABLISHED", "ESTABLISHED,RELATED", "ESTABLISHED,RELATED",
		      "INVALID", "UNTRACKED", "NEW,UNTRACKED", "INVALID,UNTRACKED", "NEW,ESTABLISHED,RELATED");
}

static const char *no(unsigned int percent)
{
	return random_chance(percent) ? "! " : "";
}

/* --- rules that are being written -------------------------------------- */

/* A rule that is being written. */
struct writing {
	FILE *out;
	const char *table;		/* of xtables */
	const char *hook;		/* of the base chains that lead here; "" for several */
	bool six, nft;
	unsigned int chain;		/* 0: a base chain */
	/* of the rule: what may be said once */
	bool source, destination, interface;
	bool last;			/* its last condition */
	const char *protocol;		/* of nft: all of a rule is about one */
};

static bool is_hook(const struct writing *writing, const char *hook)
{
	return !strcmp(writing->hook, hook);
}

static bool in_table(const struct writing *writing, const char *table)
{
	return !strcmp(writing->table, table);
}

/*
 * Whether a rate or a list may stand here.  Ahead of a state it is refused where it decides; as
 * people write rules, it mostly stands behind all else.
 */
static bool remembers_here(const struct writing *writing)
{
	return writing->last || random_chance(25);
}

/* --- rarities --------------------------------------------------------- */

/* Which hooks lead there; 0: it is not known. */
static unsigned int hook_bits(const struct writing *writing)
{
	static const char *const hooks[] = { "PREROUTING", "INPUT", "OUTPUT", "POSTROUTING" };

	for (unsigned int i = 0; i < 4; i++)
		if (!strcasecmp(writing->hook, hooks[i]))
			return 1u << i;
	return 0;
}

/* false: none that fits there was found. */
static bool rare(const struct writing *writing, enum rarity_part part, bool nft, const char *chain)
{
	const struct rarity_place place = { .nft = nft, .six = writing->six,
					    .hooks = hook_bits(writing), .table = writing->table };
	const struct rarity *rarity = rarity_by_chance(part, &place);

	if (!rarity)
		return false;
	used.there[KINDS + rarity_number(rarity)] = true;
	rarity_write(rarity, &place, chain, writing->out);
	return true;
}

/* --- xtables ---------------------------------------------------------- */

/* Which protocol a rule asks for: the matches of ports need one. */
static const char *xt_protocol(const struct writing *writing)
{
	const char *protocol = ONE_OF("udp", "udp", "tcp");

	if (is_there(KIND_PROTOCOL, false))
		fprintf(writing->out, " -p %s", protocol);
	return protocol;
}

static void xt_ports(const struct writing *writing)
{
	const char *protocol = xt_protocol(writing);

	switch (random_below(5)) {
	case 0:
		if (is_there(KIND_MULTIPORT, false))
			fprintf(writing->out, " -m multiport %s--%s 53,80,1000:2000", no(20),
				ONE_OF("dports", "sports", "ports"));
		break;
	case 1:
		if (!strcmp(protocol, "tcp") && is_there(KIND_FLAGS, false))
			fprintf(writing->out, " %s", ONE_OF("--syn", "! --syn",
							    "--tcp-flags SYN,ACK SYN,ACK",
							    "--tcp-flags ALL NONE"));
		break;
	default:
		if (is_there(KIND_PORT, false))
			fprintf(writing->out, " -m %s %s--%s %s", protocol, no(15),
				random_chance(70) ? "dport" : "sport", ports());
	}
}

static void xt_interface(struct writing *writing)
{
	bool in = is_hook(writing, "PREROUTING") || is_hook(writing, "INPUT");
	bool out = is_hook(writing, "OUTPUT") || is_hook(writing, "POSTROUTING");

	if ((in || out) && !writing->interface && is_there(KIND_INTERFACE, false))
		fprintf(writing->out, " %s-%s %s", no(20), in ? "i" : "o", interface());
	writing->interface = true;
}

static void xt_address(struct writing *writing)
{
	bool source = random_chance(70), *said = source ? &writing->source : &writing->destination;

	if (!*said && is_there(KIND_ADDRESS, false))
		fprintf(writing->out, " %s-%s %s", no(15), source ? "s" : "d", prefix(writing->six));
	*said = true;
}

static void xt_state(const struct writing *writing)
{
	enum kind kind = random_chance(25) ? KIND_STATE_NOT : KIND_STATE;
	bool old = random_chance(20);

	if (is_there(kind, false))
		fprintf(writing->out, " -m %s %s--%s %s", old ? "state" : "conntrack",
			kind == KIND_STATE_NOT ? "! " : "", old ? "state" : "ctstate", states());
}

static void xt_conntrack(const struct writing *writing)
{
	switch (random_below(3)) {
	case 0:
		if (is_there(KIND_DIRECTION, false))
			fprintf(writing->out, " -m conntrack --ctdir %s",
				ONE_OF("ORIGINAL", "REPLY"));
		break;
	case 1:
		if (is_there(KIND_STATUS, false))
			fprintf(writing->out, " -m conntrack %s--ctstatus %s", no(20),
				ONE_OF("SEEN_REPLY", "CONFIRMED", "EXPECTED"));
		break;
	default:
		if (is_there(KIND_CT_MARK, false))
			fprintf(writing->out, " -m connmark %s--mark %s", no(20),
				ONE_OF("0x0", "0x5", "0x1/0x1"));
	}
}

static void xt_rate(const struct writing *writing)
{
	switch (random_below(5)) {
	case 0:
		if (is_there(KIND_LIMIT, false))
			fprintf(writing->out, " -m limit --limit 9999/sec --limit-burst 9999");
		break;
	case 1:
		if (is_there(KIND_HASHLIMIT, false))
			fprintf(writing->out, " -m hashlimit --hashlimit-%s 9999/sec --hashlimit-burst "
				"9999 --hashlimit-mode srcip --hashlimit-name h%u",
				ONE_OF("above", "upto"), random_below(1000000));
		break;
	case 2:
		if (is_there(KIND_RECENT_SET, false))
			fprintf(writing->out, " -m recent --set --name s%u", random_below(1000000));
		break;
	case 3:
		if (is_there(KIND_RECENT_UPDATE, false))
			fprintf(writing->out, " -m recent %s--%s --seconds 60 --name u%u", no(20),
				ONE_OF("update", "rcheck"), random_below(1000000));
		break;
	default:
		if (is_there(KIND_CONNLIMIT, false) && !in_table(writing, "raw"))
			fprintf(writing->out, " -m connlimit --connlimit-%s 99999",
				ONE_OF("above", "upto"));
	}
}

static void xt_other(const struct writing *writing)
{
	bool pre = is_hook(writing, "PREROUTING");

	switch (random_below(9)) {
	case 0:
		if (is_there(KIND_RANGE, false))
			fprintf(writing->out, " -m iprange %s--src-range %s", no(20),
				address_range(writing->six));
		break;
	case 1:
		if (is_there(KIND_MARK, false))
			fprintf(writing->out, " -m mark %s--mark %s", no(20),
				ONE_OF("0x0", "0x10/0x10", "0x5", "0x1/0x3"));
		break;
	case 2:
		if (is_there(KIND_TYPE, false))
			fprintf(writing->out, " -m addrtype %s--%s-type %s", no(20),
				ONE_OF("src", "dst"), ONE_OF("LOCAL", "UNICAST", "MULTICAST"));
		break;
	case 3:
		if (pre && !in_table(writing, "nat") && !in_table(writing, "filter") &&
		    is_there(KIND_REVERSE, false))
			fprintf(writing->out, " -m rpfilter%s", ONE_OF("", " --invert"));
		break;
	case 4:
		if (is_there(KIND_COMMENT, false))
			fprintf(writing->out, " -m comment --comment c");
		break;
	case 5:
		if (is_there(KIND_PKTTYPE, false))
			fprintf(writing->out, " -m pkttype %s--pkt-type %s", no(20),
				ONE_OF("unicast", "broadcast"));
		break;
	case 6:
		if ((pre || is_hook(writing, "INPUT")) && is_there(KIND_MAC, false))
			fprintf(writing->out, " -m mac %s--mac-source 02:00:00:00:00:99", no(20));
		break;
	case 7:
		if (is_there(KIND_QUOTA, false))
			fprintf(writing->out, " -m quota %s--quota 99999999", no(20));
		break;
	default:
		if (random_chance(15) && is_there(KIND_UNKNOWN, false))
			fprintf(writing->out, " -m length --length 1:%u", random_from(20, 80));
	}
}

static void xt_condition(struct writing *writing)
{
	unsigned int dice = random_below(100);

	if (dice < 20)
		xt_interface(writing);
	else if (dice < 40)
		xt_address(writing);
	else if (dice < 62)
		xt_state(writing);
	else if (dice < 70)
		xt_conntrack(writing);
	else if (dice < 76 && remembers_here(writing))
		xt_rate(writing);
	else if (dice < 95)
		xt_other(writing);
	else
		rare(writing, RARE_CONDITION, false, NULL);
}

static void xt_chain(const struct writing *writing)
{
	unsigned int to = writing->chain + random_from(1, 2);
	bool go = random_chance(25);

	if (to <= CHAINS && is_there(go ? KIND_GOTO : KIND_JUMP, false))
		fprintf(writing->out, " -%c c%u", go ? 'g' : 'j', to);
}

static void xt_effect(const struct writing *writing)
{
	switch (random_below(7)) {
	case 6:
		rare(writing, RARE_EFFECT, false, NULL);
		break;
	case 0:
		if (is_there(KIND_LOG, false))
			fprintf(writing->out, " -j %s", ONE_OF("NFLOG", "NFLOG --nflog-group 3"));
		break;
	case 1:
		if (is_there(KIND_SET_MARK, false))
			fprintf(writing->out, " -j MARK --%s", ONE_OF("set-mark 0x5", "or-mark 0x10",
								     "set-xmark 0x1/0x3"));
		break;
	case 2:
		if (is_there(KIND_SET_CT_MARK, false) && !in_table(writing, "raw"))
			fprintf(writing->out, " -j CONNMARK --%s", ONE_OF("set-mark 0x5", "save-mark"));
		break;
	case 3:
		if (is_there(KIND_RESTORE_MARK, false) && !in_table(writing, "raw"))
			fprintf(writing->out, " -j CONNMARK --restore-mark");
		break;
	default:
		is_there(KIND_COUNT, false);
	}
}

static void xt_target(const struct writing *writing)
{
	unsigned int dice = random_below(100);

	if (in_table(writing, "raw") && dice < 30) {
		if (is_there(dice < 22 ? KIND_NOTRACK : KIND_ZONE, false))
			fprintf(writing->out, dice < 22 ? " -j CT --notrack" : " -j CT --zone 7");
	} else if (in_table(writing, "nat") && dice < 40) {
		if ((is_hook(writing, "PREROUTING") || is_hook(writing, "OUTPUT")) &&
		    is_there(KIND_NAT, false))
			fprintf(writing->out, " -j REDIRECT --to-ports 5300");
	} else if (!writing->chain && dice < 35) {
		xt_chain(writing);
	} else if (dice < 30 || in_table(writing, "nat")) {
		is_there(KIND_ACCEPT, false);
		fprintf(writing->out, " -j ACCEPT");
	} else if (dice < 45) {
		is_there(KIND_DROP, false);
		fprintf(writing->out, " -j DROP");
	} else if (dice < 50) {
		if (in_table(writing, "filter") && is_there(KIND_REJECT, false))
			fprintf(writing->out, " -j REJECT");
	} else if (dice < 60) {
		is_there(KIND_RETURN, false);
		fprintf(writing->out, " -j RETURN");
	} else if (dice < 80) {
		xt_chain(writing);
	} else {
		xt_effect(writing);
	}
}

static void xt_rule(struct writing *writing, const char *chain)
{
	writing->source = writing->destination = writing->interface = false;
	fprintf(writing->out, "-A %s", chain);
	if (in_table(writing, "nat"))
		fprintf(writing->out, " -p udp --dport 54");
	else if (random_chance(45))
		xt_ports(writing);
	for (unsigned int i = random_below(3); i; i--) {
		writing->last = i == 1;
		xt_condition(writing);
	}
	xt_target(writing);
	putc('\n', writing->out);
}

static void xt_table(struct writing *writing, const char *const *hooks, unsigned int count)
{
	fprintf(writing->out, "*%s\n", writing->table);
	for (unsigned int i = 0; i < count; i++)
		fprintf(writing->out, ":%s %s [0:0]\n", hooks[i],
			in_table(writing, "filter") && random_chance(40) ? "DROP" : "ACCEPT");
	for (unsigned int i = 1; i <= CHAINS; i++)
		fprintf(writing->out, ":c%u - [0:0]\n", i);
	for (unsigned int i = 0; i < count; i++) {
		writing->hook = hooks[i];
		writing->chain = 0;
		fprintf(writing->out, "-A %s -p udp --sport 9 --dport 9 -j ACCEPT\n", hooks[i]);
		for (unsigned int j = random_below(6); j; j--)
			xt_rule(writing, hooks[i]);
	}
	for (unsigned int i = 1; i <= CHAINS; i++) {
		writing->hook = "";
		writing->chain = i;
		for (unsigned int j = random_below(4); j; j--)
			xt_rule(writing, format_text("c%u", i));
	}
	fprintf(writing->out, "COMMIT\n");
}

static const struct {
	const char *name;
	const char *hooks[4];
	unsigned int count, percent;
} xt_tables[TABLE_NAMES] = {
	{ "raw", { "PREROUTING", "OUTPUT" }, 2, 60 },
	{ "mangle", { "PREROUTING", "INPUT", "OUTPUT", "POSTROUTING" }, 4, 40 },
	{ "nat", { "PREROUTING", "OUTPUT" }, 2, 20 },
	{ "filter", { "INPUT", "OUTPUT" }, 2, 100 },
	{ "security", { "INPUT", "OUTPUT" }, 2, 15 },
};

static char *xt_text(bool six)
{
	struct writing writing = { .six = six };
	size_t size;
	char *text;

	writing.out = open_memstream(&text, &size);
	for (unsigned int i = 0; i < TABLE_NAMES; i++) {
		if (!random_chance(xt_tables[i].percent))
			continue;
		writing.table = xt_tables[i].name;
		xt_table(&writing, xt_tables[i].hooks, xt_tables[i].count);
	}
	fclose(writing.out);
	return keep(text);
}

/* --- nft -------------------------------------------------------------- */

static const char *nft_prefix(bool six)
{
	return prefix(six);
}

static const char *nft_states(void)
{
	return ONE_OF("new", "new", "established", "established,related", "established,related",
		      "invalid", "untracked", "new,untracked", "invalid,untracked", "new,established,related");
}

static const char *nft_ports(void)
{
	return ONE_OF("53", "53", "80", "1024-65535", "50-60", "5353");
}

static void nft_ports_condition(const struct writing *writing)
{
	const char *protocol = writing->protocol;

	switch (random_below(6)) {
	case 0:
		if (is_there(KIND_SET, true))
			fprintf(writing->out, " %s %s %s{ 53, 80, 443 }", protocol,
				ONE_OF("dport", "sport"), random_chance(20) ? "!= " : "");
		break;
	case 1:
		if (is_there(KIND_INTERVALS, true))
			fprintf(writing->out, " %s %s { 50-60, 1024-2000, 5353 }", protocol,
				ONE_OF("dport", "sport"));
		break;
	case 2:
		if (!strcmp(protocol, "tcp") && is_there(KIND_FLAGS, true))
			fprintf(writing->out, " tcp flags %s",
				ONE_OF("syn / fin,syn,rst,ack", "& (syn|ack) == syn|ack", "ack",
				       "!= syn"));
		break;
	case 3:
		if (is_there(KIND_PROTOCOL, true))
			fprintf(writing->out, " meta l4proto %s",
				strcmp(protocol, "th") ? protocol : "{ tcp, udp }");
		break;
	default:
		if (is_there(KIND_PORT, true))
			fprintf(writing->out, " %s %s %s%s", protocol, ONE_OF("dport", "dport", "sport"),
				random_chance(15) ? "!= " : "", nft_ports());
	}
}

static void nft_address(const struct writing *writing)
{
	bool six = writing->six;
	const char *family = six ? "ip6" : "ip", *end = ONE_OF("saddr", "saddr", "daddr");

	switch (random_below(5)) {
	case 0:
		if (is_there(KIND_RANGE, true))
			fprintf(writing->out, " %s %s %s", family, end, address_range(six));
		break;
	case 1:
		if (is_there(KIND_SET, true))
			fprintf(writing->out, " %s %s { %s }", family, end, six ?
				"2001:db8::2, 2001:db8::66" : "192.0.2.2, 192.0.2.66, 198.51.100.7");
		break;
	case 2:
		if (is_there(KIND_NAMED_SET, true))
			fprintf(writing->out, " %s %s %s@%s", family, end,
				random_chance(20) ? "!= " : "", six ? "some6" : "some4");
		break;
	case 3:
		if (is_there(KIND_BITWISE, true) && !six)
			fprintf(writing->out, " ip %s & 255.255.0.0 == 192.0.0.0", end);
		break;
	default:
		if (is_there(KIND_ADDRESS, true))
			fprintf(writing->out, " %s %s %s%s", family, end,
				random_chance(15) ? "!= " : "", nft_prefix(six));
	}
}

static void nft_interface(const struct writing *writing)
{
	bool out = is_hook(writing, "output") || is_hook(writing, "postrouting");

	if (!is_there(KIND_INTERFACE, true))
		return;
	if (random_chance(15))
		fprintf(writing->out, " %s lo", out ? "oif" : "iif");
	else if (random_chance(20))
		fprintf(writing->out, " %sname { \"veth0\", \"lo\" }", out ? "oif" : "iif");
	else
		fprintf(writing->out, " %sname %s\"%s\"", out ? "oif" : "iif",
			random_chance(20) ? "!= " : "", ONE_OF("veth0", "veth1", "veth*", "lo", "eth0"));
}

static void nft_conntrack(const struct writing *writing)
{
	unsigned int dice = random_below(100);

	if (dice < 60 && is_there(KIND_STATE, true))
		fprintf(writing->out, " ct state %s", nft_states());
	else if (dice < 75 && is_there(KIND_STATE_NOT, true))
		fprintf(writing->out, " ct state != %s",
			ONE_OF("{ established, related }", "new", "{ new, untracked }"));
	else if (dice < 83 && is_there(KIND_DIRECTION, true))
		fprintf(writing->out, " ct direction %s", ONE_OF("original", "reply"));
	else if (dice < 91 && is_there(KIND_STATUS, true))
		fprintf(writing->out, " ct status %s", ONE_OF("seen-reply", "confirmed"));
	else if (is_there(KIND_CT_MARK, true))
		fprintf(writing->out, " ct mark %s", ONE_OF("0x0", "0x5", "!= 0x5"));
}

/* An element keeps the limit that it was made with: a set for each. */
static void nft_dynamic_set(const struct writing *writing, unsigned int limit)
{
	static const char *const limits[] = {
		"", " limit rate over 9999/second burst 9999 packets",
		" limit rate 9999/second burst 9999 packets",
	};

	fprintf(writing->out, " %s @seen%u%u { %s saddr%s }", ONE_OF("add", "update"),
		writing->six ? 6 : 4, limit, writing->six ? "ip6" : "ip", limits[limit]);
}

static void nft_other(const struct writing *writing)
{
	bool in = is_hook(writing, "prerouting") || is_hook(writing, "input");

	switch (random_below(8)) {
	case 0:
		if (is_there(KIND_MARK, true))
			fprintf(writing->out, " meta mark %s",
				ONE_OF("0x0", "& 0x10 == 0x10", "0x5", "1-9", "!= 0x5", "{ 1, 5 }"));
		break;
	case 1:
		if (is_there(KIND_TYPE, true) && in)
			fprintf(writing->out, " fib %s type %s",
				ONE_OF("saddr", "daddr", "daddr . iif"),
				ONE_OF("local", "unicast", "!= local", "{ local, multicast }"));
		break;
	case 2:
		if (is_there(KIND_REVERSE, true) && is_hook(writing, "prerouting"))
			fprintf(writing->out, " fib saddr . iif oif %s", ONE_OF("missing", "exists", "0"));
		break;
	case 3:
		if (remembers_here(writing) && is_there(KIND_LIMIT, true))
			fprintf(writing->out, " limit rate %s9999/second burst 9999 packets",
				ONE_OF("", "over "));
		break;
	case 4:
		if (remembers_here(writing) && is_there(KIND_DYNAMIC_SET, true))
			nft_dynamic_set(writing, random_below(3));
		break;
	case 5:
		if (is_there(KIND_CONCATENATION, true))
			fprintf(writing->out, writing->six ?
				" ip6 saddr . %s dport { 2001:db8::66 . 53, 2001:db8:2::/48 . 50-60 }" :
				" ip saddr . %s dport { 192.0.2.66 . 53, 198.51.100.0/24 . 50-60 }",
				writing->protocol);
		break;
	case 6:
		if (is_there(KIND_PKTTYPE, true))
			fprintf(writing->out, " meta pkttype %s", ONE_OF("host", "broadcast", "!= host"));
		break;
	default:
		if (random_chance(20) && is_there(KIND_UNKNOWN, true))
			fprintf(writing->out, " meta length < %u", random_from(20, 80));
	}
}

static void nft_condition(const struct writing *writing)
{
	unsigned int dice = random_below(100);

	if (dice < 30)
		nft_ports_condition(writing);
	else if (dice < 45)
		nft_interface(writing);
	else if (dice < 62)
		nft_address(writing);
	else if (dice < 82)
		nft_conntrack(writing);
	else if (dice < 95)
		nft_other(writing);
	else	/* the rule has said that it is about TCP or UDP, or its ports */
		rare(writing, RARE_CONDITION, true, NULL);
}

/* A verdict of a map, or of a rule. */
static const char *nft_verdict(const struct writing *writing)
{
	unsigned int to = writing->chain + random_from(1, 2);
	unsigned int dice = random_below(100);

	if (dice < 35 || (dice >= 70 && to > CHAINS))
		return "accept";
	if (dice < 55)
		return "drop";
	if (dice < 70)
		return "return";
	return format_text("%s c%u", random_chance(25) ? "goto" : "jump", to);
}

static bool nft_map(const struct writing *writing)
{
	const char *one = nft_verdict(writing), *other = nft_verdict(writing);
	bool out = is_hook(writing, "output") || is_hook(writing, "postrouting");

	switch (random_below(8)) {
	case 7:
		return rare(writing, RARE_MAP, true, one);
	case 0:
		if (!is_there(KIND_STATE_MAP, true))
			return false;
		fprintf(writing->out, " ct state vmap { %s : %s, %s : %s }",
			ONE_OF("established", "new"), one, ONE_OF("related", "untracked", "invalid"),
			other);
		return true;
	case 1:
		if (!is_there(KIND_CONCATENATED_MAP, true))
			return false;
		fprintf(writing->out, " ct state . meta l4proto . th dport vmap "
			"{ new . udp . 53 : %s, untracked . udp . 53 : %s }", one, other);
		return true;
	case 2:
		if (!is_there(KIND_PORT_MAP, true))
			return false;
		fprintf(writing->out, " %s %s vmap { 53 : %s, 1024-2000 : %s }",
			writing->protocol, ONE_OF("dport", "sport"), one, other);
		return true;
	case 3:
		if (!is_there(KIND_INTERFACE_MAP, true))
			return false;
		fprintf(writing->out, " %sname vmap { \"veth0\" : %s, \"lo\" : %s }",
			out ? "oif" : "iif", one, other);
		return true;
	case 4:
		if (!is_there(KIND_INTERVAL_MAP, true))
			return false;
		fprintf(writing->out, " meta l4proto . th dport vmap { udp . 50-60 : %s, tcp . 50-60 : %s }",
			one, other);
		return true;
	case 5:		/* nobody knows what it is of a packet */
		if (random_chance(70) || !is_there(KIND_HIDDEN_MAP, true))
			return false;
		fprintf(writing->out, " %s dscp vmap { cs0 : %s, cs1 : %s }",
			writing->six ? "ip6" : "ip", one, other);
		return true;
	default:
		if (!is_there(KIND_NAMED_MAP, true))
			return false;
		fprintf(writing->out, " %s saddr vmap @%s", writing->six ? "ip6" : "ip",
			writing->six ? "map6" : "map4");
		return true;
	}
}

static void nft_effect(const struct writing *writing)
{
	bool ahead = is_hook(writing, "prerouting") || is_hook(writing, "output");

	switch (random_below(8)) {
	case 7:
		rare(writing, RARE_EFFECT, true, NULL);
		break;
	case 0:
		if (is_there(KIND_LOG, true))
			fprintf(writing->out, " log group 3");
		break;
	case 1:
		if (is_there(KIND_SET_MARK, true))
			fprintf(writing->out, " meta mark set %s", ONE_OF("0x5", "mark or 0x10"));
		break;
	case 2:
		if (is_there(KIND_SET_CT_MARK, true))
			fprintf(writing->out, " ct mark set %s", ONE_OF("0x5", "meta mark"));
		break;
	case 3:
		if (is_there(KIND_RESTORE_MARK, true))
			fprintf(writing->out, " meta mark set ct mark");
		break;
	case 4:
		if (ahead && is_there(KIND_NOTRACK, true))
			fprintf(writing->out, " notrack");
		break;
	case 5:
		if (ahead && random_chance(30) && is_there(KIND_ZONE, true))
			fprintf(writing->out, " ct zone set 7");
		break;
	default:
		is_there(KIND_COUNTER, true);
		fprintf(writing->out, " counter");
	}
}

static void nft_target(const struct writing *writing)
{
	unsigned int dice = random_below(100);
	const char *verdict;

	if (dice < 25 && !writing->chain && is_there(KIND_JUMP, true)) {
		fprintf(writing->out, " %s c%u", ONE_OF("jump", "jump", "goto"), random_from(1, 3));
		return;
	}
	if (dice >= 85 && nft_map(writing))
		return;
	if (dice < 45) {
		nft_effect(writing);
		if (random_chance(60))
			return;
	}
	if (dice >= 95 && (is_hook(writing, "input") || is_hook(writing, "output")) &&
	    is_there(KIND_REJECT, true)) {
		fprintf(writing->out, " reject");
		return;
	}
	verdict = nft_verdict(writing);
	is_there(*verdict == 'a' ? KIND_ACCEPT : *verdict == 'd' ? KIND_DROP :
		 *verdict == 'r' ? KIND_RETURN : *verdict == 'j' ? KIND_JUMP : KIND_GOTO, true);
	fprintf(writing->out, " %s", verdict);
}

/* Something stands in front of the verdict, so that the rule is never empty. */
static void nft_rule(struct writing *writing)
{
	writing->protocol = ONE_OF("udp", "udp", "tcp", "th");
	fprintf(writing->out, "  counter%s",
		strcmp(writing->protocol, "th") ? "" : " meta l4proto { tcp, udp }");
	if (writing->nft)		/* family inet: one rule in two is about one family */
		writing->six = random_chance(50);
	for (unsigned int i = random_below(3); i; i--) {
		writing->last = i == 1;
		nft_condition(writing);
	}
	nft_target(writing);
	putc('\n', writing->out);
}

static void nft_base(struct writing *writing, const char *hook)
{
	const char *priority = !strcmp(hook, "prerouting") || !strcmp(hook, "output") ?
		ONE_OF("-300", "-300", "-150", "0", "-10") : ONE_OF("0", "0", "-10", "10", "-150");

	fprintf(writing->out, " chain %s {\n  type filter hook %s priority %s; policy %s;\n"
		"  udp sport 9 udp dport 9 accept\n", hook, hook, priority,
		random_chance(30) && strcmp(hook, "prerouting") ? "drop" : "accept");
	writing->hook = hook;
	writing->chain = 0;
	for (unsigned int i = random_below(7); i; i--)
		nft_rule(writing);
	fprintf(writing->out, " }\n");
}

static void nft_chains(struct writing *writing)
{
	for (unsigned int i = CHAINS; i >= 1; i--) {
		fprintf(writing->out, " chain c%u {\n", i);
		writing->hook = "";
		writing->chain = i;
		for (unsigned int j = random_below(4); j; j--)
			nft_rule(writing);
		fprintf(writing->out, " }\n");
	}
}

static void nft_sets(struct writing *writing)
{
	for (int six = 0; six < 2; six++)
		for (int limit = 0; limit < 3; limit++)
			fprintf(writing->out, " set seen%d%d { type ipv%d_addr; size 65535; "
				"flags dynamic; timeout 1m; }\n", six ? 6 : 4, limit, six ? 6 : 4);
	fprintf(writing->out,
		" set some4 { type ipv4_addr; flags interval; elements = { 192.0.2.66, "
		"198.51.100.0/28 } }\n"
		" set some6 { type ipv6_addr; elements = { 2001:db8::66, 2001:db8:2::7 } }\n"
		" map map4 { type ipv4_addr : verdict; elements = { 192.0.2.66 : %s, "
		"192.0.2.1 : %s } }\n"
		" map map6 { type ipv6_addr : verdict; elements = { 2001:db8::66 : %s } }\n",
		ONE_OF("accept", "drop"), ONE_OF("accept", "return"), ONE_OF("accept", "drop"));
}

static char *nft_text(void)
{
	const char *const names[] = { "inet", "ip", "ip6" };
	struct writing writing = { .table = "" };
	size_t size;
	char *text;

	writing.out = open_memstream(&text, &size);
	for (unsigned int i = 0; i < 3; i++) {
		const char *table = format_text("%s t%u", names[i], i);

		if (i && !random_chance(25))
			continue;
		writing.nft = !i;
		writing.six = i == 2;
		fprintf(writing.out, "add table %s\n", table);
		rarity_write_sets(table, i != 2, i != 1, writing.out);
		fprintf(writing.out, "table %s {\n", table);
		nft_sets(&writing);
		nft_chains(&writing);
		for (unsigned int j = 0; j < 4; j++)
			if (random_chance(j == 1 || j == 2 ? 80 : 50))
				nft_base(&writing, (const char *const[]){ "prerouting", "input",
					 "output", "postrouting" }[j]);
		fprintf(writing.out, "}\n");
	}
	fclose(writing.out);
	return keep(text);
}

/* --- hosts ------------------------------------------------------------ */

struct random_rules random_rules(void)
{
	static const unsigned int worlds[] = {
		RULES_LEGACY, RULES_NFT, RULES_LEGACY | RULES_NFT, RULES_COMPAT,
		RULES_COMPAT | RULES_NFT,
	};
	struct random_rules rules = { .worlds = worlds[random_below(5)] };

	used = (struct random_kinds){ 0 };
	for (int six = 0; six < 2; six++) {
		if (rules.worlds & RULES_LEGACY)
			rules.legacy[six] = xt_text(six);
		if (rules.worlds & RULES_COMPAT)
			rules.compat[six] = xt_text(six);
	}
	if (rules.worlds & RULES_NFT)
		rules.nft = nft_text();
	rules.kinds = used;
	return rules;
}

static void restore(const char *program, const char *text)
{
	struct run run = run_as(&(struct how){ .input = text }, "%s", program);

	if (run.code)
		fprintf(stderr, "%s\n", text);
	ck_assert_msg(!run.code, "%s: %.1000s", program, run.err);
}

/* Without its policies, a table would keep those that it had. */
static const char empty_tables[] =
	"*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n"
	"*mangle\nCOMMIT\n*nat\nCOMMIT\n"
	"*filter\n:INPUT ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n*security\nCOMMIT\n";

void random_rules_install(const struct random_rules *rules)
{
	static bool legacy_there;

	must("nft flush ruleset");
	if (legacy_there || rules->worlds & RULES_LEGACY) {
		restore("iptables-legacy-restore", empty_tables);
		restore("ip6tables-legacy-restore", empty_tables);
		legacy_there = true;
	}
	for (int six = 0; six < 2; six++) {
		if (rules->legacy[six])
			restore(six ? "ip6tables-legacy-restore" : "iptables-legacy-restore",
				rules->legacy[six]);
		if (rules->compat[six])
			restore(six ? "ip6tables-nft-restore" : "iptables-nft-restore",
				rules->compat[six]);
	}
	if (rules->nft)
		restore("nft -f -", rules->nft);
}

void random_rules_print(const struct random_rules *rules, FILE *out)
{
	static const char *const words[2] = { "", "6" };

	for (int six = 0; six < 2; six++) {
		if (rules->legacy[six])
			fprintf(out, "# ip%stables-legacy-restore\n%s", words[six], rules->legacy[six]);
		if (rules->compat[six])
			fprintf(out, "# ip%stables-nft-restore\n%s", words[six], rules->compat[six]);
	}
	if (rules->nft)
		fprintf(out, "# nft -f\n%s", rules->nft);
}

void random_rules_begin(void)
{
	memset(refused, 0, sizeof(refused));
	rarities_begin();
	/* what rules of iptables look up, where there is such a program */
	if (run("ipset create bans4 hash:net").code) {
		refused[false] |= 1ul << KIND_IPSET;
		return;
	}
	must("ipset add bans4 192.0.2.66");
	must_as(&(struct how){ .input = rarity_ipsets }, "ipset restore");
	must("ipset create bans6 hash:net family inet6");
	must("ipset add bans6 2001:db8::66");
}
