/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets that NAT makes the service's, as they were sent to another port or address: answers
 * to them are not tracked, and would leave as nobody expects them.
 */
#include "verify/outcome.h"
#include "verify/verify.h"

#include <string.h>

/* Of more clients than these, each by itself, all at once are looked at instead. */
#define CLIENTS_MAX 16

/* A rule that translates, and packets that may come to it. */
struct inlet {
	struct verification *all;
	struct flow_row row;		/* by which hook they come */
	const struct place *place;
	const struct step *verdict;
	const struct outcome *outcome;	/* what it makes of them */
	struct variant variant;
	const struct prefix *becomes;	/* the address that they have then */
	bool do_reach;			/* such packets come there */
	bool is_way, may_be_way;	/* to the service: by any outcome, or by one that is unsure */
};

typedef bool counts(const struct inlet *inlet, const struct translated *translated);

/* --- addresses ---------------------------------------------------------- */

/* An address of this host's from which answers of the service are not tracked. */
static bool is_local(const struct service *service, const struct prefix *address)
{
	for (size_t i = 0; i < service->local_count; i++)
		if (prefix_covers(&service->local[i], address))
			return true;
	return !service->local_count;
}

/* Where REDIRECT leads what this host sends itself. */
static const struct prefix *redirect_of_own(enum family family)
{
	static const struct prefix own[FAMILIES] = {
		[IPV4] = { .family = IPV4, .length = 32, .address = { 127, 0, 0, 1 } },
		[IPV6] = { .family = IPV6, .length = 128, .address = { [15] = 1 } },
	};

	return &own[family];
}

/* Whether packets for @prefix may be for an address of this host's other than @address. */
static bool has_other_own(const struct host *host, const struct prefix *prefix,
			  const struct prefix *address)
{
	for (size_t i = 0; i < host->own_count; i++) {
		const struct prefix *own = &host->own[i];

		if (prefix_covers(prefix, own) && prefix_compare(own, address) &&
		    !host_is_loopback(own) && !host_is_of_link(own))
			return true;
	}
	return !host_is_loopback(prefix) && !host_knows(host, (enum family)prefix->family);
}

/* What is for somebody else, as far as one can tell by the address. */
static bool is_foreign(const struct host *host, const struct prefix *prefix)
{
	return !host_is_loopback(prefix) &&
	       (prefix->length < family_bits((enum family)prefix->family) || !host_owns(host, prefix));
}

/* --- packets ------------------------------------------------------------ */

/* As they come to the hook; for an address of this host's, or for others. */
static struct probe probe_of(const struct inlet *inlet, bool own)
{
	struct probe probe = verify_probe(inlet->all, &inlet->row, &inlet->variant);
	const struct prefix any = { .family = (uint8_t)inlet->row.family };

	if (!inlet->row.input || inlet->row.service->from_count > CLIENTS_MAX)
		probe.source = any;
	if (!inlet->row.input)
		strcpy(probe.out, "+");
	probe.destination = any;
	probe.usual_source = probe.usual_destination = any;
	probe.own_destination = own;
	probe.tracked_states = CT_NEW;
	probe.tcp_flags = TCP_SYN;
	probe.chunk = SCTP_INIT;
	return probe;
}

/* To those that meet the rule, as far as that can be said; false: there are none. */
static bool narrow_to_rule(const struct inlet *inlet, struct probe *probe)
{
	const struct situation situation = { .view = &inlet->all->view, .states = CT_NEW };
	const struct view_rule *rule = inlet->place->rule;

	for (size_t i = 0; i < rule->count; i++) {
		const struct step *step = &rule->steps[i];
		unsigned int meets;

		if (!step_is_condition(step) || condition_depends(step))
			continue;
		meets = probe_meets(probe, step, &situation);
		if (!(meets & ALL_DO))
			return false;
		if (meets != ALL_DO && !(step->flags & STEP_INVERTED) &&
		    (step->kind == STEP_PREFIX || step->kind == STEP_INTERFACE))
			probe_narrow(probe, step, 0);
	}
	return true;
}

