/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A firewall as an administrator may have written it, in the dialect of iptables or of nft:
 * the same functions say both.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "random_rules.h"
#include "run.h"

/* The last chain of a table is one that several lead to. */
enum { CHAINS_MAX = 24, SHARED = CHAINS_MAX, DEPTH_MAX = 4 };

static struct random_kinds used;

struct firewall {
	FILE *out;
	bool nft, six;
	bool one_family;		/* of nft: the table is of that family alone */
	const char *table;		/* "filter"; of nft the family and the table */
	enum { PREROUTING, INPUT, OUTPUT, POSTROUTING, ANY_HOOK } hook;
	unsigned int chains;		/* so far */
};

static const char *one_of(const char *const *list, unsigned int count)
{
	return list[random_below(count)];
}

#define ONE_OF(...) one_of((const char *const[]){ __VA_ARGS__ }, \
			   sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void uses(enum kind kind)
{
	used.there[kind] = true;
}

/* In one dialect or the other. */
static void say(const struct firewall *firewall, const char *xt, const char *nft)
{
	fputs(firewall->nft ? nft : xt, firewall->out);
}

/* A table of nft for both families has rules about either. */
static void choose_family(struct firewall *firewall)
{
	if (firewall->nft && !firewall->one_family)
		firewall->six = random_chance(40);
}

static void begin(const struct firewall *firewall, const char *chain)
{
	if (firewall->nft)
		fprintf(firewall->out, "add rule %s %s", firewall->table, chain);
	else
		fprintf(firewall->out, "-A %s", chain);
	if (firewall->nft && random_chance(40)) {
		uses(KIND_COUNTER);
		fputs(" counter", firewall->out);
	}
}

/* --- conditions ------------------------------------------------------- */

static void ask_family(const struct firewall *firewall)
{
	if (firewall->nft)
		fprintf(firewall->out, " meta nfproto ipv%d", firewall->six ? 6 : 4);
}

static void ask_interface(const struct firewall *firewall, const char *name, bool not)
{
	bool in = firewall->hook == PREROUTING || firewall->hook == INPUT;

	uses(KIND_INTERFACE);
	if (firewall->nft)
		fprintf(firewall->out, " %sname %s\"%s\"", in ? "iif" : "oif", not ? "!= " : "", name);
	else
		fprintf(firewall->out, "%s -%c %s", not ? " !" : "", in ? 'i' : 'o', name);
}

static const char *some_prefix(bool six)
{
	return six ? ONE_OF("2001:db8::/64", "2001:db8::/120", "2001:db8:2::/48", "2001:db8:f::/64") :
		     ONE_OF("192.0.2.0/24", "192.0.2.64/26", "198.51.100.0/24", "203.0.113.0/24");
}

static const char *some_address(bool six)
{
	return six ? ONE_OF("2001:db8::66", "2001:db8:2::7", "2001:db8:f::9", "2001:db8:9::9") :
		     ONE_OF("192.0.2.66", "198.51.100.7", "203.0.113.9", "10.9.8.7");
}

/* The other end: who asks, or is asked. */
static void ask_peer(const struct firewall *firewall, const char *who, bool not)
{
	bool in = firewall->hook == PREROUTING || firewall->hook == INPUT;

	uses(KIND_ADDRESS);
	if (firewall->nft)
		fprintf(firewall->out, " ip%s %s %s%s", firewall->six ? "6" : "", in ? "saddr" : "daddr",
			not ? "!= " : "", who);
	else
		fprintf(firewall->out, "%s -%c %s", not ? " !" : "", in ? 's' : 'd', who);
}

/* Some are in a set, by name or without, or within a range. */
static void ask_banned(const struct firewall *firewall)
{
	const char *set = firewall->six ? "bans6" : "bans4";
	bool in = firewall->hook == PREROUTING || firewall->hook == INPUT;

	switch (random_below(5)) {
	case 0:
		if (!firewall->nft && (random_chance(75) || !random_rules_may(KIND_IPSET, false))) {
			ask_peer(firewall, some_address(firewall->six), false);
			break;
		}
		uses(firewall->nft ? KIND_NAMED_SET : KIND_IPSET);
		if (firewall->nft)
			ask_peer(firewall, format_text("@%s", set), false);
		else
			fprintf(firewall->out, " -m set --match-set %s %s", set, in ? "src" : "dst");
		break;
	case 1:
		uses(KIND_RANGE);
		if (firewall->nft)
			ask_peer(firewall, firewall->six ? "2001:db8::60-2001:db8::70" :
				 "192.0.2.60-192.0.2.70", false);
		else
			fprintf(firewall->out, " -m iprange --%s-range %s", in ? "src" : "dst",
				firewall->six ? "2001:db8::60-2001:db8::70" : "192.0.2.60-192.0.2.70");
		break;
	case 2:
		if (firewall->nft) {
			uses(KIND_SET);
			ask_peer(firewall, firewall->six ? "{ 2001:db8::66, 2001:db8:2::/48 }" :
				 "{ 192.0.2.66, 198.51.100.0/24 }", false);
			break;
		}
		/* fall through */
	default:
		ask_peer(firewall, some_address(firewall->six), false);
	}
}

