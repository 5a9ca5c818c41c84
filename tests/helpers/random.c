/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "random.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static uint64_t state;

void random_begin(void)
{
	const char *seed = getenv("NOTRACK_TEST_SEED");

	random_begin_at(seed ? strtoull(seed, NULL, 10) : 1);
}

void random_begin_at(uint64_t seed)
{
	state = seed;
}

/* splitmix64 */
uint64_t random_number(void)
{
	uint64_t number = state += UINT64_C(0x9e3779b97f4a7c15);

	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return number ^ number >> 31;
}

unsigned int random_below(unsigned int bound)
{
	return (unsigned int)(random_number() % bound);
}

unsigned int random_from(unsigned int least, unsigned int most)
{
	return least + random_below(most - least + 1);
}

bool random_chance(unsigned int percent)
{
	return random_below(100) < percent;
}

/* --- lists ------------------------------------------------------------ */

static void append(char *list, size_t room, const char *word)
{
	static const char *const separators[] = { ",", ", ", " , ", ",\t" };
	size_t used = strlen(list);
	int wrote = snprintf(list + used, room - used, "%s%s",
			     used ? separators[random_below(4)] : "", word);

	expect(used + (size_t)wrote < room, "no room for %s", word);
}

static void fill_ports(char *list, size_t room)
{
	unsigned int count = random_chance(70) ? random_from(1, 3) : random_from(1, 30);

	while (count--) {
		unsigned int first = random_from(1, 65535), last = first;
		char word[16];

		if (random_chance(30))
			last = random_from(first, random_chance(90) && first < 65000 ? first + 500 : 65535);
		snprintf(word, sizeof(word), random_chance(20) || last != first ? "%u:%u" : "%u",
			 first, last);
		append(list, room, word);
	}
}

static void fill_some(char *list, size_t room, const char *const *words, unsigned int count)
{
	unsigned int chosen = random_from(1, (1u << count) - 1);

	for (unsigned int i = 0; i < count; i++)
		if (chosen & 1u << i)
			append(list, room, words[i]);
}

/* The first byte, or pair of them, keeps the prefixes of a list apart. */
static void format_prefix(char *text, size_t room, unsigned int family, unsigned int first)
{
	unsigned char address[16] = { 0 };
	char host[INET6_ADDRSTRLEN];
	unsigned int bits = family == NOTRACK_IPV4 ? 32 : 128, apart = bits == 32 ? 8 : 16;
	unsigned int length = random_chance(40) ? bits : random_from(apart, bits);

	for (unsigned int i = 0; i < bits / 8; i++)
		address[i] = (unsigned char)random_below(256);
	address[0] = (unsigned char)first;
	for (unsigned int i = length; i < bits; i++)
		address[i / 8] &= (unsigned char)~(0x80u >> i % 8);
	inet_ntop(bits == 32 ? AF_INET : AF_INET6, address, host, sizeof(host));
	if (length == bits && random_chance(50))
		snprintf(text, room, "%s", host);
	else
		snprintf(text, room, "%s/%u", host, length);
}

static void fill_prefixes(char *list, size_t room, unsigned int families)
{
	unsigned int first = random_from(1, 40);

	for (unsigned int family = NOTRACK_IPV4; family <= NOTRACK_IPV6; family <<= 1) {
		unsigned int count = families & family ? random_from(1, 4) : 0;

		while (count--) {
			char word[64];

			format_prefix(word, sizeof(word), family, first);
			append(list, room, word);
			first += random_from(1, 20);
		}
	}
}

static void fill_interfaces(char *list, size_t room)
{
	static const char *const names[] = { "lo", "eth0", "eth+", "l+", "wan.100", "exactly15bytes0",
					     "fourteenbytes+" };

	fill_some(list, room, names, 7);
}

/* --- services --------------------------------------------------------- */

static void fill_name(char name[17])
{
	/* after the built-in ones, those that sound like chains of ours */
	static const char *const known[] = { "dns", "dns-auth", "ntp", "quic", "http", "INPUT", "OUTPUT",
					     "INPUT-x", "OUTPUT-any", "LIMITS", "PREROUTING", "new-accept",
					     "est-accept", "rel-accept", "est-rel-accept", "do", "rest" };
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.-";
	unsigned int length = random_from(1, 16);

	if (random_chance(30)) {
		strcpy(name, known[random_below(sizeof(known) / sizeof(known[0]))]);
		return;
	}
	for (unsigned int i = 0; i < length; i++)
		name[i] = letters[random_below(sizeof(letters) - 1 - (i == 0))];
	name[length] = '\0';
}

static void fill_narrowing(struct random_service *service, unsigned int families)
{
	if (random_chance(40))
		fill_prefixes(service->local, sizeof(service->local), families);
	if (random_chance(40) && strcmp(service->roles, "inbound"))
		fill_prefixes(service->remote, sizeof(service->remote), families);
	if (random_chance(30))
		fill_interfaces(service->interfaces, sizeof(service->interfaces));
	if (random_chance(30)) {
		unsigned int first = random_from(1, 65535);

		snprintf(service->reply_ports, sizeof(service->reply_ports), "%u:%u", first,
			 random_from(first, 65535));
	}
}

