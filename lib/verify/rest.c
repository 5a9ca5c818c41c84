/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/rest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/essence.h"
#include "rules/name.h"
#include "support/stream.h"

/* A copy that is larger, or nested deeper, is more than a host's owner would want to read. */
enum { RULES_MAX = 64, DEPTH_MAX = 8, ELEMENTS_MAX = 256 };

/* A copy under way. */
struct copying {
	struct weave *weave;
	const struct view_chain *chain;
	const struct pick **picks;	/* those that are still in the chain */
	size_t pick_count;
	struct graft_rule rules[RULES_MAX + 1];	/* and the one opening that a chain may have */
	size_t count;
	unsigned int depth;
	bool ended;			/* no packet comes to the end of the copy */
};

/* How a rule stands to all picks of a copy. */
struct common {
	bool meets, takes, takes_all, unsure, disagree;
};

static struct common stand(const struct copying *copying, const struct view_rule *rule)
{
	struct common common = { .takes_all = true };
	bool leaves = false;		/* packets of a class that it does not ask for */

	for (size_t i = 0; i < copying->pick_count; i++) {
		struct stance stance = stance_of(rule, copying->picks[i],
						 &copying->weave->setting);

		leaves |= stance.meets && !stance.takes;
		common.meets |= stance.meets;
		common.takes |= stance.takes;
		common.takes_all &= stance.takes_all;
		common.unsure |= stance.unsure;
	}
	common.disagree = common.takes && leaves;
	return common;
}

static bool is_jump(const struct step *verdict)
{
	return verdict && (verdict->kind == STEP_JUMP || verdict->kind == STEP_GOTO);
}

/* Nothing but its verdict. */
static bool is_plain(const struct view_rule *rule)
{
	return rule_tail(rule) + 1 == rule->count;
}

static void leave_behind(struct copying *copying, const struct view_rule *rule)
{
	size_t kept = 0;

	for (size_t i = 0; i < copying->pick_count; i++)
		if (!stance_of(rule, copying->picks[i], &copying->weave->setting).takes_all)
			copying->picks[kept++] = copying->picks[i];
	copying->pick_count = kept;
}

static int copy(struct copying *copying, const struct view_rule *rule, struct rest *rest);

/* A chain that a rule leads to, for those of the packets that it takes. */
static int copy_below(struct copying *copying, const struct view_rule *rule,
		      const struct view_chain *chain, struct rest *below)
{
	struct copying *inner = malloc(sizeof(*inner));
	const struct pick **picks = calloc(copying->pick_count, sizeof(struct pick *));
	int err = -ENOMEM;

	if (inner && picks) {
		*inner = (struct copying){ .weave = copying->weave, .chain = chain, .picks = picks,
					   .depth = copying->depth + 1 };
		for (size_t i = 0; i < copying->pick_count; i++)
			if (stance_of(rule, copying->picks[i], &copying->weave->setting).takes)
				picks[inner->pick_count++] = copying->picks[i];
		err = copy(inner, chain->rules, below);
	}
	free(inner);
	free(picks);
	return err;
}

static void add_rule(struct copying *copying, const struct meaning *meaning, uint8_t copies,
		     enum target target, struct graft_chain *to)
{
	copying->rules[copying->count++] = (struct graft_rule){
		.rule = { .target = (uint8_t)target }, .to = to,
		.original = *meaning, .copies = copies,
		.families = copying->chain->table->families,
	};
}

/* A jump leads to a copy as well: a chain of ours refers to none of the host. */
static int add_jump(struct copying *copying, const struct meaning *meaning, bool takes_all,
		    struct rest *rest)
{
	const struct view_rule *rule = meaning->row;
	const bool goes = rule_verdict(rule)->kind == STEP_GOTO;
	struct rest below;
	int err = copy_below(copying, rule, rule_verdict(rule)->chain, &below);

	if (err)
		return err;
	switch (below.kind) {
	case REST_NONE:
		*rest = below;
		return 0;
	case REST_ACCEPT:
		add_rule(copying, meaning, COPY_HEAD | COPY_TAIL, TARGET_ACCEPT, NULL);
		copying->ended = takes_all;
		return 0;
	case REST_EMPTY:
		if (goes || !is_plain(rule))
			add_rule(copying, meaning, COPY_HEAD | COPY_TAIL,
				 goes ? TARGET_RETURN : TARGET_NONE, NULL);
		return 0;
	default:
		add_rule(copying, meaning, COPY_HEAD | COPY_TAIL, goes ? TARGET_GOTO : TARGET_JUMP,
			 below.chain);
		return 0;
	}
}

