/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets that a rule of the host keeps tracked, by a zone or helper or by what ends table raw
 * ahead of NOTRACK, while those that go the other way are not.  Conntrack hears one half of what
 * they say, takes the rest for invalid or for new, and the host's rules go by that.
 */
#include "verify/entrances.h"
#include "verify/verify.h"

#include <string.h>

/*
 * Fewer of the ports that clients ask from are those of another service, which the rule is for,
 * and that a client may have by chance.
 */
enum { CLIENT_PORTS_MIN = 1024 };

/* Rules that keep packets of a service tracked; more of them are not told. */
enum { KEEPERS_MAX = 16 };
struct keepers {
	struct entrances entrances;
	struct keeper {
		struct place place;
		const struct service *service;
		bool tears;			/* a flow: some are cut off */
	} list[KEEPERS_MAX];
	size_t count;
};

/* Two ways of a flow: of requests, and of their answers, either of which is the first. */
struct halves {
	struct verification *all;
	struct keepers *keepers;
	struct flow_row ways[2];
	bool later;				/* packets than the first of a connection */
};

/* What became of the packets of one way, as far as conntrack. */
struct half {
	struct journey journey;
	struct company seen;
	struct place template;			/* who gave them a zone first */
};

/* --- packets ----------------------------------------------------------- */

static bool begins(const struct halves *halves, int way)
{
	return halves->ways[way].request && !halves->later;
}

static void give_flags(const struct halves *halves, int way, struct probe *probe)
{
	const bool request = halves->ways[way].request;

	probe->tcp_flags = halves->ways[way].protocol != TCP ? 0 : halves->later ? TCP_ACK :
			   request ? TCP_SYN : TCP_SYN | TCP_ACK;
	probe->chunk = halves->later ? SCTP_DATA : request ? SCTP_INIT : SCTP_INIT_ACK;
	probe->tracked_states = begins(halves, way) ? CT_NEW : CT_ESTABLISHED;
}

/* Those that answer packets, or that they answer; @way: the one that these go. */
static struct probe opposite(const struct halves *halves, int way, const struct probe *probe)
{
	struct probe other = *probe;

	other.source = probe->destination;
	other.destination = probe->source;
	other.usual_source = probe->usual_destination;
	other.usual_destination = probe->usual_source;
	other.source_port = probe->destination_port;
	other.destination_port = probe->source_port;
	other.own_source = probe->own_destination;
	other.own_destination = probe->own_source;
	memcpy(other.in, probe->out, sizeof(other.in));
	memcpy(other.out, probe->in, sizeof(other.out));
	other.reply = !probe->reply;
	give_flags(halves, way, &other);
	return other;
}

static bool has_few_client_ports(const struct halves *halves, int way, const struct probe *probe)
{
	const struct flow_row *row = &halves->ways[way];
	const struct port_range *all = &row->client_ports;
	const struct port_range *some = row->request ? &probe->source_port : &probe->destination_port;
	const int count = some->last - some->first + 1;

	return count < CLIENT_PORTS_MIN && count < all->last - all->first + 1;
}

static int walk_half(const struct halves *halves, int way, const struct probe *probe,
		     struct half *half)
{
	struct walk walk = { .view = &halves->all->view, .seen = &half->seen,
			     .journeys = { [WOULD] = &half->journey } };
	int err = walk_all(&walk, probe, halves->ways[way].input ? WAY_IN : WAY_OUT);

	half->template = walk.template;
	walk_free(&walk);
	return err;
}

static bool is_tracked(const struct traveller *traveller)
{
	return traveller->course[WOULD].tracking != UNTRACKED && !traveller->forgot;
}

/* --- what is told ------------------------------------------------------ */

/* Who keeps packets tracked: what ends table raw does, where our jump comes later. */
static bool find_keeper(const struct halves *halves, const struct half *half, unsigned int states,
			struct place *keeper)
{
	const struct ending *ending;

	*keeper = half->template;
	if (half->journey.at_conntrack & states & (USUAL(TEMPLATE) | PICKED(TEMPLATE)))
		return keeper->rule;
	ending = endings_first(half->journey.untracking,
			       states & (USUAL(TRACKED) | PICKED(TRACKED)));
	if (!ending || !ending->first.rule || !verify_is_ahead(halves->all, &halves->ways[0], ending))
		return false;
	*keeper = ending->first;
	return true;
}

