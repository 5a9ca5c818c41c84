/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "listed.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "run.h"

enum { MAX_WORDS = 256, LAST_PORT = 65535 };

/* One rule, as nft lists it and as iptables would save it. */
struct listed_rule {
	char *word[MAX_WORDS];
	size_t at, count;
	const struct family *family;
	bool of_other_family;
	char *saved;			/* what it asks for, and its target */
	const char *counted;		/* "packets:bytes" */
};

static const char *next(struct listed_rule *rule)
{
	return rule->at < rule->count ? rule->word[rule->at++] : "";
}

static bool follows(struct listed_rule *rule, const char *word)
{
	if (rule->at == rule->count || strcmp(rule->word[rule->at], word))
		return false;
	rule->at++;
	return true;
}

static void add(struct listed_rule *rule, const char *text)
{
	rule->saved = format_text("%s %s", rule->saved, text);
}

/* A value, or the values of an anonymous set, apart by commas. */
static char *values(struct listed_rule *rule)
{
	char *all = format_text("%s", "");

	if (!follows(rule, "{"))
		return format_text("%s", next(rule));
	while (rule->at < rule->count && !follows(rule, "}"))
		all = format_text("%s%s", all, next(rule));
	return all;
}

/* "80,8000:8080"; what has all ports but some is told by those that it leaves out. */
static char *ports(char *listed, bool *not)
{
	char *all = format_text("%s", ""), *left_out = format_text("%s", ""), *state;
	unsigned int first, last, expected = 0;

	for (char *at = strtok_r(listed, ",", &state); at; at = strtok_r(NULL, ",", &state)) {
		int count = sscanf(at, "%u-%u", &first, &last);

		ck_assert_msg(count > 0, "no port: %s", at);
		last = count == 2 ? last : first;
		all = first == last ? format_text("%s,%u", all, first) :
				      format_text("%s,%u:%u", all, first, last);
		if (first == expected + 1)
			left_out = format_text("%s,%u", left_out, expected);
		else if (first > expected)
			left_out = format_text("%s,%u:%u", left_out, expected, first - 1);
		expected = last + 1;
	}
	if (*left_out && !strncmp(all, ",0", 2) && expected == LAST_PORT + 1) {
		*not = !*not;
		return left_out + 1;
	}
	return all + 1;
}

static void take_ports(struct listed_rule *rule, const char *protocol)
{
	const char *option = !strcmp(next(rule), "sport") ? "--sport" : "--dport";
	bool not = follows(rule, "!=");
	char *text = ports(values(rule), &not);

	add(rule, format_text("-p %s %s%s %s", protocol, not ? "! " : "", option, text));
}

static void take_address(struct listed_rule *rule, int domain)
{
	const char *option = !strcmp(next(rule), "saddr") ? "-s" : "-d";
	const char *not = follows(rule, "!=") ? "! " : "";
	const char *address = values(rule);

	rule->of_other_family |= domain != rule->family->domain;
	add(rule, format_text("%s%s %s%s", not, option, address,
			      strchr(address, '/') ? "" : domain == AF_INET ? "/32" : "/128"));
}

/* Of ICMP and ICMPv6: a set with neighbours may be listed as one with a range. */
static unsigned int type_number(const char *name)
{
	static const struct {
		const char *name;
		unsigned int number;
	} types[] = { { "destination-unreachable", 3 }, { "time-exceeded", 11 },
		      { "parameter-problem", 12 } };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(name, types[i].name))
			return types[i].number;
	return (unsigned int)strtoul(name, NULL, 10);
}

static void take_types(struct listed_rule *rule, const char *protocol)
{
	char *all = format_text("%s", ""), *listed, *state;
	unsigned int first, last;

	ck_assert_msg(follows(rule, "type"), "%s without a type", protocol);
	listed = values(rule);
	for (char *at = strtok_r(listed, ",", &state); at; at = strtok_r(NULL, ",", &state)) {
		if (sscanf(at, "%u-%u", &first, &last) != 2)
			first = last = type_number(at);
		for (; first <= last; first++)
			all = format_text("%s,%u", all, first);
	}
	rule->of_other_family |= (rule->family->domain == AF_INET6) != !strcmp(protocol, "icmpv6");
	add(rule, format_text("-p %s --%s-type %s", protocol, protocol, all + 1));
}

