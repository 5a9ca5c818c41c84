/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rules/overlay.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define TCP_SYN_MASK 0x17		/* FIN, SYN, RST, ACK: as iptables' --syn */
#define TCP_SYN_ONLY 0x02
#define TCP_SYN_ACK 0x12
#define SCTP_INIT 1			/* RFC 9260, section 3.2 */

/* --- what a rule of ours asks ----------------------------------------- */

static int add_prefix(struct view *view, enum field field, const struct prefix *prefix)
{
	struct step *step;

	if (!prefix->length)
		return 0;
	step = view_add_step(view, STEP_PREFIX);
	if (!step)
		return -ENOMEM;
	step->field = (uint8_t)field;
	step->length = prefix->length;
	memcpy(step->address, prefix->address, sizeof(step->address));
	return 0;
}

static int add_interface(struct view *view, enum field field, const char *name)
{
	const size_t size = strlen(name);
	struct step *step;

	if (!size)
		return 0;
	step = view_add_step(view, STEP_INTERFACE);
	if (!step)
		return -ENOMEM;
	step->field = (uint8_t)field;
	memcpy(step->name, name, size);
	step->length = (uint8_t)(name[size - 1] == '+' ? size - 1 : size + 1);
	return 0;
}

static int add_ports(struct view *view, enum field field, const struct ports *ports)
{
	struct range ranges[PORT_SLOTS];
	struct step *step;

	if (!ports->count)
		return 0;
	for (size_t i = 0; i < ports->count; i++)
		ranges[i] = (struct range){ ports->range[i].first, ports->range[i].last };
	step = view_add_numbers(view, field, ranges, ports->count);
	if (!step)
		return -ENOMEM;
	step->flags = ports->inverted ? STEP_INVERTED : 0;
	return 0;
}

static int add_number(struct view *view, enum field field, uint32_t value, uint32_t mask,
		      bool inverted)
{
	struct step *step = view_add_number(view, field, value, value);

	if (!step)
		return -ENOMEM;
	step->mask = mask;
	step->flags = inverted ? STEP_INVERTED : 0;
	return 0;
}

static int add_flags(struct view *view, const struct match *match)
{
	int err = 0;

	if (match->syn)
		err = add_number(view, FIELD_TCP_FLAGS,
				 match->syn == SYN_ACK_NOT ? TCP_SYN_ACK : TCP_SYN_ONLY,
				 TCP_SYN_MASK, match->syn != SYN_ONLY);
	if (!err && match->tcp_mask)
		err = add_number(view, FIELD_TCP_FLAGS, match->tcp_flags, match->tcp_mask, false);
	if (!err && (match->sctp_init || match->sctp_not_init))
		err = add_number(view, FIELD_CHUNK, SCTP_INIT, UINT32_MAX, match->sctp_not_init);
	return err;
}

static int add_match(struct view *view, const struct match *match)
{
	int err = 0;

	if (match->protocol)
		err = add_number(view, FIELD_PROTOCOL, match->protocol, UINT32_MAX, false);
	if (!err)
		err = add_interface(view, FIELD_IN, match->in);
	if (!err)
		err = add_interface(view, FIELD_OUT, match->out);
	if (!err)
		err = add_prefix(view, FIELD_DESTINATION, &match->to);
	if (!err)
		err = add_ports(view, FIELD_SOURCE_PORT, &match->source);
	if (!err)
		err = add_ports(view, FIELD_DESTINATION_PORT, &match->destination);
	if (!err)
		err = add_flags(view, match);
	if (!err && match->icmp)
		err = add_number(view, FIELD_ICMP_TYPE, match->icmp_type, UINT32_MAX, false);
	if (!err && match->to_local)
		err = add_number(view, FIELD_DESTINATION_TYPE, RTN_LOCAL, UINT32_MAX, false);
	if (!err && match->from_local)
		err = add_number(view, FIELD_SOURCE_TYPE, RTN_LOCAL, UINT32_MAX, false);
	return err;
}

/* --- what it copies --------------------------------------------------- */

static int copy_step(struct view *view, const struct step *step)
{
	struct step *copy = view_add_step(view, (enum step_kind)step->kind);

	if (!copy)
		return -ENOMEM;
	*copy = *step;
	return 0;
}

