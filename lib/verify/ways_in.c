/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets that NAT makes the service's, as they were sent to another port or address: answers
 * to them are not tracked, and would leave as nobody expects them.
 */
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
	struct variant variant;
	const struct prefix *primary;	/* of REDIRECT: what it makes of the address */
};

typedef bool counts(const struct inlet *inlet, const struct translated *translated);

/* --- addresses ---------------------------------------------------------- */

static size_t count_prefixes(const struct prefix *list, size_t count, enum family family)
{
	size_t of_family = 0;

	for (size_t i = 0; i < count; i++)
		of_family += list[i].family == family;
	return of_family;
}

/* An address of this host's from which answers of the service are not tracked. */
static bool is_local(const struct service *service, const struct prefix *address)
{
	for (size_t i = 0; i < service->local_count; i++)
		if (prefix_covers(&service->local[i], address))
			return true;
	return !service->local_count;
}

static struct prefix address_of(const struct step *verdict, enum family family)
{
	struct prefix address = { .length = verdict->length, .family = (uint8_t)family };

	memcpy(address.address, verdict->address, sizeof(address.address));
	return address;
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
	return !host->own_count;
}

/* What is for somebody else, as far as one can tell by the address. */
static bool is_foreign(const struct host *host, const struct prefix *prefix)
{
	return !host_is_loopback(prefix) &&
	       (prefix->length < family_bits((enum family)prefix->family) || !host_owns(host, prefix));
}

