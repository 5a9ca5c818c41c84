/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/stance.h"

bool rule_ends_chain(const struct view_rule *rule)
{
	const struct step *verdict = rule_verdict(rule);

	if (!verdict)
		return false;
	switch (verdict->kind) {
	case STEP_ACCEPT:
	case STEP_DROP:
	case STEP_REJECT:
	case STEP_RETURN:
	case STEP_GOTO:
	case STEP_QUEUE:
	case STEP_SYNPROXY:
		return true;
	default:
		return false;
	}
}

/* A condition that all packets meet today, and that does not depend on anything else. */
static bool is_certain(const struct step *step, unsigned int meets)
{
	return meets == ALL_DO && !(step->flags & STEP_REMEMBERS) && step->kind <= STEP_INTERFACE;
}

static bool is_harmless(const struct view_rule *rule);

static bool is_harmless_step(const struct step *step)
{
	if (step->flags & STEP_REMEMBERS)
		return false;
	if (step->kind == STEP_JUMP) {
		const struct view_rule *rule = step->chain->rules;

		return !rule || (!rule->next && is_harmless(rule));
	}
	return step_is_condition(step) || step->kind == STEP_COUNT;
}

/* Whether it makes no difference to a packet to be taken by it: counted, logged, or nothing. */
static bool is_harmless(const struct view_rule *rule)
{
	for (size_t i = 0; i < rule->count; i++)
		if (!is_harmless_step(&rule->steps[i]))
			return false;
	return true;
}

/* What a rule says of one probe. */
struct answer {
	unsigned int plain;		/* enum meets: all but what it asks conntrack */
	unsigned int tracked, now;	/* ... and that, were they tracked, and as they are */
	bool certain;			/* plain is ALL_DO, whatever happens */
};

static struct answer ask(const struct view_rule *rule, const struct probe *probe,
			 const struct situation *tracked, const struct situation *now)
{
	struct answer answer = { ALL_DO, ALL_DO, ALL_DO, true };

	for (size_t i = 0; i < rule->count && answer.plain & ALL_DO; i++) {
		const struct step *step = &rule->steps[i];
		unsigned int meets;

		if (!step_is_condition(step))
			continue;
		/* the usual packet keeps to every rate; the others are why there is one */
		meets = step->flags & STEP_REMEMBERS ? NOBODY_KNOWS :
						       probe_meets(probe, step, tracked);
		if (step_asks_conntrack(step)) {
			answer.tracked = meets_both(answer.tracked, meets);
			answer.now = meets_both(answer.now, probe_meets(probe, step, now));
		} else {
			answer.plain = meets_both(answer.plain, meets);
			answer.certain &= is_certain(step, meets);
		}
	}
	return answer;
}

static bool is_unsure(unsigned int meets)
{
	return meets != ALL_DO && meets != NONE_DOES;
}

static void add_answer(struct stance *stance, const struct view_rule *rule,
		       const struct answer *answer)
{
	bool takes = answer->tracked & ALL_DO;
	bool misses = takes && answer->now == NONE_DOES;
	bool catches = answer->tracked == NONE_DOES && answer->now & ALL_DO && !is_harmless(rule);
	bool unsure = is_unsure(answer->tracked) || is_unsure(answer->now);
	bool certain = answer->certain && !unsure;

	stance->meets = true;
	stance->takes |= takes;
	stance->misses |= misses && !unsure;
	stance->catches |= catches && !unsure;
	stance->sees |= answer->now & ALL_DO;
	stance->unsure |= unsure;
	stance->takes_all &= certain && takes;
	stance->ends &= certain && ((takes && rule_ends_chain(rule)) || catches);
}

/* Whether marks are known is not looked at here: they are where no rule sets any. */
static struct situation situation_of(const struct view *view, enum ct_state state)
{
	struct situation situation = { .view = view, .states = state,
				       .mark.as_it_came = UINT32_MAX };

	if (view->marks_packets)
		situation.mark.unknown = UINT32_MAX;
	if (view->marks_connections)
		situation.connection_mark.unknown = UINT32_MAX;
	return situation;
}

struct stance stance_of(const struct view_rule *rule, const struct pick *pick,
			const struct setting *setting)
{
	const enum packet_class class = (enum packet_class)pick->class;
	const struct situation tracked = situation_of(setting->view, class_state(class));
	const struct situation now = situation_of(setting->view,
						  class_state_now(class, setting->options));
	struct stance stance = { .takes_all = pick->count, .ends = pick->count };

	for (size_t i = 0; i < pick->count; i++) {
		struct answer answer = ask(rule, &pick->probes[i], &tracked, &now);

		if (answer.plain & ALL_DO)
			add_answer(&stance, rule, &answer);
		else	/* most rules are about others */
			stance.takes_all = stance.ends = false;
	}
	return stance;
}

unsigned int rule_asks_for(const struct view_rule *rule)
{
	unsigned int classes = 0;

	for (enum packet_class class = CLASS_REQUEST; class < CLASSES; class++) {
		const struct probe probe = { .reply = class == CLASS_ANSWER || class == CLASS_RESET };
		const struct situation tracked = { .states = class_state(class) };
		unsigned int meets = ALL_DO;

		for (size_t i = 0; i < rule->count; i++)
			if (step_asks_conntrack(&rule->steps[i]))
				meets = meets_both(meets, probe_meets(&probe, &rule->steps[i],
								      &tracked));
		if (meets == ALL_DO)
			classes |= 1u << class;
	}
	return classes;
}
