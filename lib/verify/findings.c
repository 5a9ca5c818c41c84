/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What there is to say about flows and tables, and what to do about it. */
#include "verify/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"
#include "verify/opening_chain.h"

/* "dns, IPv4 udp inbound request over lo" */
#define FLOW_TEXT (SERVICE_NAME_MAX + 56)

static const char *format_flow(const struct flow_row *row, char text[FLOW_TEXT])
{
	snprintf(text, FLOW_TEXT, "%s, %s %s %s %s%s", row->service->name,
		 family_name(row->family), protocol_names[row->protocol],
		 role_names[row->role == OUTBOUND], row->request ? "request" : "reply",
		 row->loopback ? " over lo" : "");
	return text;
}

/* --- our jumps -------------------------------------------------------- */

/* Which of our tables a legacy table is; TABLES if it is neither. */
static enum table_id table_of(const struct view_chain *chain)
{
	enum table_id id = RAW;

	if (chain->table->world != WORLD_LEGACY)
		return TABLES;
	while (id < TABLES && strcmp(chain->table->name, table_name(id)))
		id++;
	return id;
}

static enum family family_of(const struct view_table *table)
{
	return table->families & 1u << IPV6 ? IPV6 : IPV4;
}

/* A jump that no packet of its hook gets to does not count. */
static bool is_our_jump(const struct view_chain *chain, const struct view_rule *rule,
			enum table_id id, bool input)
{
	enum hook hook = !input ? HOOK_OUTPUT : id == RAW ? HOOK_PREROUTING : HOOK_INPUT;
	const struct step *verdict = rule_verdict(rule);
	char top[CHAIN_NAME_MAX + 1];

	if (!verdict || (verdict->kind != STEP_JUMP && verdict->kind != STEP_GOTO) ||
	    !chain_is_ours(verdict->chain) || chain_is_ours(chain))
		return false;
	chain_top_name(top, verify_chain(id, input));
	return chain->hooks & 1u << hook && !strcmp(verdict->chain->name, top);
}

static void look_at_rule(struct verification *all, enum table_id id, const struct view_chain *chain,
			 const struct view_rule *rule)
{
	for (int input = 0; input < 2; input++) {
		struct our_jump *jump = &all->jumps[family_of(chain->table)][id][input];

		if (!jump->chain && is_our_jump(chain, rule, id, input))
			*jump = (struct our_jump){ chain, rule };
	}
}

static void look_at_chain(struct verification *all, const struct view_chain *chain)
{
	enum table_id id = table_of(chain);

	if (id == TABLES)
		return;
	for (const struct view_rule *rule = chain->rules; rule; rule = rule_end_of_run(rule)->next)
		look_at_rule(all, id, chain, rule);
}