static void ask_port(const struct firewall *firewall, const char *protocol, const char *end,
		     const char *port)
{
	uses(KIND_PROTOCOL);
	uses(KIND_PORT);
	if (firewall->nft)
		fprintf(firewall->out, " %s %s %s", protocol, end, port);
	else
		fprintf(firewall->out, " -p %s --%s %s", protocol, end, port);
}

/* Port 53, said in many ways. */
static void ask_service(const struct firewall *firewall, const char *protocol, const char *end)
{
	switch (random_below(6)) {
	case 0:
		uses(KIND_PROTOCOL);
		uses(firewall->nft ? KIND_SET : KIND_MULTIPORT);
		if (firewall->nft)
			fprintf(firewall->out, " %s %s { 53, 80 }", protocol, end);
		else
			fprintf(firewall->out, " -p %s -m multiport --%ss 53,80", protocol, end);
		return;
	case 1:
		if (firewall->nft) {
			uses(KIND_INTERVALS);
			fprintf(firewall->out, " %s %s { 50-60, 5353 }", protocol, end);
			return;
		}
		ask_port(firewall, protocol, end, "50:60");
		return;
	case 2:
		if (firewall->nft) {
			uses(KIND_SET);
			fprintf(firewall->out, " meta l4proto { tcp, udp } th %s 53", end);
			return;
		}
		/* fall through */
	default:
		ask_port(firewall, protocol, end, "53");
	}
}

static void ask_states(const struct firewall *firewall, const char *states, bool not)
{
	uses(not ? KIND_STATE_NOT : KIND_STATE);
	if (!firewall->nft) {
		bool old = random_chance(20);

		fprintf(firewall->out, " -m %s%s --%s %s", old ? "state" : "conntrack",
			not ? " !" : "", old ? "state" : "ctstate", states);
		return;
	}
	fputs(not ? " ct state != { " : " ct state ", firewall->out);
	for (; *states; states++)
		fputc(*states >= 'A' && *states <= 'Z' ? *states - 'A' + 'a' : *states, firewall->out);
	fputs(not ? " }" : "", firewall->out);
}

static void ask_memory(const struct firewall *firewall)
{
	switch (random_below(4)) {
	case 0:
		if (!firewall->nft) {
			uses(KIND_HASHLIMIT);
			fprintf(firewall->out, " -m hashlimit --hashlimit-upto 9999/sec --hashlimit-burst "
				"9999 --hashlimit-mode srcip --hashlimit-name h%u",
				random_below(1000000));
			return;
		}
		uses(KIND_DYNAMIC_SET);
		fprintf(firewall->out, " update @seen%d { ip%s saddr limit rate 9999/second burst 9999 "
			"packets }", firewall->six ? 6 : 4, firewall->six ? "6" : "");
		return;
	case 1:
		if (!firewall->nft) {
			uses(KIND_RECENT_SET);
			fprintf(firewall->out, " -m recent --set --name s%u", random_below(1000000));
			return;
		}
		/* fall through */
	case 2:
		if (!firewall->nft && random_chance(50)) {
			uses(KIND_QUOTA);
			fputs(" -m quota --quota 99999999", firewall->out);
			return;
		}
		/* fall through */
	default:
		uses(KIND_LIMIT);
		say(firewall, " -m limit --limit 9999/sec --limit-burst 9999",
		    " limit rate 9999/second burst 9999 packets");
	}
}

/* Kinds of conditions that say little about who asks what. */
static const struct aside {
	enum kind kind;
	bool in_only, nft_only, xt_only, pre_only;
	const char *xt, *nft;
} asides[] = {
	{ KIND_COMMENT, .xt_only = true, .xt = " -m comment --comment c" },
	{ KIND_PKTTYPE, .xt = " -m pkttype --pkt-type unicast", .nft = " meta pkttype host",
	  .in_only = true },
	{ KIND_MAC, .xt = " -m mac ! --mac-source 02:00:00:00:00:99", .in_only = true, .xt_only = true },
	{ KIND_MARK, .xt = " -m mark ! --mark 0x7/0xff", .nft = " meta mark != 7" },
	{ KIND_MARK, .xt = " -m mark --mark 0x0/0xf0", .nft = " meta mark & 0xf0 == 0" },
	{ KIND_TYPE, .xt = " -m addrtype --dst-type LOCAL", .nft = " fib daddr type local", .in_only = true },
	{ KIND_REVERSE, .xt = " -m rpfilter", .nft = " fib saddr . iif oif exists", .pre_only = true },
	{ KIND_BITWISE, .nft = " meta mark & 0x3 == 0", .nft_only = true },
	{ KIND_UNKNOWN, .xt = " -m length --length 1:9000", .nft = " meta length < 9000" },
};

static void ask_common_aside(const struct firewall *firewall)
{
	const struct aside *aside = &asides[random_below(sizeof(asides) / sizeof(*asides))];
	bool in = firewall->hook == PREROUTING || firewall->hook == INPUT;

	if ((aside->in_only && !in) || (firewall->nft ? aside->xt_only : aside->nft_only) ||
	    (aside->pre_only && (firewall->hook != PREROUTING || strstr(firewall->table, "nat"))) ||
	    (aside->kind == KIND_UNKNOWN && random_chance(80)))
		return;
	uses(aside->kind);
	say(firewall, aside->xt, aside->nft);
}

/* What few rules have, or NULL.  @alone: the rule says nothing else of addresses and ports. */
static const struct rarity *rare(const struct firewall *firewall, enum rarity_part part, bool alone,
				 struct rarity_place *place)
{
	const struct rarity *rarity;