static uint8_t verdict_of(const struct set_element *element, const struct rest *below)
{
	switch (below->kind) {
	case REST_ACCEPT:
		return STEP_ACCEPT;
	case REST_EMPTY:
		return element->verdict == STEP_GOTO ? STEP_RETURN : STEP_COUNT;
	default:
		return element->verdict;
	}
}

/* Where elements lead that lead to the same chain, in the same way. */
static int add_lead(struct copying *copying, const struct view_rule *rule,
		    const struct set_element *element, struct graft_rule *added,
		    struct graft_lead *room, struct rest *rest)
{
	struct rest below;
	int err;

	if (!element->chain || graft_lead_of(added, element->verdict, element->chain->name))
		return 0;
	err = copy_below(copying, rule, element->chain, &below);
	if (err)
		return err;
	if (below.kind == REST_NONE)
		*rest = below;
	room[added->lead_count++] = (struct graft_lead){
		.from = element->chain, .verdict = element->verdict,
		.becomes = verdict_of(element, &below),
		.to = below.kind == REST_CHAIN ? below.chain : NULL,
	};
	return 0;
}

/* Chains that none of the packets is led to are not copied: their elements lead on. */
static void add_others(const struct view_lookup *map, struct graft_rule *added,
		       struct graft_lead *room)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct set_element *element = element_at(map, i);

		if (element->chain && !graft_lead_of(added, element->verdict, element->chain->name))
			room[added->lead_count++] = (struct graft_lead){
				.from = element->chain, .verdict = element->verdict,
				.becomes = STEP_COUNT };
	}
}

/* Whether packets may have an element of a map; @all: a row for each, where they can be told. */
static bool may_have(const struct copying *copying, const struct meanings *all,
		     const struct view_lookup *map, size_t element)
{
	return all->count != map->count || stand(copying, all->list[element].row).takes;
}

/*
 * A map of the rule's own is copied whole, as a walk knows by it which packets are which.  It leads
 * to copies, as a jump does.
 */
static int add_map(struct copying *copying, const struct meaning *meaning,
		   const struct meanings *all, struct rest *rest)
{
	const struct view_lookup *map = rule_verdict(meaning->row)->lookup;
	struct graft_lead *leads = arena_alloc(&copying->weave->grafts->arena,
					       (map->count + 1) * sizeof(*leads));
	struct graft_rule added = { .leads = leads };
	bool had = !is_plain(meaning->row);
	int err = leads ? 0 : -ENOMEM;

	for (size_t i = 0; i < map->count && !err && rest->kind != REST_NONE; i++)
		if (may_have(copying, all, map, i)) {
			had = true;
			err = add_lead(copying, meaning->row, element_at(map, i), &added, leads, rest);
		}
	if (err || rest->kind == REST_NONE || !had)
		return err;
	add_others(map, &added, leads);
	add_rule(copying, meaning, COPY_HEAD | COPY_TAIL | COPY_VERDICT, TARGET_NONE, NULL);
	copying->rules[copying->count - 1].leads = leads;
	copying->rules[copying->count - 1].lead_count = added.lead_count;
	return 0;
}

/* One that says nothing of conntrack; of another, a rule has a row for each state. */
static bool leads_by_own_map(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);

	return verdict && verdict->kind == STEP_MAP && !verdict->lookup->named &&
	       verdict->lookup->read && verdict->lookup->count <= ELEMENTS_MAX &&
	       !lookup_asks_conntrack(verdict->lookup);
}

/*
 * A condition that we do not know asks a copy the same; of a target, nobody knows where it
 * leads.  A map with a name is there for any rule of its table to look up, with its verdicts.
 */
static bool is_beyond_us(const struct view_rule *row)
{
	const struct step *verdict = rule_verdict(row);

	if (!verdict)
		return false;
	return verdict->kind == STEP_ANYTHING ||
	       (verdict->kind == STEP_MAP && !leads_by_own_map(row) &&
		(!verdict->lookup->named || lookup_asks_conntrack(verdict->lookup)));
}

