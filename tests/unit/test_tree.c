/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of chains, against a search for the longest prefix from end to end. */
#include <arpa/inet.h>
#include "legacy/tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"
#include "random.h"
#include "unit.h"

#define ROOT "NOTRACK-dns-lim"

enum { LIMITS = 4, SOURCES = 400 };

static struct prefix parsed(const char *word)
{
	struct prefix prefix;
	struct error error;

	expect(!prefix_parse(&prefix, word, &error), "%s: %s", word, error.text);
	return prefix;
}

static struct limit_rate some_rate(unsigned int which)
{
	return (struct limit_rate){ .period = which + 1, .burst = 5, .srcmask = 32 };
}

/* --- sets of clients -------------------------------------------------- */

static struct prefix random_host(unsigned int family)
{
	struct prefix host = { .family = family == NOTRACK_IPV6,
			       .length = family == NOTRACK_IPV6 ? 128 : 32 };

	for (unsigned int i = 0; i < host.length / 8u; i++)
		host.address[i] = (uint8_t)random_below(256);
	return host;
}

static struct prefix cut(struct prefix prefix, unsigned int length)
{
	for (unsigned int bit = length; bit < 128; bit++)
		prefix.address[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
	prefix.length = (uint8_t)length;
	return prefix;
}

/* Many within few others. */
static struct prefix random_nested(unsigned int family)
{
	char word[RANDOM_PREFIX];

	random_client(word, family);
	return parsed(word);
}

/* All lengths of one address, and what lies beside the way. */
static struct prefix random_stair(unsigned int family)
{
	static const char *const base[] = { "203.0.113.77", "2001:db8:5555:3333:aaaa:cccc:1:fe" };
	struct prefix prefix = parsed(base[family == NOTRACK_IPV6]);
	unsigned int length = random_from(0, prefix.length);

	if (random_chance(30) && length)
		prefix.address[(length - 1) / 8] ^= (uint8_t)(0x80u >> (length - 1) % 8);
	return cut(prefix, length);
}

/* All within one short prefix. */
static struct prefix random_crowd(unsigned int family)
{
	struct prefix prefix = random_host(family);
	unsigned int bits = prefix.length;

	for (unsigned int i = 0; i + 2 < bits / 8; i++)
		prefix.address[i] = 0x2a;
	return random_chance(95) ? prefix : cut(prefix, random_from(bits - 16, bits));
}

static const struct {
	const char *name;
	unsigned int family;
	struct prefix (*make)(unsigned int family);
} kinds[] = {
	{ "IPv4 hosts", NOTRACK_IPV4, random_host },
	{ "IPv6 hosts", NOTRACK_IPV6, random_host },
	{ "nested IPv4", NOTRACK_IPV4, random_nested },
	{ "nested IPv6", NOTRACK_IPV6, random_nested },
	{ "IPv4 stairs", NOTRACK_IPV4, random_stair },
	{ "IPv6 stairs", NOTRACK_IPV6, random_stair },
	{ "an IPv4 crowd", NOTRACK_IPV4, random_crowd },
	{ "an IPv6 crowd", NOTRACK_IPV6, random_crowd },
};
#define KINDS ((int)(sizeof(kinds) / sizeof(kinds[0])))

static void add_some(struct clients *clients, int kind, size_t count)
{
	while (count--) {
		const struct limit_rate rate = some_rate(random_below(LIMITS));
		struct prefix prefix = kinds[kind].make(kinds[kind].family);

		expect(!clients_add(clients, &prefix, 1, &rate), "out of memory");
	}
}

/* --- chains of them --------------------------------------------------- */

static void build(struct ruleset *rules, const struct clients *clients)
{
	struct chain *root;

	*rules = (struct ruleset){ 0 };
	root = ruleset_add_chain(rules, ROOT);
	expect(root && !tree_build(rules, root, "dns", clients), "out of memory");
	expect(!ruleset_sort(rules), "two chains of one name");
}

/* Whether @chain is the limit of @client. */
static bool is_limit(const struct chain *chain, const struct client *client)
{
	const struct match *match = chain->count ? chain->rules[0].match : NULL;

	return client && match && match->above == &client->limit->rate;
}

static bool same_chains(const struct chain *a, const struct chain *b)
{
	if (strcmp(a->name, b->name) || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!rule_same(&a->rules[i], &b->rules[i]))
			return false;
	return true;
}

/* Chains of @a that @b does not have like that. */
static unsigned int count_different(const struct ruleset *a, const struct ruleset *b)
{
	unsigned int count = 0;

	for (size_t i = 0; i < a->count; i++) {
		const struct chain *other = ruleset_find(b, a->chains[i]->name);

		count += !other || !same_chains(a->chains[i], other);
	}
	return count;
}

/* --- the most specific client wins ------------------------------------ */

/* What a packet met on its way. */
struct encounters {
	const struct client *client;	/* the most specific one, or NULL */
	unsigned int sent, passed, limits, others;
};

static void note(void *data, const struct chain *chain, const struct rule *rule)
{
	struct encounters *met = data;
	const struct client *client = met->client;
	bool its_own = client && !prefix_compare(&rule->source, &client->prefix);

	if (rule->match)
		met->limits += is_limit(chain, client);
	else if (rule->target == TARGET_JUMP && its_own && is_limit(rule->to, client))
		met->sent++;
	else if ((rule->target == TARGET_NONE || rule->target == TARGET_RETURN) && its_own)
		met->passed++;
	else if (rule->target != TARGET_GOTO)
		met->others++;
}

static const struct client *most_specific(const struct client *const *clients, size_t count,
					  const struct prefix *source)
{
	const struct client *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (prefix_covers(&clients[i]->prefix, source) &&
		    (!best || clients[i]->prefix.length > best->prefix.length))
			best = clients[i];
	return best;
}

/* A client's address, one beside it, one it covers, or anybody's. */
static struct prefix random_source(const struct client *const *clients, size_t count, int kind)
{
	struct prefix source = random_host(kinds[kind].family), client;