/* To those for which the outcome is this one, as far as that can be said. */
static bool narrow_to_outcome(const struct inlet *inlet, struct probe *probe)
{
	const struct situation situation = { .view = &inlet->all->view, .states = CT_NEW };
	const struct outcome *outcome = inlet->outcome;

	for (size_t i = 0; i < 2; i++) {
		const struct view_lookup *map = outcome->of[i].map;

		if (!map)
			continue;
		if (!(probe_meets_element(probe, map, outcome->of[i].element, &situation) & ALL_DO))
			return false;
		probe_narrow_to_element(probe, map, outcome->of[i].element);
	}
	return true;
}

/* Whether some of them come there as the first packets of connections, and count. */
static int reach(struct inlet *inlet, struct probe probe, counts *count)
{
	struct journey journey = { 0 };
	bool do_reach;
	int err;

	if (inlet->do_reach || !narrow_to_rule(inlet, &probe) || !narrow_to_outcome(inlet, &probe))
		return 0;
	err = verify_walk(inlet->all, &inlet->row, &probe, true, &journey);
	do_reach = journey.usual.place.rule == inlet->place->rule && count(inlet, &journey.usual);
	for (unsigned int i = 0; i < journey.picked_count; i++)
		do_reach |= journey.picked[i].place.rule == inlet->place->rule &&
			    count(inlet, &journey.picked[i]);
	inlet->do_reach = do_reach || journey.picked_count == PICKED_TRANSLATED;	/* or more */
	return err;
}

static bool count_all(const struct inlet *inlet, const struct translated *translated)
{
	(void)inlet;
	(void)translated;
	return true;
}

static bool count_foreign(const struct inlet *inlet, const struct translated *translated)
{
	return is_foreign(&inlet->all->host, &translated->destination) &&
	       prefix_compare(&translated->destination, inlet->becomes);
}

static bool count_other_own(const struct inlet *inlet, const struct translated *translated)
{
	return has_other_own(&inlet->all->host, &translated->destination, inlet->becomes);
}

/* --- what becomes of them ----------------------------------------------- */

/* The address stays as it is. */
static bool keeps_address(const struct inlet *inlet)
{
	return inlet->verdict->field == TRANSLATE_DESTINATION && inlet->outcome->keeps_address;
}

static int reach_by_ports(struct inlet *inlet, uint32_t first, uint32_t last)
{
	int err = 0;

	if (first > last || last > UINT16_MAX)
		return 0;
	for (int own = keeps_address(inlet); own < 2 && !err; own++) {
		struct probe probe = probe_of(inlet, own);

		probe.destination_port = (struct port_range){ (uint16_t)first, (uint16_t)last };
		err = reach(inlet, probe, count_all);
	}
	return err;
}

/* Those that were sent to another port. */
static int reach_by_other_ports(struct inlet *inlet)
{
	const struct range behind = inlet->outcome->ports;
	int err;

	if (inlet->outcome->keeps_port)
		return 0;
	if (behind.first != behind.last)
		return reach_by_ports(inlet, 0, UINT16_MAX);
	err = behind.first ? reach_by_ports(inlet, 0, behind.first - 1) : 0;
	return err ? err : reach_by_ports(inlet, behind.first + 1, UINT16_MAX);
}

/* REDIRECT leads to another address for each interface that packets come by. */
static int reach_by_interfaces(struct inlet *inlet, const struct probe *probe)
{
	const struct host *host = &inlet->all->host;
	int err = 0;

	for (size_t i = 0; i < host->outward_count && !err; i++) {
		const struct host_address *primary = &host->outward[i];
		struct probe some = *probe;

		if (!primary->first || primary->address.family != inlet->row.family ||
		    !verify_is_among(primary->interface, probe->in) ||
		    !is_local(inlet->row.service, &primary->address))
			continue;
		strcpy(some.in, primary->interface);
		inlet->becomes = &primary->address;
		err = reach(inlet, some, count_other_own);
	}
	return err || host_knows(host, inlet->row.family) ? err : reach(inlet, *probe, count_all);
}