	*place = (struct rarity_place){ .nft = firewall->nft, .six = firewall->six, .alone = alone,
					.hooks = 1u << firewall->hook, .table = firewall->table };
	rarity = rarity_by_chance(part, place);
	if (rarity)
		used.there[KINDS + rarity_number(rarity)] = true;
	return rarity;
}

static void ask_rarity(const struct firewall *firewall)
{
	struct rarity_place place;
	const struct rarity *rarity = rare(firewall, RARE_CONDITION, false, &place);

	if (rarity && (rarity->met == OFTEN || random_chance(10)))
		rarity_write(rarity, &place, NULL, firewall->out);
}

static void ask_aside(const struct firewall *firewall)
{
	if (random_chance(50))
		ask_rarity(firewall);
	else
		ask_common_aside(firewall);
}

/* --- targets ---------------------------------------------------------- */

static void end(const struct firewall *firewall, const char *target)
{
	static const struct { const char *name, *nft; enum kind kind; } words[] = {
		{ "ACCEPT", " accept", KIND_ACCEPT }, { "DROP", " drop", KIND_DROP },
		{ "REJECT", " reject", KIND_REJECT }, { "RETURN", " return", KIND_RETURN },
		{ "NFLOG", " log group 3", KIND_LOG }, { "", " counter", KIND_COUNT },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i].name, target)) {
			uses(words[i].kind);
			if (firewall->nft)
				fprintf(firewall->out, "%s", words[i].nft);
			else if (*target)
				fprintf(firewall->out, " -j %s", target);
		}
	fputc('\n', firewall->out);
}

static void lead(const struct firewall *firewall, unsigned int chain, bool go)
{
	uses(go ? KIND_GOTO : KIND_JUMP);
	if (firewall->nft)
		fprintf(firewall->out, " %s c%u\n", go ? "goto" : "jump", chain);
	else
		fprintf(firewall->out, " -%c c%u\n", go ? 'g' : 'j', chain);
}

/* Only where REJECT may stand. */
static const char *refusal(const struct firewall *firewall)
{
	bool may = firewall->nft ? firewall->hook == INPUT || firewall->hook == OUTPUT :
				   !strcmp(firewall->table, "filter");

	return may && random_chance(30) ? "REJECT" : "DROP";
}

/* --- rules ------------------------------------------------------------ */

static void let_answers_in(const struct firewall *firewall, const char *chain)
{
	unsigned int dice = random_below(100);

	begin(firewall, chain);
	if (firewall->nft && dice < 34) {
		uses(KIND_STATE_MAP);
		fprintf(firewall->out, " ct state vmap { %s }\n",
			ONE_OF("established : accept, related : accept, invalid : drop",
			       "established : accept, related : accept",
			       "invalid : drop, established : accept, related : accept, untracked : "
			       "accept"));
		return;
	}
	if (dice >= 34 && dice < 38)
		ask_states(firewall, ONE_OF("NEW,INVALID", "NEW,INVALID,UNTRACKED", "NEW,INVALID,UNTRACKED"),
			   true);
	else if (dice >= 38 && dice < 41) {
		uses(KIND_DIRECTION);
		ask_states(firewall, "ESTABLISHED", false);
		say(firewall, random_chance(50) ? " -m conntrack --ctdir REPLY" :
		    " -m conntrack --ctdir ORIGINAL", "");
	} else if (dice >= 41 && dice < 43) {
		uses(KIND_STATUS);
		say(firewall, " -m conntrack --ctstatus SEEN_REPLY", " ct status seen-reply");
	} else
		ask_states(firewall, ONE_OF("ESTABLISHED,RELATED", "ESTABLISHED,RELATED", "ESTABLISHED",
					    "ESTABLISHED,RELATED,UNTRACKED"), false);
	if (random_chance(10))
		ask_aside(firewall);
	end(firewall, "ACCEPT");
}

static void drop_invalid(const struct firewall *firewall, const char *chain)
{
	begin(firewall, chain);
	if (random_chance(25))
		ask_interface(firewall, ONE_OF("veth0", "veth1", "eth0"), false);
	ask_states(firewall, "INVALID", false);
	end(firewall, ONE_OF("DROP", "DROP", "NFLOG"));
}

static void ban(const struct firewall *firewall, const char *chain)
{
	begin(firewall, chain);
	if (random_chance(40))
		ask_service(firewall, ONE_OF("udp", "tcp"), "dport");
	ask_banned(firewall);
	if (random_chance(15) && !strstr(firewall->table, "raw"))
		ask_states(firewall, "NEW", false);
	end(firewall, refusal(firewall));
}

/* Who was recorded once, which none of ours is. */
static void ban_remembered(const struct firewall *firewall)
{
	uses(KIND_RECENT_UPDATE);
	fprintf(firewall->out, " -m recent --update --seconds 60 --name b%u", random_below(1000000));
	end(firewall, "DROP");
}

