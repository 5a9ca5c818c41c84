/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NAT, which does nothing to packets that are not tracked. */
#include "verify/verify.h"

#include <string.h>

/* --- the service's own packets ---------------------------------------- */

static const struct step *translation_at(const struct place *place)
{
	return rule_verdict(place->rule);
}

/* To another port or address; REDIRECT may lead to the one that packets are for anyway. */
static bool leads_away(const struct verification *all, const struct flow_row *row,
		       const struct translated *translated, const struct port_range *ports)
{
	const struct step *step = translation_at(&translated->place);
	bool redirect = step->field == TRANSLATE_REDIRECT;

	if (translated->hook != HOOK_PREROUTING && translated->hook != HOOK_OUTPUT)
		return false;
	return !redirect || (step->mask && step->mask != ((uint32_t)ports->first << 16 | ports->last)) ||
	       verify_redirects(all, row, translated);
}

static int tell_away(struct verification *all, const struct flow_row *row, const char *place,
		     bool some)
{
	const char *reserve = host_reserve(&all->host, row->family);

	if (row->role == OUTBOUND && some)
		return findings_add(&all->findings, "nat", NOTRACK_FAILED,
				    "%s (%s) sends some questions of %s to another server, and does "
				    "nothing to packets that are not tracked: they no longer get "
				    "there; leave this host's own questions tracked, or name the "
				    "servers that it asks as remote%s", place,
				    family_name(row->family), row->service->name, reserve);
	return findings_add(&all->findings, "nat", NOTRACK_FAILED,
			    "%s (%s) sends %spackets of %s to another place, and does "
			    "nothing to packets that are not tracked: they no longer get "
			    "there; remove the service, or that rule%s", place,
			    family_name(row->family), some ? "some " : "", row->service->name, reserve);
}

static int tell_translation(struct verification *all, const struct flow_row *row,
			    const struct translated *translated, bool away, bool some)
{
	char place[PLACE_TEXT];
	bool is_other;
	int err = verify_own_source(all, row, translated, &is_other);

	view_format_place(&translated->place, place);
	if (err || away)
		return err ? err : tell_away(all, row, place, some);
	if (is_other)
		return findings_add(&all->findings, "nat", NOTRACK_FAILED,
				    "%s (%s) gives questions of %s that this host asks another address than "
				    "that of the interface they leave by, and does nothing to packets that "
				    "are not tracked: the answer may depend on it; leave this host's own "
				    "questions tracked (role inbound)%s", place, family_name(row->family),
				    row->service->name, host_reserve(&all->host, row->family));
	return findings_add(&all->findings, "nat", NOTRACK_WARNING,
			    "%s (%s) does nothing to packets "
			    "of %s: what is not tracked is not translated", place,
			    family_name(row->family), row->service->name);
}

static int walk_request(const struct verification *all, const struct flow_row *row,
			struct probe probe, struct journey *journey)
{
	probe.tracked_states = CT_NEW;
	probe.tcp_flags = TCP_SYN;
	return verify_walk(all, row, &probe, true, journey);
}

/*
 * Packets for one address may have gone another way before they came to that rule, as where
 * others do not track them: they are followed once more, by themselves.
 */
static int is_translated(const struct verification *all, const struct flow_row *row,
			 const struct probe *probe, const struct translated *translated, bool *is)
{
	struct journey journey = { 0 };
	struct probe some = *probe;
	int err;

	some.destination = translated->destination;
	err = walk_request(all, row, some, &journey);
	*is = journey_meets_translation(&journey, translated->place.rule);
	return err;
}

static int find_picked(struct verification *all, const struct flow_row *row,
		       const struct probe *probe, const struct translated *translated, bool away)
{
	bool is = false;
	int err;

	/* what is sent to none of this host's addresses is not the service's */
	if (row->input && !host_may_own(&all->host, &translated->destination))
		return 0;
	err = is_translated(all, row, probe, translated, &is);
	return err || !is ? err : tell_translation(all, row, translated, away, true);
}

/* What a request meets as the first packet of a tracked connection. */
static int find_translation(struct verification *all, const struct flow_row *row, size_t ports)
{
	const struct port_range *range = &row->service->ports[ports];
	const struct probe probe = verify_probe(all, row, &(struct variant){ .ports = ports });
	struct journey journey = { 0 };
	int err = walk_request(all, row, probe, &journey);

	if (!err && journey.usual.place.chain)
		err = tell_translation(all, row, &journey.usual, leads_away(all, row, &journey.usual, range), false);
	for (unsigned int i = 0; i < journey.picked_count && !err; i++)
		err = find_picked(all, row, &probe, &journey.picked[i],
				  leads_away(all, row, &journey.picked[i], range));
	return err;
}

/* --- answers for others ------------------------------------------------ */

/* What this host forwards, and asks the service's servers; source: whoever it is forwarded for. */
static struct probe forwarded_probe(const struct verification *all, const struct flow_row *row,
				    const struct variant *variant)
{
	struct probe probe = verify_probe(all, row, variant);

	probe.source = (struct prefix){ .family = (uint8_t)row->family };
	probe.usual_source = probe.source;
	probe.own_source = false;
	strcpy(probe.in, "+");		/* which rules that it meets as it leaves may ask for, too */
	probe.tcp_flags = TCP_SYN;
	return probe;
}

