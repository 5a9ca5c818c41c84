/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nft/graft_lower.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

#include "nft/body_read.h"
#include "nft/graft_step.h"
#include "rules/overlay.h"
#include "support/memory.h"

/* More than a rule of ours asks. */
#define OWN_MAX 32

/* One rule that is being made. */
struct making {
	const struct nft_lowering *lowering;
	const struct graft_rule *rule;
	struct match match;		/* what it asks, with one range of each list of ports */
	struct nft_original original;
	struct step own[OWN_MAX];
	size_t own_count;
	bool beside[OWN_MAX];		/* theirs asks for the same field as well */
	struct expression_writer out;
};

static struct view *view_of(const struct making *making)
{
	return &making->lowering->sight->view;
}

static int refuse(const struct making *making, const char *what)
{
	const struct nft_lowering *lowering = making->lowering;
	const struct nft_place *place = lowering->place;
	const char *family = lowering->chain->table->family_name;

	return error_set(lowering->error, -EOPNOTSUPP, place->is_iptables ?
			 "table %s %s, chain %s: a rule of ours for packets that are not tracked would "
			 "ask for %s, which iptables-nft could not read; ask for it in a rule that "
			 "leads to a chain of your own, and for the rest there" :
			 "table %s %s, chain %s: a rule of ours for packets that are not tracked cannot "
			 "ask for %s; ask for it in a rule that leads to a chain of your own, and for "
			 "the rest there", family, place->table, lowering->chain->name, what);
}

/* --- the rule of theirs ------------------------------------------------------ */

static int changed(const struct making *making)
{
	const struct view_chain *chain = making->lowering->chain;

	return error_set(making->lowering->error, GRAFT_OUTDATED, "table %s %s: another program changed "
			 "rules since they were looked at; try again", chain->table->family_name,
			 chain->table->name);
}

static int look_at_original(struct making *making)
{
	const struct meaning *meaning = &making->rule->original;
	struct nft_original *original = &making->original;
	struct nft_sight *sight = making->lowering->sight;
	const struct nft_seen *seen;
	int err;

	original->rule = making->rule;
	if (!meaning->row || !making->rule->copies)
		return 0;
	seen = nft_sight_find(sight, making->lowering->chain->table, meaning->row->handle);
	if (!seen)
		return changed(making);
	original->all = expressions_of(seen->expressions, seen->size);
	err = reader_run(sight->reader, (struct view_chain *)seen->chain, seen->expressions,
			 seen->size, original->from);
	if (err)
		return err;
	original->count = view_of(making)->step_count;
	if (original->count > VIEW_STEPS_MAX ||
	    original->count + meaning->extra_count - !!meaning->extra_count != meaning->row->count)
		return changed(making);
	return 0;
}

static bool repeats(const struct making *making)
{
	return making->rule->original.row && making->rule->copies;
}

/* --- what is asked beside it --------------------------------------------------- */

static int take_own(struct making *making)
{
	struct graft_rule rule = *making->rule;
	struct view *view = view_of(making);
	int err;

	if (rule.rule.match) {
		making->match.sctp_init = making->match.sctp_not_init = false;
		rule.rule.match = &making->match;
	}
	view->step_count = 0;
	err = overlay_asks(view, making->lowering->chain->table, &rule);
	if (err || view->step_count > OWN_MAX)
		return err ? err : -ENOMEM;
	making->own_count = view->step_count;
	for (size_t i = 0; i < view->step_count; i++) {
		making->own[i] = view->steps[i];
		if (view->steps[i].kind == STEP_NUMBERS && view->steps[i].count == 1) {
			making->own[i].kind = STEP_NUMBER;
			making->own[i].range = view->steps[i].ranges[0];
		}
	}
	return 0;
}

static void drop_own(struct making *making, size_t index)
{
	making->own_count--;
	memmove(&making->own[index], &making->own[index + 1],
		(making->own_count - index) * sizeof(making->own[0]));
}

static bool is_port(const struct step *step)
{
	return step->field == FIELD_SOURCE_PORT || step->field == FIELD_DESTINATION_PORT;
}

/* Of iptables-nft, a rule asks for a field once, but for ports. */
static int compare_own(struct making *making, size_t index, bool *dropped)
{
	const struct view_rule *row = making->rule->original.row;
	const struct step *own = &making->own[index];

	for (size_t i = 0; i < row->count && !*dropped; i++) {
		enum nft_graft_overlap overlap = nft_graft_part_of(&making->original, i) == PART_NONE ?
					     OVERLAP_NONE : nft_graft_overlap_of(own, &row->steps[i]);

		if (!step_is_condition(&row->steps[i]))
			break;
		if (overlap == OVERLAP_COVERED)
			*dropped = true;
		if (overlap < OVERLAP_COVERED && overlap != OVERLAP_NARROWS)
			continue;
		if (overlap == OVERLAP_NARROWS &&
		    nft_graft_may_replace(&making->original, i, making->lowering->place->is_iptables))
			making->original.replaced[i] = true;
		if (overlap == OVERLAP_BESIDE && making->lowering->place->is_iptables && !is_port(own))
			return refuse(making, "an address, an interface or the protocol in two ways");
		making->beside[index] |= overlap == OVERLAP_BESIDE;
	}
	return 0;
}