/* Those that were sent to another address, and to a port of the service's. */
static int reach_by_other_addresses(struct inlet *inlet)
{
	const struct range behind = inlet->outcome->ports;
	struct probe probe = probe_of(inlet, false);
	struct port_range *ports = &probe.destination_port;
	int err;

	if (keeps_address(inlet) || ports->first > behind.last || ports->last < behind.first)
		return 0;
	if (ports->first < behind.first)
		ports->first = (uint16_t)behind.first;
	if (ports->last > behind.last)
		ports->last = (uint16_t)behind.last;
	err = reach(inlet, probe, count_foreign);
	probe.own_destination = true;
	if (err)
		return err;
	return inlet->verdict->field == TRANSLATE_REDIRECT && inlet->row.input ?
	       reach_by_interfaces(inlet, &probe) : reach(inlet, probe, count_other_own);
}

/* For each of the service's ports, clients and interfaces. */
static int reach_by_any(struct inlet *inlet)
{
	const struct service *service = inlet->row.service;
	struct variant *variant = &inlet->variant;
	size_t clients = prefixes_count(service->from, service->from_count, inlet->row.family);
	size_t interfaces = inlet->row.input ? service->interface_count : 0;
	int err = 0;

	if (!inlet->row.input || clients > CLIENTS_MAX)
		clients = 0;
	variant->interface = 0;
	do {
		variant->remote = 0;
		do {
			variant->ports = 0;
			err = reach_by_other_ports(inlet);
			for (; variant->ports < service->port_count && !err; variant->ports++)
				err = reach_by_other_addresses(inlet);
		} while (!err && ++variant->remote < clients);
	} while (!err && ++variant->interface < interfaces);
	return err;
}

/* --- rules -------------------------------------------------------------- */

static bool has_port_behind(const struct inlet *inlet)
{
	const struct service *service = inlet->row.service;
	const struct range behind = inlet->outcome->ports;

	for (size_t i = 0; i < service->port_count; i++)
		if (service->ports[i].first <= behind.last && service->ports[i].last >= behind.first)
			return true;
	return false;
}

/* Answers that leave by lo are the service's where it is for each interface, or for that one. */
static bool is_for_lo(const struct service *service)
{
	for (size_t i = 0; i < service->interface_count; i++)
		if (verify_is_among("lo", service->interfaces[i]))
			return true;
	return !service->interface_count;
}

static bool is_in_range(const struct inlet *inlet, const struct prefix *address)
{
	const size_t bytes = family_bits(inlet->row.family) / 8;
	const struct address_range *range = &inlet->outcome->addresses;

	return address->family == inlet->row.family &&
	       memcmp(address->address, range->first, bytes) >= 0 &&
	       memcmp(address->address, range->last, bytes) <= 0;
}

/* Where this host's addresses are still to come: whether one of the range may be among them. */
static bool may_become(const struct inlet *inlet, const struct prefix *first)
{
	const struct service *service = inlet->row.service;

	if (host_is_loopback(first) || is_local(service, first))
		return is_local(service, first);
	for (size_t i = 0; i < service->local_count; i++)
		if (is_in_range(inlet, &service->local[i]))
			return true;
	return false;
}

/* An address of this host's that answers of the service leave from; NULL: of none. */
static const struct prefix *find_becoming(const struct inlet *inlet, struct prefix *first)
{
	const struct host *host = &inlet->all->host;

	for (size_t i = 0; i < host->own_count; i++)
		if (is_in_range(inlet, &host->own[i]) && is_local(inlet->row.service, &host->own[i]))
			return &host->own[i];
	*first = (struct prefix){ .family = (uint8_t)inlet->row.family,
				  .length = (uint8_t)family_bits(inlet->row.family) };
	memcpy(first->address, inlet->outcome->addresses.first, sizeof(first->address));
	if (!host_is_loopback(first) && host_knows(host, inlet->row.family))
		return NULL;
	return may_become(inlet, first) ? first : NULL;
}

/* Whether what the rule makes of packets at the hook, for one of its ports, may be of the service. */
static bool leads_to(struct inlet *inlet, struct prefix *first)
{
	const struct service *service = inlet->row.service;
	const struct prefix *own = redirect_of_own(inlet->row.family);

	if (!inlet->row.input && !is_for_lo(service))
		return false;
	if (inlet->verdict->field == TRANSLATE_REDIRECT) {
		inlet->becomes = own;
		return inlet->row.input || is_local(service, own);
	}
	inlet->becomes = find_becoming(inlet, first);
	return inlet->outcome->keeps_address || inlet->becomes;
}

