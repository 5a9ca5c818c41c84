/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "random_rarities.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "run.h"

/* More of one part than any dialect has. */
enum { RARITIES_MAX = 160, TRIED_MAX = 12 };

static const char *one_of(const char *const *list, unsigned int count)
{
	return list[random_below(count)];
}

#define ONE_OF(...) one_of((const char *const[]){ __VA_ARGS__ }, \
			   sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* --- texts ------------------------------------------------------------ */

/* No address is within a prefix, and no range touches one: maps take no two that do. */
static const char *word_for(const char *name, const struct rarity_place *place, const char *chain)
{
	bool six = place->six;

	if (!strcmp(name, "IP"))
		return six ? "ip6" : "ip";
	if (!strcmp(name, "6"))
		return six ? "6" : "4";
	if (!strcmp(name, "ADDRESS"))
		return six ? ONE_OF("2001:db8::66", "2001:db8::2", "2001:db8:9::9") :
			     ONE_OF("192.0.2.66", "192.0.2.2", "10.9.8.7");
	if (!strcmp(name, "PREFIX"))
		return six ? ONE_OF("2001:db8:2::/48", "2001:db8:f::/64") :
			     ONE_OF("198.51.100.0/24", "203.0.113.0/24");
	if (!strcmp(name, "RANGE"))
		return six ? "2001:db8::60-2001:db8::70" : "192.0.2.60-192.0.2.70";
	if (!strcmp(name, "N"))
		return format_text("%u", random_below(1000000));
	if (!strcmp(name, "PASS"))
		return ONE_OF("accept", "accept", "continue", "return");
	if (!strcmp(name, "DROP"))
		return ONE_OF("drop", "drop", "drop", "continue");
	ck_assert_msg(!strcmp(name, "CHAIN"), "$%s", name);
	return chain;
}

