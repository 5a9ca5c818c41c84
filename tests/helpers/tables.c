/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "listed.h"
#include "run.h"

enum { MAX_WORDS = 256, MAX_PATHS = 4096, MAX_DEPTH = 32 };

/* One saved rule, cut into words. */
struct saved_rule {
	const char *text;
	char *word[MAX_WORDS];
	size_t count;
	uint64_t packets;
};

struct walk {
	const char *saved;
	struct paths paths;
	const char *selector[MAX_DEPTH];	/* of the jumps on the way here */
	size_t depth;
};

const struct family *suite_family(int number)
{
	return &families[suite_is_nft() ? FAMILY_COUNT + number : number];
}

bool family_is_nft(const struct family *family)
{
	return strstr(family->tables, "nft") != NULL;
}

const char *place_of(const struct family *family, const char *place)
{
	if (!family_is_nft(family))
		return place;
	return format_text("%s %s", family->domain == AF_INET6 ? "ip6" : "ip", place);
}

static char *without_comments(char *text)
{
	char *kept = keep(calloc(1, strlen(text) + 1));

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (*line != '#')
			strcat(strcat(kept, line), "\n");
	return kept;
}

char *table_save(const struct family *family, const char *table)
{
	struct run saved = table ? must("%s -c -t %s", family->save, table) :
				   must("%s -c", family->save);

	return without_comments(saved.out);
}

/* Without the sources that a limit counts now: after a while they are gone by themselves. */
static char *without_buckets(char *text)
{
	char *kept = keep(calloc(1, strlen(text) + 1));
	bool inside = false;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		inside |= strstr(line, " buckets") != NULL;
		if (!inside || !strstr(line, "expires"))
			strcat(strcat(kept, line), "\n");
		inside &= strcmp(line, "\t}") != 0;
	}
	return kept;
}

char *tables_save_all(void)
{
	if (suite_is_nft())
		return without_buckets(must("nft list ruleset").out);
	return format_text("%s%s%s%s", table_save(&families[0], "raw"),
			   table_save(&families[0], "filter"), table_save(&families[1], "raw"),
			   table_save(&families[1], "filter"));
}

/* Of a line ":NOTRACK... - [0:0]" or a rule in, or to, a chain so declared. */
static bool is_ours(const char *line, const char *saved)
{
	const char *name;

	if (!strncmp(line, ":NOTRACK", 8))
		return true;
	for (name = strstr(line, " NOTRACK"); name; name = strstr(name + 1, " NOTRACK")) {
		int length = (int)strcspn(name + 1, " ");

		if (strstr(saved, format_text("\n:%.*s -", length, name + 1)))
			return true;
	}
	return false;
}

char *tables_without_ours(const char *saved)
{
	char *text = format_text("%s", saved), *left = keep(calloc(1, strlen(saved) + 1)), *state;

	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
		if (!is_ours(line, saved))
			strcat(strcat(left, line), "\n");
	return left;
}

/* The next word, unquoted in place; NULL at the end of the line. */
static char *next_word(char **at)
{
	char *word, *to;
	bool quoted = false;

	while (**at == ' ')
		++*at;
	if (!**at)
		return NULL;
	for (word = to = *at; **at && (quoted || **at != ' '); ++*at)
		if (**at == '"')
			quoted = !quoted;
		else if (**at == '\\')
			*to++ = *++*at;
		else
			*to++ = **at;
	if (**at)
		++*at;
	*to = '\0';
	return word;
}

/* "[packets:bytes] -A CHAIN ..." */
static bool parse_rule(const char *line, int length, struct saved_rule *rule)
{
	char *at = format_text("%.*s", length, line);

	if (sscanf(at, "[%" SCNu64 ":", &rule->packets) != 1)
		return false;
	rule->text = format_text("%s", at);
	rule->count = 0;
	while ((rule->word[rule->count] = next_word(&at)))
		ck_assert_uint_lt(++rule->count, MAX_WORDS);
	return rule->count >= 3 && !strcmp(rule->word[1], "-A");
}

static bool is_target(const char *word)
{
	return !strcmp(word, "-j") || !strcmp(word, "-g");
}