/* Whether what remembers can be copied alone, without the rest of what the rule does. */
static bool only_remembers(const struct view_rule *rule)
{
	for (size_t i = rule_tail(rule); i < rule->count; i++) {
		const struct step *step = &rule->steps[i];

		if (!step_is_condition(step) && !step_is_verdict(step) &&
		    !(step->flags & (STEP_REMEMBERS | STEP_COUNTER)))
			return false;
	}
	return true;
}

/*
 * A rule that remembers packets ahead of asking for their state has seen those, too, that it
 * did not take: of these, the copy does no more than to remember them.
 */
static int copy_row(struct copying *copying, const struct meaning *meaning,
		    const struct meanings *all, struct rest *rest)
{
	const struct view_rule *rule = meaning->row;
	const struct common common = stand(copying, rule);
	const bool remembers = !common.takes && common.meets && rule_remembers_first(rule);

	if (!common.takes && !common.unsure && !remembers)
		return 0;
	if (common.unsure || common.disagree || is_beyond_us(rule) ||
	    (remembers && !only_remembers(rule)) || copying->count >= RULES_MAX) {
		*rest = (struct rest){ .kind = REST_NONE, .obstacle = { copying->chain, rule },
				       .disagree = common.disagree, .unsure = common.unsure };
		return 0;
	}
	if (remembers) {
		add_rule(copying, meaning, COPY_HEAD | COPY_TAIL, TARGET_NONE, NULL);
		return 0;
	}
	if (is_jump(rule_verdict(rule)))
		return add_jump(copying, meaning, common.takes_all, rest);
	if (leads_by_own_map(rule))
		return add_map(copying, meaning, all, rest);
	add_rule(copying, meaning, COPY_HEAD | COPY_TAIL | COPY_VERDICT, TARGET_NONE, NULL);
	return 0;
}

/* Whether it accepts packets of the service, over the protocol; of no service: ICMP errors. */
static bool opens_for(const struct graft_chain *chain, const struct pick *pick)
{
	const char *name = pick->service ? pick->service->name : "";

	for (size_t i = 0; i < chain->count; i++) {
		const struct match *match = chain->rules[i].rule.match;

		if (chain->rules[i].families & 1u << pick->family &&
		    match->protocol == pick->rule->match->protocol &&
		    !strcmp(match->comment ? match->comment : "", name))
			return true;
	}
	return false;
}

static bool opens_for_any(const struct graft_chain *chain, const struct copying *copying)
{
	for (size_t i = 0; i < copying->pick_count; i++)
		if (opens_for(chain, copying->picks[i]))
			return true;
	return false;
}

/* What is opened ahead of a rule of the chain (NULL: at its end) is opened in the copy as well. */
static void copy_opening(struct copying *copying, const struct view_rule *before)
{
	const struct grafts *openings = copying->weave->openings;

	for (size_t i = 0; openings && i < openings->count; i++)
		if (openings->list[i].chain == copying->chain && openings->list[i].before == before &&
		    opens_for_any(openings->list[i].rule.to, copying))
			copying->rules[copying->count++] = openings->list[i].rule;
}

/* Whether the one rule that has been copied accepts all packets, and does nothing else. */
static bool accepts_all(const struct copying *copying)
{
	const struct graft_rule *rule = &copying->rules[0];
	const struct step *verdict;

	if (copying->count != 1 || !is_plain(rule->original.row) ||
	    !stand(copying, rule->original.row).takes_all)
		return false;
	verdict = rule_verdict(rule->original.row);
	return !verdict ? false : rule->copies & COPY_VERDICT ? verdict->kind == STEP_ACCEPT :
					     rule->rule.target == TARGET_ACCEPT;
}

/* Named by what is in it, so that what is the same is there once. */
static int name_copy(const struct copying *copying, char name[CHAIN_NAME_MAX + 1])
{
	struct stream essence;

	if (stream_open(&essence))
		return -ENOMEM;
	for (size_t i = 0; i < copying->count; i++)
		essence_of_graft_rule(essence.out, &copying->rules[i]);
	if (stream_close(&essence))
		return -ENOMEM;
	name_twin(name, "rest", essence.text, essence.size);
	free(essence.text);
	return 0;
}

