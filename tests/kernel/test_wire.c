/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Never deaf, never wider: on hosts by chance, whoever is answered before a commit is
 * answered after it, and whoever is not is not, packet by packet on the wire.
 *
 * NOTRACK_TEST_HOSTS says how many hosts, and NOTRACK_TEST_SEED with which seed the first
 * one is made: the next one has the next number.  A difference is told with its own.
 *
 * To look closer: NOTRACK_TEST_REFUSALS prints each refusal, NOTRACK_TEST_UNSURE each packet
 * of which the walk does not know, NOTRACK_TEST_PRINT the rules of each host, and
 * NOTRACK_TEST_QUIET leaves out those of hosts where something differs.  NOTRACK_TEST_WILD
 * says how many of a hundred hosts have rules that make no sense.
 */
#include <notrack.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "random.h"
#include "random_rules.h"
#include "run.h"
#include "saved.h"
#include "tally.h"
#include "walker.h"
#include "wire.h"

enum { HOSTS = 100, EXCHANGES = 14, SHARE_MAX = 5, WILD = 2 };

/* --- what is counted -------------------------------------------------- */

static unsigned int hosts, committed, packets, answered, opened, warned;
static unsigned int said, unsure, under_way, differences;
static unsigned int of_kind[RANDOM_KINDS];
static struct tally refusals;

/* --- services --------------------------------------------------------- */

static const struct notrack_service services[] = {
	{ .name = "dns" },
	{ .name = "dns" },
	{ .name = "dns" },
	{ .name = "dns", .roles = "inbound" },
	{ .name = "dns", .roles = "outbound" },
	{ .name = "dns-auth", .from = "192.0.2.0/24,2001:db8::/64" },
	{ .name = "dns", .protocols = "udp", .icmp_errors = "no" },
	{ .name = "two", .ports = "53,443", .protocols = "udp,tcp", .roles = "both" },
};
#define SERVICES (sizeof(services) / sizeof(services[0]))

static const char *const backends[] = { "auto", "auto", "auto", "auto", "legacy", "nft" };

/* --- a host ----------------------------------------------------------- */

struct host {
	uint64_t seed;
	struct random_rules rules;
	struct notrack_service service;
	const char *backend;
	struct exchange exchanges[EXCHANGES];
	struct notrack *nt;
	bool warned;			/* the commit was not sure */
	bool keeps;			/* it said that a rule of the host keeps some packets tracked */
	const char *sentence;		/* why it was refused */
};

static void tell(const struct host *host, const char *format, ...) PRINTF(2, 3);

static void name_host(const struct host *host)
{
	fprintf(stderr, "seed %llu, service %s%s%s by %s: ", (unsigned long long)host->seed,
		host->service.name, host->service.roles ? " " : "",
		host->service.roles ? host->service.roles : "", host->backend);
}

static void tell(const struct host *host, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	name_host(host);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	if (getenv("NOTRACK_TEST_QUIET") == NULL)
		random_rules_print(&host->rules, stderr);
	differences++;
}

/* How many of a hundred hosts have rules that make no sense. */
static unsigned int wild;

static struct host host_by_chance(uint64_t seed)
{
	struct host host = { .seed = seed };

	random_begin_at(seed);
	host.rules = random_chance(wild) ? random_rules() : random_firewall();
	host.service = services[random_below(SERVICES)];
	host.service.size = sizeof(host.service);
	host.backend = backends[random_below(6)];
	for (size_t i = 0; i < EXCHANGES; i++)
		host.exchanges[i] = exchange_by_chance((unsigned int)i);
	return host;
}

/* --- before and after ------------------------------------------------- */

/* Over lo, the host lets itself in, whoever else it does not. */
static bool is_alike(const struct exchange *one, const struct exchange *other, unsigned int packet)
{
	const struct wire_packet *a = &one->packets[packet], *b = &other->packets[packet];

	return a->domain == b->domain && a->way == b->way && a->protocol == b->protocol &&
	       one->count > packet && other->count > packet;
}

/*
 * A service is opened where, of those whom it is for, nobody was let in.  An answer that nobody
 * asked for says nothing of that: it is NEW, and let out where answers are not.
 */
static bool may_be_opened(const struct host *host, const struct exchange *exchange,
			  unsigned int packet)
{
	if (!exchange->of_service)
		return false;
	for (size_t i = 0; i < EXCHANGES; i++)
		if (host->exchanges[i].of_service && host->exchanges[i].asked &&
		    !host->exchanges[i].is_exempt && is_alike(&host->exchanges[i], exchange, packet) &&
		    host->exchanges[i].arrived[BEFORE][packet])
			return false;
	return true;
}