/* Spoofed sources, floods. */
static void filter_more(const struct firewall *firewall, const char *chain)
{
	begin(firewall, chain);
	if (!firewall->nft && random_chance(2)) {
		ban_remembered(firewall);
		return;
	}
	switch (random_below(6)) {
	case 0:
		uses(KIND_FLAGS);
		say(firewall, " -p tcp --tcp-flags ALL NONE", " tcp flags & (fin|syn|rst|psh|ack|urg) == 0");
		break;
	case 1:
		ask_port(firewall, "udp", "dport", "5353");
		ask_aside(firewall);
		break;
	case 2:
		uses(KIND_FLAGS);
		say(firewall, " -p tcp ! --syn", " tcp flags & (fin|syn|rst|ack) != syn");
		ask_states(firewall, "NEW", false);
		break;
	case 3:
		ask_interface(firewall, "veth1", false);
		ask_peer(firewall, firewall->six ? "2001:db8::/64" : "192.0.2.0/24", false);
		break;
	case 4:
		if (!strcmp(firewall->table, "raw"))
			goto one;
		uses(KIND_CT_MARK);
		ask_port(firewall, "tcp", "dport", "80");
		say(firewall, " --syn -m connmark --mark 0x5",
		    " tcp flags & (fin|syn|rst|ack) == syn ct mark 0x5");
		break;
	default:
	one:
		ask_port(firewall, "tcp", "dport", "80");
		ask_peer(firewall, some_address(firewall->six), false);
	}
	end(firewall, "DROP");
}

static void take_note(const struct firewall *firewall, const char *chain)
{
	begin(firewall, chain);
	if (random_chance(60))
		ask_service(firewall, ONE_OF("udp", "tcp"), ONE_OF("dport", "sport"));
	if (random_chance(30))
		ask_peer(firewall, some_prefix(firewall->six), random_chance(20));
	if (random_chance(40))
		ask_states(firewall, ONE_OF("NEW", "ESTABLISHED", "INVALID"), false);
	if (random_chance(25))
		ask_memory(firewall);
	end(firewall, ONE_OF("NFLOG", "NFLOG", ""));
}

/* The service, to whom it is for. */
static void let_in(const struct firewall *firewall, const char *chain, const char *protocol)
{
	bool early = random_chance(3), memory = random_chance(12);

	begin(firewall, chain);
	ask_service(firewall, protocol, "dport");
	if (random_chance(25))
		ask_peer(firewall, some_prefix(firewall->six), random_chance(15));
	if (random_chance(15))
		ask_interface(firewall, ONE_OF("veth0", "veth0", "veth+"), random_chance(10));
	if (memory && early)
		ask_memory(firewall);
	if (random_chance(55))
		ask_states(firewall, ONE_OF("NEW", "NEW", "NEW,ESTABLISHED"), false);
	if (memory && !early)
		ask_memory(firewall);
	if (random_chance(15))
		ask_aside(firewall);
	end(firewall, "ACCEPT");
}

/* Few packets are dropped, or many let in, by something that few rules ask for. */
static void judge_by_rarity(const struct firewall *firewall, const char *chain)
{
	bool alone = random_chance(50);
	struct rarity_place place;
	const struct rarity *rarity = rare(firewall, RARE_CONDITION, alone, &place);

	if (!rarity)
		return;
	begin(firewall, chain);
	if (!alone)
		ask_service(firewall, ONE_OF("udp", "udp", "tcp"), ONE_OF("dport", "dport", "sport"));
	if (random_chance(10))		/* ahead of what counts */
		ask_states(firewall, ONE_OF("NEW", "ESTABLISHED"), false);
	rarity_write(rarity, &place, NULL, firewall->out);
	end(firewall, (rarity->met == OFTEN) != random_chance(10) ? ONE_OF("ACCEPT", "ACCEPT", "NFLOG") :
	    ONE_OF("DROP", "DROP", "RETURN"));
}

static void do_rarity(const struct firewall *firewall, const char *chain)
{
	bool alone = random_chance(60);
	struct rarity_place place;
	const struct rarity *rarity = rare(firewall, RARE_EFFECT, alone, &place);

	if (!rarity)
		return;
	begin(firewall, chain);
	if (!alone)
		ask_port(firewall, ONE_OF("udp", "tcp"), ONE_OF("dport", "sport"), ONE_OF("53", "80", "1500"));
	rarity_write(rarity, &place, NULL, firewall->out);
	fputc('\n', firewall->out);
}

static void let_in_others(const struct firewall *firewall, const char *chain)
{
	begin(firewall, chain);
	ask_port(firewall, ONE_OF("udp", "tcp"), "dport", ONE_OF("80", "1500", "22"));
	if (random_chance(40))
		ask_states(firewall, "NEW", false);
	if (random_chance(10) && !firewall->nft && strcmp(firewall->table, "raw")) {
		uses(KIND_CONNLIMIT);
		fputs(" -m connlimit --connlimit-upto 99999", firewall->out);
	}
	end(firewall, "ACCEPT");
}

