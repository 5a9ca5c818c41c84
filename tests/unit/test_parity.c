/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The law of twins, on hosts by chance: an untracked packet goes the way that it went
 * when it was tracked; and a tracked one does not notice.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "random.h"
#include "rules/compile.h"
#include "rules/overlay.h"
#include "parcel.h"
#include "unit.h"
#include "verify/twins.h"
#include "view_words.h"

enum { HOSTS = 4000, PACKETS = 25 };

/* --- a host ----------------------------------------------------------- */

static char text[16384];
static bool inside;			/* a table of family inet */
static bool maps;			/* of nftables */

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, sizeof(text) - used, format, args);
	va_end(args);
	expect(strlen(text) < sizeof(text) - 200, "no room");
}

static const char *one_of(const char *const *words, unsigned int count)
{
	return words[random_below(count)];
}
#define ONE_OF(...) one_of((const char *const []){ __VA_ARGS__ }, \
			   sizeof((const char *const []){ __VA_ARGS__ }) / sizeof(char *))

static void say_states(void)
{
	static const char *const names[] = { "NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED" };
	static const char *const usual[] = { "NEW", "ESTABLISHED", "ESTABLISHED,RELATED", "INVALID",
					     "NEW,ESTABLISHED", "NEW,ESTABLISHED,RELATED" };
	char separator = ' ';

	say("%s --ctstate", random_chance(12) ? " !" : "");
	if (random_chance(80)) {
		say(" %s", one_of(usual, 6));
		return;
	}
	for (unsigned int i = 0, bits = random_from(1, 31); i < 5; i++)
		if (bits & 1u << i) {
			say("%c%s", separator, names[i]);
			separator = ',';
		}
}

static void say_protocol(void)
{
	switch (random_below(5)) {
	case 0:
		say(" -p icmp");
		if (random_chance(50))
			say(" --icmp %s", ONE_OF("3", "8", "11"));
		return;
	case 1:
	case 2:
		say(" -p tcp");
		if (random_chance(15))
			say("%s --syn", random_chance(40) ? " !" : "");
		break;
	default:
		say(" -p udp");
	}
	if (random_chance(60))
		say("%s --dport %s", random_chance(8) ? " !" : "",
		    ONE_OF("53", "53", "53,443", "443", "22", "1024:65535"));
	if (random_chance(25))
		say("%s --sport %s", random_chance(8) ? " !" : "",
		    ONE_OF("53", "53", "443", "123", "1024:65535"));
}

static void say_address(char which)
{
	if (inside)
		say(" --family 4");
	say("%s -%c %s", random_chance(15) ? " !" : "", which,
	    ONE_OF("192.0.2.66", "192.0.2.0/29", "192.0.2.0/24", "198.51.100.0/24", "192.0.2.2"));
}

static void say_memory(void)
{
	say(" %s", ONE_OF("--limit", "--recent-update", "--recent-set", "! --limit"));
}

/* A map of states, or of states and ports, as nftables has them. */
static void say_map(unsigned int number, unsigned int chains)
{
	static const char *const names[] = { "NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED" };
	const bool ports = random_chance(40);
	unsigned int bits = random_from(1, 31);
	char separator = ' ';

	say(" --map %s", ports ? "state.proto.dport" : "state");
	for (unsigned int i = 0; i < 5; i++) {
		if (!(bits & 1u << i) || (i == 4 && random_chance(70)))
			continue;
		say("%c%s", separator, names[i]);
		if (ports)
			say(".%s.%s", ONE_OF("udp", "tcp"), ONE_OF("53", "443", "2000", "40000"));
		if (number < chains && random_chance(40))
			say("=c%u", random_from(number, chains - 1));
		else
			say("=%s", ONE_OF("ACCEPT", "DROP", "RETURN"));
		separator = ',';
	}
	if (separator == ' ')
		say(" NEW%s=ACCEPT", ports ? ".udp.53" : "");
}

