/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules that an opening of ours hides: somebody put them behind it, and they say of some packets
 * of a service, or of the service by name, what the opening has decided already.
 */
#include "verify/verify.h"

#include "rules/graft.h"
#include "rules/name.h"
#include "verify/admission.h"
#include "verify/opening_chain.h"

/* Deeper than chains of ours are, and than those of most hosts. */
enum { DEPTH_MAX = 8 };

static const struct view_chain *leads_to(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);

	return verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO) ?
	       verdict->chain : NULL;
}

static bool is_verdict(const struct view_rule *rule, enum step_kind one, enum step_kind other)
{
	const struct step *verdict = rule_verdict(rule);

	return verdict && (verdict->kind == one || verdict->kind == other);
}

static bool may_drop(const struct view_rule *rule, const struct probe *probe, unsigned int depth)
{
	const struct view_chain *to = leads_to(rule);

	if (!(probe_could_meet(probe, rule) & ALL_DO))
		return false;
	if (is_verdict(rule, STEP_DROP, STEP_REJECT))
		return true;
	for (const struct view_rule *inner = to && depth < DEPTH_MAX ? to->rules : NULL; inner;
	     inner = inner->next)
		if (may_drop(inner, probe, depth + 1))
			return true;
	return false;
}

static int tell(struct verification *all, const struct flow_row *row, const struct place *place,
		const struct view_chain *opening)
{
	char text[PLACE_TEXT];

	return findings_add(&all->findings, "shadowed", NOTRACK_WARNING, "%s (%s) drops packets of %s that %s "
			    "accepts ahead of it, so that it does nothing to them; %s",
			    view_format_place(place, text), family_name(row->family),
			    row->service->name, opening->name, rule_names_ports(place->rule) ?
			    "delete that rule, or take the service away" :
			    "add or apply the service again, and our jump moves behind that rule");
}

/*
 * What drops all that come is why there is an opening ahead of it, unless it names the service;
 * behind it nothing counts.
 */
static int look_behind(struct verification *all, const struct flow_row *row,
		       const struct probe *probe, const struct view_chain *base,
		       const struct view_rule *jump)
{
	struct place place = { .chain = base, .rule = jump->next };
	int err = 0;

	for (; place.rule && !err; place.rule = place.rule->next) {
		const bool all_do = probe_could_meet(probe, place.rule) == ALL_DO &&
				    !rule_asks_conntrack(place.rule) && !leads_to(place.rule);

		if (place.rule->flags & RULE_OURS || !may_drop(place.rule, probe, 0))
			continue;
		if (all_do && !rule_names_ports(place.rule))
			break;
		err = tell(all, row, &place, leads_to(jump));
	}
	return err;
}

static int look_at_base(struct verification *all, const struct flow_row *row,
			const struct probe *probe, const struct view_chain *base)
{
	for (const struct view_rule *rule = base->rules; rule; rule = rule->next) {
		const struct view_chain *to = leads_to(rule);

		if (to && chain_is_ours(to) && chain_is_opening(to->name) && opening_accepts(to, probe))
			return look_behind(all, row, probe, base, rule);
	}
	return 0;
}

static int look_at_row(struct verification *all, const struct flow_row *row)
{
	const enum hook hook = row->input ? HOOK_INPUT : HOOK_OUTPUT;
	struct probe probe;
	int err = 0;

	for (size_t ports = 0; ports < row->service->port_count && !err; ports++) {
		probe = verify_probe(all, row, &(struct variant){ .ports = ports });
		/* as the opening was placed: see find_end() */
		probe.local_destination = probe.own_destination;
		probe.plain = true;
		if (row->protocol == TCP)
			probe.tcp_flags = row->request ? TCP_SYN : TCP_SYN | TCP_ACK;
		for (const struct view_chain *base = all->view.hooks[hook]; base && !err;
		     base = base->next_at_hook)
			if (base->table->families & 1u << row->family && !chain_is_ours(base))
				err = look_at_base(all, row, &probe, base);
	}
	return err;
}

int verify_hidden(struct verification *all, enum family family)
{
	int err = 0;

	for (size_t i = 0; i < all->row_count && !err; i++)
		if (all->rows[i].family == family && !all->rows[i].loopback)
			err = look_at_row(all, &all->rows[i]);
	return err;
}