static int tell_half(const struct halves *halves, const struct place *keeper)
{
	const struct flow_row *row = &halves->ways[0];
	char place[PLACE_TEXT];

	return findings_add(&halves->all->findings, "tracked", NOTRACK_FAILED,
			    "%s (%s) keeps %s of %s over %s tracked, and the packets of the other "
			    "direction are not: conntrack takes what it sees of one side alone for new or "
			    "invalid, and who is answered today is cut off; have a rule do the same in the "
			    "other direction, narrow that rule so that it leaves the service alone, or "
			    "leave the service tracked", view_format_place(keeper, place),
			    family_name(row->family), row->request ? "requests" : "answers",
			    row->service->name, protocol_names[row->protocol]);
}

static void note_keeper(struct keepers *keepers, const struct service *service,
			const struct place *place, bool tears)
{
	struct keeper *keeper = keepers->list, *end = keeper + keepers->count;

	while (keeper < end && (keeper->place.rule != place->rule || keeper->service != service))
		keeper++;
	if (keeper == keepers->list + KEEPERS_MAX)
		return;
	if (keeper == end)
		*keeper = (struct keeper){ *place, service, false };
	keepers->count += keeper == end;
	keeper->tears |= tears;
}

/* Once for a rule, and not for each way and protocol. */
static int tell_kept(struct verification *all, enum family family, const struct keepers *keepers)
{
	char place[PLACE_TEXT];
	int err = 0;

	for (size_t i = 0; i < keepers->count && !err; i++)
		if (!keepers->list[i].tears)
			err = findings_add(&all->findings, "tracked", NOTRACK_WARNING,
					   "%s (%s) keeps some packets of %s tracked, as it gives them a zone "
					   "or helper: they fare as they did, and conntrack has entries of them",
					   view_format_place(&keepers->list[i].place, place),
					   family_name(family), keepers->list[i].service->name);
	return err;
}

/* --- whether a flow is torn in two -------------------------------------- */

/*
 * What conntrack would say of packets whose answers, or questions, it does not see: the first of a
 * request is new, as ever, and so is what it has no entry of; but what is no beginning of a TCP
 * connection may be invalid.
 */
static uint32_t states_of_half(const struct halves *halves, int way)
{
	return halves->ways[way].protocol == UDP || begins(halves, way) ? CT_NEW : CT_NEW | CT_INVALID;
}

/*
 * Whether some that go their way today would be dropped: by a rule that asks for a state.  Of those
 * that are not tracked either way, the guard knows better.
 */
static int would_lose(const struct halves *halves, int way, const struct probe *probe, bool *loses)
{
	struct journey today = { 0 }, would = { 0 };
	struct walk walk = { .view = &halves->all->view, .would_be = states_of_half(halves, way),
			     .journeys = { [TODAY] = &today, [WOULD] = &would } };
	int err = walk_all(&walk, probe, halves->ways[way].input ? WAY_IN : WAY_OUT);

	*loses = false;
	for (size_t i = 0; i < walk.parted.count; i++)
		*loses |= walk.parted.list[i].sides == 1u << TODAY &&
			  walk.parted.list[i].course[WOULD].tracking != UNTRACKED;
	walk_free(&walk);
	return err;
}

/* Nobody is cut off who is not let in to begin with. */
static int is_let_in(const struct halves *halves, int way, const struct probe *probe, bool *is)
{
	const int asks = halves->ways[0].request ? 0 : 1;
	struct probe request = way == asks ? *probe : opposite(halves, asks, probe);
	struct journey today = { 0 };
	int err;

	request.tcp_flags = halves->ways[asks].protocol == TCP ? TCP_SYN : 0;
	request.chunk = SCTP_INIT;
	request.tracked_states = CT_NEW;
	err = verify_walk(halves->all, &halves->ways[asks], &request, true, &today);
	*is = today.through;
	return err;
}

/* A rule of the host's own untracks those of the second way, and did so before. */
static int was_untracked(const struct halves *halves, const struct probe *probe, bool *was)
{
	struct journey today = { 0 };
	int err = verify_walk(halves->all, &halves->ways[1], probe, true, &today);

	*was = today.at_conntrack & USUAL(UNTRACKED);
	return err;
}

/* @untracked: of the second way; @unsure: nobody knows which packets of the first are tracked. */
static int is_torn(const struct halves *halves, const struct traveller *untracked, bool unsure,
		   struct place *keeper, bool *torn)
{
	const unsigned int states = unsure ? ANY_TRACKED : ANY_TRACKED & ANY_USUAL;
	const struct probe probe = opposite(halves, 0, &untracked->probe);
	struct half half = { 0 };
	bool was = false, let_in = false, loses = false;
	int err;