/* What only nft has: maps. */
static void look_up(const struct firewall *firewall, const char *chain)
{
	bool in = firewall->hook == PREROUTING || firewall->hook == INPUT;

	if (!firewall->nft)
		return;
	begin(firewall, chain);
	switch (random_below(5)) {
	case 0:
		uses(KIND_CONCATENATED_MAP);
		fputs(" ct state . meta l4proto . th dport vmap { new . udp . 53 : accept, new . tcp . 53 "
		      ": accept, new . tcp . 80 : drop }\n", firewall->out);
		return;
	case 1:
		uses(KIND_PORT_MAP);
		fputs(" udp dport vmap { 53 : accept, 1900 : drop }\n", firewall->out);
		return;
	case 2:
		uses(KIND_INTERFACE_MAP);
		fprintf(firewall->out, " %sname vmap { \"lo\" : accept, \"eth0\" : drop }\n",
			in ? "iif" : "oif");
		return;
	case 3:
		uses(KIND_NAMED_MAP);
		fprintf(firewall->out, " ip%s %s vmap @who%d\n", firewall->six ? "6" : "",
			in ? "saddr" : "daddr", firewall->six ? 6 : 4);
		return;
	default:
		uses(KIND_CONCATENATION);
		fprintf(firewall->out, " ip%s %s . udp dport { %s . 53, %s . 5353 } drop\n",
			firewall->six ? "6" : "", in ? "saddr" : "daddr", some_address(firewall->six),
			firewall->six ? "2001:db8:f::44" : "203.0.113.44");
	}
}

/* --- chains ----------------------------------------------------------- */

static void judge(struct firewall *firewall, const char *chain, unsigned int depth);

/* By a map: of intervals, or by what nobody can tell of a packet. */
static void lead_by_map(const struct firewall *firewall, unsigned int to, const char *how)
{
	if (random_chance(50)) {
		uses(KIND_INTERVAL_MAP);
		fprintf(firewall->out, " meta l4proto . th %s vmap { udp . 50-60 : %s c%u, tcp . 50-60 : %s c%u }\n",
			ONE_OF("dport", "dport", "sport"), how, to, how, to);
		return;
	}
	uses(KIND_HIDDEN_MAP);
	fprintf(firewall->out, " ip%s dscp vmap { cs0 : %s c%u, cs5 : drop }\n", firewall->six ? "6" : "",
		how, to);
}

static void lead_by_rarity(const struct firewall *firewall, unsigned int to, const char *how)
{
	struct rarity_place place;
	const struct rarity *rarity = rare(firewall, RARE_MAP, true, &place);

	if (!rarity) {
		fputs(" counter\n", firewall->out);
		return;
	}
	rarity_write(rarity, &place, format_text("%s c%u", how, to), firewall->out);
	fputc('\n', firewall->out);
}

/* Entered by interface, source or port; what comes back goes on. */
static void delegate(struct firewall *firewall, const char *chain, unsigned int depth)
{
	unsigned int to = firewall->chains + 1;

	if (to >= SHARED || depth >= DEPTH_MAX)
		return;
	firewall->chains++;
	begin(firewall, chain);
	switch (random_below(firewall->nft ? 6 : 4)) {
	case 5:
		lead_by_rarity(firewall, to, random_chance(12) ? "goto" : "jump");
		judge(firewall, format_text("c%u", to), depth + 1);
		return;
	case 4:
		lead_by_map(firewall, to, random_chance(12) ? "goto" : "jump");
		judge(firewall, format_text("c%u", to), depth + 1);
		return;
	case 0:
		ask_interface(firewall, ONE_OF("veth0", "veth1", "lo"), random_chance(30));
		break;
	case 1:
		ask_peer(firewall, some_prefix(firewall->six), random_chance(20));
		break;
	case 2:
		ask_service(firewall, ONE_OF("udp", "tcp"), ONE_OF("dport", "dport", "sport"));
		break;
	default:
		if (random_chance(60))
			ask_states(firewall, ONE_OF("NEW", "NEW", "ESTABLISHED,RELATED"), false);
	}
	lead(firewall, to, random_chance(12));
	judge(firewall, format_text("c%u", to), depth + 1);
	if (random_chance(15)) {
		begin(firewall, format_text("c%u", to));
		end(firewall, "RETURN");
	}
}

/* --- what few packets have -------------------------------------------- */

/* What tells apart the packets that exchange.c makes unusual; of input, but for flags. */
static const struct screen {
	const char *xt, *nft;		/* NULL: it is not said in that dialect */
	bool ipv6;			/* of that alone */
	bool any_hook, new;		/* new: of connections that begin alone */
} screens[] = {
	{ .nft = " fib saddr . iif oif missing" },
	{ .nft = " fib saddr . iif oif 0" },
	{ .xt = " -m addrtype --limit-iface-in ! --dst-type LOCAL",
	  .nft = " fib daddr . iif type != { local, broadcast, multicast, anycast }" },
	{ .xt = " -m hbh", .nft = " exthdr hbh exists", .ipv6 = true },
	{ .xt = " -m dst", .nft = " exthdr dst exists", .ipv6 = true },
	{ .xt = " -m rt", .nft = " ip6 nexthdr { 0, 43, 60 }", .ipv6 = true },
	{ .xt = " -p tcp -m tcp --tcp-flags PSH PSH", .nft = " tcp flags & (ecn | cwr) != 0",
	  .any_hook = true },
	{ .xt = " -p tcp -m tcp ! --tcp-flags ALL SYN", .nft = " tcp flags != syn", .any_hook = true,
	  .new = true },
	{ .xt = " -m pkttype ! --pkt-type unicast", .nft = " meta pkttype != host" },
};

