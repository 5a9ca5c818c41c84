/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which entries a service's rules are about: in cases, and as the rules
 * themselves have it for the packet that made the entry.
 */
#include "rules/compile.h"
#include "conntrack/flow.h"
#include <stdlib.h>
#include <string.h>

#include "packet.h"
#include "random.h"
#include "unit.h"

#define NOTRACK_IPV4_ONLY 1u

static struct service *parsed(struct notrack_service words)
{
	unsigned int families = NOTRACK_IPV4_ONLY;
	struct service *service;
	struct error error;

	words.size = sizeof(words);
	expect(!service_parse(&service, &words, &families, &error), "%s", error.text);
	return service;
}

static struct prefix address(const char *word)
{
	struct prefix prefix;
	struct error error;

	expect(!prefix_parse(&prefix, word, &error), "%s", error.text);
	return prefix;
}

#define HERE "192.0.2.1"
#define OTHER_HERE "192.0.2.9"
#define THERE "198.51.100.7"
#define ELSEWHERE "203.0.113.7"

static bool is_here(const char *word)
{
	return !strcmp(word, HERE) || !strcmp(word, OTHER_HERE);
}

static const struct {
	const char *what;
	struct notrack_service service;
	const char *source;
	uint16_t source_port;
	const char *destination;
	uint16_t destination_port;
	int protocol;
	bool untracked;
} cases[] = {
	{ "a question to us", { .name = "dns", .roles = "inbound" }, THERE, 3000, HERE, 53, UDP, true },
	{ "over TCP", { .name = "dns", .roles = "inbound" }, THERE, 3000, HERE, 53, TCP, true },
	{ "over another protocol", { .name = "dns", .roles = "inbound" }, THERE, 3000, HERE, 53, SCTP,
	  false },
	{ "over one that no service has", { .name = "dns" }, THERE, 0, HERE, 0, -1, false },
	{ "to another port", { .name = "dns" }, THERE, 3000, HERE, 54, UDP, false },
	{ "our question, in the other role", { .name = "dns", .roles = "inbound" }, HERE, 3000, THERE,
	  53, UDP, false },
	{ "our question", { .name = "dns", .roles = "outbound" }, HERE, 3000, THERE, 53, UDP, true },
	{ "from a port that strict leaves", { .name = "dns", .roles = "outbound" }, HERE, 500, THERE,
	  53, UDP, false },
	{ "which TCP does not ask for", { .name = "dns", .roles = "outbound" }, HERE, 500, THERE, 53,
	  TCP, true },
	{ "nor classic", { .name = "dns", .roles = "outbound", .mode = "classic" }, HERE, 500, THERE,
	  53, UDP, true },
	{ "a question to us, in the other role", { .name = "dns", .roles = "outbound" }, THERE, 3000,
	  HERE, 53, UDP, false },
	{ "forwarded", { .name = "dns" }, THERE, 3000, ELSEWHERE, 53, UDP, false },
	{ "to our address", { .name = "dns", .roles = "inbound", .local = HERE }, THERE, 3000, HERE, 53,
	  UDP, true },
	{ "to our other address", { .name = "dns", .roles = "inbound", .local = HERE }, THERE, 3000,
	  OTHER_HERE, 53, UDP, false },
	{ "to a named server", { .name = "dns", .roles = "outbound", .remote = THERE }, HERE, 3000,
	  THERE, 53, UDP, true },
	{ "to another server", { .name = "dns", .roles = "outbound", .remote = THERE }, HERE, 3000,
	  ELSEWHERE, 53, UDP, false },
	{ "from ourselves to ourselves", { .name = "dns", .roles = "inbound" }, OTHER_HERE, 3000, HERE,
	  53, UDP, true },
	{ "which classic leaves to the other role", { .name = "dns", .roles = "inbound",
	  .mode = "classic" }, OTHER_HERE, 3000, HERE, 53, UDP, false },
	{ "our answer, tracked first", { .name = "dns", .roles = "inbound" }, HERE, 53, THERE, 3000,
	  UDP, true },
	{ "their answer, tracked first", { .name = "dns", .roles = "outbound" }, THERE, 53, HERE, 3000,
	  UDP, true },
	{ "their answer to a port that strict leaves", { .name = "dns", .roles = "outbound" }, THERE, 53,
	  HERE, 500, UDP, false },
	{ "an answer of somebody else", { .name = "dns", .roles = "outbound", .remote = THERE },
	  ELSEWHERE, 53, HERE, 3000, UDP, false },
	{ "ntp, from and to its port", { .name = "ntp", .roles = "outbound" }, HERE, 123, THERE, 123,
	  UDP, true },
	{ "with its port on both sides, where both may ask", { .name = "dns" }, THERE, 53, HERE, 53,
	  UDP, false },
	{ "which classic does not mind", { .name = "dns", .mode = "classic" }, THERE, 53, HERE, 53, UDP,
	  true },
	{ "with its port on both sides, where one asks", { .name = "dns", .roles = "inbound" }, THERE,
	  53, HERE, 53, UDP, true },
	{ "in a range", { .name = "relay", .ports = "5000:5009,6000" }, THERE, 3000, HERE, 5009, UDP,
	  true },
	{ "past a range", { .name = "relay", .ports = "5000:5009,6000" }, THERE, 3000, HERE, 5010, UDP,
	  false },
};
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