static void compare_packet(const struct host *host, const struct exchange *exchange,
			   unsigned int packet)
{
	bool before = exchange->arrived[BEFORE][packet], after = exchange->arrived[AFTER][packet];

	packets++;
	answered += before;
	if (before == after || (after && !exchange->asked))
		return;
	if (after && may_be_opened(host, exchange, packet))
		opened++;
	else if (host->warned)
		warned++;
	else
		tell(host, "%s of %s %s", wire_text(&exchange->packets[packet]),
		     exchange->asked ? "an exchange" : "nobody's asking",
		     after ? "arrives, and did not before" : "does not arrive any more");
}

static void compare(const struct host *host)
{
	for (size_t i = 0; i < EXCHANGES; i++) {
		const struct exchange *exchange = &host->exchanges[i];

		for (unsigned int j = 0; j < exchange->count; j++) {
			compare_packet(host, exchange, j);
			if (!exchange->arrived[BEFORE][j] || !exchange->arrived[AFTER][j])
				break;
		}
	}
}

/* Where a rule of the host keeps them tracked, they are no longer what they were: sent again. */
static void compare_going_on(const struct host *host, struct walker *walker)
{
	for (size_t i = 0; i < EXCHANGES; i++) {
		const struct exchange *exchange = &host->exchanges[i];

		for (unsigned int j = 1; j < exchange->count; j++) {
			if (!exchange->tried[j] ||
			    walker_ask(walker, &exchange->packets[j], WALKER_ESTABLISHED).tracked)
				continue;
			under_way++;
			if (exchange->went_on[j])
				continue;
			if (host->warned)
				warned++;
			else
				tell(host, "%s of an exchange under way does not arrive any more",
				     wire_text(&exchange->packets[j]));
		}
	}
}

/* --- the walk --------------------------------------------------------- */

static bool is_unsure(const struct walker_says *says)
{
	return (says->through && says->dropped) || says->translated ||
	       (says->tracked && says->untracked);
}

static void count_unsure(const struct host *host, const struct wire_packet *packet,
			 const struct walker_says *says)
{
	unsure++;
	if (getenv("NOTRACK_TEST_UNSURE"))
		fprintf(stderr, "seed %llu: unsure of %s: %s or %s\n", (unsigned long long)host->seed,
			wire_text(packet), says->accepted_by, says->dropped_by);
}

/* What the walk says of the packets that were sent, in the rules as they are now. */
static void walk_exchange(const struct host *host, struct walker *walker,
			  struct exchange *exchange)
{
	static const enum walker_state states[] = { WALKER_NEW, WALKER_ESTABLISHED, WALKER_LATER };
	bool entry = true, zone = false;

	for (unsigned int i = 0; i < exchange->count && exchange->asked; i++) {
		struct walker_says says = walker_ask(walker, &exchange->packets[i],
						     entry ? states[i] : WALKER_NEW);
		bool arrived = exchange->arrived[AFTER][i];

		/* a rule of the host that gives them an entry may stand ahead of ours */
		exchange->tracked &= !says.tracked;
		/* conntrack knows a reply by its zone as well */
		if (i && says.zone != zone)
			return;
		zone = says.zone;
		if (exchange->is_unusual)	/* it is asked about what all packets are like */
			;
		else if (is_unsure(&says))
			count_unsure(host, &exchange->packets[i], &says);
		else if (says.through != arrived)
			tell(host, "%s %s, and %s, says the walk",
			     wire_text(&exchange->packets[i]), arrived ? "arrives" : "does not arrive",
			     says.through ? format_text("is accepted by %s", says.accepted_by) :
					    format_text("is dropped by %s", says.dropped_by));
		said++;
		if (!arrived || is_unsure(&says))
			return;
		if (!i)
			entry = says.tracked;
	}
}

static void walk(struct host *host)
{
	struct walker *walker = walker_read();

	for (size_t i = 0; i < EXCHANGES; i++)
		walk_exchange(host, walker, &host->exchanges[i]);
	compare_going_on(host, walker);
	walker_free(walker);
}

/* --- committing ------------------------------------------------------- */

static int see_finding(const struct notrack_finding *finding, void *data)
{
	struct host *host = data;

	if (finding->severity != NOTRACK_WARNING)
		return 0;
	host->warned |= !strcmp(finding->code, "unsure");
	host->keeps |= !strcmp(finding->code, "tracked");
	return 0;
}

static int count_refusal(const struct notrack_finding *finding, void *data)
{
	(void)data;
	if (finding->severity != NOTRACK_FAILED)
		return 0;
	tally_add(&refusals, finding->code);
	return 1;
}