static void screen(const struct firewall *firewall, const char *chain)
{
	const struct screen *screen = &screens[random_below(sizeof(screens) / sizeof(screens[0]))];
	const char *text = firewall->nft ? screen->nft : screen->xt;

	if (!text || (!screen->any_hook && firewall->hook != INPUT) ||
	    (screen->ipv6 && !firewall->six && !firewall->nft) ||
	    (screen->ipv6 && firewall->one_family && !firewall->six))
		return;
	begin(firewall, chain);
	if (screen->new || random_chance(50))
		ask_states(firewall, "NEW", false);
	fputs(text, firewall->out);
	end(firewall, random_chance(80) ? "DROP" : "ACCEPT");
}

/* Rules in random order. */
static void judge(struct firewall *firewall, const char *chain, unsigned int depth)
{
	for (unsigned int i = random_from(1, depth ? 3 : 5); i; i--) {
		unsigned int dice = random_below(114);

		choose_family(firewall);
		if (dice >= 105)
			judge_by_rarity(firewall, chain);
		else if (dice >= 100)
			do_rarity(firewall, chain);
		else if (dice < 16)
			ban(firewall, chain);
		else if (dice < 28)
			filter_more(firewall, chain);
		else if (dice < 40)
			take_note(firewall, chain);
		else if (dice < 52)
			let_in_others(firewall, chain);
		else if (dice < 58)
			drop_invalid(firewall, chain);
		else if (dice < 66)
			look_up(firewall, chain);
		else if (dice < 76)
			let_in(firewall, chain, ONE_OF("udp", "tcp"));
		else
			delegate(firewall, chain, depth);
	}
}

static void let_lo_in(const struct firewall *firewall, const char *chain)
{
	begin(firewall, chain);
	ask_interface(firewall, "lo", false);
	end(firewall, "ACCEPT");
}

static void ask_and_end(const struct firewall *firewall, const char *chain, const char *states,
			const char *target)
{
	begin(firewall, chain);
	ask_states(firewall, states, false);
	end(firewall, target);
}

/* What it asks is the same of packets that come and of those that go. */
static void fill_shared(struct firewall *firewall)
{
	const char *chain = format_text("c%d", SHARED);

	firewall->hook = ANY_HOOK;
	for (unsigned int i = random_from(1, 3); i; i--) {
		unsigned int dice = random_below(100);

		choose_family(firewall);
		if (dice < 15) {
			ask_and_end(firewall, chain, "INVALID", ONE_OF("DROP", "NFLOG"));
		} else if (dice < 25) {		/* over UDP, it may be for many hosts */
			begin(firewall, chain);
			ask_service(firewall, "tcp", "dport");
			ask_states(firewall, "NEW", false);
			end(firewall, "ACCEPT");
		} else if (dice < 33) {
			judge_by_rarity(firewall, chain);
		} else if (dice < 41) {
			let_answers_in(firewall, chain);
		} else {
			ask_and_end(firewall, chain, ONE_OF("ESTABLISHED,RELATED", "ESTABLISHED"), "ACCEPT");
		}
	}
}

static void lead_to_shared(const struct firewall *firewall, const char *chain)
{
	uses(KIND_SHARED_CHAIN);
	begin(firewall, chain);
	if (random_chance(30))
		ask_interface(firewall, ONE_OF("veth0", "veth1", "lo"), random_chance(40));
	lead(firewall, SHARED, random_chance(5));
}

/* A chain of input or output that filters. */
static void filter(struct firewall *firewall, const char *chain, bool drops)
{
	bool states = random_chance(93);	/* else it asks for none at the end, nor ahead */

	if (random_chance(75))
		let_lo_in(firewall, chain);
	if (random_chance(25))
		drop_invalid(firewall, chain);
	if (random_chance(20))
		lead_to_shared(firewall, chain);
	else if (states && random_chance(70))
		let_answers_in(firewall, chain);
	for (unsigned int i = random_chance(60) ? random_from(1, 4) : 0; i; i--)
		screen(firewall, chain);
	judge(firewall, chain, 0);
	if (drops && states)
		let_answers_in(firewall, chain);
	if (random_chance(85)) {
		let_in(firewall, chain, "udp");
		let_in(firewall, chain, "tcp");
	}
	if (random_chance(25))
		take_note(firewall, chain);
	if (drops && random_chance(30)) {
		begin(firewall, chain);
		end(firewall, refusal(firewall));
	}
}

/* --- tables that others than filter ----------------------------------- */

static void untrack(const struct firewall *firewall, const char *chain)
{
	begin(firewall, chain);
	if (random_chance(20)) {
		uses(KIND_ZONE);
		ask_port(firewall, "tcp", firewall->hook == PREROUTING ? "dport" : "sport", "1500");
		say(firewall, " -j CT --zone 7\n", " ct zone set 7\n");
		return;
	}
	uses(KIND_NOTRACK);
	ask_port(firewall, "udp", firewall->hook == PREROUTING ? "dport" : "sport", ONE_OF("80", "123"));
	say(firewall, " -j CT --notrack\n", " notrack\n");
}

static void check_reverse(const struct firewall *firewall, const char *chain)
{
	uses(KIND_REVERSE);
	begin(firewall, chain);
	if (firewall->nft && random_chance(50))
		ask_family(firewall);
	say(firewall, " -m rpfilter --invert -j DROP\n", " fib saddr . iif oif missing drop\n");
}