static const char *rule_option(const struct saved_rule *rule, const char *name)
{
	for (size_t i = 3; i + 1 < rule->count; i++)
		if (!strcmp(rule->word[i], name))
			return rule->word[i + 1];
	return "";
}

/* `-j NOTRACK` is saved as `-j CT --notrack`. */
static bool is_notrack(const struct saved_rule *rule, size_t target)
{
	return target + 2 < rule->count && !strcmp(rule->word[target + 1], "CT") &&
	       !strcmp(rule->word[target + 2], "--notrack");
}

static char *rule_target(const struct saved_rule *rule)
{
	for (size_t i = 3; i + 1 < rule->count; i++)
		if (is_target(rule->word[i]))
			return format_text("%s", is_notrack(rule, i) ? "NOTRACK" : rule->word[i + 1]);
	return format_text("%s", "");
}

static int compare_lines(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Sorts the pieces of text, each once, back into one text. */
static char *sorted_lines(char *text)
{
	char *piece[MAX_PATHS], *set = keep(calloc(1, strlen(text) + 2)), *state;
	size_t count = 0;

	for (char *at = strtok_r(text, "\n", &state); at; at = strtok_r(NULL, "\n", &state)) {
		ck_assert_uint_lt(count, MAX_PATHS);
		piece[count++] = at;
	}
	qsort(piece, count, sizeof(piece[0]), compare_lines);
	for (size_t i = 0; i < count; i++)
		if (!i || strcmp(piece[i], piece[i - 1]))
			strcat(strcat(set, piece[i]), "\n");
	return set;
}

static const char *option_name(const char *word)
{
	if (!strcmp(word, "--dports"))
		return "--dport";
	if (!strcmp(word, "--sports"))
		return "--sport";
	return word;
}

/* The rule's own matches, each option with its values a line. */
static char *rule_selector(const struct saved_rule *rule)
{
	char *selector = keep(calloc(1, 2 * strlen(rule->text) + 2));

	for (size_t i = 3; i < rule->count && !is_target(rule->word[i]); i++) {
		const char *word = rule->word[i];

		if (!strcmp(word, "-m") || !strcmp(word, "--comment"))
			i++;
		else if (word[0] == '-' && !strcmp(rule->word[i - 1], "!"))
			strcat(strcat(selector, " "), option_name(word));
		else if (word[0] == '-' || word[0] == '!')
			strcat(strcat(selector, "\n"), option_name(word));
		else
			strcat(strcat(selector, " "), word);
	}
	return selector;
}

/* A packet is of one protocol: a jump for udp leads to no rule for tcp. */
static bool is_possible(const char *set)
{
	const char *protocol = strstr(set, "-p ");

	return !protocol || !strstr(protocol + 1, "\n-p ");
}

static void add_path(struct walk *walk, const struct saved_rule *rule, const char *target)
{
	char *all = format_text("%s", rule_selector(rule)), *set;

	for (size_t i = 0; i < walk->depth; i++)
		all = format_text("%s\n%s", all, walk->selector[i]);
	set = sorted_lines(all);
	if (!is_possible(set))
		return;
	for (char *at = set; *at; at++)
		if (*at == '\n')
			*at = at[1] ? ' ' : '\0';
	ck_assert_uint_lt(walk->paths.count, MAX_PATHS);
	walk->paths.path[walk->paths.count++] = (struct path){
		.selector = set,
		.target = format_text("%s", target),
		.comment = format_text("%s", rule_option(rule, "--comment")),
		.rule = format_text("%s", rule->text),
		.packets = rule->packets,
	};
}

static bool is_chain(const char *saved, const char *name)
{
	return *name && strstr(saved, format_text("\n:%s ", name));
}

static void walk_chain(struct walk *walk, const char *chain)
{
	struct saved_rule rule;
	size_t length;

	for (const char *line = walk->saved; *line; line += length + (line[length] == '\n')) {
		char *target;

		length = strcspn(line, "\n");
		if (!parse_rule(line, (int)length, &rule) || strcmp(rule.word[2], chain))
			continue;
		target = rule_target(&rule);
		if (!is_chain(walk->saved, target)) {
			add_path(walk, &rule, target);
			continue;
		}
		ck_assert_uint_lt(walk->depth, MAX_DEPTH);
		walk->selector[walk->depth++] = rule_selector(&rule);
		walk_chain(walk, target);
		walk->depth--;
	}
}

struct paths table_walk(const struct family *family, const char *table, const char *chain)
{
	const bool untracks = family_is_nft(family) && !strcmp(table, "raw");
	struct walk walk = { 0 };

	walk.saved = untracks ? untracking_saved(family) : table_save(family, table);
	walk.paths.path = keep(calloc(MAX_PATHS, sizeof(struct path)));
	walk_chain(&walk, chain);
	return walk.paths;
}

struct paths paths_to(struct paths paths, const char *target)
{
	struct paths found = { .path = keep(calloc(MAX_PATHS, sizeof(struct path))) };

	for (size_t i = 0; i < paths.count; i++)
		if (!strcmp(paths.path[i].target, target))
			found.path[found.count++] = paths.path[i];
	return found;
}

char *paths_as_set(struct paths paths)
{
	char *all = format_text("%s", "");

	for (size_t i = 0; i < paths.count; i++)
		all = format_text("%s\n%s", all, paths.path[i].selector);
	return sorted_lines(all);
}

uint64_t paths_packets(struct paths paths, const char *selector, const char *target)
{
	uint64_t packets = 0;

	for (size_t i = 0; i < paths.count; i++)
		if (!strcmp(paths.path[i].selector, selector) && !strcmp(paths.path[i].target, target))
			packets += paths.path[i].packets;
	return packets;
}

static unsigned int packets_of(const char *line)
{
	unsigned int packets = 0;

	while (*line != '\n')
		line--;
	ck_assert_msg(sscanf(line, "\n[%u:", &packets) == 1, "%.60s", line);
	return packets;
}

unsigned int rule_packets(const struct family *family, const char *words)
{
	const char *line = strstr(must("%s -t filter -c", family->save).out, words);

	ck_assert_msg(line, "no rule with %s", words);
	return packets_of(line);
}

unsigned int rules_packets(const struct family *family, const char *words)
{
	const char *at = must("%s -c", family->save).out;
	unsigned int packets = 0, lines = 0;

	for (; (at = strstr(at, words)); at++, lines++)
		packets += packets_of(at);
	ck_assert_msg(lines, "no rule with %s", words);
	return packets;
}

void counter_append(const struct family *family, const char *label, const char *table,
		    const char *chain, const char *match)
{
	must("%s -w -t %s -A %s %s -m comment --comment counter-%s", family->tables, table, chain,
	     match, label);
}

uint64_t counter_packets(const struct family *family, const char *label)
{
	char *saved = table_save(family, NULL), *state;
	char *comment = format_text("--comment counter-%s", label);
	uint64_t packets;

	for (char *line = strtok_r(saved, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		char *found = strstr(line, comment);

		if (found && !found[strlen(comment)] && sscanf(line, "[%" SCNu64, &packets) == 1)
			return packets;
	}
	ck_abort_msg("no counter %s", label);
}

bool counter_reaches(const struct family *family, const char *label, uint64_t packets)
{
	unsigned int waits = 0;

	while (counter_packets(family, label) < packets)
		if (!wait_a_little(&waits))
			return false;
	return true;
}

void firewall_install(const struct family *family)
{
	static const char rules[] =
		"*filter\n"
		":INPUT DROP [0:0]\n"
		":FORWARD DROP [0:0]\n"
		":OUTPUT DROP [0:0]\n"
		"-A INPUT -m conntrack --ctstate INVALID -j DROP\n"
		"-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
		"-A INPUT -p udp --dport 7 -m conntrack --ctstate NEW -j ACCEPT\n"
		"-A OUTPUT -m conntrack --ctstate INVALID -j DROP\n"
		"-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
		"COMMIT\n";

	must_as(&(struct how){ .input = rules }, "%s -w", family->restore);
}

void firewall_deny(const struct family *family)
{
	must("%s -w -P INPUT DROP", family->tables);
	must("%s -w -P OUTPUT DROP", family->tables);
}

unsigned int conntrack_count(void)
{
	return (unsigned int)strtoul(read_file("/proc/sys/net/netfilter/nf_conntrack_count"), NULL, 10);
}
