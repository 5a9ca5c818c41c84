/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What there is to say about flows and tables, and what to do about it. */
#include "verify/verify.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_conntrack.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"
#include "legacy/layout.h"

int verify_find(struct verification *all, const char *code, enum notrack_status severity,
		const char *format, ...)
{
	struct finding finding = { .code = code, .severity = severity }, *grown;
	va_list args;

	va_start(args, format);
	vsnprintf(finding.text, sizeof(finding.text), format, args);
	va_end(args);
	for (size_t i = 0; i < all->finding_count; i++)
		if (!strcmp(all->findings[i].code, code) &&
		    !strcmp(all->findings[i].text, finding.text))
			return 0;
	grown = realloc(all->findings, (all->finding_count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	all->findings = grown;
	grown[all->finding_count++] = finding;
	return 0;
}

/* --- flows ------------------------------------------------------------ */

/* "dns, IPv4 udp inbound request over lo" */
#define FLOW_TEXT (SERVICE_NAME_MAX + 56)

static const char *format_flow(const struct flow_row *row, char text[FLOW_TEXT])
{
	snprintf(text, FLOW_TEXT, "%s, %s %s %s %s%s", row->service->name,
		 xt_families[row->family].name, protocol_names[row->protocol],
		 role_names[row->role == OUTBOUND], row->request ? "request" : "reply",
		 row->loopback ? " over lo" : "");
	return text;
}

static bool is_ours(const struct place *place)
{
	return !strncmp(place->chain, CHAIN_PREFIX, strlen(CHAIN_PREFIX));
}

static const struct ruleset *rules_found(const struct verification *all, enum family family,
					 enum table_id id)
{
	return &all->nt->snapshots[family][id].found;
}

/* Where a rule leads to our chain of that table and hook; NULL if none does. */
static const struct jump *find_jump(const struct verification *all, enum family family,
				    enum table_id id, bool input, char top[CHAIN_NAME_MAX + 1])
{
	const struct ruleset *found = rules_found(all, family, id);

	service_chain_name(top, verify_chain(id, input), "");
	for (size_t i = 0; i < found->jump_count; i++)
		if (!found->jumps[i].unreachable && !strcmp(found->jumps[i].target, top))
			return &found->jumps[i];
	return NULL;
}

/* Whether a rule of others is met ahead of our jump, if there is one. */
static bool is_ahead(const struct verification *all, const struct flow_row *row,
		     const struct place *place, char top[CHAIN_NAME_MAX + 1])
{
	const struct jump *jump = find_jump(all, row->family, place->table, row->input, top);

	if (!jump || is_ours(place))
		return false;
	/* the policy: a goto ahead of our jump leads there, too */
	return strcmp(jump->chain, place->chain) || place->rule <= jump->position;
}

static int find_tracked(struct verification *all, const struct flow_row *row,
			const struct judgement *judgement)
{
	unsigned int tracked = ANY_TRACKED & ANY_USUAL;
	const struct ending *ending = journey_first(&judgement->raw, ACCEPTED, tracked);
	char flow[FLOW_TEXT], place[PLACE_TEXT], top[CHAIN_NAME_MAX + 1];

	if (!ending || judgement->untracked == NOTRACK_YES)
		return 0;	/* what raw drops comes to no harm in conntrack */
	format_flow(row, flow);
	verify_format_place(&ending->first, place);
	if (judgement->untracked == NOTRACK_UNSURE)
		return verify_find(all, "unsure", NOTRACK_FAILED, "%s: tracked or not, which depends "
				   "on a rule that asks for what verify cannot tell; see %s", flow,
				   place);
	if (journey_states(&judgement->raw, ACCEPTED) & USUAL(TEMPLATE))
		return verify_find(all, "tracked", NOTRACK_FAILED, "%s: tracked: a CT rule in raw "
				   "gives it a zone or helper ahead of NOTRACK, which then does "
				   "nothing; narrow that rule", flow);
	if (!ending->first.rule || !is_ahead(all, row, &ending->first, top))
		return verify_find(all, "tracked", NOTRACK_FAILED, "%s: tracked: no rule takes it out "
				   "of tracking ahead of %s; add or apply the service again", flow,
				   place);
	return verify_find(all, "tracked", NOTRACK_FAILED, "%s: tracked: %s ends table raw ahead of "
			   "NOTRACK; move that rule below our jump, or narrow it", flow, place);
}

static int find_dropped(struct verification *all, const struct flow_row *row,
			const struct judgement *judgement)
{
	const struct ending *dropped = journey_first(&judgement->whole, DROPPED, ANY_USUAL);
	char flow[FLOW_TEXT], place[PLACE_TEXT], top[CHAIN_NAME_MAX + 1];

	if (judgement->verdict == NOTRACK_ACCEPT)
		return 0;
	format_flow(row, flow);
	verify_format_place(&dropped->first, place);
	if (judgement->verdict == NOTRACK_ACCEPT_OR_DROP)
		return verify_find(all, "unsure", NOTRACK_FAILED, "%s: accepted or dropped, which "
				   "depends on a rule that asks for what verify cannot tell; see %s",
				   flow, row->by);
	if (!dropped->first.rule || !is_ahead(all, row, &dropped->first, top))
		return verify_find(all, "dropped", NOTRACK_FAILED, "%s: dropped: no rule accepts it "
				   "ahead of %s; add or apply the service again", flow, place);
	return verify_find(all, "dropped", NOTRACK_FAILED, "%s: dropped: %s; move that rule below our "
			   "jump, or narrow it", flow, place);
}

/* @ending: of packets that should not have met it. */
static int find_ahead(struct verification *all, const struct flow_row *row,
		      const struct ending *ending, bool picked, const char *done)
{
	char place[PLACE_TEXT], top[CHAIN_NAME_MAX + 1];

	if (!ending || !is_ahead(all, row, &ending->first, top))
		return 0;
	verify_format_place(&ending->first, place);
	if (!picked)
		return !ending->first.rule ? 0 :
		       verify_find(all, "rule-ahead", NOTRACK_FAILED, "%s (%s): %s is %s ahead of "
				   "the jump to %s; move that rule below it, or narrow it", place,
				   xt_families[row->family].name, row->service->name, done, top);
	return verify_find(all, "rule-ahead", NOTRACK_WARNING, "%s (%s)%s: some packets of %s are "
			   "%s ahead of the jump to %s; see whether they are meant to be", place,
			   xt_families[row->family].name, ending->last_time > ending->first_time ?
			   " and rules after it" : "", row->service->name, done, top);
}

static int find_rules_ahead(struct verification *all, const struct flow_row *row,
			    const struct judgement *judgement)
{
	bool tracked = judgement->untracked == NOTRACK_NO;
	bool dropped = judgement->verdict == NOTRACK_DROP;
	int err = 0;

	if (judgement->untracked != NOTRACK_UNSURE)
		err = find_ahead(all, row, journey_first(&judgement->raw, ACCEPTED, ANY_TRACKED &
				 (tracked ? ANY_USUAL : ANY_PICKED)), !tracked, "tracked");
	if (!err && judgement->verdict != NOTRACK_ACCEPT_OR_DROP)
		err = find_ahead(all, row, journey_first(&judgement->whole, DROPPED,
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
	const struct family_model *model = &all->nt->model.families[family];

	for (size_t i = 0; i < model->count; i++)
		if (verify_wants(all, model->served[i].service))
			return true;
	return false;
}

static bool some_flow_fails(const struct verification *all, enum family family, bool input)
{
	for (size_t i = 0; i < all->row_count; i++) {
		const struct flow_row *row = &all->rows[i];

		if (row->family == family && row->input == input &&
		    (row->untracked != NOTRACK_YES || row->verdict != NOTRACK_ACCEPT))
			return true;
	}
	return false;
}

static int find_jump_missing(struct verification *all, enum family family, enum table_id id,
			     bool input)
{
	char top[CHAIN_NAME_MAX + 1];

	if (find_jump(all, family, id, input, top))
		return 0;
	return verify_find(all, "jump-missing", some_flow_fails(all, family, input) ?
			   NOTRACK_FAILED : NOTRACK_WARNING, "%s %s (%s): no rule leads to %s any more; "
			   "add or apply a service again, and it comes back", table_name(id),
			   verify_chain(id, input), xt_families[family].name, top);
}

/* "NOTRACK-dns-in" and "NOTRACK-dns-out" are chains of a service named dns. */
static bool service_of_chain(const char *chain, char name[SERVICE_NAME_MAX + 1])
{
	static const char *const suffixes[] = { CHAIN_IN, CHAIN_OUT };
	size_t head = strlen(CHAIN_PREFIX), size = strlen(chain);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t tail = strlen(suffixes[i]);

		if (size <= head + tail || size - head - tail > SERVICE_NAME_MAX ||
		    strcmp(chain + size - tail, suffixes[i]))
			continue;
		memcpy(name, chain + head, size - head - tail);
		name[size - head - tail] = '\0';
		return true;
	}
	return false;
}

static bool untracks(const struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		if (chain->rules[i].target == TARGET_NOTRACK)
			return true;
	return false;
}

/*
 * Somebody flushed filter, and with it all that says what services there are;
 * raw goes on, and its packets are left to rules that ask for a state.
 */
static int find_left_behind(struct verification *all, enum family family)
{
	const struct ruleset *found = rules_found(all, family, RAW);
	char name[SERVICE_NAME_MAX + 1];
	int err = 0;

	for (size_t i = 0; i < found->count && !err; i++)
		if (service_of_chain(found->chains[i]->name, name) && untracks(found->chains[i]) &&
		    !model_find(&all->nt->model.families[family], name) &&
		    (!all->name || !strcmp(all->name, name)))
			err = verify_find(all, "drift", NOTRACK_FAILED, "%s (%s): table raw takes it out "
					  "of tracking, and filter no longer accepts it; add or "
					  "apply it again, or clear", name, xt_families[family].name);
	return err;
}

/* --- NAT -------------------------------------------------------------- */

/* What a request passes in table nat, if it is tracked. */
static const struct {
	enum role role;
	const char *chain;
} translators[] = {
	{ INBOUND, "PREROUTING" },
	{ OUTBOUND, "OUTPUT" },
	{ OUTBOUND, "POSTROUTING" },
};

static int find_translation(struct verification *all, const struct blob *nat,
			    const struct flow_row *row, const char *chain)
{
	char place[PLACE_TEXT];
	int err = 0;

	for (size_t i = 0; i < row->service->port_count && !err; i++) {
		struct probe probe = verify_probe(all, row, &(struct variant){ .ports = i });
		struct journey journey = { 0 };

		probe.tracked_states = XT_CONNTRACK_STATE_BIT(IP_CT_NEW);
		probe.tcp_flags = SYN_BIT;
		err = walk_table(nat, chain, &probe, USUAL(TRACKED), &journey);
		if (!err && journey.translated)
			err = verify_find(all, "nat", NOTRACK_WARNING, "%s (%s) does nothing to packets "
					  "of %s: what is not tracked is not translated",
					  verify_format_place(&journey.translation, place),
					  xt_families[row->family].name, row->service->name);
	}
	return err;
}

static int find_translations(struct verification *all, enum family family)
{
	struct blob nat;
	int err;

	if (!table_exists(&xt_families[family], NAT))
		return 0;
	if (all->nt->netns_fd >= 0 && table_check(&xt_families[family], NAT, &all->nt->error))
		return 0;
	err = blob_read(&nat, &xt_families[family], NAT);
	for (size_t i = 0; i < all->row_count && !err; i++)
		for (size_t j = 0; j < sizeof(translators) / sizeof(translators[0]) && !err; j++)
			if (all->rows[i].family == family && all->rows[i].request &&
			    !all->rows[i].loopback &&
			    all->rows[i].role == translators[j].role)
				err = find_translation(all, &nat, &all->rows[i], translators[j].chain);
	blob_free(&nat);
	return err == -ENOMEM ? err : 0;	/* no NAT that can be read is none to warn of */
}

int verify_tables(struct verification *all, enum family family)
{
	int err = 0;

	if (has_services(all, family)) {
		for (enum table_id id = RAW; id < TABLES && !err; id++)
			for (int input = 1; input >= 0 && !err; input--)
				err = find_jump_missing(all, family, id, input);
		if (!err)
			err = find_translations(all, family);
	}
	return err ? err : find_left_behind(all, family);
}
