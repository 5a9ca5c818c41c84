/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules that give this host's own questions another source.  Whoever answers may know that
 * address alone: a provider's resolver, or one behind a firewall.
 */
#include "verify/outcome.h"
#include "verify/verify.h"

#include <string.h>

/* What leaves by one interface, with the address that it has as a rule. */
struct leaving {
	const struct verification *all;
	const struct host_address *by;	/* NULL: it has none yet */
	struct probe probe;
	bool is_other;			/* for it, the rule has an address that the interface has not */
};

static bool is_of_interface(const struct leaving *leaving, const struct address_range *range)
{
	const struct host *host = &leaving->all->host;
	const size_t bytes = family_bits((enum family)leaving->probe.family) / 8;

	for (size_t i = 0; i < host->outward_count && leaving->by; i++)
		if (host->outward[i].address.family == leaving->by->address.family &&
		    !strcmp(host->outward[i].interface, leaving->by->interface) &&
		    !memcmp(host->outward[i].address.address, range->first, bytes) &&
		    !memcmp(host->outward[i].address.address, range->last, bytes))
			return true;
	return false;
}

static int look_at(void *data, const struct outcome *outcome)
{
	struct leaving *leaving = data;
	const struct situation situation = { .view = &leaving->all->view, .states = CT_NEW };

	for (size_t i = 2; i-- > 0;)
		if (outcome->of[i].map &&
		    !(probe_meets_element(&leaving->probe, outcome->of[i].map, outcome->of[i].element,
					  &situation) & ALL_DO))
			return i ? OUTCOMES_NEXT_PORT : 0;
	if (leaving->is_other)
		return OUTCOMES_NEXT_PORT;
	leaving->is_other |= !outcome->keeps_address && !outcome->unsure &&
			     !is_of_interface(leaving, &outcome->addresses);
	return 0;
}

/* Whether packets come to the rule at all, by the rules that lead there. */
static int reach(const struct leaving *leaving, const struct flow_row *row,
		 const struct translated *translated, bool *do_reach)
{
	struct journey journey = { 0 };
	int err = verify_walk(leaving->all, row, &leaving->probe, true, &journey);

	*do_reach = journey.picked_count == PICKED_TRANSLATED ||	/* or more */
		    journey_meets_translation(&journey, translated->place.rule);
	return err;
}

static int look_at_interface(const struct verification *all, const struct flow_row *row,
			     const struct translated *translated, const struct host_address *by,
			     bool *is_other)
{
	struct leaving leaving = { .all = all, .by = by,
				   .probe = verify_probe(all, row, &(struct variant){ 0 }) };
	struct probe *probe = &leaving.probe;

	if (!by->first || by->address.family != row->family ||
	    !verify_is_among(by->interface, probe->out) || !prefix_covers(&probe->source, &by->address))
		return 0;
	strcpy(probe->out, by->interface);
	probe->source = by->address;
	probe->usual_source = (struct prefix){ .family = (uint8_t)row->family };
	probe->tracked_states = CT_NEW;
	probe->tcp_flags = TCP_SYN;
	probe->chunk = SCTP_INIT;
	if (!(probe_could_meet(probe, translated->place.rule) & ALL_DO))
		return 0;
	outcomes_each(rule_verdict(translated->place.rule), row->family, look_at, &leaving);
	return leaving.is_other ? reach(&leaving, row, translated, is_other) : 0;
}

/* As long as this host has no address, nobody can say which one the rule replaces. */
static void look_at_none(const struct verification *all, const struct flow_row *row,
			 const struct translated *translated, bool *is_other)
{
	struct leaving leaving = { .all = all, .probe = verify_probe(all, row, &(struct variant){ 0 }) };

	outcomes_each(rule_verdict(translated->place.rule), row->family, look_at, &leaving);
	*is_other = leaving.is_other;
}

int verify_own_source(const struct verification *all, const struct flow_row *row,
		      const struct translated *translated, bool *is_other)
{
	const struct step *verdict = rule_verdict(translated->place.rule);
	int err = 0;

	*is_other = false;
	/* NETMAP is read as if it translated destinations */
	if (row->role != OUTBOUND || translated->hook != HOOK_POSTROUTING ||
	    (verdict->field != TRANSLATE_SOURCE && verdict->field != TRANSLATE_DESTINATION))
		return 0;
	if (!host_knows(&all->host, row->family))
		look_at_none(all, row, translated, is_other);
	for (size_t i = 0; i < all->host.outward_count && !err && !*is_other; i++)
		err = look_at_interface(all, row, translated, &all->host.outward[i], is_other);
	return err;
}