void random_service(struct random_service *service, unsigned int families)
{
	static const char *const protocols[] = { "udp", "tcp", "sctp", "udplite" };
	static const char *const roles[] = { "inbound", "outbound" };
	static const char *const modes[] = { NULL, "strict", "classic" };
	static const char *const answers[] = { NULL, "yes", "no" };

	memset(service, 0, sizeof(*service));
	fill_name(service->name);
	fill_ports(service->ports, sizeof(service->ports));
	if (random_chance(80))
		fill_some(service->protocols, sizeof(service->protocols), protocols, 4);
	fill_some(service->roles, sizeof(service->roles), roles, 2);
	fill_narrowing(service, families);
	service->words = (struct notrack_service){
		.size = sizeof(service->words),
		.name = service->name,
		.ports = service->ports,
		.protocols = service->protocols,
		.roles = service->roles,
		.local = service->local,
		.remote = service->remote,
		.interfaces = service->interfaces,
		.reply_ports = service->reply_ports,
		.mode = modes[random_below(3)],
		.icmp_errors = answers[random_below(3)],
		.families = families == NOTRACK_IPV4 ? "ipv4" : families == NOTRACK_IPV6 ? "ipv6" : "",
	};
}

/* --- limits and clients ----------------------------------------------- */

void random_limit(struct random_limit *limit)
{
	static const char *const units[] = { "sec", "min", "hour", "day" };
	unsigned int unit = random_below(4);
	unsigned int seconds[] = { 1, 60, 3600, 86400 };
	unsigned int count = random_chance(70) ? random_from(1, 1000) :
						 random_from(1, 10000 * seconds[unit]);
	/* at most a day's worth */
	uint64_t most = (uint64_t)count * (86400 / seconds[unit]);

	memset(limit, 0, sizeof(*limit));
	snprintf(limit->above, sizeof(limit->above), "%u/%s", count, units[unit]);
	limit->words = (struct hashlimit){
		.size = sizeof(limit->words),
		.above = limit->above,
		.burst = random_chance(30) ? 0 : random_from(1, most < 10000 ? (unsigned int)most : 10000),
		.srcmask = random_chance(70) ? 0 : random_from(1, 32),
		.htable_max = random_chance(80) ? 0 : random_from(1, 1048576),
		.htable_size = random_chance(80) ? 0 : random_from(1, 65536),
		.htable_expire_ms = random_chance(80) ? 0 : random_from(1, 100000000),
	};
}

void random_client(char text[RANDOM_PREFIX], unsigned int family)
{
	unsigned int bits = family == NOTRACK_IPV4 ? 32 : 128;
	unsigned int length = random_chance(60) ? bits : random_chance(80) ?
			      random_from(bits / 4, bits) : random_below(bits + 1);
	unsigned int wide = random_chance(50) ? 0 : 20;
	unsigned char address[16] = { 0 };
	char host[INET6_ADDRSTRLEN];

	/* few values a byte: clients fall into one another */
	for (unsigned int i = 0; i < bits / 8; i++)
		address[i] = (unsigned char)(random_chance(wide) ? random_below(256) :
								   0x20u + random_below(2));
	for (unsigned int i = length; i < bits; i++)
		address[i / 8] &= (unsigned char)~(0x80u >> i % 8);
	inet_ntop(bits == 32 ? AF_INET : AF_INET6, address, host, sizeof(host));
	if (length == bits && random_chance(50))
		snprintf(text, RANDOM_PREFIX, "%s", host);
	else
		snprintf(text, RANDOM_PREFIX, "%s/%u", host, length);
}

static void add_clients(struct notrack *nt, const struct random_service *service,
			unsigned int families, unsigned int count)
{
	unsigned int limits = count ? random_from(1, 3) : 0;

	while (limits--) {
		struct random_limit limit;

		random_limit(&limit);
		for (unsigned int i = 0; i < count / 3 + 1; i++) {
			unsigned int family = random_chance(50) ? NOTRACK_IPV4 : NOTRACK_IPV6;
			char client[RANDOM_PREFIX];

			if (!(families & family))
				continue;
			random_client(client, family);
			expect(!hashlimit_add_client(nt, service->name, client, &limit.words), "%s",
			       notrack_error(nt));
		}
	}
}

void random_model(struct notrack *nt, unsigned int services, unsigned int clients)
{
	unsigned int count = random_below(services + 1);

	while (count--) {
		unsigned int families = random_from(NOTRACK_IPV4, NOTRACK_ANY);
		struct random_service service;

		random_service(&service, families);
		notrack_remove_service(nt, service.name);
		expect(!notrack_add_service(nt, &service.words), "%s", notrack_error(nt));
		if (!strcmp(service.roles, "outbound"))
			continue;
		if (random_chance(60))
			add_clients(nt, &service, families, random_below(clients + 1));
	}
}