static int finish(struct copying *copying, struct rest *rest)
{
	struct grafts *grafts = copying->weave->grafts;
	char name[CHAIN_NAME_MAX + 1];

	if (name_copy(copying, name))
		return -ENOMEM;
	rest->kind = REST_CHAIN;
	rest->chain = grafts_find_chain(grafts, copying->chain->table, name);
	if (rest->chain)
		return 0;
	rest->chain = grafts_add_chain(grafts, copying->chain->table, name);
	if (!rest->chain)
		return -ENOMEM;
	for (size_t i = 0; i < copying->count; i++)
		if (!graft_chain_add(grafts, rest->chain, &copying->rules[i]))
			return -ENOMEM;
	return 0;
}

/* Whether the first element of a map that any of the packets have is what all have, and accepts. */
static bool accepts_by_map(const struct copying *copying, const struct meanings *all)
{
	for (size_t i = 0; i < all->count && !copying->count; i++) {
		const struct view_rule *row = all->list[i].row;
		const struct step *verdict = rule_verdict(row);
		const struct common common = stand(copying, row);

		if (common.takes || common.unsure)
			return common.takes_all && is_plain(row) && verdict &&
			       verdict->kind == STEP_ACCEPT;
	}
	return false;
}

static int copy_map(struct copying *copying, const struct view_rule *rule,
		    const struct meanings *all, struct rest *rest)
{
	const struct meaning plain = { .row = rule };
	int err;

	if (accepts_by_map(copying, all)) {
		rest->kind = REST_ACCEPT;
		return 0;
	}
	err = copy_row(copying, &plain, all, rest);
	for (size_t i = 0; i < all->count && !err; i++)
		if (rule_ends_chain(all->list[i].row))
			leave_behind(copying, all->list[i].row);
	return err;
}

/* Ends where it cannot be copied, or need not be. */
static int copy_rule(struct copying *copying, const struct view_rule *rule, struct rest *rest)
{
	struct meanings room;
	const struct meanings *all = meanings_of(&copying->weave->meanings, rule, &room);
	int err = 0;

	if (leads_by_own_map(rule))
		return copy_map(copying, rule, all, rest);
	for (size_t i = 0; i < all->count && copying->pick_count && !err; i++) {
		const bool first = !copying->count;

		err = copy_row(copying, &all->list[i], all, rest);
		if (rest->kind == REST_NONE && rest->obstacle.rule == all->list[i].row)
			rest->obstacle.rule = rule;
		if (rest->kind == REST_NONE)
			return err;
		if (first && accepts_all(copying)) {
			rest->kind = REST_ACCEPT;
			return err;
		}
		if (rule_ends_chain(all->list[i].row))
			leave_behind(copying, all->list[i].row);
	}
	return err;
}

static int copy(struct copying *copying, const struct view_rule *rule, struct rest *rest)
{
	int err = 0;

	*rest = (struct rest){ .kind = REST_EMPTY };
	if (copying->depth == DEPTH_MAX) {
		*rest = (struct rest){ .kind = REST_NONE, .obstacle = { copying->chain, rule } };
		return 0;
	}
	for (; rule && copying->pick_count && !copying->ended && !err && rest->kind == REST_EMPTY;
	     rule = rule->next) {
		copy_opening(copying, rule);
		err = copy_rule(copying, rule, rest);
	}
	if (!err && !rule && rest->kind == REST_EMPTY && !copying->ended)
		copy_opening(copying, NULL);
	if (err || rest->kind != REST_EMPTY || !copying->count)
		return err;
	return finish(copying, rest);
}

int rest_make(struct weave *weave, const struct view_chain *chain, const struct view_rule *rule,
	      const struct pick_list *picks, struct rest *rest)
{
	struct copying *copying = malloc(sizeof(*copying));
	const struct pick **list = calloc(picks->count + 1, sizeof(struct pick *));
	int err = -ENOMEM;

	if (copying && list) {
		*copying = (struct copying){ .weave = weave, .chain = chain, .picks = list,
					     .pick_count = picks->count };
		memcpy(list, picks->list, picks->count * sizeof(struct pick *));
		err = copy(copying, rule, rest);
	}
	free(copying);
	free(list);
	return err;
}
