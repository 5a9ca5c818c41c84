/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What rules of the host do that is of no effect on packets that are not tracked, or of more
 * effect: marks of connections, helpers, rates on what is new; and ports that are open to
 * whoever sends from the service's.
 */
#include "verify/admission.h"
#include "verify/verify.h"

/* Packets of a flow, and a rule that they may come to. */
struct encounter {
	struct verification *all;
	const struct flow_row *row;
	struct place place;
	struct probe probe;
	bool established_taken;		/* what is ESTABLISHED is, ahead of the place in its chain */
	bool is_way_known, taken_on_way;/* ... or ahead of the chain: asked where it matters */
	bool told_rate;			/* of a rate without a state */
};

typedef int look_at(const struct encounter *encounter);

static int find(const struct encounter *encounter, const char *code, enum notrack_status severity,
		const char *what)
{
	char place[PLACE_TEXT];

	return findings_add(&encounter->all->findings, code, severity, "%s (%s), which packets of %s "
			    "come to, %s", view_format_place(&encounter->place, place),
			    family_name(encounter->row->family), encounter->row->service->name, what);
}

static bool has_effect(const struct view_rule *rule, enum step_kind kind, uint8_t flags)
{
	for (size_t i = 0; i < rule->count; i++)
		if (rule->steps[i].kind == kind && (rule->steps[i].flags & flags) == flags)
			return true;
	return false;
}

/* --- marks and helpers ------------------------------------------------- */

/* Of packets that their sender has marked, as wg-quick's tunnels are. */
static bool is_for_marked(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (rule->steps[i].kind == STEP_NUMBER && rule->steps[i].field == FIELD_MARK &&
		    !(rule->steps[i].flags & STEP_INVERTED) && rule->steps[i].range.first)
			return true;
	return false;
}

/*
 * Whether rules give connections a mark, and only those whose packets had one: of the service's,
 * none has, where no rule marks packets.
 */
static bool only_marked_are_restored(const struct view *view)
{
	bool any = false;

	for (const struct view_table *table = view->tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
				const bool gives = has_effect(rule, STEP_CT_MARK, 0);

				if (has_effect(rule, STEP_MARK, 0) || has_effect(rule, STEP_ANYTHING, 0) ||
				    (gives && !is_for_marked(rule)))
					return false;
				any |= gives;
			}
	return any;
}

static int look_at_mark(const struct encounter *encounter)
{
	if (!has_effect(encounter->place.rule, STEP_RESTORE_MARK, 0) ||
	    only_marked_are_restored(&encounter->all->view))
		return 0;
	return find(encounter, "mark", NOTRACK_WARNING, "gives packets the mark of their connection, and "
		    "those that are not tracked have none: where routes or rules depend on it, leave "
		    "the service tracked, or set the mark by address or interface");
}

static int look_at_helper(const struct encounter *encounter)
{
	const struct view_rule *rule = encounter->place.rule;
	bool usual;

	if (!encounter->row->request || (!has_effect(rule, STEP_TEMPLATE, STEP_HELPER) &&
					 !has_effect(rule, STEP_COUNT, STEP_HELPER)))
		return 0;
	usual = probe_could_meet(&encounter->probe, rule) & USUAL_DOES;
	return find(encounter, "helper", usual ? NOTRACK_FAILED : NOTRACK_WARNING, "has a conntrack "
		    "helper read what they say, and nobody reads what is not tracked: connections "
		    "that they agree on are not RELATED any more; leave the service tracked");
}

/* --- what counts or remembers what is new ------------------------------ */

static bool is_for_new(const struct encounter *encounter)
{
	const struct situation situation = { .states = CT_NEW };
	const struct view_rule *rule = encounter->place.rule;

	for (size_t i = 0; i < rule->count; i++)
		if (step_is_condition(&rule->steps[i]) && rule->steps[i].field == FIELD_STATE &&
		    !(probe_meets(&encounter->probe, &rule->steps[i], &situation) & ALL_DO))
			return false;
	return rule->flags & RULE_ASKS_STATE;
}

static bool counts(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (rule->steps[i].kind == STEP_COUNT && rule->steps[i].count == COUNT_NOTES &&
		    !(rule->steps[i].flags & (STEP_COUNTER | STEP_HELPER)))
			return true;
	return rule->flags & RULE_REMEMBERS;
}