static int commit(struct host *host)
{
	int result;

	host->nt = notrack_new();
	ck_assert_ptr_nonnull(host->nt);
	ck_assert_int_eq(notrack_set_backend(host->nt, host->backend), 0);
	ck_assert_msg(!notrack_add_service(host->nt, &host->service), "%s",
		      notrack_error(host->nt));
	result = notrack_commit(host->nt, NULL);
	host->sentence = format_text("%s", notrack_error(host->nt));
	notrack_each_finding(host->nt, see_finding, host);
	return result;
}

/*
 * nft(8) asks the kernel how matches of xtables are to be printed, and prints their names alone
 * where it got no answer, as now and then on a busy machine: what differs is listed once more.
 */
static const char *difference_from(const char *before)
{
	return saved_difference(saved_rules(), before) ? saved_difference(saved_rules(), before) : NULL;
}

static void see_refusal(const struct host *host, int result, const char *before)
{
	const char *difference = difference_from(before);

	if (getenv("NOTRACK_TEST_REFUSALS")) {
		name_host(host);
		fprintf(stderr, "%s\n", host->sentence);
	}
	if (result != -ECANCELED)
		tally_add(&refusals, format_text("%s: %.60s", strerror(-result), host->sentence));
	else
		ck_assert_int_eq(notrack_each_finding(host->nt, count_refusal, NULL), 1);
	if (difference)
		tell(host, "refused, and changed: %s", difference);
}

static void see_tracked(const struct host *host)
{
	unsigned int tracked = exchange_tracked(host->exchanges, EXCHANGES);

	if (tracked && !host->keeps)
		tell(host, "%u packets of the service are tracked", tracked);
}

static void see_commit(struct host *host)
{
	exchanges_go_on(host->exchanges, EXCHANGES);
	exchanges_run(host->exchanges, EXCHANGES, AFTER);
	compare(host);
	walk(host);
	see_tracked(host);
	committed++;
}

static void see_clear(const struct host *host, const char *before)
{
	int result = notrack_clear(host->nt, NULL);
	const char *difference = result < 0 ? notrack_error(host->nt) :
					      difference_from(before);

	if (difference)
		tell(host, "clear leaves something else: %s", difference);
}

static void try_host(uint64_t seed)
{
	struct host host = host_by_chance(seed);
	const char *before;
	int result;

	if (getenv("NOTRACK_TEST_PRINT"))
		random_rules_print(&host.rules, stderr);
	random_rules_install(&host.rules);
	before = saved_rules();
	exchanges_begin(&host.service, host.exchanges, EXCHANGES);
	exchanges_run(host.exchanges, EXCHANGES, BEFORE);
	result = commit(&host);
	if (result < 0) {
		see_refusal(&host, result, before);
	} else {
		see_commit(&host);
		see_clear(&host, before);
	}
	notrack_free(host.nt);
	for (unsigned int i = 0; i < RANDOM_KINDS; i++)
		of_kind[i] += host.rules.kinds.there[i];
	hosts++;
}

/* --- all -------------------------------------------------------------- */

static double share(unsigned int part, unsigned int whole)
{
	return whole ? 100. * part / whole : 0;
}

static void report(uint64_t first)
{
	fprintf(stderr, "%u hosts from seed %llu, %u committed; %u packets compared, %.1f%% of which "
		"arrive; %u under way; %u let in by an opening, %u after a warning; %u asked of the "
		"walk, %.2f%% unsure; %u differences\n", hosts, (unsigned long long)first, committed,
		packets, share(answered, packets), under_way, opened, warned, said,
		share(unsure, said), differences);
	fprintf(stderr, "%.1f%% refused\n", share(hosts - committed, hosts));
	tally_print(&refusals, stderr);
	for (unsigned int i = 0; i < RANDOM_KINDS; i++)
		if (random_kind_name(i))
			fprintf(stderr, "%s%s %.0f%%", i ? ", " : "", random_kind_name(i),
				share(of_kind[i], hosts));
	fputc('\n', stderr);
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

START_TEST(who_was_answered_is_answered)
{
	uint64_t wanted = number_from("NOTRACK_TEST_HOSTS", HOSTS);
	uint64_t first = number_from("NOTRACK_TEST_SEED", 1);

	wire_begin();
	random_rules_begin();
	wild = (unsigned int)number_from("NOTRACK_TEST_WILD", WILD);
	for (uint64_t i = 0; i < wanted; i++)
		try_host(first + i);
	report(first);
	ck_assert_uint_eq(differences, 0);
	ck_assert_uint_lt(unsure * 100, SHARE_MAX * (said + 1));
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase, who_was_answered_is_answered);
}

int main(void)
{
	return netns_main("wire", tests);
}