static void mark(const struct firewall *firewall, const char *chain)
{
	begin(firewall, chain);
	ask_port(firewall, ONE_OF("tcp", "udp"), "dport", ONE_OF("80", "1500"));
	switch (random_below(4)) {
	case 0:
		uses(KIND_SET_MARK);
		say(firewall, " -j MARK --set-mark 0x5\n", " meta mark set 0x5\n");
		return;
	case 1:
		uses(KIND_SET_CT_MARK);
		say(firewall, " -j CONNMARK --save-mark\n", " ct mark set meta mark\n");
		return;
	case 2:
		uses(KIND_RESTORE_MARK);
		say(firewall, " -j CONNMARK --restore-mark\n", " meta mark set ct mark\n");
		return;
	default:
		end(firewall, "NFLOG");
	}
}

static void divert(const struct firewall *firewall, const char *chain)
{
	begin(firewall, chain);
	if (firewall->hook == PREROUTING) {
		uses(KIND_TPROXY);
		ask_port(firewall, "tcp", "dport", "8080");
		if (firewall->nft)
			fprintf(firewall->out, " tproxy ip%s to :3128 accept\n",
				firewall->six ? "6" : "");
		else
			fputs(" -j TPROXY --on-port 3128 --tproxy-mark 0x1/0x1\n", firewall->out);
	} else {
		uses(KIND_QUEUE);
		ask_port(firewall, "udp", "dport", "5353");
		say(firewall, " -j NFQUEUE --queue-num 3 --queue-bypass\n", " accept\n");
	}
}

static void mangle(struct firewall *firewall, const char *chain)
{
	bool pre = firewall->hook == PREROUTING;

	for (unsigned int i = random_below(5); i; i--) {
		choose_family(firewall);
		switch (random_below(10)) {
		case 8:
			judge_by_rarity(firewall, chain);
			break;
		case 9:
			do_rarity(firewall, chain);
			break;
		case 0:
			drop_invalid(firewall, chain);
			break;
		case 1:
			ban(firewall, chain);
			break;
		case 2:
			if (pre)
				check_reverse(firewall, chain);
			break;
		case 3:
			divert(firewall, chain);
			break;
		case 4:
			filter_more(firewall, chain);
			break;
		default:
			mark(firewall, chain);
		}
	}
}

static void raw(struct firewall *firewall, const char *chain)
{
	for (unsigned int i = random_below(4); i; i--) {
		choose_family(firewall);
		if (random_chance(15))
			do_rarity(firewall, chain);
		else if (random_chance(50))
			untrack(firewall, chain);
		else if (random_chance(60))
			ban(firewall, chain);
		else if (firewall->hook == PREROUTING)
			check_reverse(firewall, chain);
	}
}

static void translate(struct firewall *firewall, const char *chain)
{
	uses(KIND_NAT);
	begin(firewall, chain);
	if (firewall->hook == POSTROUTING) {
		ask_port(firewall, "tcp", "dport", "80");
		ask_peer(firewall, some_prefix(firewall->six), false);
		say(firewall, " -j MASQUERADE\n", " masquerade\n");
	} else {
		ask_port(firewall, ONE_OF("tcp", "udp"), "dport", "8080");
		say(firewall, " -j REDIRECT --to-ports 80\n", " redirect to :80\n");
	}
}

/* --- hosts ------------------------------------------------------------ */

struct base {
	const char *table, *chains[4];	/* by hook */
	void (*fill)(struct firewall *firewall, const char *chain);
	unsigned int percent;
	const char *priority;		/* of nft */
};

static void filter_open(struct firewall *firewall, const char *chain)
{
	filter(firewall, chain, false);
}

static void filter_closed(struct firewall *firewall, const char *chain)
{
	filter(firewall, chain, true);
}

static void secure(struct firewall *firewall, const char *chain)
{
	ban(firewall, chain);
	drop_invalid(firewall, chain);
}

static const struct base bases[] = {
	{ "raw", { "PREROUTING", NULL, "OUTPUT", NULL }, raw, 40, "-300" },
	{ "mangle", { "PREROUTING", "INPUT", "OUTPUT", "POSTROUTING" }, mangle, 35, "-150" },
	{ "nat", { "PREROUTING", NULL, NULL, "POSTROUTING" }, translate, 25, "-100" },
	{ "filter", { NULL, "INPUT", "OUTPUT", NULL }, NULL, 100, "0" },
	{ "security", { NULL, "INPUT", "OUTPUT", NULL }, secure, 15, "50" },
};

/* In each base chain, the sentinel of wire.h comes first. */
static void base_chain(struct firewall *firewall, const struct base *base, unsigned int hook)
{
	static const char *const hooks[] = { "prerouting", "input", "output", "postrouting" };
	bool drops = !base->fill && random_chance(hook == INPUT ? 60 : 20);
	const char *chain = base->chains[hook];
	bool policy = drops && random_chance(65);

	firewall->hook = hook;
	if (firewall->nft) {
		chain = format_text("%s_%s", base->table, hooks[hook]);
		fprintf(firewall->out, "add chain %s %s { type %s hook %s priority %s; policy %s; }\n",
			firewall->table, chain, strcmp(base->table, "nat") ? "filter" : "nat",
			hooks[hook], base->priority, policy ? "drop" : "accept");
		fprintf(firewall->out, "add rule %s %s udp sport 9 udp dport 9 accept\n",
			firewall->table, chain);
	} else {
		if (policy)	/* a second time, as the first one said ACCEPT */
			fprintf(firewall->out, ":%s DROP [0:0]\n", chain);
		fprintf(firewall->out, "-A %s -p udp --sport 9 --dport 9 -j ACCEPT\n", chain);
	}
	(base->fill ? base->fill : drops ? filter_closed : filter_open)(firewall, chain);
}

