/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NAT, which does nothing to packets that are not tracked. */
#include "verify/verify.h"

#include <string.h>

/* --- the service's own packets ---------------------------------------- */

static const struct step *translation_at(const struct place *place)
{
	return rule_verdict(place->rule);
}

/* To another port or address; "REDIRECT" alone leads to this host, where it would go anyway. */
static bool leads_away(const struct translated *translated, const struct port_range *ports)
{
	const struct step *step = translation_at(&translated->place);
	bool redirect = step->field == TRANSLATE_REDIRECT;

	if (translated->hook != HOOK_PREROUTING && translated->hook != HOOK_OUTPUT)
		return false;
	return !redirect || (step->mask && step->mask != ((uint32_t)ports->first << 16 | ports->last));
}

static int tell_translation(struct verification *all, const struct flow_row *row,
			    const struct translated *translated, bool away)
{
	char place[PLACE_TEXT];

	view_format_place(&translated->place, place);
	if (away)
		return findings_add(&all->findings, "nat", NOTRACK_FAILED,
				    "%s (%s) sends packets of %s to another place, and does "
				    "nothing to packets that are not tracked: they no longer get "
				    "there; remove the service, or that rule", place,
				    family_name(row->family), row->service->name);
	return findings_add(&all->findings, "nat", NOTRACK_WARNING,
			    "%s (%s) does nothing to packets "
			    "of %s: what is not tracked is not translated", place,
			    family_name(row->family), row->service->name);
}

/* What a request meets as the first packet of a tracked connection. */
static int find_translation(struct verification *all, const struct flow_row *row, size_t ports)
{
	struct probe probe = verify_probe(all, row, &(struct variant){ .ports = ports });
	struct journey journey = { 0 };
	int err;

	probe.tracked_states = CT_NEW;
	probe.tcp_flags = TCP_SYN;
	err = verify_walk(all, row, &probe, true, &journey);
	if (!err && journey.usual.place.chain)
		err = tell_translation(all, row, &journey.usual,
				       leads_away(&journey.usual, &row->service->ports[ports]));
	if (!err && journey.picked.place.chain)
		err = tell_translation(all, row, &journey.picked, false);
	return err;
}

/* --- packets that become the service's -------------------------------- */

/* Whether a translation's destination is this host, at one of the service's ports. */
static bool leads_to(const struct verification *all, const struct flow_row *row,
		     const struct step *step)
{
	struct prefix address = { .length = step->length, .family = (uint8_t)row->family };
	uint32_t first = step->mask >> 16, last = step->mask & 0xffff;

	memcpy(address.address, step->address, sizeof(address.address));
	if (step->kind != STEP_TRANSLATE || !step->mask ||
	    (step->field != TRANSLATE_REDIRECT && step->field != TRANSLATE_DESTINATION) ||
	    (step->field == TRANSLATE_DESTINATION && step->length &&
	     !host_owns(&all->host, &address)))
		return false;
	for (size_t i = 0; i < row->service->port_count; i++)
		if (row->service->ports[i].first <= last && row->service->ports[i].last >= first)
			return true;
	return false;
}

static bool is_of_protocol(const struct view_rule *rule, const struct probe *probe)
{
	const struct situation situation = { .states = CT_NEW };

	for (size_t i = 0; i < rule->count; i++)
		if (rule->steps[i].field == FIELD_PROTOCOL && step_is_condition(&rule->steps[i]) &&
		    !(probe_meets(probe, &rule->steps[i], &situation) & ALL_DO))
			return false;
	return true;
}

/* Answers of the service would leave with a port that nobody asked. */
static int find_way_in(struct verification *all, const struct flow_row *row,
		       const struct place *place)
{
	const struct step *verdict = rule_verdict(place->rule);
	const struct probe probe = verify_probe(all, row, &(struct variant){ 0 });
	char text[PLACE_TEXT];

	if (!verdict || !leads_to(all, row, verdict) || !is_of_protocol(place->rule, &probe) ||
	    walk_could_meet(&probe, place->rule) & USUAL_DOES)
		return 0;
	return findings_add(&all->findings, "nat", NOTRACK_FAILED,
			    "%s (%s) sends packets for another port to %s: "
			    "its answers are not tracked, and leave without being translated "
			    "back; remove the service, or that rule",
			    view_format_place(place, text), family_name(row->family),
			    row->service->name);
}

static int find_ways_in(struct verification *all, const struct flow_row *row)
{
	int err = 0;

	for (const struct view_table *table = all->view.tables; table; table = table->next) {
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next) {
			struct place place = { .chain = chain };

			if (chain->type != CHAIN_NAT ||
			    !(chain->hooks & (1u << HOOK_PREROUTING | 1u << HOOK_OUTPUT)) ||
			    !(table->families & 1u << row->family))
				continue;
			for (place.rule = chain->rules; place.rule && !err;
			     place.rule = place.rule->next)
				err = find_way_in(all, row, &place);
		}
	}
	return err;
}

int verify_translations(struct verification *all, enum family family)
{
	int err = 0;

	for (size_t i = 0; i < all->row_count && !err; i++) {
		const struct flow_row *row = &all->rows[i];

		if (row->family != family || !row->request || row->loopback)
			continue;
		for (size_t j = 0; j < row->service->port_count && !err; j++)
			err = find_translation(all, row, j);
		if (!err && row->role == INBOUND)
			err = find_ways_in(all, row);
	}
	return err;
}