static void say_conditions(bool may_remember)
{
	bool memory = may_remember && random_chance(10), early = random_chance(20);

	if (random_chance(55))
		say_protocol();
	if (random_chance(20))
		say_address(random_chance(80) ? 's' : 'd');
	if (random_chance(20))
		say("%s -%s", random_chance(10) ? " !" : "",
		    ONE_OF("i eth0", "i eth1", "i lo", "o eth0", "o lo", "i eth+"));
	if (random_chance(5))
		say(" --mark %u", random_below(2));
	if (random_chance(1))
		say(" --unknown");
	if (memory && early)
		say_memory();
	if (random_chance(50))
		say_states();
	if (random_chance(4))
		say(" --ctdir %s", ONE_OF("ORIGINAL", "REPLY"));
	if (memory && !early)
		say_memory();
}

/* A rule of the chain of a number, which leads to chains of higher ones. */
static void say_rule(const char *chain, unsigned int number, unsigned int chains)
{
	unsigned int kind = random_below(100);
	bool looks_up;

	say("-A %s", chain);
	if (maps && random_chance(15)) {
		if (random_chance(30))
			say_protocol();
		say_map(number, chains);
		say("\n");
		return;
	}
	looks_up = maps && random_chance(8);
	if (looks_up)
		say(" --lookup %s", ONE_OF("state NEW,ESTABLISHED", "state ESTABLISHED,RELATED",
					   "state.dport NEW.53,ESTABLISHED.40000", "dport 53,2000"));
	say_conditions(!looks_up);
	if (kind < 30)
		say(" -j ACCEPT");
	else if (kind < 48)
		say(" -j %s", ONE_OF("DROP", "REJECT"));
	else if (kind < 56)
		say(" -j RETURN");
	else if (kind < 85 && number < chains)
		say(" -%s c%u", ONE_OF("j", "j", "g"), random_from(number, chains - 1));
	else if (kind < 93)
		say(" -j %s", ONE_OF("LOG", "MARK", "QUEUE"));
	say("\n");
}

static void say_rules(const char *const *bases)
{
	unsigned int chains = random_below(5);
	char name[16];

	for (unsigned int i = 0; i < chains; i++)
		say(":c%u\n", i);
	for (; *bases; bases++)
		for (unsigned int i = random_below(6); i; i--)
			say_rule(*bases, 0, chains);
	for (unsigned int i = 0; i < chains; i++) {
		sprintf(name, "c%u", i);
		for (unsigned int j = random_below(6); j; j--)
			say_rule(name, i + 1, chains);
	}
}

static const char *policy(void)
{
	return random_chance(40) ? "DROP" : "ACCEPT";
}

static void say_host(void)
{
	text[0] = '\0';
	inside = false;
	maps = false;
	if (random_chance(75)) {
		say("*filter\n:INPUT %s\n:FORWARD ACCEPT\n:OUTPUT %s\n", policy(), policy());
		say_rules((const char *const []){ "INPUT", "OUTPUT", "INPUT", NULL });
	}
	if (random_chance(25)) {
		say("*mangle\n:PREROUTING %s\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n",
		    policy());
		say_rules((const char *const []){ "PREROUTING", "OUTPUT", "POSTROUTING", NULL });
	}
	inside = random_chance(50);
	maps = true;
	if (random_chance(40)) {
		say("*nft %s fw\n:in input %d %s\n:out output 0 %s\n", inside ? "inet" : "ip",
		    (int)random_below(3) - 1, policy(), policy());
		say_rules((const char *const []){ "in", "out", "in", NULL });
	}
}

/* --- services --------------------------------------------------------- */

static const struct model_kind {
	struct notrack_service services[2];
} models[] = {
	{ { { .name = "dns" } } },
	{ { { .name = "dns", .roles = "inbound" } } },
	{ { { .name = "dns", .roles = "outbound" } } },
	{ { { .name = "dns" }, { .name = "https", .ports = "443", .protocols = "tcp,udp" } } },
	{ { { .name = "dns", .remote = "198.51.100.0/24" } } },
	{ { { .name = "dns", .roles = "inbound", .local = "192.0.2.2" } } },
	{ { { .name = "dns", .roles = "inbound", .interfaces = "eth0" } } },
	{ { { .name = "dns", .icmp_errors = "no", .protocols = "udp" } } },
	{ { { .name = "two", .ports = "53,443", .protocols = "udp,tcp" } } },
};
#define MODELS (sizeof(models) / sizeof(models[0]))