/* What comes in by lo is this host's own. */
static bool is_of_lo(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (rule->steps[i].kind == STEP_INTERFACE && rule->steps[i].field == FIELD_IN &&
		    !(rule->steps[i].flags & STEP_INVERTED) &&
		    !strncmp(rule->steps[i].name, "lo", rule->steps[i].length) &&
		    rule->steps[i].length == sizeof("lo"))
			return true;
	return false;
}

/* What has a loopback address is never forwarded (RFC 1122, section 3.2.1.3). */
static bool is_from_loopback(const struct view_rule *rule, enum family family)
{
	for (size_t i = 0; i < rule->count; i++) {
		const struct step *step = &rule->steps[i];
		struct prefix source = { .family = (uint8_t)family, .length = step->length };

		if (step->kind != STEP_PREFIX || step->field != FIELD_SOURCE ||
		    step->flags & STEP_INVERTED)
			continue;
		memcpy(source.address, step->address, sizeof(source.address));
		if (host_is_loopback(&source))
			return true;
	}
	return false;
}

/*
 * Others whose questions leave with an address of this host get their answers by it: such
 * an answer looks like one of this host's own, and would not be tracked.
 */
static int find_masquerade(struct verification *all, const struct flow_row *row,
			   const struct probe *probe, const struct place *place)
{
	const struct step *verdict = rule_verdict(place->rule);
	char text[PLACE_TEXT];

	if (!verdict || verdict->kind != STEP_TRANSLATE ||
	    (verdict->field != TRANSLATE_MASQUERADE && verdict->field != TRANSLATE_SOURCE) ||
	    is_of_lo(place->rule) || is_from_loopback(place->rule, row->family) ||
	    !(probe_could_meet(probe, place->rule) & ALL_DO))
		return 0;
	return findings_add(&all->findings, "forwarded", NOTRACK_FAILED,
			    "%s (%s) gives what is forwarded for others an address of this host: "
			    "answers to their questions, too, would be taken for answers to %s of "
			    "this host, and not be translated back; leave this host's own "
			    "questions tracked, and serve alone (role inbound)",
			    view_format_place(place, text), family_name(row->family),
			    row->service->name);
}

static int find_masquerades(struct verification *all, const struct flow_row *row,
			    const struct variant *variant)
{
	const struct probe probe = forwarded_probe(all, row, variant);
	int err = 0;

	for (const struct view_table *table = all->view.tables; table; table = table->next) {
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next) {
			struct place place = { .chain = chain };

			if (!(chain->hooks & 1u << HOOK_POSTROUTING) ||
			    !(table->families & 1u << row->family))
				continue;
			for (place.rule = chain->rules; place.rule && !err;
			     place.rule = place.rule->next)
				err = find_masquerade(all, row, &probe, &place);
		}
	}
	return err;
}

static int find_forwarded(struct verification *all, const struct flow_row *row)
{
	const struct service *service = row->service;
	const size_t remotes = prefixes_count(service->remote, service->remote_count, row->family);
	struct variant variant = { 0 };
	int err = 0;

	if (!all->host.forwards_of[row->family])
		return 0;
	for (; variant.ports < service->port_count; variant.ports++)
		for (variant.remote = 0; variant.remote < (remotes ? remotes : 1) && !err; variant.remote++)
			err = find_masquerades(all, row, &variant);
	return err;
}

/* --- what is passed on -------------------------------------------------- */

/* A packet as the row has them, but for somebody else. */
static struct probe passed_on_probe(const struct verification *all, const struct flow_row *row)
{
	struct probe probe = verify_probe(all, row, &(struct variant){ 0 });

	probe.destination = (struct prefix){ .family = (uint8_t)row->family };
	probe.usual_destination = probe.destination;
	probe.own_destination = false;
	probe.tracked_states = CT_NEW;
	probe.tcp_flags = row->protocol != TCP ? 0 : row->request ? TCP_SYN : TCP_SYN | TCP_ACK;
	probe.chunk = row->request ? SCTP_INIT : SCTP_INIT_ACK;
	return probe;
}

/* Rules from before this host forwarded, or from where that could not be known. */
static int find_passed_on(struct verification *all, const struct flow_row *row)
{
	const struct probe probe = passed_on_probe(all, row);
	struct journey today = { 0 }, would = { 0 };
	int err = all->drift && all->host.forwards_of[row->family] ?
		  verify_walk(all, row, &probe, false, &would) : 0;

	if (err || !(would.at_conntrack & ANY_USUAL & ANY_UNTRACKED))
		return err;
	err = verify_walk(all, row, &probe, true, &today);
	if (err || today.at_conntrack & ANY_USUAL & ANY_UNTRACKED)	/* by a rule of the host's own */
		return err;
	return findings_add(&all->findings, "forwarded", NOTRACK_FAILED,
			    "%s of service %s over %s (%s) that this host forwards for others are not "
			    "tracked, since the rules were made when it did not forward: commit again",
			    row->request ? "requests" : "answers", row->service->name,
			    protocol_names[row->protocol], family_name(row->family));
}

int verify_translations(struct verification *all, enum family family)
{
	int err = 0;

	for (size_t i = 0; i < all->row_count && !err; i++) {
		const struct flow_row *row = &all->rows[i];

		if (row->family == family && row->input && !row->loopback)
			err = find_passed_on(all, row);
		if (err || row->family != family || !row->request || row->loopback)
			continue;
		for (size_t j = 0; j < row->service->port_count && !err; j++)
			err = find_translation(all, row, j);
		if (!err && row->role == INBOUND)
			err = verify_ways_in(all, row);
		if (!err && row->role == OUTBOUND)
			err = find_forwarded(all, row);
	}
	return err;
}