static int copy_steps(struct view *view, const struct view_rule *original, size_t from, size_t to,
		      bool forgetful)
{
	int err = 0;

	for (size_t i = from; i < to && !err; i++) {
		const struct step *step = &original->steps[i];

		if (!step_is_verdict(step) && !step_asks_conntrack(step) &&
		    !(forgetful && step_records(step)))
			err = copy_step(view, step);
	}
	return err;
}

/* --- what it does ----------------------------------------------------- */

static int add_target(struct view *view, const struct view_table *table,
		      const struct graft_rule *graft)
{
	static const enum step_kind kinds[] = {
		[TARGET_ACCEPT] = STEP_ACCEPT, [TARGET_DROP] = STEP_DROP,
		[TARGET_RETURN] = STEP_RETURN, [TARGET_NOTRACK] = STEP_NOTRACK,
		[TARGET_JUMP] = STEP_JUMP, [TARGET_GOTO] = STEP_GOTO,
	};
	const struct rule *rule = &graft->rule;
	struct view_chain *chain = NULL;
	struct step *step;

	if (rule->target == TARGET_NONE)
		return 0;
	if (rule->target == TARGET_JUMP || rule->target == TARGET_GOTO)
		chain = view_find_chain(view, table, graft->to ? graft->to->name : rule->to->name);
	step = view_add_step(view, kinds[rule->target]);
	if (!step)
		return -ENOMEM;
	if (chain)
		step->chain = chain;
	return 0;
}

static int add_family(struct view *view, const struct view_table *table, uint8_t families)
{
	if ((families & table->families) == table->families)
		return 0;
	return add_number(view, FIELD_FAMILY, families & 1u << IPV6 ? AF_INET6 : AF_INET,
			  UINT32_MAX, false);
}

int overlay_asks(struct view *view, const struct view_table *table, const struct graft_rule *graft)
{
	int err = add_family(view, table, graft->families);

	if (!err)
		err = add_prefix(view, FIELD_SOURCE, &graft->rule.source);
	if (!err && graft->rule.match)
		err = add_match(view, graft->rule.match);
	return err;
}

static void lead_element(struct view *view, const struct view_table *table,
			 const struct graft_rule *graft, struct set_element *element)
{
	const struct graft_lead *lead = !element->chain ? NULL :
					graft_lead_of(graft, element->verdict, element->chain->name);

	if (!lead)
		return;
	element->verdict = lead->becomes;
	element->chain = lead->to ? view_find_chain(view, table, lead->to->name) : NULL;
}