void verify_find_jumps(struct verification *all)
{
	for (const struct view_table *table = all->view.tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			look_at_chain(all, chain);
}

/* Over lo, a packet that leaves comes in again: the rule tells which of the two it was. */
static bool is_at_input(const struct view_chain *chain)
{
	return chain->hooks & (1u << HOOK_PREROUTING | 1u << HOOK_INPUT);
}

/*
 * The jump to an opening in a base chain of nftables, of which there may be several at a hook,
 * each with a place of its own among all others.
 */
static struct our_jump jump_of_nft(const struct view_chain *base)
{
	for (const struct view_rule *rule = base->rules; rule; rule = rule_end_of_run(rule)->next)
		if (is_our_jump(base, rule, FILTER, is_at_input(base)))
			return (struct our_jump){ base, rule };
	return (struct our_jump){ 0 };
}

/* Whether these packets are among those that are opened there. */
static bool is_opened(const struct verification *all, const struct flow_row *row,
		      const struct our_jump *jump)
{
	struct probe probe = verify_probe(all, row, &(struct variant){ 0 });

	if (table_of(jump->chain) == RAW)
		return true;
	if (row->protocol == TCP)
		probe.tcp_flags = row->request ? TCP_SYN : TCP_SYN | TCP_ACK;
	return opening_accepts(rule_verdict(jump->rule)->chain, &probe);
}

/* That packets would have come to behind that place; without a chain where there is none. */
static struct our_jump jump_of(const struct verification *all, const struct flow_row *row,
			       const struct ending *ending)
{
	const struct view_chain *beside = ending->first.chain;
	enum table_id id = table_of(beside);

	if (beside->table->world == WORLD_NFT && ending->base)
		return jump_of_nft(ending->base);
	if (id == TABLES)
		return (struct our_jump){ 0 };
	return all->jumps[row->family][id][is_at_input(beside)];
}

/* Whether a rule of others is met ahead of our jump, if there is one, whatever that is for. */
static bool stands_ahead(const struct verification *all, const struct flow_row *row,
			 const struct ending *ending)
{
	const struct place *place = &ending->first;
	struct our_jump jump = jump_of(all, row, ending);
	struct place of_jump = { jump.chain, jump.rule };

	if (!jump.chain || chain_is_ours(place->chain))
		return false;
	/* the policy: a goto ahead of our jump leads there, too */
	return jump.chain != place->chain || !place->rule || place_is_ahead(place, &of_jump);
}

/* ... and that would let the packets in. */
bool verify_is_ahead(const struct verification *all, const struct flow_row *row,
		     const struct ending *ending)
{
	const struct our_jump jump = jump_of(all, row, ending);

	return stands_ahead(all, row, ending) && is_opened(all, row, &jump);
}

/* --- flows ------------------------------------------------------------ */

static int find_tracked(struct verification *all, const struct flow_row *row,
			const struct judgement *judgement)
{
	unsigned int tracked = ANY_TRACKED & ANY_USUAL;
	const struct ending *ending = endings_first(judgement->journey.untracking, tracked);
	char flow[FLOW_TEXT], place[PLACE_TEXT];

	if (!(judgement->journey.at_conntrack & tracked) || judgement->untracked == NOTRACK_YES)
		return 0;	/* what raw drops comes to no harm in conntrack */
	format_flow(row, flow);
	if (!ending)
		return findings_add(&all->findings, "tracked", NOTRACK_FAILED,
				    "%s: tracked: there is no rule that "
				    "could take it out of tracking; add or apply the service again",
				    flow);
	view_format_place(&ending->first, place);
	if (judgement->untracked == NOTRACK_UNSURE)
		return findings_add(&all->findings, "unsure", NOTRACK_FAILED,
				    "%s: tracked or not, which depends "
				    "on a rule that asks for what verify cannot tell; see %s", flow,
				    place);
	if (judgement->journey.at_conntrack & USUAL(TEMPLATE))
		return findings_add(&all->findings, "tracked", NOTRACK_FAILED,
				    "%s: tracked: a CT rule in raw "
				    "gives it a zone or helper ahead of NOTRACK, which then does "
				    "nothing; narrow that rule", flow);
	if (!ending->first.rule || !verify_is_ahead(all, row, ending))
		return findings_add(&all->findings, "tracked", NOTRACK_FAILED,
				    "%s: tracked: no rule takes it out "
				    "of tracking ahead of %s; add or apply the service again", flow,
				    place);
	return findings_add(&all->findings, "tracked", NOTRACK_FAILED,
			    "%s: tracked: %s ends table raw ahead of "
			    "NOTRACK; move that rule below our jump, or narrow it", flow, place);
}

static int find_dropped(struct verification *all, const struct flow_row *row,
			const struct judgement *judgement)
{
	const struct ending *dropped = endings_first(judgement->journey.endings[DROPPED],
						     ANY_USUAL);
	char flow[FLOW_TEXT], place[PLACE_TEXT];

	if (judgement->verdict == NOTRACK_ACCEPT ||
	    (judgement->verdict == NOTRACK_DROP && judgement->as_it_was))
		return 0;
	format_flow(row, flow);
	view_format_place(&dropped->first, place);
	if (judgement->verdict == NOTRACK_ACCEPT_OR_DROP)
		return findings_add(&all->findings, "unsure",
				    judgement->as_it_was ? NOTRACK_WARNING : NOTRACK_FAILED,
				    "%s: accepted or dropped, which "
				    "depends on a rule that asks for what verify cannot tell; "
				    "see %s",
				    flow, row->by);
	if (table_of(dropped->first.chain) == TABLES &&
	    (!jump_of(all, row, dropped).chain ||
	     (stands_ahead(all, row, dropped) && !verify_is_ahead(all, row, dropped))))
		return findings_add(&all->findings, "dropped", NOTRACK_FAILED,
				    "%s: dropped: %s; %s", flow, place, dropped->first.rule ?
				    "narrow that rule" : "let in whom the service is for, or add or "
				    "apply the service again, which opens it where nobody is let in");
	if (!dropped->first.rule || !verify_is_ahead(all, row, dropped))
		return findings_add(&all->findings, "dropped", NOTRACK_FAILED,
				    "%s: dropped: no rule accepts it "
				    "ahead of %s; add or apply the service again", flow, place);
	return findings_add(&all->findings, "dropped", NOTRACK_FAILED,
			    "%s: dropped: %s; move that rule below our "
			    "jump, or narrow it", flow, place);
}

/* @ending: of packets that should not have met it. */
static int find_ahead(struct verification *all, const struct flow_row *row,
		      const struct ending *ending, bool picked, const char *done)
{
	char place[PLACE_TEXT];
	const char *top;

	/* a policy is ahead of nothing, but for what goes around our jump */
	if (!ending || !ending->first.rule || !verify_is_ahead(all, row, ending))
		return 0;
	top = rule_verdict(jump_of(all, row, ending).rule)->chain->name;
	view_format_place(&ending->first, place);
	if (!picked)
		return findings_add(&all->findings, "rule-ahead", NOTRACK_FAILED,
				    "%s (%s): %s is %s ahead of "
				    "the jump to %s; move that rule below it, or narrow it", place,
				    family_name(row->family), row->service->name, done, top);
	return findings_add(&all->findings, "rule-ahead", NOTRACK_WARNING,
			    "%s (%s)%s: some packets of %s are "
			    "%s ahead of the jump to %s; see whether they are meant to be", place,
			    family_name(row->family), ending->last_time > ending->first_time ?
			    " and rules after it" : "", row->service->name, done, top);
}

/* A rule that asks for a state, on a host that says whom it lets in, has twins where it needs any. */
static bool is_meant(const struct judgement *judgement)
{
	const struct ending *dropped = endings_first(judgement->journey.endings[DROPPED], ANY_USUAL);

	return judgement->verdict == NOTRACK_DROP && judgement->as_it_was && dropped->first.rule &&
	       (dropped->first.chain->table->world == WORLD_NFT ||
		table_of(dropped->first.chain) == FILTER) &&
	       dropped->first.rule->flags & RULE_ASKS_STATE;
}

static int find_rules_ahead(struct verification *all, const struct flow_row *row,
			    const struct judgement *judgement)
{
	const struct journey *journey = &judgement->journey;
	bool tracked = judgement->untracked == NOTRACK_NO;
	bool dropped = judgement->verdict == NOTRACK_DROP;
	int err = 0;

	if (judgement->untracked != NOTRACK_UNSURE)
		err = find_ahead(all, row, endings_first(journey->untracking, ANY_TRACKED &
				 (tracked ? ANY_USUAL : ANY_PICKED)), !tracked, "tracked");
	if (!err && judgement->verdict != NOTRACK_ACCEPT_OR_DROP && !is_meant(judgement))
		err = find_ahead(all, row, endings_first(journey->endings[DROPPED],
				 dropped ? ANY_USUAL : ANY_PICKED), !dropped, "dropped");
	return err;
}

int verify_explain(struct verification *all, const struct flow_row *row,
		   const struct judgement *judgement)
{
	int err = find_tracked(all, row, judgement);

	if (!err)
		err = find_dropped(all, row, judgement);
	return err ? err : find_rules_ahead(all, row, judgement);
}

/* --- tables ----------------------------------------------------------- */

static bool has_services(const struct verification *all, enum family family)
{
	const struct family_model *model = &all->model->families[family];

	for (size_t i = 0; i < model->count; i++)
		if (verify_wants(all, model->served[i].service))
			return true;
	return false;
}

bool verify_some_flow_fails(const struct verification *all, enum family family, bool input)
{
	for (size_t i = 0; i < all->row_count; i++) {
		const struct flow_row *row = &all->rows[i];

		if (row->family == family && row->input == input &&
		    (row->untracked != NOTRACK_YES || row->verdict != NOTRACK_ACCEPT))
			return true;
	}
	return false;
}

static bool has_chains(const struct verification *all, enum family family)
{
	for (const struct view_table *table = all->view.tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			if (table->world == WORLD_LEGACY && table->families & 1u << family &&
			    chain_is_ours(chain))
				return true;
	return false;
}

/* Whether packets that get to a chain of ours would be accepted by it. */
static bool accepts(const struct verification *all, enum family family, const char *top)
{
	const struct view_chain *chain = NULL;

	for (const struct view_table *table = all->view.tables; table && !chain; table = table->next)
		if (table->world == WORLD_LEGACY && table->families & 1u << family &&
		    !strcmp(table->name, table_name(FILTER)))
			chain = view_find_chain(&all->view, table, top);
	for (const struct view_rule *rule = chain ? chain->rules : NULL; rule; rule = rule->next) {
		const struct step *verdict = rule_verdict(rule);

		if (verdict && (verdict->kind != STEP_JUMP || verdict->chain->rules))
			return true;
	}
	return false;
}

/* Whether nftables untracks: then the legacy tables have openings and twins alone. */
static bool is_untracked_by_nft(const struct verification *all, enum family family)
{
	for (enum hook hook = HOOK_PREROUTING; hook < HOOKS; hook++)
		for (const struct view_chain *chain = all->view.hooks[hook]; chain;
		     chain = chain->next_at_hook)
			if (chain->table->world == WORLD_NFT && chain_is_ours(chain) &&
			    chain->table->families & 1u << family)
				return true;
	return false;
}

/* Of the legacy tables; where the host needs no opening, there is none to be led to. */
static int find_jump_missing(struct verification *all, enum family family, enum table_id id,
			     bool input)
{
	char top[CHAIN_NAME_MAX + 1];

	if (all->jumps[family][id][input].chain)
		return 0;
	chain_top_name(top, verify_chain(id, input));
	if (!has_chains(all, family) || (id == FILTER && !accepts(all, family, top)) ||
	    (id == RAW && is_untracked_by_nft(all, family)))
		return 0;
	return findings_add(&all->findings, "jump-missing", verify_some_flow_fails(all, family, input) ?
			    NOTRACK_FAILED : NOTRACK_WARNING,
			    "%s %s (%s): no rule leads to %s any more; "
			    "add or apply a service again, and it comes back", table_name(id),
			    verify_chain(id, input), family_name(family), top);
}

static bool service_of_chain(const char *chain, char name[SERVICE_NAME_MAX + 1])
{
	return chain_service(chain, CHAIN_IN, name) || chain_service(chain, CHAIN_OUT, name);
}

static bool untracks(const struct view_chain *chain)
{
	for (const struct view_rule *rule = chain->rules; rule; rule = rule->next)
		for (size_t i = 0; i < rule->count; i++)
			if (rule->steps[i].kind == STEP_NOTRACK)
				return true;
	return false;
}

/*
 * Somebody flushed filter, and with it all that says what services there are;
 * raw goes on, and its packets are left to rules that ask for a state.
 */
static int find_left_behind(struct verification *all, enum family family,
			    const struct view_chain *chain)
{
	char name[SERVICE_NAME_MAX + 1];

	if (table_of(chain) != RAW || family_of(chain->table) != family ||
	    !service_of_chain(chain->name, name) || !untracks(chain) ||
	    model_find(&all->model->families[family], name) ||
	    (all->name && strcmp(all->name, name)))
		return 0;
	return findings_add(&all->findings, "drift", NOTRACK_FAILED,
			    "%s (%s): table raw takes it out "
			    "of tracking, and filter no longer accepts it; add or "
			    "apply it again, or clear", name, family_name(family));
}

int verify_tables(struct verification *all, enum family family)
{
	int err = 0;

	if (has_services(all, family)) {
		for (enum table_id id = RAW; id < TABLES && !err; id++)
			for (int input = 1; input >= 0 && !err; input--)
				err = find_jump_missing(all, family, id, input);
		if (!err)
			err = verify_unreached(all, family);
		if (!err)
			err = verify_missed(all, family);
		if (!err)
			err = verify_halves(all, family);
		if (!err)
			err = verify_other_ways(all, family);
		if (!err)
			err = verify_hidden(all, family);
	}
	for (const struct view_table *table = all->view.tables; table && !err; table = table->next)
		for (const struct view_chain *chain = table->chains; chain && !err;
		     chain = chain->next)
			err = find_left_behind(all, family, chain);
	return err;
}