static int fit_own(struct making *making)
{
	int err = 0;

	for (size_t i = 0; repeats(making) && i < making->own_count && !err;) {
		bool dropped = false;

		making->beside[i] = false;
		err = compare_own(making, i, &dropped);
		if (dropped)
			drop_own(making, i);
		else
			i++;
	}
	return err;
}

/* --- writing ----------------------------------------------------------------- */

static int family_of_row(const struct view_rule *row)
{
	for (size_t i = 0; row && i < row->count; i++) {
		const struct step *step = &row->steps[i];

		if (step->kind != STEP_NUMBER || step->flags & STEP_INVERTED)
			continue;
		if (step->field == FIELD_FAMILY)
			return (int)step->range.first;
		if (step->field == FIELD_ETHER_TYPE)
			return step->range.first == 0x86dd ? AF_INET6 : AF_INET;
	}
	return AF_UNSPEC;
}

static int family_of(const struct making *making)
{
	const uint8_t families = making->lowering->chain->table->families & making->rule->families;

	return families == 1u << IPV4 ? AF_INET : families == 1u << IPV6 ? AF_INET6 :
	       family_of_row(making->rule->original.row);
}

static uint8_t protocol_of(const struct making *making)
{
	const struct view_rule *row = making->rule->original.row;

	if (making->rule->rule.match && making->match.protocol)
		return making->match.protocol;
	for (size_t i = 0; row && i < row->count; i++)
		if (step_names_protocol(&row->steps[i]))
			return (uint8_t)row->steps[i].range.first;
	return 0;
}

static struct step_writer writer_of(struct making *making)
{
	return (struct step_writer){ .out = &making->out, .place = making->lowering->place,
				     .family = family_of(making), .protocol = protocol_of(making) };
}

static size_t key_size_of(void *data, const char *name)
{
	const struct making *making = data;
	const struct view_set *set = reader_find_set(making->lowering->sight->reader,
						     making->lowering->chain->table, name);

	return set ? set->key_size : 0;
}

/* Expressions of theirs; a counter comes ahead of their verdict. */
static void copy_part(struct making *making, enum nft_graft_part part)
{
	bool needed[EXPRESSIONS_MAX] = { false };

	nft_graft_mark(&making->original, part, needed);
	expressions_need(&making->original.all, needed, key_size_of, making);
	for (size_t i = 0; i < making->original.all.count; i++) {
		if (!needed[i])
			continue;
		if (part == PART_VERDICT && !making->out.counts)
			expression_count(&making->out);
		expression_copy(&making->out, making->original.all.list[i]);
	}
}

/* What stands for an element. */
static int write_extras(struct making *making, enum nft_graft_part part)
{
	const struct view_rule *row = making->rule->original.row;
	const struct step_writer writer = writer_of(making);

	for (size_t i = 0; i < row->count; i++) {
		const struct step *step = &row->steps[i];

		if (!nft_graft_is_extra(&making->original, i) ||
		    nft_graft_part_of(&making->original, i) != part)
			continue;
		if (part == PART_VERDICT && !making->out.counts)
			expression_count(&making->out);
		if (!(step_is_condition(step) ? step_write(&writer, step) :
						step_write_verdict(&writer, step)))
			return refuse(making, "what an element of a set asks");
	}
	return 0;
}

static int write_own(struct making *making)
{
	const struct match *match = making->rule->rule.match;
	struct step_writer writer = writer_of(making);

	for (size_t i = 0; i < making->own_count; i++) {
		writer.beside = making->beside[i];
		if (!step_write(&writer, &making->own[i]))
			return refuse(making, "what a service is picked by");
	}
	if (match && (match->sctp_init || match->sctp_not_init))
		step_write_sctp_init(&writer, match->sctp_not_init);
	return 0;
}

static void write_target(struct making *making)
{
	static const int verdicts[] = {
		[TARGET_ACCEPT] = NF_ACCEPT, [TARGET_DROP] = NF_DROP, [TARGET_RETURN] = NFT_RETURN,
		[TARGET_JUMP] = NFT_JUMP, [TARGET_GOTO] = NFT_GOTO,
	};
	const struct rule *rule = &making->rule->rule;
	const char *to = making->rule->to ? making->rule->to->name : rule->to ? rule->to->name : NULL;

	if (!making->out.counts)
		expression_count(&making->out);
	if (rule->target == TARGET_NOTRACK || rule->target >= sizeof(verdicts) / sizeof(verdicts[0]))
		making->out.failed = true;
	else if (rule->target != TARGET_NONE)
		expression_verdict(&making->out, verdicts[rule->target], to);
}