/* A name, or what it begins with and a '+'. */
static bool is_among(const char *name, const char *names)
{
	size_t size = strlen(names);

	return size && names[size - 1] == '+' ? !strncmp(name, names, size - 1) : !strcmp(name, names);
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

/* Whether some of them come there as the first packets of connections, and count. */
static int reach(const struct inlet *inlet, struct probe probe, counts *count, bool *do_reach)
{
	struct journey journey = { 0 };
	int err;

	if (*do_reach || !narrow_to_rule(inlet, &probe))
		return 0;
	err = verify_walk(inlet->all, &inlet->row, &probe, true, &journey);
	*do_reach = journey.usual.place.rule == inlet->place->rule && count(inlet, &journey.usual);
	for (unsigned int i = 0; i < journey.picked_count; i++)
		*do_reach |= journey.picked[i].place.rule == inlet->place->rule &&
			     count(inlet, &journey.picked[i]);
	*do_reach |= journey.picked_count == PICKED_TRANSLATED;	/* more were not noted */
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
	return is_foreign(&inlet->all->host, &translated->destination);
}

static bool count_other_own(const struct inlet *inlet, const struct translated *translated)
{
	return has_other_own(&inlet->all->host, &translated->destination, inlet->primary);
}

/* --- what becomes of them ----------------------------------------------- */

/* The address stays as it is. */
static bool keeps_address(const struct step *verdict)
{
	return verdict->field == TRANSLATE_DESTINATION && !verdict->length;
}

/* The ports that packets have behind the rule; without one in it, they keep theirs. */
static struct port_range ports_behind(const struct step *verdict)
{
	return verdict->mask ? (struct port_range){ (uint16_t)(verdict->mask >> 16),
						    (uint16_t)verdict->mask } :
			       (struct port_range){ 0, UINT16_MAX };
}

static int reach_by_ports(const struct inlet *inlet, uint32_t first, uint32_t last, bool *do_reach)
{
	int err = 0;

	if (first > last || last > UINT16_MAX)
		return 0;
	for (int own = keeps_address(inlet->verdict); own < 2 && !err; own++) {
		struct probe probe = probe_of(inlet, own);

		probe.destination_port = (struct port_range){ (uint16_t)first, (uint16_t)last };
		err = reach(inlet, probe, count_all, do_reach);
	}
	return err;
}

/* Those that were sent to another port. */
static int reach_by_other_ports(const struct inlet *inlet, bool *do_reach)
{
	const struct port_range behind = ports_behind(inlet->verdict);
	int err;

	if (!inlet->verdict->mask)
		return 0;
	if (behind.first != behind.last)
		return reach_by_ports(inlet, 0, UINT16_MAX, do_reach);
	err = behind.first ? reach_by_ports(inlet, 0, behind.first - 1u, do_reach) : 0;
	return err ? err : reach_by_ports(inlet, behind.first + 1u, UINT16_MAX, do_reach);
}

/* REDIRECT leads to another address for each interface that packets come by. */
static int reach_by_interfaces(struct inlet *inlet, const struct probe *probe, bool *do_reach)
{
	const struct host *host = &inlet->all->host;
	int err = 0;

	for (size_t i = 0; i < host->primary_count && !err; i++) {
		const struct host_primary *primary = &host->primaries[i];
		struct probe some = *probe;

		if (primary->address.family != inlet->row.family ||
		    !is_among(primary->interface, probe->in) ||
		    !is_local(inlet->row.service, &primary->address))
			continue;
		strcpy(some.in, primary->interface);
		inlet->primary = &primary->address;
		err = reach(inlet, some, count_other_own, do_reach);
	}
	return err || host->own_count ? err : reach(inlet, *probe, count_all, do_reach);
}

/* Those that were sent to another address, and to a port of the service's. */
static int reach_by_other_addresses(struct inlet *inlet, bool *do_reach)
{
	const struct port_range behind = ports_behind(inlet->verdict);
	const struct prefix address = address_of(inlet->verdict, inlet->row.family);
	struct probe probe = probe_of(inlet, false);
	struct port_range *ports = &probe.destination_port;
	int err;

	if (keeps_address(inlet->verdict) || ports->first > behind.last || ports->last < behind.first)
		return 0;
	if (ports->first < behind.first)
		ports->first = behind.first;
	if (ports->last > behind.last)
		ports->last = behind.last;
	err = reach(inlet, probe, count_foreign, do_reach);
	probe.own_destination = true;
	if (err || (inlet->verdict->field == TRANSLATE_REDIRECT && inlet->row.input))
		return err ? err : reach_by_interfaces(inlet, &probe, do_reach);
	inlet->primary = inlet->verdict->length ? &address : redirect_of_own(inlet->row.family);
	return reach(inlet, probe, count_other_own, do_reach);
}

/* For each of the service's ports, clients and interfaces. */
static int reach_by_any(struct inlet *inlet, bool *do_reach)
{
	const struct service *service = inlet->row.service;
	struct variant *variant = &inlet->variant;
	size_t clients = count_prefixes(service->from, service->from_count, inlet->row.family);
	size_t interfaces = inlet->row.input ? service->interface_count : 0;
	int err = 0;

	if (!inlet->row.input || clients > CLIENTS_MAX)
		clients = 0;
	variant->interface = 0;
	do {
		variant->remote = 0;
		do {
			variant->ports = 0;
			err = reach_by_other_ports(inlet, do_reach);
			for (; variant->ports < service->port_count && !err; variant->ports++)
				err = reach_by_other_addresses(inlet, do_reach);
		} while (!err && ++variant->remote < clients);
	} while (!err && ++variant->interface < interfaces);
	return err;
}

/* --- rules -------------------------------------------------------------- */

static bool has_port_behind(const struct service *service, const struct step *verdict)
{
	const struct port_range behind = ports_behind(verdict);

	for (size_t i = 0; i < service->port_count; i++)
		if (service->ports[i].first <= behind.last && service->ports[i].last >= behind.first)
			return true;
	return false;
}

/* Answers that leave by lo are the service's where it is for each interface, or for that one. */
static bool is_for_lo(const struct service *service)
{
	for (size_t i = 0; i < service->interface_count; i++)
		if (is_among("lo", service->interfaces[i]))
			return true;
	return !service->interface_count;
}

/* Whether what a rule makes of packets at the hook may be of the service. */
static bool leads_to(const struct inlet *inlet)
{
	const struct service *service = inlet->row.service;
	const struct step *verdict = inlet->verdict;
	const struct prefix address = address_of(verdict, inlet->row.family);

	if (verdict->kind != STEP_TRANSLATE || !has_port_behind(service, verdict) ||
	    (!inlet->row.input && !is_for_lo(service)))
		return false;
	if (verdict->field == TRANSLATE_REDIRECT)
		return inlet->row.input || is_local(service, redirect_of_own(inlet->row.family));
	return verdict->field == TRANSLATE_DESTINATION &&
	       (!verdict->length || (is_local(service, &address) &&
				     (host_owns(&inlet->all->host, &address) || host_is_loopback(&address))));
}

static int tell_way_in(const struct inlet *inlet)
{
	const struct flow_row *row = &inlet->row;
	struct findings *findings = &inlet->all->findings;
	char text[PLACE_TEXT];

	view_format_place(inlet->place, text);
	if (inlet->verdict->flags & STEP_ANY_VALUE)
		return findings_add(findings, "nat", NOTRACK_WARNING,
				    "%s (%s) takes a port from a map: if it sends packets for another port "
				    "to %s, its answers to them are not tracked, and leave without being "
				    "translated back; let that rule name the port, to be sure",
				    text, family_name(row->family), row->service->name);
	return findings_add(findings, "nat", NOTRACK_FAILED,
			    "%s (%s) sends packets for another port or address to %s: its answers are not "
			    "tracked, and leave without being translated back; remove the service, or that rule",
			    text, family_name(row->family), row->service->name);
}

static int find_way_in(struct verification *all, const struct flow_row *row,
		       const struct place *place, enum hook hook)
{
	struct inlet inlet = { .all = all, .row = *row, .place = place,
			       .verdict = rule_verdict(place->rule) };
	bool do_reach = false;
	int err;

	inlet.row.input = hook == HOOK_PREROUTING;
	if (!inlet.verdict || !leads_to(&inlet))
		return 0;
	err = reach_by_any(&inlet, &do_reach);
	return err || !do_reach ? err : tell_way_in(&inlet);
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
	for (size_t i = 0; i < host->primary_count; i++) {
		const struct host_primary *primary = &host->primaries[i];
		struct probe some = probe;

		some.destination = translated->destination;
		strcpy(some.in, primary->interface);
		if (primary->address.family == row->family && is_among(some.in, probe.in) &&
		    probe_could_meet(&some, translated->place.rule) & ALL_DO &&
		    has_other_own(host, &some.destination, &primary->address))
			return true;
	}
	return !host->own_count;
}