/* Packets of the probe come to it, be they within its rate or above. */
static bool may_meet(const struct encounter *encounter, const struct view_rule *rule)
{
	const struct situation situation = { .states = CT_NEW };

	for (size_t i = 0; i < rule->count; i++) {
		const struct step *step = &rule->steps[i];

		if (step_is_condition(step) && !condition_depends(step) && step->kind != STEP_WITHIN_RATE &&
		    step->kind != STEP_REMEMBERED &&
		    !(probe_meets(&encounter->probe, step, &situation) & ALL_DO))
			return false;
	}
	return true;
}

/* A rule that accepts what is ESTABLISHED, and nothing that is NEW. */
static bool takes_established(const struct encounter *encounter, const struct view_rule *rule)
{
	const struct situation later = { .states = CT_ESTABLISHED }, first = { .states = CT_NEW };
	const struct step *verdict = rule_verdict(rule);
	bool takes = true, takes_new = true;

	if (!(rule->flags & RULE_ASKS_STATE) || rule->flags & RULE_OURS || !verdict ||
	    verdict->kind != STEP_ACCEPT || !may_meet(encounter, rule))
		return false;
	for (size_t i = 0; i < rule->count; i++) {
		const struct step *step = &rule->steps[i];

		if (!step_is_condition(step) || step->field != FIELD_STATE)
			continue;
		takes &= probe_meets(&encounter->probe, step, &later) == ALL_DO;
		takes_new &= probe_meets(&encounter->probe, step, &first) == ALL_DO;
	}
	return takes && !takes_new;
}

/* Whether what is ESTABLISHED was taken ahead of the one rule that leads to a chain. */
static bool begins_behind_established(const struct encounter *encounter, const struct view_chain *at)
{
	for (const struct view_chain *chain = at->table->chains; chain; chain = chain->next) {
		bool taken = false;

		if (at->is_base || !chain->is_base || !(chain->hooks & at->hooks))
			continue;
		for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
			const struct step *verdict = rule_verdict(rule);

			taken = taken || takes_established(encounter, rule);
			if (verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO) &&
			    verdict->chain == at)
				return taken;
		}
	}
	return false;
}

/* What comes to the place is not ESTABLISHED, as another rule takes that before. */
static bool is_behind_established(struct encounter *encounter)
{
	if (encounter->established_taken)
		return true;
	if (!encounter->is_way_known)
		encounter->taken_on_way = begins_behind_established(encounter, encounter->place.chain);
	encounter->is_way_known = true;
	return encounter->taken_on_way;
}

/* By the service's port, and without a state: it lets some in, or drops some. */
static bool is_for_service(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);

	return rule->flags & RULE_REMEMBERS && !(rule->flags & RULE_ASKS_STATE) && verdict &&
	       (verdict->kind == STEP_ACCEPT || verdict->kind == STEP_DROP || verdict->kind == STEP_REJECT) &&
	       rule_names_ports(rule);
}

/*
 * Of TCP, only one packet of a connection is new, tracked or not; and those that come later are
 * taken by a twin ahead, but for tables that none can stand in.
 */
static int look_at_rate(struct encounter *encounter)
{
	const struct view_rule *rule = encounter->place.rule;
	const bool segments = encounter->row->protocol == TCP;

	if (!encounter->row->request || !may_meet(encounter, rule))
		return 0;
	if (!segments && counts(rule) && is_for_new(encounter))
		return find(encounter, "rate", NOTRACK_WARNING, "limits, records or logs what is NEW: it "
			    "sees each question now, no longer the first alone of those that a client "
			    "sends from one port; see whether its rate is enough for that");
	if (encounter->told_rate || !is_for_service(rule) ||
	    (segments && !encounter->place.chain->table->locked) || !is_behind_established(encounter))
		return 0;
	encounter->told_rate = true;		/* of many, the first is enough */
	return find(encounter, "rate", NOTRACK_WARNING, segments ? "limits or records what comes to it: it "
		    "sees each segment of a connection now, and not the first alone, as the others are "
		    "not ESTABLISHED any more; leave TCP tracked, or let it count no more than SYN" :
		    "limits or records what comes to it: it sees each question now, as those that a "
		    "client sends from one port later are not ESTABLISHED any more; see whether its "
		    "rate is enough for that");
}

/* --- ports that are open to a source port ------------------------------ */

static bool names(const struct view_rule *rule, enum field field)
{
	for (size_t i = 0; i < rule->count; i++)
		if (step_is_condition(&rule->steps[i]) && rule->steps[i].field == field)
			return true;
	return false;
}