/* Whether this host is asked at, or asks, a port. */
static bool has_port(const struct model *model, enum role role, uint8_t protocol, uint16_t port)
{
	const struct family_model *family = &model->families[IPV4];

	for (size_t i = 0; i < family->count; i++) {
		const struct service *service = family->served[i].service;

		if (!(service->roles & role) || !(service->protocols & (protocol == IPPROTO_TCP ?
									1u << TCP : 1u << UDP)))
			continue;
		for (size_t j = 0; j < service->port_count; j++)
			if (port >= service->ports[j].first && port <= service->ports[j].last)
				return true;
	}
	return false;
}

/* --- packets ---------------------------------------------------------- */

static const uint8_t own[4] = { 192, 0, 2, 2 };
static const uint8_t others[][4] = {
	{ 192, 0, 2, 1 }, { 192, 0, 2, 66 }, { 198, 51, 100, 9 }, { 203, 0, 113, 5 },
};

static struct parcel packet_by_chance(void)
{
	static const uint16_t ports[] = { 53, 53, 443, 123, 22, 2000, 40000, 60000 };
	/* the last ones are flags that no segment has */
	static const uint8_t flags[] = { 0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x03, 0x01, 0x00, 0x24 };
	const bool in = random_chance(60), lo = random_chance(15);
	const uint8_t *peer = lo ? own : others[random_below(4)];
	struct parcel packet = {
		.source_port = ports[random_below(8)], .destination_port = ports[random_below(8)],
		.protocol = random_chance(8) ? IPPROTO_ICMP :
			    random_chance(50) ? IPPROTO_UDP : IPPROTO_TCP,
		.own_source = lo || !in, .own_destination = lo || in,
		.within_rate = random_chance(60), .remembered = random_chance(30),
		.unknown = random_chance(50),
	};

	memcpy(packet.source, in ? peer : own, 4);
	memcpy(packet.destination, in ? own : peer, 4);
	strcpy(in ? packet.in : packet.out, lo ? "lo" : random_chance(60) ? "eth0" : "eth1");
	if (packet.protocol == IPPROTO_TCP)
		packet.tcp_flags = flags[random_below(sizeof(flags))];
	if (packet.protocol == IPPROTO_ICMP)
		packet.icmp_type = (uint8_t[]){ 3, 8, 11 }[random_below(3)];
	return packet;
}

static bool is_syn(const struct parcel *packet)
{
	return packet->protocol == IPPROTO_TCP && (packet->tcp_flags & 0x17) == 0x02;
}

static bool is_of_service(const struct model *model, const struct parcel *packet, uint16_t port)
{
	return has_port(model, INBOUND, packet->protocol, port) ||
	       has_port(model, OUTBOUND, packet->protocol, port);
}

static bool is_over_lo(const struct parcel *packet)
{
	return packet->own_source && packet->own_destination;
}

/* Whether it asks, as conntrack would see it, of a service that is not to be tracked. */
static bool is_request(const struct model *model, const struct parcel *packet)
{
	if (is_over_lo(packet))
		return is_of_service(model, packet, packet->destination_port);
	if (*packet->in)
		return has_port(model, INBOUND, packet->protocol, packet->destination_port);
	return !has_port(model, INBOUND, packet->protocol, packet->source_port);
}

/* What conntrack would say of a packet that is untracked. */
static void set_state(const struct model *model, struct parcel *packet)
{
	packet->reply = !is_request(model, packet);
	packet->state = packet->reply || (packet->protocol == IPPROTO_TCP && !is_syn(packet)) ?
			CT_ESTABLISHED : CT_NEW;
}

static bool is_error(const struct parcel *packet)
{
	return packet->protocol == IPPROTO_ICMP && packet->icmp_type != 8;
}

/*
 * Over lo, with the service's port on both sides: nobody knows who asks whom.  And whoever asks
 * sends no SYN with an ACK: such a segment is a stray one.
 */
static bool is_ambiguous(const struct model *model, const struct parcel *packet)
{
	if (packet->protocol == IPPROTO_TCP && (packet->tcp_flags & 0x17) == 0x12 &&
	    is_request(model, packet))
		return true;
	return is_over_lo(packet) && is_of_service(model, packet, packet->source_port) &&
	       is_of_service(model, packet, packet->destination_port);
}

/* --- before and after ------------------------------------------------- */

struct trial {
	struct notrack *nt;
	struct view view, raw;		/* raw: nothing but what we untrack */
	struct ruleset rules[TABLES];
	struct twins_options options;
	struct grafts grafts;
	struct findings findings;
	struct parcel packets[PACKETS];
	struct parcel_fate before[PACKETS];
	bool untracked[PACKETS];
	bool reset[PACKETS];		/* sent by a REJECT of this host */
	bool errors;
};