static void xt_table(struct firewall *firewall, const struct base *base)
{
	fprintf(firewall->out, "*%s\n", base->table);
	firewall->table = base->table;
	firewall->chains = 0;
	for (unsigned int i = 0; i < 4; i++)
		if (base->chains[i])
			fprintf(firewall->out, ":%s ACCEPT [0:0]\n", base->chains[i]);
	for (unsigned int i = 1; i <= CHAINS_MAX && !strcmp(base->table, "filter"); i++)
		fprintf(firewall->out, ":c%u - [0:0]\n", i);
	if (!strcmp(base->table, "filter"))
		fill_shared(firewall);
	for (unsigned int i = 0; i < 4; i++)
		if (base->chains[i] && (base->percent == 100 || random_chance(75)))
			base_chain(firewall, base, i);
	fprintf(firewall->out, "COMMIT\n");
}

static char *xt_text(bool six)
{
	struct firewall firewall = { .six = six };
	size_t size;
	char *text;

	firewall.out = open_memstream(&text, &size);
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		if (random_chance(bases[i].percent))
			xt_table(&firewall, &bases[i]);
	fclose(firewall.out);
	return keep(text);
}

static void nft_sets(const struct firewall *firewall)
{
	bool all = !firewall->one_family;

	rarity_write_sets(firewall->table, all || !firewall->six, all || firewall->six, firewall->out);
	for (int six = 0; six < 2; six++) {
		const char *who = six ? "2001:db8::66" : "192.0.2.66", *type = six ? "6" : "4";

		if (!all && six != firewall->six)
			continue;
		fprintf(firewall->out, "add set %s seen%s { type ipv%s_addr; size 65535; flags dynamic; "
			"timeout 1m; }\n", firewall->table, type, type);
		fprintf(firewall->out, "add set %s bans%s { type ipv%s_addr; flags interval; elements = "
			"{ %s } }\n", firewall->table, type, type, who);
		fprintf(firewall->out, "add map %s who%s { type ipv%s_addr : verdict; elements = "
			"{ %s : %s } }\n", firewall->table, type, type, who, ONE_OF("drop", "accept"));
	}
}

static void nft_table(struct firewall *firewall)
{
	fprintf(firewall->out, "add table %s\n", firewall->table);
	nft_sets(firewall);
	for (unsigned int i = 1; i <= CHAINS_MAX; i++)
		fprintf(firewall->out, "add chain %s c%u\n", firewall->table, i);
	fill_shared(firewall);
}

/* Beside the firewall proper: chains at other priorities, which let through what they do not drop. */
static void guard_beside(struct firewall *firewall, const char *chain)
{
	for (unsigned int i = random_from(1, 3); i; i--) {
		choose_family(firewall);
		switch (random_below(5)) {
		case 0:
			drop_invalid(firewall, chain);
			break;
		case 1:
			filter_more(firewall, chain);
			break;
		case 2:
			judge_by_rarity(firewall, chain);
			break;
		case 3:
			delegate(firewall, chain, DEPTH_MAX - 1);
			break;
		default:
			ban(firewall, chain);
		}
	}
}

static void nft_beside(FILE *out, unsigned int number)
{
	static const char *const names[] = { "inet", "ip", "ip6" };
	unsigned int family = random_below(3);
	struct firewall firewall = {
		.out = out, .nft = true, .six = family == 2, .one_family = family,
		.table = format_text("%s t%u", names[family], number),
	};
	const struct base base = {
		.table = "beside", .chains = { "p", "i", "o", "q" },
		.fill = random_chance(80) ? guard_beside : NULL, .percent = 60,
		.priority = ONE_OF("-400", "-175", "-10", "0", "1", "100", "300"),
	};

	uses(KIND_BESIDE);
	nft_table(&firewall);
	for (unsigned int hook = 0; hook < 4; hook++)
		if (random_chance(60) && (base.fill || hook == INPUT || hook == OUTPUT))
			base_chain(&firewall, &base, hook);
	if (!random_chance(15))
		return;
	uses(KIND_DORMANT);
	fprintf(out, "add table %s { flags dormant; }\n", firewall.table);
}

static char *nft_text(void)
{
	struct firewall firewall = { .nft = true, .table = "inet t0" };
	bool ahead = random_chance(25), behind = random_chance(15);
	size_t size;
	char *text;

	firewall.out = open_memstream(&text, &size);
	if (ahead)
		nft_beside(firewall.out, 1);
	nft_table(&firewall);
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		for (unsigned int hook = 0; hook < 4; hook++)
			if (bases[i].chains[hook] && random_chance(bases[i].percent))
				base_chain(&firewall, &bases[i], hook);
	if (behind)
		nft_beside(firewall.out, 2);
	fclose(firewall.out);
	return keep(text);
}

struct random_rules random_firewall(void)
{
	static const unsigned int worlds[] = {
		RULES_LEGACY, RULES_LEGACY, RULES_NFT, RULES_NFT, RULES_COMPAT, RULES_COMPAT,
		RULES_LEGACY | RULES_NFT, RULES_COMPAT | RULES_NFT,
	};
	struct random_rules rules = { .worlds = worlds[random_below(8)] };

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