static char *upper(const char *text)
{
	char *all = format_text("%s", text);

	for (char *at = all; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	return all;
}

/* "tcp flags != syn / fin,syn,rst,ack" */
static void take_flags(struct listed_rule *rule)
{
	const char *not = follows(rule, "!=") ? "! " : "";
	const char *set = upper(next(rule));

	ck_assert_msg(follows(rule, "/"), "flags without a mask");
	add(rule, format_text("-p tcp %s--tcp-flags %s %s", not, upper(next(rule)), set));
}

static void take_interface(struct listed_rule *rule, const char *option)
{
	const char *not = follows(rule, "!=") ? "! " : "";

	add(rule, format_text("%s%s %s", not, option, next(rule)));
}

static void take_counter(struct listed_rule *rule)
{
	const char *packets = (follows(rule, "packets"), next(rule));

	rule->counted = format_text("%s:%s", packets, (follows(rule, "bytes"), next(rule)));
}

static bool take_verdict(struct listed_rule *rule, const char *word)
{
	if (!strcmp(word, "goto"))
		add(rule, format_text("-g %s", next(rule)));
	else if (!strcmp(word, "jump"))
		add(rule, format_text("-j %s", next(rule)));
	else if (!strcmp(word, "notrack"))
		add(rule, follows(rule, "accept") ? "-j CT --notrack" : "notrack");
	else if (!strcmp(word, "accept") || !strcmp(word, "drop") || !strcmp(word, "return"))
		add(rule, format_text("-j %s", upper(word)));
	else
		return false;
	return true;
}

static bool take_condition(struct listed_rule *rule, const char *word)
{
	static const char *const protocols[] = { "udp", "tcp", "sctp", "udplite" };
	const char *following = rule->at < rule->count ? rule->word[rule->at] : "";

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (!strcmp(word, protocols[i]) &&
		    (!strcmp(following, "sport") || !strcmp(following, "dport"))) {
			take_ports(rule, word);
			return true;
		}
	if (!strcmp(word, "tcp") && follows(rule, "flags"))
		take_flags(rule);
	else if (!strcmp(word, "meta") && follows(rule, "nfproto"))
		rule->of_other_family |= strcmp(next(rule), rule->family->name) != 0;
	else if (!strcmp(word, "ip") || !strcmp(word, "ip6"))
		take_address(rule, word[2] ? AF_INET6 : AF_INET);
	else if (!strcmp(word, "iifname") || !strcmp(word, "oifname"))
		take_interface(rule, *word == 'i' ? "-i" : "-o");
	else if (!strcmp(word, "icmp") || !strcmp(word, "icmpv6"))
		take_types(rule, word);
	else
		return false;
	return true;
}

static char *with_commas(const char *from, const char *to)
{
	char *all = format_text("%s", "");

	for (; from < to; from += strcspn(from, " |)"), from += strspn(from, " |)"))
		all = format_text("%s%s%.*s", all, *all ? "," : "", (int)strcspn(from, " |)"), from);
	return all;
}

char *nft_flags_in_short(const char *line)
{
	static const char begin[] = "tcp flags & (", equal[] = ") == ", other[] = ") != ";
	const char *at = strstr(line, begin), *mask_end = at ? strchr(at, ')') : NULL, *set, *rest;

	if (!mask_end || (strncmp(mask_end, equal, strlen(equal)) && strncmp(mask_end, other, strlen(other))))
		return format_text("%s", line);
	set = mask_end + strlen(equal);
	rest = set + strcspn(set, " ");
	while (!strncmp(rest, " | ", 3))
		rest += 3 + strcspn(rest + 3, " ");
	return format_text("%.*stcp flags %s%s / %s%s", (int)(at - line), line,
			   strncmp(mask_end, equal, strlen(equal)) ? "!= " : "", with_commas(set, rest),
			   with_commas(at + strlen(begin), mask_end), rest);
}

/* The line of the rule; nothing of one that is about the other family. */
static char *rule_saved(const struct family *family, const char *chain, char *line)
{
	struct listed_rule rule = { .family = family, .saved = format_text("%s", ""), .counted = "0:0" };
	char *state;

	line = nft_flags_in_short(line);
	for (char *word = strtok_r(line, "\t ", &state); word; word = strtok_r(NULL, "\t ", &state)) {
		ck_assert_uint_lt(rule.count, MAX_WORDS);
		rule.word[rule.count++] = word;
	}
	while (rule.at < rule.count && !follows(&rule, "comment")) {
		const char *word = next(&rule);

		if (!strcmp(word, "counter"))
			take_counter(&rule);
		else if (!take_verdict(&rule, word) && !take_condition(&rule, word))
			add(&rule, word);
	}
	if (rule.of_other_family)
		return format_text("%s", "");
	return format_text("[%s] -A %s%s\n", rule.counted, chain, rule.saved);
}

static const char *chain_saved(const char *name)
{
	return !strcmp(name, "prerouting") || !strcmp(name, "output") ? upper(name) : name;
}

char *untracking_saved(const struct family *family)
{
	char *listed = run("nft list table inet libnotrack").out, *state;
	char *saved = format_text("%s", "*raw\n");
	const char *chain = NULL;
	char name[64];

	for (char *line = strtok_r(listed, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
		if (sscanf(line, " chain %63s {", name) == 1) {
			chain = format_text("%s", chain_saved(name));
			saved = format_text("%s:%s - [0:0]\n", saved, chain);
		} else if (strchr(line, '}') && strspn(line, "\t}") == strlen(line)) {
			chain = NULL;
		} else if (chain && !strstr(line, "type filter hook")) {
			saved = format_text("%s%s", saved, rule_saved(family, chain, line));
		}
	return saved;
}