static int write_rule(struct making *making)
{
	const struct match *match = making->rule->rule.match;
	const bool verdict = making->rule->copies & COPY_VERDICT;
	const struct step_writer writer = writer_of(making);
	int err = 0;

	if (match && match->states)
		step_write_states(&writer, match->states);
	if (repeats(making)) {
		copy_part(making, PART_HEAD);
		err = write_extras(making, PART_HEAD);
	}
	if (!err)
		err = write_own(making);
	if (!err && repeats(making)) {
		copy_part(making, PART_TAIL);
		err = write_extras(making, PART_TAIL);
	}
	if (!err && repeats(making)) {
		copy_part(making, PART_VERDICT);
		err = write_extras(making, PART_VERDICT);
	}
	if (!err && (!verdict || !making->out.counts))
		verdict ? expression_count(&making->out) : write_target(making);
	return err;
}

/* --- the body ------------------------------------------------------------------ */

/* Type and length, a byte each, ahead of the text. */
static int put_comment(struct nft_body *body, const char *text, struct arena *arena)
{
	const size_t size = strlen(text) + 1;
	uint8_t *bytes = arena_alloc(arena, size + 2);

	if (!bytes)
		return -ENOMEM;
	bytes[1] = (uint8_t)size;
	memcpy(bytes + 2, text, size);
	body->userdata = bytes;
	body->userdata_size = size + 2;
	return 0;
}

static int end_rule(struct making *making, struct lowered_rules *rules)
{
	const struct nft_lowering *lowering = making->lowering;
	const struct match *match = making->rule->rule.match;
	struct nft_rule *grown = memory_grow(rules->list, rules->count, sizeof(*grown));
	struct nft_body *body = arena_alloc(lowering->arena, sizeof(*body));
	int err = 0;

	if (making->out.overflow)
		return refuse(making, "more than one rule holds");
	if (grown)
		rules->list = grown;
	if (!grown || !body)
		return -ENOMEM;
	body->expressions = expressions_end(&making->out, &body->size, lowering->arena);
	if (!body->expressions)
		return -ENOMEM;
	if (match && match->comment)
		err = put_comment(body, match->comment, lowering->arena);
	if (!err)
		err = nft_body_complete(body, lowering->sight->reader, lowering->chain,
					making->rule, lowering->arena);
	grown[rules->count++] = (struct nft_rule){ .body = body, .target = TARGET_FOREIGN };
	return err;
}

static int lower_one(struct making *making, struct lowered_rules *rules)
{
	int err = look_at_original(making);

	if (!err)
		err = take_own(making);
	if (!err)
		err = fit_own(making);
	if (!err && repeats(making) && nft_graft_is_mixed(&making->original))
		err = refuse(making, "a part of what one comparison asks");
	if (err)
		return err;
	expressions_begin(&making->out);
	err = making->out.failed ? -ENOMEM : write_rule(making);
	if (!err)
		err = end_rule(making, rules);
	expressions_free(&making->out);
	return err;
}

/* A list of ports is a set without a name to nft(8), and takes a rule each here. */
static size_t rules_for(const struct nft_lowering *lowering, const struct ports *ports)
{
	return lowering->place->is_iptables || ports->inverted || !ports->count ? 1 : ports->count;
}

static void take_range(struct ports *ports, size_t count, size_t index)
{
	if (count == 1)
		return;
	ports->range[0] = ports->range[index];
	ports->count = 1;
}

int nft_graft_lower(const struct nft_lowering *lowering, const struct graft_rule *rule,
		struct lowered_rules *rules)
{
	const struct match nothing = { 0 }, *match = rule->rule.match ? rule->rule.match : &nothing;
	const size_t sources = rules_for(lowering, &match->source);
	const size_t destinations = rules_for(lowering, &match->destination);
	struct making *making = calloc(1, sizeof(*making));
	int err = making ? 0 : -ENOMEM;

	if (!(rule->families & lowering->chain->table->families)) {
		free(making);
		return 0;
	}
	for (size_t i = 0; i < sources * destinations && !err; i++) {
		*making = (struct making){ .lowering = lowering, .rule = rule, .match = *match };
		take_range(&making->match.source, sources, i % sources);
		take_range(&making->match.destination, destinations, i / sources);
		err = lower_one(making, rules);
	}
	free(making);
	return err;
}