	if (!count || random_chance(10))
		return source;
	client = clients[random_below((unsigned int)count)]->prefix;
	if (client.length && random_chance(30)) {
		unsigned int bit = random_below(client.length);

		client.address[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
	}
	for (unsigned int bit = 0; bit < client.length; bit++) {
		uint8_t mask = (uint8_t)(0x80u >> bit % 8);

		source.address[bit / 8] = (uint8_t)((source.address[bit / 8] & ~mask) |
						    (client.address[bit / 8] & mask));
	}
	return source;
}

static unsigned int send_one(const struct ruleset *rules, const struct client *const *clients,
			     size_t count, int kind)
{
	struct packet packet = { .source = random_source(clients, count, kind),
				 .above = random_chance(30) };
	struct encounters met = { .client = most_specific(clients, count, &packet.source) };
	struct journey journey = packet_walk(&packet, rules, ROOT, note, &met);
	bool dropped = met.client && packet.above;
	char source[PREFIX_TEXT], client[PREFIX_TEXT] = "nobody";

	prefix_format(&packet.source, true, source);
	if (met.client)
		prefix_format(&met.client->prefix, true, client);
	expect(met.sent == !!met.client, "%s counted %u times for %s", source, met.sent, client);
	expect(met.passed == (met.client && !dropped), "%s passed %u times for %s", source,
	       met.passed, client);
	expect(met.limits == dropped, "%s met its limit %u times", source, met.limits);
	expect(!met.others, "%s met %u rules of others than %s", source, met.others, client);
	expect(journey.fate == (dropped ? DROPPED : RETURNED), "%s: fate %d", source, journey.fate);
	return journey.looked_at;
}

/* Returns the most rules that one packet had to look at. */
static unsigned int send_many(const struct clients *clients, int kind)
{
	const struct client **list = clients_list(clients);
	struct ruleset rules;
	unsigned int most = 0;

	build(&rules, clients);
	for (int i = 0; i < SOURCES; i++) {
		unsigned int looked_at = send_one(&rules, list, clients->count, kind);

		most = looked_at > most ? looked_at : most;
	}
	ruleset_free(&rules);
	free(list);
	return most;
}

START_TEST(a_packet_meets_the_limit_of_the_most_specific_client_once)
{
	static const unsigned int sizes[] = { 0, 1, 2, 3, 7, 8, 9, 10, 16, 17, 33, 60, 150, 400, 2000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (int round = 0; round < (sizes[i] < 100 ? 12 : 2); round++) {
			struct clients clients = { 0 };

			add_some(&clients, _i, sizes[i]);
			send_many(&clients, _i);
			clients_free(&clients);
		}
}
END_TEST

START_TEST(everybody_is_a_client_like_others)
{
	static const char *const everybody[] = { "0.0.0.0/0", "::/0" };
	struct prefix all = parsed(everybody[kinds[_i].family == NOTRACK_IPV6]);
	const struct limit_rate rate = some_rate(0);

	for (unsigned int others = 0; others < 300; others = others * 2 + 1) {
		struct clients clients = { 0 };

		add_some(&clients, _i, others);
		expect(!clients_add(&clients, &all, 1, &rate), "out of memory");
		send_many(&clients, _i);
		clients_free(&clients);
	}
}
END_TEST

/* 2,000 clients one by one would be 4,000 rules. */
START_TEST(a_packet_looks_at_few_rules)
{
	struct clients clients = { 0 };
	unsigned int most;

	add_some(&clients, _i, 2000);
	most = send_many(&clients, _i);
	expect(most <= 250, "%s: a packet had to look at %u rules", kinds[_i].name, most);
	clients_free(&clients);
}
END_TEST

/* --- the same clients make the same tree ------------------------------ */

static void add_shuffled(struct clients *clients, const struct client *const *list, size_t count)
{
	size_t *order = calloc(count + 1, sizeof(*order));

	for (size_t i = 0; i < count; i++) {
		size_t j = random_below((unsigned int)i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (size_t i = 0; i < count; i++)
		expect(!clients_add(clients, &list[order[i]]->prefix, 1, &list[order[i]]->limit->rate),
		       "out of memory");
	free(order);
}

START_TEST(the_tree_does_not_know_how_its_clients_came)
{
	struct clients clients = { 0 }, others = { 0 }, again = { 0 };
	const struct client **list, **passing;
	struct ruleset rules, same;

	add_some(&clients, _i, 500);
	add_some(&others, _i, 200);
	list = clients_list(&clients);
	passing = clients_list(&others);

	add_shuffled(&again, passing, others.count);
	add_shuffled(&again, list, clients.count);
	for (size_t i = 0; i < others.count; i++)
		if (!clients_has(&clients, &passing[i]->prefix))
			clients_remove(&again, &passing[i]->prefix);

	build(&rules, &clients);
	build(&same, &again);
	ck_assert_uint_eq(rules.count, same.count);
	ck_assert_uint_eq(count_different(&rules, &same), 0);
	ruleset_free(&rules);
	ruleset_free(&same);
	free(list);
	free(passing);
	clients_free(&clients);
	clients_free(&others);
	clients_free(&again);
}
END_TEST

/* The chain it stands in, the one above where a chain is split in two or merged. */
enum { CHAINS_TOUCHED = 6 };

START_TEST(a_host_more_changes_the_chains_on_its_path_and_no_others)
{
	const struct limit_rate rate = some_rate(0);
	struct clients clients = { 0 };

	/* all in one half, so that the tree does not begin at the first bit */
	for (int i = 0; i < 1500; i++) {
		struct prefix prefix = kinds[_i].make(kinds[_i].family);

		prefix.address[0] &= 0x7f;
		if (prefix.length)
			expect(!clients_add(&clients, &prefix, 1, &rate), "out of memory");
	}
	for (int i = 0; i < 40; i++) {
		/* one among the others, and one somewhere else */
		struct prefix host = i % 2 ? kinds[_i].make(kinds[_i].family) :
				     random_host(kinds[_i].family);
		struct ruleset before, after;

		host = cut(host, family_bits(host.family));
		if (clients_has(&clients, &host))
			continue;
		build(&before, &clients);
		expect(!clients_add(&clients, &host, 1, &rate), "out of memory");
		build(&after, &clients);
		expect(count_different(&after, &before) <= CHAINS_TOUCHED, "%s: %u chains changed",
		       kinds[_i].name, count_different(&after, &before));
		expect(count_different(&before, &after) <= CHAINS_TOUCHED, "%s: %u chains changed",
		       kinds[_i].name, count_different(&before, &after));
		if (!(i % 2))
			clients_remove(&clients, &host);
		ruleset_free(&before);
		ruleset_free(&after);
	}
	clients_free(&clients);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_packet_meets_the_limit_of_the_most_specific_client_once, 0, KINDS);
	tcase_add_loop_test(tcase, everybody_is_a_client_like_others, 0, KINDS);
	tcase_add_loop_test(tcase, a_packet_looks_at_few_rules, 0, KINDS);
	tcase_add_loop_test(tcase, the_tree_does_not_know_how_its_clients_came, 0, KINDS);
	tcase_add_loop_test(tcase, a_host_more_changes_the_chains_on_its_path_and_no_others, 0, KINDS);
}

int main(void)
{
	return unit_main("dispatch", tests);
}