START_TEST(an_entry_is_of_the_service_or_not)
{
	struct service *service = parsed(cases[_i].service);
	const struct flow flow = {
		.source = address(cases[_i].source),
		.destination = address(cases[_i].destination),
		.source_port = cases[_i].source_port,
		.destination_port = cases[_i].destination_port,
		.protocol = cases[_i].protocol,
		.from_here = is_here(cases[_i].source),
		.to_here = is_here(cases[_i].destination),
	};

	expect(flow_is_untracked(&flow, service, false) == cases[_i].untracked, "%s", cases[_i].what);
	service_unref(service);
}
END_TEST

/* --- as the rules have it --------------------------------------------- */

enum { SERVICES = 300, FLOWS = 300 };

static const struct prefix *pick(const struct prefix *list, size_t count)
{
	return count ? &list[random_below((unsigned int)count)] : NULL;
}

/* An address in a prefix of the list, or any. */
static struct prefix random_address(const struct prefix *list, size_t count)
{
	const struct prefix *in = random_chance(80) ? pick(list, count) : NULL;
	struct prefix address = { .family = IPV4, .length = 32 };

	for (int i = 0; i < 4; i++)
		address.address[i] = (uint8_t)random_number();
	for (unsigned int i = 0; in && i < in->length; i++) {
		uint8_t bit = (uint8_t)(0x80u >> i % 8);

		address.address[i / 8] &= (uint8_t)~bit;
		address.address[i / 8] |= in->address[i / 8] & bit;
	}
	return address;
}

static uint16_t random_port(const struct service *service)
{
	if (random_chance(50))
		return service->ports[random_below((unsigned int)service->port_count)].first;
	return random_chance(50) ? service->reply_ports.first : (uint16_t)random_from(1, 65535);
}

static void random_flow(struct flow *flow, const struct service *service)
{
	*flow = (struct flow){
		.source = random_address(service->local, service->local_count),
		.destination = random_address(service->local, service->local_count),
		.source_port = random_port(service),
		.destination_port = random_port(service),
		.protocol = (int)random_below(PROTOCOLS),
		.from_here = random_chance(50),
		.to_here = random_chance(50),
	};
	flow->to_group = flow->to_here && !flow->from_here && random_chance(20);
	if (!flow->from_here)
		flow->source = random_address(service->remote, service->remote_count);
	if (!flow->to_here)
		flow->destination = random_address(service->remote, service->remote_count);
}

static bool rules_untrack(const struct flow *flow, const struct ruleset *raw, bool syn)
{
	struct packet packet = {
		.source = flow->source, .destination = flow->destination,
		.source_port = flow->source_port, .destination_port = flow->destination_port,
		.protocol = protocol_numbers[flow->protocol],
		.in = flow->from_here ? NULL : "eth0",
		.out = !flow->from_here ? NULL : flow->to_here ? "lo" : "eth0",
		.tcp_flags = syn ? 0x02 : 0x10,
	};

	return packet_walk(&packet, raw, flow->from_here ? "NOTRACK-OUTPUT" : "NOTRACK-PREROUTING",
			   NULL, NULL).untracked;
}

/*
 * A forwarded flow is no service's, whatever PREROUTING does to it; nor, on a host that forwards,
 * what is for a group, whatever type of address a selector asks for.
 */
START_TEST(an_entry_is_of_the_service_whose_rules_untrack_its_packet)
{
	for (int i = 0; i < SERVICES; i++) {
		struct random_service words;
		struct service *service;
		struct served served = { 0 };
		struct family_model model = { .served = &served, .count = 1 };
		struct ruleset rules[TABLES] = { 0 };
		struct error error;
		const bool local_only = i % 2;

		random_service(&words, 1u << IPV4);
		service = served.service = parsed(words.words);
		expect(!compile(&model, IPV4, NULL, local_only, rules, &error), "%s", error.text);
		for (int j = 0; j < FLOWS && !service->interface_count; j++) {
			struct flow flow;
			bool expected;

			random_flow(&flow, service);
			expected = (flow.from_here || flow.to_here) &&
				   !(local_only && flow.to_group) &&
				   (rules_untrack(&flow, &rules[RAW], true) ||
				    rules_untrack(&flow, &rules[RAW], false));
			expect(flow_is_untracked(&flow, service, local_only) == expected,
			       "%s: %s, from %u to %u, protocol %d, %s to %s: rules say %d",
			       service->name, service->classic ? "classic" : "strict",
			       flow.source_port, flow.destination_port, flow.protocol,
			       flow.from_here ? "here" : "there", flow.to_here ? "here" : "there",
			       expected);
		}
		for (enum table_id id = RAW; id < TABLES; id++)
			ruleset_free(&rules[id]);
		service_unref(service);
	}
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, an_entry_is_of_the_service_or_not, 0, CASES);
	tcase_add_test(tcase, an_entry_is_of_the_service_whose_rules_untrack_its_packet);
}

int main(void)
{
	return unit_main("flow", tests);
}