void rarity_write(const struct rarity *rarity, const struct rarity_place *place, const char *chain,
		  FILE *out)
{
	for (const char *at = rarity->text; *at;) {
		size_t length;

		if (*at != '$') {
			fputc(*at++, out);
			continue;
		}
		length = strspn(++at, "6ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		fputs(word_for(format_text("%.*s", (int)length, at), place, chain), out);
		at += length;
	}
}

/* --- sets ------------------------------------------------------------- */

const char rarity_ipsets[] =
	"create rare_net4 hash:net\n"
	"add rare_net4 192.0.2.64/26\nadd rare_net4 192.0.2.70 nomatch\nadd rare_net4 203.0.113.0/28\n"
	"create rare_net6 hash:net family inet6\n"
	"add rare_net6 2001:db8::/121\nadd rare_net6 2001:db8::70 nomatch\nadd rare_net6 2001:db8:f::/120\n"
	"create rare_two4 hash:ip,port\n"
	"add rare_two4 192.0.2.66,udp:53\nadd rare_two4 203.0.113.9,tcp:53\n"
	"create rare_two6 hash:ip,port family inet6\n"
	"add rare_two6 2001:db8::66,udp:53\nadd rare_two6 2001:db8:f::9,tcp:53\n"
	"create rare_ports bitmap:port range 0-65535\n"
	"add rare_ports 53\nadd rare_ports 80\n"
	"create rare_list list:set\n"
	"add rare_list rare_net4\nadd rare_list rare_net6\n"
	"create rare_seen4 hash:ip timeout 60\n"
	"create rare_seen6 hash:ip family inet6 timeout 60\n";

static void write_family_sets(const char *table, const char *six, FILE *out)
{
	const char *one = *six == '6' ? "2001:db8::66" : "192.0.2.66";
	const char *net = *six == '6' ? "2001:db8:f::/64" : "203.0.113.0/24";

	fprintf(out, "add set %s rare_timed%s { type ipv%s_addr; flags interval,timeout; timeout 1h; "
		"elements = { %s timeout 2h, %s } }\n", table, six, six, one, net);
	fprintf(out, "add set %s rare_two%s { type ipv%s_addr . inet_service; flags interval; "
		"elements = { %s . 53, %s . 50-60 } }\n", table, six, six, one, net);
	fprintf(out, "add map %s rare_map%s { type ipv%s_addr . inet_service : verdict; flags interval; "
		"elements = { %s . 53 : %s, %s . 50-60 : %s } }\n", table, six, six, one,
		ONE_OF("drop", "accept"), net, ONE_OF("drop", "accept", "return"));
	fprintf(out, "add set %s rare_seen%s { type ipv%s_addr; size 65535; flags dynamic,timeout; "
		"timeout 1h; }\n", table, six, six);
	fprintf(out, "add set %s rare_count%s { type ipv%s_addr; size 65535; flags dynamic; }\n",
		table, six, six);
	fprintf(out, "add set %s rare_rate%s { type ipv%s_addr . inet_service; size 65535; flags "
		"dynamic,timeout; timeout 1m; }\n", table, six, six);
}

void rarity_write_sets(const char *table, bool ipv4, bool ipv6, FILE *out)
{
	fprintf(out, "add counter %s rare_counter\nadd quota %s rare_quota { 999 mbytes }\n"
		"add limit %s rare_limit { rate 9999/second burst 9999 packets }\n", table, table, table);
	if (ipv4)
		write_family_sets(table, "4", out);
	if (ipv6)
		write_family_sets(table, "6", out);
}

/* --- kinds ------------------------------------------------------------ */

static const char *names[RARE_KINDS_MAX];
static unsigned int name_count;

static void add_name(const char *name)
{
	for (unsigned int i = 0; i < name_count; i++)
		if (!strcmp(names[i], name))
			return;
	ck_assert_uint_lt(name_count, RARE_KINDS_MAX);
	names[name_count++] = name;
}

unsigned int rarity_number(const struct rarity *rarity)
{
	for (unsigned int i = 0; i < name_count; i++)
		if (!strcmp(names[i], rarity->kind))
			return i;
	ck_abort_msg("%s", rarity->kind);
}

const char *rarity_name(unsigned int number)
{
	return number < name_count ? names[number] : NULL;
}

/* --- what the kernel takes -------------------------------------------- */

/* By dialect, family, part. */
static bool refused[2][2][RARE_PARTS][RARITIES_MAX];

/* A chain of its own, at a hook where it may stand. */
static const struct {
	unsigned int hook;
	const char *xt, *nft;
} hooks[] = {
	{ AT_INPUT, "INPUT", "input" }, { AT_PREROUTING, "PREROUTING", "prerouting" },
	{ AT_OUTPUT, "OUTPUT", "output" }, { AT_POSTROUTING, "POSTROUTING", "postrouting" },
};

static const char *table_of(const struct rarity *rarity)
{
	static const char *const tables[] = { "mangle", "filter", "raw", "security" };

	for (size_t i = 0; rarity->tables && i < 4; i++)
		if (strstr(rarity->tables, tables[i]))
			return tables[i];
	return "mangle";
}

static void write_trial(const struct rarity *rarity, const struct rarity_place *place, FILE *out)
{
	const char *table = table_of(rarity);
	size_t at = !strcmp(table, "raw") ? 1 : 0;

	while (rarity->hooks && !(rarity->hooks & hooks[at].hook))
		at = (at + 1) % 4;
	if (place->nft)
		fprintf(out, "add rule inet trial %s", hooks[at].nft);
	else
		fprintf(out, "*%s\n-A %s", table, hooks[at].xt);
	rarity_write(rarity, place, "jump to", out);
	fputs(place->nft ? "\n" : "\nCOMMIT\n", out);
}

static void begin_trial(FILE *out)
{
	fputs("add table inet trial\n", out);
	rarity_write_sets("inet trial", true, true, out);
	fputs("add chain inet trial to\n", out);
	for (size_t i = 0; i < 4; i++)
		fprintf(out, "add chain inet trial %s { type filter hook %s priority 0; }\n",
			hooks[i].nft, hooks[i].nft);
}

static bool may_be_of(const struct rarity *rarity, bool six)
{
	const unsigned int bits = rarity->flags & (OF_IPV4 | OF_IPV6);

	return !bits || bits & (six ? OF_IPV6 : OF_IPV4);
}

/* In a namespace that ends with it; @only: of a part, this one, or all with -1. */
static bool takes(const struct rarity_place *place, enum rarity_part part, int only)
{
	const struct rarity_list *all = place->nft ? &nft_rarities[part] : &xt_rarities[part];
	const char *program = place->nft ? "nft -f -" : place->six ? "ip6tables-legacy-restore" :
								     "iptables-legacy-restore";
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	if (place->nft)
		begin_trial(out);
	else
		fprintf(out, "%s\n", rarity_ipsets);	/* up to an empty line */
	for (int i = 0; i < (int)all->count; i++)
		if ((only < 0 || i == only) && may_be_of(&all->list[i], place->six))
			write_trial(&all->list[i], place, out);
	fclose(out);
	keep(text);
	return !run_as(&(struct how){ .input = text }, "unshare -n sh -c '%s exec %s'",
		       place->nft ? "ip link add veth0 type veth peer name veth1;" :
		       "while read -r line && test \"$line\"; do ipset $line; done;", program).code;
}

static void ask_kernel(const struct rarity_place *place, enum rarity_part part)
{
	const struct rarity_list *all = place->nft ? &nft_rarities[part] : &xt_rarities[part];

	ck_assert_uint_le(all->count, RARITIES_MAX);
	for (size_t i = 0; i < all->count; i++)
		add_name(all->list[i].kind);
	if (takes(place, part, -1))
		return;
	for (size_t i = 0; i < all->count; i++) {
		refused[place->nft][place->six][part][i] = !takes(place, part, (int)i);
		if (refused[place->nft][place->six][part][i])
			fprintf(stderr, "not here:%s\n", all->list[i].text);
	}
}

void rarities_begin(void)
{
	random_begin_at(1);
	for (int nft = 0; nft < 2; nft++)
		for (int six = 0; six < 2; six++)
			for (enum rarity_part part = RARE_CONDITION; part < RARE_PARTS; part++)
				ask_kernel(&(struct rarity_place){ .nft = nft, .six = six }, part);
}

/* --- by chance -------------------------------------------------------- */

static bool fits(const struct rarity *rarity, const struct rarity_place *place)
{
	if (!may_be_of(rarity, place->six) || (rarity->flags & ALONE && !place->alone) ||
	    (rarity->hooks && (!place->hooks || place->hooks & ~(unsigned int)rarity->hooks)))
		return false;
	if (place->nft)
		return true;
	return rarity->tables ? strstr(rarity->tables, place->table) != NULL :
				strcmp(place->table, "nat") != 0;
}

/* Kinds that are seldom answered with yes or no are rare, so that most hosts are asked to the end. */
static unsigned int percent_of(const struct rarity *rarity)
{
	if (rarity->flags & OF_ENTRY)
		return 4;
	if (rarity->flags & HIDDEN)
		return 15;
	return rarity->flags & REMEMBERS ? 35 : 100;
}

const struct rarity *rarity_by_chance(enum rarity_part part, const struct rarity_place *place)
{
	const struct rarity_list *all = place->nft ? &nft_rarities[part] : &xt_rarities[part];

	for (unsigned int i = 0; all->count && i < TRIED_MAX; i++) {
		unsigned int which = random_below((unsigned int)all->count);
		const struct rarity *rarity = &all->list[which];

		if (fits(rarity, place) && !refused[place->nft][place->six][part][which] &&
		    random_chance(percent_of(rarity)))
			return rarity;
	}
	return NULL;
}
