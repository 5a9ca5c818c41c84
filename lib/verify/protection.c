/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What protects a service as long as its connections are tracked. */
#include "verify/verify.h"

/* SYNPROXY answers for the service until a client has proved itself; it works by conntrack. */
static int find_proxy(struct verification *all, const struct flow_row *row,
		      const struct place *place)
{
	char text[PLACE_TEXT];
	unsigned int meets = 0;

	for (size_t i = 0; i < row->service->port_count; i++) {
		struct probe probe = verify_probe(all, row, &(struct variant){ .ports = i });

		probe.tcp_flags = TCP_SYN;
		meets |= probe_could_meet(&probe, place->rule);
	}
	if (!(meets & ALL_DO))
		return 0;
	return findings_add(&all->findings, "synproxy",
			    meets & USUAL_DOES ? NOTRACK_FAILED : NOTRACK_WARNING,
			    "%s (%s) protects %s from floods of SYN by SYNPROXY, which needs "
			    "conntrack: leave tcp out of the service, or delete that rule",
			    view_format_place(place, text), family_name(row->family),
			    row->service->name);
}

/* How many connections a source may have. */
static bool counts_connections(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (rule->steps[i].kind == STEP_WITHIN_RATE && rule->steps[i].field == FIELD_CT_OTHER)
			return true;
	return false;
}

/* Whether the usual packet comes to be counted, if it is new: rates are why it is. */
static bool comes_to_count(const struct verification *all, const struct flow_row *row, size_t ports,
			   const struct view_rule *rule)
{
	struct probe probe = verify_probe(all, row, &(struct variant){ .ports = ports });
	const struct situation situation = { .view = &all->view, .states = CT_NEW };

	probe.tcp_flags = row->protocol == TCP ? TCP_SYN : 0;
	for (size_t i = 0; i < rule->count; i++)
		if (step_is_condition(&rule->steps[i]) && !(rule->steps[i].flags & STEP_REMEMBERS) &&
		    !(probe_meets(&probe, &rule->steps[i], &situation) & USUAL_DOES))
			return false;
	return true;
}

/*
 * For packets that are not tracked, the kernel counts those of one tick of its clock, each as a
 * connection, and forgets them with the next tick: see find_or_evict() in nf_conncount.c.
 */
static int find_count(struct verification *all, const struct flow_row *row, const struct place *place)
{
	char text[PLACE_TEXT];

	for (size_t ports = 0; ports < row->service->port_count; ports++)
		if (comes_to_count(all, row, ports, place->rule))
			return findings_add(&all->findings, "widened",
					    all->changes ? NOTRACK_FAILED : NOTRACK_WARNING,
					    "%s (%s) limits how many connections a source has, and packets "
					    "of %s over %s that are not tracked belong to none, so that it "
					    "limits them no more: leave that protocol of the service "
					    "tracked, or limit it by rate, with a limit of ours or with "
					    "hashlimit, in place of that rule",
					    view_format_place(place, text), family_name(row->family),
					    row->service->name, protocol_names[row->protocol]);
	return 0;
}

static int find_in_chain(struct verification *all, const struct flow_row *row,
			 const struct view_chain *chain)
{
	struct place place = { .chain = chain };
	int err = 0;

	for (place.rule = chain->rules; place.rule && !err;
	     place.rule = rule_end_of_run(place.rule)->next) {
		const struct step *verdict = rule_verdict(place.rule);

		if (place.rule->flags & RULE_OURS || chain_is_ours(chain))
			continue;
		if (verdict && verdict->kind == STEP_SYNPROXY && row->protocol == TCP)
			err = find_proxy(all, row, &place);
		else if (verdict && counts_connections(place.rule))
			err = find_count(all, row, &place);
	}
	return err;
}

static int find_in_table(struct verification *all, const struct flow_row *row,
			 const struct view_table *table)
{
	int err = 0;

	for (const struct view_chain *chain = table->chains; chain && !err; chain = chain->next)
		if (chain->hooks & 1u << HOOK_INPUT && table->families & 1u << row->family)
			err = find_in_chain(all, row, chain);
	return err;
}

int verify_protections(struct verification *all, enum family family)
{
	int err = 0;

	for (size_t i = 0; i < all->row_count && !err; i++) {
		const struct flow_row *row = &all->rows[i];

		if (row->family != family || row->role != INBOUND || !row->request || row->loopback)
			continue;
		for (const struct view_table *table = all->view.tables; table && !err;
		     table = table->next)
			err = find_in_table(all, row, table);
	}
	return err;
}
