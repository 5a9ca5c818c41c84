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
		meets |= walk_could_meet(&probe, place->rule);
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

static int find_in_chain(struct verification *all, const struct flow_row *row,
			 const struct view_chain *chain)
{
	struct place place = { .chain = chain };
	int err = 0;

	for (place.rule = chain->rules; place.rule && !err; place.rule = place.rule->next) {
		const struct step *verdict = rule_verdict(place.rule);

		if (verdict && verdict->kind == STEP_SYNPROXY)
			err = find_proxy(all, row, &place);
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

		if (row->family != family || row->protocol != TCP || row->role != INBOUND ||
		    !row->request || row->loopback)
			continue;
		for (const struct view_table *table = all->view.tables; table && !err;
		     table = table->next)
			err = find_in_table(all, row, table);
	}
	return err;
}