static int look_at(void *data, const struct outcome *outcome)
{
	struct inlet *inlet = data;
	struct prefix first;
	int err;

	inlet->outcome = outcome;
	if (inlet->is_way || !has_port_behind(inlet))
		return OUTCOMES_NEXT_PORT;
	if (inlet->may_be_way && outcome->unsure)	/* it cannot be worse */
		return 0;
	inlet->do_reach = false;
	err = leads_to(inlet, &first) ? reach_by_any(inlet) : 0;
	*(outcome->unsure ? &inlet->may_be_way : &inlet->is_way) |= inlet->do_reach;
	return err;
}

static int tell_way_in(const struct inlet *inlet)
{
	const struct flow_row *row = &inlet->row;
	struct findings *findings = &inlet->all->findings;
	char text[PLACE_TEXT];

	view_format_place(inlet->place, text);
	if (!inlet->is_way)
		return findings_add(findings, "nat", NOTRACK_WARNING,
				    "%s (%s) takes a port or an address from a map: if it sends packets for "
				    "another one to %s, its answers to them are not tracked, and leave "
				    "without being translated back; let that rule name it, to be sure",
				    text, family_name(row->family), row->service->name);
	return findings_add(findings, "nat", NOTRACK_FAILED,
			    "%s (%s) sends packets for another port or address to %s: its answers are not "
			    "tracked, and leave without being translated back; remove the service, or that rule%s",
			    text, family_name(row->family), row->service->name,
			    host_reserve(&inlet->all->host, row->family));
}

static int find_way_in(struct verification *all, const struct flow_row *row,
		       const struct place *place, enum hook hook)
{
	struct inlet inlet = { .all = all, .row = *row, .place = place,
			       .verdict = rule_verdict(place->rule) };
	int err;

	inlet.row.input = hook == HOOK_PREROUTING;
	if (!inlet.verdict || inlet.verdict->kind != STEP_TRANSLATE ||
	    (inlet.verdict->field != TRANSLATE_REDIRECT &&
	     inlet.verdict->field != TRANSLATE_DESTINATION))
		return 0;
	err = outcomes_each(inlet.verdict, row->family, look_at, &inlet);
	return err || !(inlet.is_way || inlet.may_be_way) ? err : tell_way_in(&inlet);
}

int verify_ways_in(struct verification *all, const struct flow_row *row)
{
	static const enum hook hooks[] = { HOOK_PREROUTING, HOOK_OUTPUT };
	int err = 0;

	for (const struct view_table *table = all->view.tables; table; table = table->next) {
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next) {
			struct place place = { .chain = chain };

			for (size_t i = 0; i < 2; i++)
				if (chain->hooks & 1u << hooks[i] && table->families & 1u << row->family)
					for (place.rule = chain->rules; place.rule && !err;
					     place.rule = place.rule->next)
						err = find_way_in(all, row, &place, hooks[i]);
		}
	}
	return err;
}

/* --- REDIRECT ----------------------------------------------------------- */

bool verify_redirects(const struct verification *all, const struct flow_row *row,
		      const struct translated *translated)
{
	const struct probe probe = verify_probe(all, row, &(struct variant){ 0 });
	const struct host *host = &all->host;

	if (!row->input)
		return prefix_compare(&translated->destination, redirect_of_own(row->family));
	for (size_t i = 0; i < host->outward_count; i++) {
		const struct host_address *primary = &host->outward[i];
		struct probe some = probe;

		some.destination = translated->destination;
		strcpy(some.in, primary->interface);
		if (primary->first && primary->address.family == row->family &&
		    verify_is_among(some.in, probe.in) &&
		    probe_could_meet(&some, translated->place.rule) & ALL_DO &&
		    has_other_own(host, &some.destination, &primary->address))
			return true;
	}
	return !host_knows(host, row->family);
}