int overlay_leads(struct view *view, const struct view_table *table, const struct graft_rule *graft,
		  struct step *step)
{
	const struct view_lookup *original = step->lookup;
	const size_t size = original->count * element_size(original);
	struct view_lookup *copy = arena_alloc(&view->arena, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *original;
	copy->original = original;
	copy->elements = arena_alloc(&view->arena, size + 1);
	if (!copy->elements)
		return -ENOMEM;
	memcpy(copy->elements, original->elements, size);
	for (size_t i = 0; i < copy->count; i++)
		lead_element(view, table, graft, element_at(copy, i));
	step->lookup = copy;
	return 0;
}

static int copy_verdict(struct view *view, const struct view_table *table,
			const struct graft_rule *graft, const struct step *verdict)
{
	int err = copy_step(view, verdict);

	return err || !graft->lead_count ? err :
	       overlay_leads(view, table, graft, &view->steps[view->step_count - 1]);
}

static int add_steps(struct view *view, const struct view_table *table,
		     const struct graft_rule *graft)
{
	const struct view_rule *original = graft->original.row;
	const struct match *match = graft->rule.match;
	const size_t tail = original ? rule_tail(original) : 0;
	const struct step *verdict = original ? rule_verdict(original) : NULL;
	int err = add_family(view, table, graft->families);

	if (!err && match && match->states)
		err = view_add_states(view, match->states) ? 0 : -ENOMEM;
	if (!err && graft->copies & COPY_HEAD)
		err = copy_steps(view, original, 0, tail, false);
	if (!err)
		err = add_prefix(view, FIELD_SOURCE, &graft->rule.source);
	if (!err && match)
		err = add_match(view, match);
	if (!err && graft->copies & COPY_TAIL)
		err = copy_steps(view, original, tail, original->count,
				 graft->copies & COPY_FORGETFUL);
	if (err || !(graft->copies & COPY_VERDICT))
		return err ? err : add_target(view, table, graft);
	return verdict ? copy_verdict(view, table, graft, verdict) : 0;
}

/* --- rules and chains ------------------------------------------------- */

static int fill_chain(struct view *view, const struct graft_chain *from)
{
	struct view_chain *chain = view_find_chain(view, from->table, from->name);

	for (size_t i = 0; i < from->count; i++)
		if (add_steps(view, from->table, &from->rules[i]) || !view_end_rule(view, chain, 0))
			return -ENOMEM;
	return 0;
}

static int insert_graft(struct view *view, const struct graft *graft, struct view_rule *after)
{
	int err = add_steps(view, graft->chain->table, &graft->rule);
	struct view_rule *rule = err ? NULL : view_insert_rule(view, graft->chain, after, view->steps,
							       view->step_count);

	view->step_count = 0;
	if (!rule)
		return -ENOMEM;
	rule->flags |= RULE_ADDED;
	return 0;
}

/* Grafts come in the order of the rules, so that a chain is gone through once. */
static int insert_grafts(struct view *view, const struct grafts *grafts)
{
	const struct view_chain *chain = NULL;
	struct view_rule *after = NULL;
	int err = 0;

	for (size_t i = 0; i < grafts->count && !err; i++) {
		const struct graft *graft = &grafts->list[i];

		if (graft->chain != chain)
			after = NULL;
		chain = graft->chain;
		if (!graft->before)
			after = chain->last;
		while (graft->before && (after ? after->next : chain->rules) != graft->before)
			after = after ? after->next : chain->rules;
		err = insert_graft(view, graft, after);
		after = after ? after->next : chain->rules;
	}
	return err;
}

int overlay_grafts(struct view *view, const struct grafts *grafts)
{
	int err = 0;

	for (const struct graft_chain *chain = grafts->chains; chain; chain = chain->next)
		if (!view_add_chain(view, chain->table, chain->name))
			return -ENOMEM;
	for (const struct graft_chain *chain = grafts->chains; chain && !err; chain = chain->next)
		err = fill_chain(view, chain);
	return err ? err : insert_grafts(view, grafts);
}

static int fill_from_chain(struct view *view, struct view_chain *chain, const struct chain *from)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct graft_rule rule = { .rule = from->rules[i],
						 .families = chain->table->families };

		if (add_steps(view, chain->table, &rule) || !view_end_rule(view, chain, 0))
			return -ENOMEM;
	}
	return 0;
}

/* Of a table that may be for both families. */
static int lead_there(struct view *view, struct view_chain *from, enum family family,
		      struct view_chain *to)
{
	int err = add_family(view, from->table, 1u << family);
	struct step *step = err ? NULL : view_add_step(view, STEP_JUMP);
	struct view_rule *rule = NULL;

	if (step) {
		step->chain = to;
		rule = view_insert_rule(view, from, NULL, view->steps, view->step_count);
	}
	view->step_count = 0;
	return rule ? 0 : -ENOMEM;
}

static int put_top(struct view *view, const struct overlay_top *top, enum family family,
		   struct view_chain *chain, int priority)
{
	if (top->within)
		return lead_there(view, top->within, family, chain);
	if (top->ahead)
		view_set_hook_ahead(view, chain, top->ahead);
	else
		view_set_hook(view, chain, top->hook, priority);
	return 0;
}

int overlay_ruleset(struct view *view, const struct ruleset *rules, enum family family,
		    const struct overlay_top *tops, int priority)
{
	struct view_table *table = view_add_table(view, WORLD_NFT, 1u << family, "inet",
						  "libnotrack");
	int err = table ? 0 : -ENOMEM;

	for (size_t i = 0; i < rules->count && !err; i++)
		err = view_add_chain(view, table, rules->chains[i]->name) ? 0 : -ENOMEM;
	for (size_t i = 0; i < rules->count && !err; i++)
		err = fill_from_chain(view, view_find_chain(view, table, rules->chains[i]->name),
				      rules->chains[i]);
	for (; tops->chain && !err; tops++) {
		struct view_chain *chain = view_find_chain(view, table, tops->chain);

		if (chain)
			err = put_top(view, tops, family, chain, priority);
	}
	return err;
}