	*torn = false;
	if (has_few_client_ports(halves, 1, &untracked->probe))
		return 0;
	err = walk_half(halves, 0, &probe, &half);
	if (!err && half.journey.at_conntrack & states && find_keeper(halves, &half, states, keeper)) {
		err = was_untracked(halves, &untracked->probe, &was);
		if (!err && !was)
			err = is_let_in(halves, 0, &probe, &let_in);
		if (!err && let_in)
			err = would_lose(halves, 0, &probe, &loses);
		*torn = loses;
	}
	company_free(&half.seen);
	return err;
}

static bool some_are_tracked(const struct company *company)
{
	for (size_t i = 0; i < company->count; i++)
		if (is_tracked(&company->list[i]))
			return true;
	return false;
}

/* Where nobody knows which packets either rule is about, they may be the same. */
static int compare(const struct halves *halves, const struct traveller *tracked,
		   const struct half *first, const struct half *other)
{
	const bool unsure = tracked->decision_count, alike = some_are_tracked(&other->seen);
	struct place keeper = first->template;
	bool torn = false;
	int err = 0;

	for (size_t i = 0; i < other->seen.count && !err && !torn && !(unsure && alike); i++)
		if (other->seen.list[i].course[WOULD].tracking == UNTRACKED &&
		    !other->seen.list[i].forgot)
			err = is_torn(halves, &other->seen.list[i], unsure, &keeper, &torn);
	if (torn || (tracked->course[WOULD].tracking == TEMPLATE && keeper.rule))
		note_keeper(halves->keepers, halves->ways[0].service, &keeper, torn);
	return !err && torn ? tell_half(halves, &keeper) : err;
}

static int look_at_packets(const struct probe *probe, void *data)
{
	const struct halves *halves = data;
	struct half first = { 0 };
	int err = walk_half(halves, 0, probe, &first);

	for (size_t i = 0; i < first.seen.count && !err; i++) {
		const struct traveller *tracked = &first.seen.list[i];
		struct probe answer = opposite(halves, 1, &tracked->probe);
		struct half other = { 0 };

		if (!is_tracked(tracked) || has_few_client_ports(halves, 0, &tracked->probe))
			continue;
		err = walk_half(halves, 1, &answer, &other);
		if (!err)
			err = compare(halves, tracked, &first, &other);
		company_free(&other.seen);
	}
	company_free(&first.seen);
	return err;
}

/* --- all flows ---------------------------------------------------------- */

static int look_at_ways(struct halves *halves, const struct variant *variant)
{
	struct probe probe = verify_probe(halves->all, &halves->ways[0], variant);

	give_flags(halves, 0, &probe);
	return entrances_each(&halves->keepers->entrances, &probe, look_at_packets, halves);
}

static int look_at_variant(struct verification *all, struct flow_row *row, const struct variant *variant)
{
	struct flow_row answer = *row;
	struct halves halves = { .all = all, .keepers = all->keepers };
	int err = 0;

	answer.request = false;
	answer.input = !row->input;
	for (int first = 0; first < 2 && !err; first++) {
		halves.ways[first] = *row;
		halves.ways[!first] = answer;
		halves.later = false;
		err = look_at_ways(&halves, variant);
		halves.later = true;
		if (!err && row->protocol != UDP)
			err = look_at_ways(&halves, variant);
	}
	return err;
}

/* Where no rule could keep anything tracked, there is nothing to walk for: most hosts have none. */
static bool has_keepers(const struct verification *all, enum family family)
{
	const unsigned int hooks = 1u << HOOK_PREROUTING | 1u << HOOK_OUTPUT;

	for (int input = 0; input < 2; input++) {
		const struct our_jump *jump = &all->jumps[family][RAW][input];

		if (jump->chain && jump->chain->rules != jump->rule)
			return true;
	}
	for (const struct view_table *table = all->view.tables; table; table = table->next)
		for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
			for (const struct view_rule *rule = chain->hooks & hooks &&
				table->families & 1u << family ? chain->rules : NULL; rule; rule = rule->next)
				for (size_t i = 0; i < rule->count; i++)
					if (rule->steps[i].kind == STEP_TEMPLATE)
						return true;
	return false;
}

int verify_halves(struct verification *all, enum family family)
{
	struct keepers keepers = { .count = 0 };
	int err = 0;

	if (!has_keepers(all, family))
		return 0;
	entrances_find(&keepers.entrances, &all->view, &all->host);
	all->keepers = &keepers;
	for (size_t i = 0; i < all->row_count && !err; i++) {
		struct flow_row row = all->rows[i];

		if (row.family == family && row.request && !row.loopback)
			err = verify_each_variant(all, &row, look_at_variant);
	}
	all->keepers = NULL;
	return err ? err : tell_kept(all, family, &keepers);
}