static const struct overlay_top tops[] = {
	{ .chain = "NOTRACK-PREROUTING", .hook = HOOK_PREROUTING },
	{ .chain = "NOTRACK-OUTPUT", .hook = HOOK_OUTPUT },
	{ .chain = NULL },
};

static void set_model(struct trial *trial)
{
	const struct model_kind *kind = &models[random_below(MODELS)];
	struct error error;

	trial->nt = notrack_new();
	for (size_t i = 0; i < 2 && kind->services[i].name; i++) {
		struct notrack_service service = kind->services[i];

		service.size = sizeof(service);
		expect(!notrack_add_service(trial->nt, &service), "%s", notrack_error(trial->nt));
		trial->errors |= !service.icmp_errors;
	}
	expect(!compile(&trial->nt->model.families[IPV4], IPV4, NULL, false, trial->rules, &error), "%s",
	       error.text);
	trial->options = (struct twins_options){ .model = &trial->nt->model,
						 .families = 1u << IPV4,
						 .host.errors_untracked = random_chance(40) };
	overlay_ruleset(&trial->raw, &trial->rules[RAW], IPV4, tops, -300);
}

/* NOTRACK of the legacy tables leaves it alone. */
static bool is_reset(const struct trial *trial, const struct parcel *packet)
{
	return !trial->options.host.errors_untracked && packet->protocol == IPPROTO_TCP &&
	       packet->tcp_flags & 0x04 && *packet->out && !packet->own_destination &&
	       has_port(&trial->nt->model, INBOUND, IPPROTO_TCP, packet->source_port);
}

static void choose_packet(struct trial *trial, size_t i)
{
	static const uint32_t states[] = { CT_NEW, CT_ESTABLISHED, CT_RELATED, CT_INVALID };
	const struct model *model = &trial->nt->model;
	struct parcel *packet = &trial->packets[i];

	do
		*packet = packet_by_chance();
	while (is_ambiguous(model, packet));
	trial->untracked[i] = parcel_send(&trial->raw, packet, true).untracked;
	trial->reset[i] = trial->untracked[i] && is_reset(trial, packet) && random_chance(50);
	if (trial->untracked[i])
		set_state(model, packet);
	if (trial->reset[i])
		packet->state = CT_RELATED;
	if (trial->untracked[i])
		return;
	packet->state = states[random_below(is_error(packet) ? 3 : 4)];
	if (packet->state != CT_NEW && packet->state != CT_INVALID)
		packet->reply = random_chance(50);
}

/* ICMP errors about a service, and what a REJECT sends. */
static void find_absent_entry(const struct trial *trial, size_t i, struct parcel *packet)
{
	if (trial->errors && is_error(packet) && packet->state == CT_RELATED)
		packet->state = trial->options.host.errors_untracked ? CT_UNTRACKED : CT_INVALID;
	else if (trial->reset[i])
		packet->state = CT_INVALID;
}

static void compare(const struct trial *trial, size_t i, const struct parcel_fate *after)
{
	const struct parcel_fate *before = &trial->before[i];
	const struct parcel *packet = &trial->packets[i];

	if (before->accepted == after->accepted && before->mark == after->mark &&
	    before->logged <= after->logged && before->queued == after->queued &&
	    (is_over_lo(packet) || (before->marked == after->marked &&
				    before->recorded == after->recorded &&
				    before->asked == after->asked)))
		return;
	fprintf(stderr, "proto %u %u.%u.%u.%u:%u -> %u.%u.%u.%u:%u in '%s' out '%s' flags %x icmp %u "
		     "state %x reply %d untracked %d rate %d rem %d: accepted %d -> %d, logged %u -> %u, "
		     "recorded %u -> %u, asked %u -> %u, marked %u -> %u on\n%s\nwhich becomes\n%s",
		     packet->protocol, packet->source[0], packet->source[1], packet->source[2],
		     packet->source[3], packet->source_port, packet->destination[0],
		     packet->destination[1], packet->destination[2], packet->destination[3],
		     packet->destination_port, packet->in, packet->out, packet->tcp_flags,
		     packet->icmp_type, packet->state, packet->reply, trial->untracked[i],
		     packet->within_rate, packet->remembered, before->accepted, after->accepted,
		     before->logged, after->logged, before->recorded, after->recorded,
		     before->asked, after->asked, before->marked, after->marked, text,
		     view_write(&trial->view, NULL));
	ck_abort_msg("a packet goes another way, see above");
}