/* Whoever sends from the port gets to any port of this host. */
static int look_at_source_port(const struct encounter *encounter)
{
	const struct view_rule *rule = encounter->place.rule;
	const struct step *verdict = rule_verdict(rule);

	if (encounter->row->request || encounter->row->role != OUTBOUND || !verdict ||
	    verdict->kind != STEP_ACCEPT || !names(rule, FIELD_SOURCE_PORT) ||
	    names(rule, FIELD_DESTINATION_PORT) || names(rule, FIELD_SOURCE) ||
	    rule->flags & (RULE_ASKS_STATE | RULE_UNKNOWN))
		return 0;
	return find(encounter, "open-source-port", NOTRACK_WARNING, "lets in whatever is sent from that "
		    "port, to any port of this host: name the servers that may answer, or let it ask "
		    "for the state ESTABLISHED, which untracked answers do not need");
}

/* --- every rule that packets may come to ------------------------------- */

static const unsigned int hooks_in = 1u << HOOK_PREROUTING | 1u << HOOK_INPUT;
static const unsigned int hooks_out = 1u << HOOK_OUTPUT | 1u << HOOK_POSTROUTING;

/* Few rules are, and to ask whether packets may come to a rule takes longest. */
static bool is_of_interest(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);

	for (size_t i = 0; i < rule->count; i++)
		if (rule->steps[i].kind == STEP_RESTORE_MARK || rule->steps[i].kind == STEP_TEMPLATE ||
		    (rule->steps[i].kind == STEP_COUNT && !(rule->steps[i].flags & STEP_COUNTER)))
			return true;
	return rule->flags & RULE_REMEMBERS || (verdict && verdict->kind == STEP_ACCEPT);
}

static int look_at_rule(struct encounter *encounter, bool at_input)
{
	static look_at *const looks[] = { look_at_mark, look_at_helper };
	int err = 0;

	if (encounter->place.rule->flags & RULE_OURS || !is_of_interest(encounter->place.rule))
		return 0;
	err = look_at_rate(encounter);
	if (err || !(probe_could_meet(&encounter->probe, encounter->place.rule) & ALL_DO))
		return err;
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]) && !err; i++)
		err = looks[i](encounter);
	return err || !at_input ? err : look_at_source_port(encounter);
}

/* But for those of a run, which ask for no state and drop whom they name. */
static int look_at_chain(struct encounter *encounter, const struct view_chain *chain)
{
	const struct view_rule *rule;
	int err = 0;

	encounter->place.chain = chain;
	encounter->established_taken = encounter->is_way_known = false;
	for (rule = chain->rules; rule && !err; rule = rule_end_of_run(rule)->next) {
		encounter->place.rule = rule;
		err = look_at_rule(encounter, chain->hooks & 1u << HOOK_INPUT && encounter->row->input);
		encounter->established_taken |= takes_established(encounter, rule);
	}
	return err;
}

static int look_at_flow(struct verification *all, const struct flow_row *row, size_t ports)
{
	struct encounter encounter = { .all = all, .row = row,
				       .probe = verify_probe(all, row, &(struct variant){ .ports = ports }) };
	const unsigned int hooks = row->input ? hooks_in : hooks_out;
	int err = 0;

	encounter.probe.tcp_flags = row->protocol != TCP ? 0 : row->request ? TCP_SYN : TCP_SYN | TCP_ACK;
	for (const struct view_table *table = all->view.tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain && !err;
		     chain = chain->next)
			if (table->families & 1u << row->family && chain->hooks & hooks &&
			    !chain_is_ours(chain))
				err = look_at_chain(&encounter, chain);
	return err;
}

/* Rows may be of requests alone: their answers go the other way. */
static int look_at_row(struct verification *all, const struct flow_row *row)
{
	struct flow_row answer = *row;
	int err = 0;

	answer.request = false;
	answer.input = !row->input;
	for (size_t ports = 0; ports < row->service->port_count && !err; ports++) {
		err = look_at_flow(all, row, ports);
		if (!err)
			err = look_at_flow(all, &answer, ports);
	}
	return err;
}

int verify_missed(struct verification *all, enum family family)
{
	int err = verify_translations(all, family);

	if (!err)
		err = verify_protections(all, family);
	if (!err)
		err = verify_own_ports(all, family);
	for (size_t i = 0; i < all->row_count && !err; i++) {
		const struct flow_row *row = &all->rows[i];

		if (row->family == family && row->request && !row->loopback)
			err = look_at_row(all, row);
	}
	return err;
}