static bool leads_to_host(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);

	return verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO) &&
	       strncmp(verdict->chain->name, "NOTRACK-", 8);
}

/* The owner of a chain could not delete it any more. */
static void expect_no_way_back(const struct view *view)
{
	for (const struct view_table *table = view->tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			for (const struct view_rule *rule = chain->rules; rule; rule = rule->next)
				expect(strncmp(chain->name, "NOTRACK-", 8) ||
				       !leads_to_host(rule),
				       "%s refers to a chain of the host", chain->name);
}

/* So that leftovers do nothing, and tracked packets never meet them. */
static void expect_states_first(const struct grafts *grafts)
{
	for (size_t i = 0; i < grafts->count; i++)
		expect(grafts->list[i].rule.rule.match->states == CT_UNTRACKED ||
		       grafts->list[i].rule.rule.match->states == CT_INVALID, "no state");
}

/* Whether the change is made. */
static bool change(struct trial *trial)
{
	expect(!twins_make(&trial->view, &trial->options, &trial->grafts, &trial->findings),
	       "out of memory");
	if (trial->findings.count)
		return false;
	expect_states_first(&trial->grafts);
	expect(!overlay_grafts(&trial->view, &trial->grafts), "out of memory");
	expect_no_way_back(&trial->view);
	expect(!overlay_ruleset(&trial->view, &trial->rules[RAW], IPV4, tops, -300), "out of memory");
	return true;
}

static void end(struct trial *trial)
{
	grafts_free(&trial->grafts);
	findings_free(&trial->findings);
	view_free(&trial->view);
	view_free(&trial->raw);
	ruleset_free(&trial->rules[RAW]);
	ruleset_free(&trial->rules[FILTER]);
	notrack_free(trial->nt);
}

struct tally {
	unsigned int refused, unsure, grafted, untracked, accepted, packets;
};

static void try_host(struct tally *tally)
{
	struct trial trial = { 0 };

	say_host();
	view_read(&trial.view, text);
	set_model(&trial);
	for (size_t i = 0; i < PACKETS; i++) {
		choose_packet(&trial, i);
		trial.before[i] = parcel_send(&trial.view, &trial.packets[i], false);
	}
	if (!change(&trial)) {
		tally->refused += findings_failure(&trial.findings) != NULL;
		tally->unsure += findings_failure(&trial.findings) == NULL;
		end(&trial);
		return;
	}
	tally->grafted += trial.grafts.count > 0;
	for (size_t i = 0; i < PACKETS; i++) {
		struct parcel packet = trial.packets[i];
		struct parcel_fate after;

		find_absent_entry(&trial, i, &packet);
		after = parcel_send(&trial.view, &packet, !trial.reset[i]);
		compare(&trial, i, &after);
		tally->packets++;
		tally->untracked += after.untracked;
		tally->accepted += after.untracked && after.accepted;
	}
	end(&trial);
}

START_TEST(an_untracked_packet_goes_the_way_that_it_went)
{
	const char *rounds = getenv("NOTRACK_TEST_ROUNDS");
	unsigned int hosts = rounds ? (unsigned int)atoi(rounds) : HOSTS;
	struct tally tally = { 0 };

	for (unsigned int i = 0; i < hosts; i++)
		try_host(&tally);
	if (getenv("NOTRACK_TEST_VERBOSE"))
		fprintf(stderr, "%u hosts: %u refused, %u unsure, %u with grafts; %u packets: %u untracked, "
			"%u of them accepted\n", hosts, tally.refused, tally.unsure, tally.grafted,
			tally.packets, tally.untracked, tally.accepted);
	expect(tally.refused < hosts / 5, "%u refused", tally.refused);
	expect(tally.grafted > hosts / 3, "%u with grafts", tally.grafted);
	expect(tally.untracked > tally.packets / 10, "%u untracked", tally.untracked);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_test(tcase, an_untracked_packet_goes_the_way_that_it_went);
}

int main(void)
{
	return unit_main("parity", tests);
}
