/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Edits, against a table that does to the letter what it is told, and against
 * the fewest that there could be.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/graft_edit.h"
#include "legacy/intermediate.h"
#include "lowered.h"
#include "random.h"
#include "rules/diff.h"
#include "unit.h"

enum { ROUNDS = 3000, MODELS = 150, CHAINS_MAX = 256, BRUTE_RULES = 9 };

/* --- a table, as it stands while it is edited ------------------------- */

struct line {
	bool live, will_change, will_go;
	char name[CHAIN_NAME_MAX + 1];
	struct rule *rules;
	size_t count, room;
};

struct editor {
	struct line *lines;
	size_t count;
	struct jump jumps[16];
	size_t jump_count;
	unsigned int added, removed;
	bool hooks_edited;
};

static void reserve(struct line *line, size_t count)
{
	if (count <= line->room)
		return;
	line->room = 2 * count;
	line->rules = realloc(line->rules, line->room * sizeof(*line->rules));
	expect(line->rules, "out of memory");
}

static struct line *find_line(struct editor *editor, const char *name)
{
	for (size_t i = 0; i < editor->count; i++)
		if (editor->lines[i].live && !strcmp(editor->lines[i].name, name))
			return &editor->lines[i];
	return NULL;
}

static int add_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;
	struct line *line = &editor->lines[editor->count];

	expect(editor->count < CHAINS_MAX, "too many chains for this test");
	expect(!find_line(editor, chain->name), "chain %s is there already", chain->name);
	editor->count++;
	line->live = true;
	line->count = 0;
	strcpy(line->name, chain->name);
	return 0;
}

static int add_rule(void *data, const struct chain *chain, const struct rule *rule,
		    unsigned int position)
{
	struct editor *editor = data;
	struct line *line = find_line(editor, chain->name);

	expect(line, "a rule for %s, which is not there", chain->name);
	expect(position <= line->count, "a rule past the end of %s", chain->name);
	expect(rule->target != TARGET_JUMP || find_line(editor, rule->to->name),
	       "a jump to %s, which is not there", rule->to->name);
	reserve(line, line->count + 1);
	memmove(&line->rules[position + 1], &line->rules[position],
		(line->count++ - position) * sizeof(*rule));
	line->rules[position] = *rule;
	editor->added++;
	return 0;
}

static int remove_rule(void *data, const struct chain *chain, const struct rule *rule,
		       unsigned int position)
{
	struct editor *editor = data;
	struct line *line = find_line(editor, chain->name);

	expect(line && position < line->count, "no such rule of %s", chain->name);
	expect(rule_same(rule, &line->rules[position]), "rule %u of %s is another one", position,
	       chain->name);
	expect(line->will_change, "nobody said that %s changes", chain->name);
	memmove(&line->rules[position], &line->rules[position + 1],
		(--line->count - position) * sizeof(*rule));
	editor->removed++;
	return 0;
}

static int add_jump(void *data, const struct jump *jump)
{
	struct editor *editor = data;

	expect(find_line(editor, jump->to->name), "a jump to %s, which is not there",
	       jump->to->name);
	editor->jumps[editor->jump_count++] = *jump;
	editor->hooks_edited = true;
	return 0;
}

static int remove_jump(void *data, const struct jump *jump)
{
	struct editor *editor = data;
	size_t i = editor->jump_count;

	while (i-- > 0)
		if (!strcmp(editor->jumps[i].chain, jump->chain) &&
		    editor->jumps[i].position == jump->position)
			break;
	expect(i < editor->jump_count, "no jump from %s at %u", jump->chain, jump->position);
	memmove(&editor->jumps[i], &editor->jumps[i + 1],
		(--editor->jump_count - i) * sizeof(*jump));
	for (i = 0; i < editor->jump_count; i++)
		editor->jumps[i].position -= !strcmp(editor->jumps[i].chain, jump->chain) &&
					     editor->jumps[i].position > jump->position;
	editor->hooks_edited = true;
	return 0;
}

static int flush_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;
	struct line *line = find_line(editor, chain->name);

	expect(line, "%s to be emptied is not there", chain->name);
	expect(line->will_change, "nobody said that %s changes", chain->name);
	editor->removed += (unsigned int)line->count;
	line->count = 0;
	return 0;
}

static int will_change(void *data, const struct chain *chain)
{
	struct line *line = find_line(data, chain->name);

	expect(line, "%s that will change is not there", chain->name);
	line->will_change = true;
	return 0;
}

static int will_go(void *data, const struct chain *chain)
{
	struct line *line = find_line(data, chain->name);

	expect(line, "%s that will go is not there", chain->name);
	line->will_go = true;
	return 0;
}

static int remove_chain(void *data, const struct chain *chain)
{
	struct editor *editor = data;
	struct line *line = find_line(editor, chain->name);

	expect(line && !line->count, "%s to be removed is not there, or not empty", chain->name);
	expect(line->will_go, "nobody said that %s goes", chain->name);
	line->live = false;
	return 0;
}

static const struct edit_ops ops = {
	.will_change = will_change,
	.will_go = will_go,
	.add_chain = add_chain,
	.add_rule = add_rule,
	.remove_rule = remove_rule,
	.add_jump = add_jump,
	.remove_jump = remove_jump,
	.flush_chain = flush_chain,
	.remove_chain = remove_chain,
};

static struct line lines[CHAINS_MAX];

static void free_lines(void)
{
	for (size_t i = 0; i < CHAINS_MAX; i++)
		free(lines[i].rules);
}

static struct editor begin(const struct ruleset *have)
{
	struct editor editor = { .lines = lines, .jump_count = have->jump_count };

	for (size_t i = 0; i < have->count; i++) {
		struct line *line = &editor.lines[editor.count++];

		line->live = true;
		line->will_change = line->will_go = false;
		strcpy(line->name, have->chains[i]->name);
		line->count = have->chains[i]->count;
		reserve(line, line->count);
		if (line->count)
			memcpy(line->rules, have->chains[i]->rules, line->count * sizeof(struct rule));
	}
	for (size_t i = 0; i < have->jump_count; i++)
		editor.jumps[i] = have->jumps[i];
	return editor;
}

/* Nothing may lead to a chain that is gone. */
static void check_jumps(struct editor *editor)
{
	for (size_t i = 0; i < editor->count; i++)
		for (size_t j = 0; editor->lines[i].live && j < editor->lines[i].count; j++) {
			const struct rule *rule = &editor->lines[i].rules[j];

			if (rule->target == TARGET_JUMP || rule->target == TARGET_GOTO)
				expect(find_line(editor, rule->to->name), "a rule to %s was left",
				       rule->to->name);
		}
	for (size_t i = 0; i < editor->jump_count; i++)
		expect(find_line(editor, editor->jumps[i].to->name), "a jump to %s was left",
		       editor->jumps[i].to->name);
}

static void table_is(struct editor *editor, const struct ruleset *want)
{
	size_t live = 0;

	for (size_t i = 0; i < want->count; i++) {
		const struct chain *chain = want->chains[i];
		const struct line *line = find_line(editor, chain->name);

		expect(line && line->count == chain->count, "%s is not as it shall be", chain->name);
		for (size_t j = 0; j < chain->count; j++)
			expect(rule_same(&line->rules[j], &chain->rules[j]), "rule %zu of %s is not",
			       j, chain->name);
	}
	for (size_t i = 0; i < editor->count; i++)
		live += editor->lines[i].live;
	expect(live == want->count, "%zu chains in place of %zu", live, want->count);
	check_jumps(editor);
}

static struct editor edited(const struct ruleset *have, const struct ruleset *want)
{
	struct notrack_changes changes = { 0 }, counted = { 0 };
	struct editor editor = begin(have);

	expect(!ruleset_edit(have, want, &ops, &editor, &changes), "out of memory");
	expect(changes.added >= editor.added && changes.removed >= editor.removed,
	       "%u and %u edits counted", changes.added, changes.removed);
	expect(!ruleset_edit(have, want, NULL, NULL, &counted), "out of memory");
	expect(changes.added == counted.added && changes.removed == counted.removed,
	       "%u and %u edits when none is made", counted.added, counted.removed);
	return editor;
}

/* --- sets of chains by chance ----------------------------------------- */

static const char *const chain_names[] = {
	"NOTRACK-INPUT", "NOTRACK-OUTPUT", "NOTRACK-a-in", "NOTRACK-a-out", "NOTRACK-b-in",
	"NOTRACK-b-lim", "NOTRACK-c",
};

static struct rule random_rule(const struct ruleset *rules, size_t index)
{
	static const enum target targets[] = { TARGET_NONE, TARGET_ACCEPT, TARGET_ACCEPT, TARGET_DROP,
					       TARGET_RETURN, TARGET_JUMP };
	struct rule rule = { .target = targets[random_below(6)] };

	/* few kinds, so that many are the same */
	rule.source.length = 8;
	rule.source.address[0] = (uint8_t)random_below(3);
	rule.count.packets = random_below(100);
	if (rule.target == TARGET_JUMP && index + 1 == rules->count)
		rule.target = TARGET_NONE;
	if (rule.target == TARGET_JUMP)		/* onwards only: no circles */
		rule.to = rules->chains[random_from((unsigned int)index + 1,
						    (unsigned int)rules->count - 1)];
	return rule;
}

static void fill_chain(const struct ruleset *rules, size_t index, unsigned int most)
{
	unsigned int count = random_below(most + 1);

	while (count--) {
		const struct rule rule = random_rule(rules, index);

		expect(chain_add_rule(rules->chains[index], &rule), "out of memory");
	}
}

static struct ruleset random_rules(unsigned int most)
{
	struct ruleset rules = { 0 };

	for (size_t i = 0; i < sizeof(chain_names) / sizeof(chain_names[0]); i++)
		if (random_chance(70))
			expect(ruleset_add_chain(&rules, chain_names[i]), "out of memory");
	expect(!ruleset_sort(&rules), "a name twice");
	for (size_t i = 0; i < rules.count; i++)
		fill_chain(&rules, i, most);
	if (ruleset_find(&rules, "NOTRACK-INPUT"))
		expect(!ruleset_add_jump(&rules, &(struct jump){ .chain = "INPUT",
				.to = ruleset_find(&rules, "NOTRACK-INPUT"),
				.position = random_below(3) }), "out of memory");
	if (ruleset_find(&rules, "NOTRACK-OUTPUT"))
		expect(!ruleset_add_jump(&rules, &(struct jump){ .chain = "OUTPUT",
				.to = ruleset_find(&rules, "NOTRACK-OUTPUT") }), "out of memory");
	return rules;
}

/* --- edits ------------------------------------------------------------ */

START_TEST(edits_applied_one_by_one_make_what_is_wanted)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct ruleset have = random_rules(12), want = random_rules(12);
		struct editor editor = edited(&have, &want);

		table_is(&editor, &want);
		ruleset_free(&have);
		ruleset_free(&want);
	}
}
END_TEST

START_TEST(nothing_to_change_is_no_edit)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct ruleset have = random_rules(12);
		struct editor editor = edited(&have, &have);

		expect(!editor.added && !editor.removed && !editor.hooks_edited, "%u and %u edits",
		       editor.added, editor.removed);
		ruleset_free(&have);
	}
}
END_TEST

static size_t longest_common(const struct chain *a, size_t i, const struct chain *b, size_t j)
{
	size_t skip_a, skip_b, best;

	if (i == a->count || j == b->count)
		return 0;
	skip_a = longest_common(a, i + 1, b, j);
	skip_b = longest_common(a, i, b, j + 1);
	best = skip_a > skip_b ? skip_a : skip_b;
	if (rule_same(&a->rules[i], &b->rules[j])) {
		size_t both = longest_common(a, i + 1, b, j + 1) + 1;

		best = both > best ? both : best;
	}
	return best;
}

START_TEST(no_fewer_edits_would_do)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct ruleset have = random_rules(BRUTE_RULES), want = random_rules(BRUTE_RULES);
		struct editor editor = edited(&have, &want);
		size_t added = 0, removed = 0;

		for (size_t j = 0; j < want.count; j++)
			added += want.chains[j]->count;
		for (size_t j = 0; j < have.count; j++) {
			const struct chain *chain = ruleset_find(&want, have.chains[j]->name);
			size_t common = chain ? longest_common(have.chains[j], 0, chain, 0) : 0;

			removed += have.chains[j]->count - common;
			added -= common;
		}
		expect(editor.added == added && editor.removed == removed,
		       "%u added and %u removed, and %zu and %zu would do", editor.added,
		       editor.removed, added, removed);
		ruleset_free(&have);
		ruleset_free(&want);
	}
}
END_TEST

START_TEST(a_change_of_one_rule_in_a_long_chain_is_two_edits)
{
	struct ruleset have = { 0 }, want = { 0 };
	struct editor editor;

	ruleset_add_chain(&have, "NOTRACK-a-in");
	ruleset_add_chain(&want, "NOTRACK-a-in");
	for (unsigned int i = 0; i < 1000; i++) {
		struct rule rule = { .target = TARGET_ACCEPT };

		rule.source.length = 32;
		memcpy(rule.source.address, &i, sizeof(i));
		expect(chain_add_rule(have.chains[0], &rule), "out of memory");
		rule.target = i == 500 ? TARGET_DROP : TARGET_ACCEPT;
		expect(chain_add_rule(want.chains[0], &rule), "out of memory");
	}
	editor = edited(&have, &want);
	ck_assert_uint_eq(editor.added, 1);
	ck_assert_uint_eq(editor.removed, 1);
	table_is(&editor, &want);
	ruleset_free(&have);
	ruleset_free(&want);
}
END_TEST

static int refuse(void *data, const struct chain *chain)
{
	(void)data;
	(void)chain;
	return -EIO;
}

START_TEST(an_edit_that_fails_ends_there)
{
	const struct edit_ops refusing = { .add_chain = refuse };
	struct notrack_changes changes = { 0 };
	struct ruleset have = { 0 }, want = { 0 };

	ruleset_add_chain(&have, "NOTRACK-a-in");
	ruleset_add_chain(&want, "NOTRACK-b-in");
	chain_add_rule(want.chains[0], &(struct rule){ .target = TARGET_ACCEPT });

	ck_assert_int_eq(ruleset_edit(&have, &want, &refusing, NULL, &changes), -EIO);
	ruleset_free(&have);
	ruleset_free(&want);
}
END_TEST

/* --- jumps from built-in chains --------------------------------------- */

static void add_with_hook(struct ruleset *rules, const char *chain, const char *target,
			  unsigned int position)
{
	struct chain *to = ruleset_add_chain(rules, target);

	ruleset_add_jump(rules, &(struct jump){ .chain = chain, .to = to, .position = position });
}

START_TEST(a_jump_that_somebody_moved_stays_there)
{
	struct ruleset have = { 0 }, want = { 0 };
	struct editor editor;

	add_with_hook(&have, "INPUT", "NOTRACK-INPUT", 7);
	add_with_hook(&want, "INPUT", "NOTRACK-INPUT", 0);
	editor = edited(&have, &want);
	ck_assert(!editor.hooks_edited);
	ruleset_free(&have);
	ruleset_free(&want);
}
END_TEST

START_TEST(all_jumps_of_ours_go_from_the_last_to_the_first)
{
	struct ruleset have = { 0 }, want = { 0 };
	struct editor editor;

	add_with_hook(&have, "INPUT", "NOTRACK-INPUT", 1);
	ruleset_add_jump(&have, &(struct jump){ .chain = "INPUT", .to = have.chains[0],
						.position = 2 });
	ruleset_add_jump(&have, &(struct jump){ .chain = "INPUT", .to = have.chains[0],
						.position = 5 });
	editor = edited(&have, &want);
	ck_assert_uint_eq(editor.jump_count, 0);
	table_is(&editor, &want);
	ruleset_free(&have);
}
END_TEST

START_TEST(a_chain_that_others_lead_to_stays_empty)
{
	struct ruleset have = { 0 }, want = { 0 };
	struct editor editor;

	add_with_hook(&have, "somebody", "NOTRACK-a-in", 0);
	chain_add_rule(have.chains[0], &(struct rule){ .target = TARGET_ACCEPT });
	editor = edited(&have, &want);
	ck_assert_uint_eq(editor.jump_count, 1);
	ck_assert_ptr_nonnull(find_line(&editor, "NOTRACK-a-in"));
	ck_assert_uint_eq(find_line(&editor, "NOTRACK-a-in")->count, 0);
	ruleset_free(&have);
}
END_TEST

/* --- ten times as many chains of others as anybody has ------------------ */

/* Looking through all of them for each would take the timeout of a test many times over. */
enum { MANY = 500000 };

static const char *numbered(struct arena *arena, size_t number)
{
	char name[32];

	snprintf(name, sizeof(name), "x%zu", number);
	return arena_strdup(arena, name);
}

static void add_many_jumps(struct ruleset *rules)
{
	struct chain *to = ruleset_add_chain(rules, "NOTRACK-INPUT");

	for (size_t i = 0; i < MANY; i++)
		expect(!ruleset_add_jump(rules, &(struct jump){
				.chain = numbered(&rules->arena, i), .to = to, .entry = to }),
		       "out of memory");
}

START_TEST(jumps_of_many_chains_are_found_among_as_many)
{
	struct ruleset have = { .found = true }, want = { .found = true };
	struct notrack_changes none = { 0 }, one = { 0 };

	add_many_jumps(&have);
	add_many_jumps(&want);
	ck_assert_int_eq(ruleset_edit(&have, &want, NULL, NULL, &none), 0);
	ck_assert_uint_eq(none.added + none.removed, 0);
	want.jumps[MANY / 2].chain = "another";
	ck_assert_int_eq(ruleset_edit(&have, &want, NULL, NULL, &one), 0);
	ck_assert_uint_eq(one.added, 1);
	ck_assert_uint_eq(one.removed, 1);
	ruleset_free(&have);
	ruleset_free(&want);
}
END_TEST

static void add_many_grafts(struct ruleset *rules)
{
	rules->grafted = grafted_new(rules, &xt_families[IPV4]);
	for (size_t i = 0; i < MANY; i++)
		expect(grafted_add_chain(rules->grafted, numbered(&rules->arena, i)),
		       "out of memory");
}

START_TEST(grafts_of_many_chains_are_found_among_as_many)
{
	struct ruleset have = { 0 }, want = { 0 };
	struct notrack_changes changes = { 0 };

	add_many_grafts(&have);
	add_many_grafts(&want);
	ck_assert_int_eq(grafted_compare(have.grafted, want.grafted, &xt_families[IPV4], NULL, NULL,
					 &changes), 0);
	ck_assert_uint_eq(changes.added + changes.removed, 0);
	for (size_t i = 0; i < MANY; i += MANY / 10)
		ck_assert_str_eq(grafted_find(have.grafted, numbered(&have.arena, i))->name,
				 numbered(&have.arena, i));
	ck_assert_ptr_null(grafted_find(have.grafted, "x"));
	ruleset_free(&have);
	ruleset_free(&want);
}
END_TEST

/* --- make before break ------------------------------------------------ */

/* Whether all rules of @part are in @whole, in their order. */
static bool contains_in_order(const struct chain *whole, const struct chain *part)
{
	size_t found = 0;

	for (size_t i = 0; i < whole->count && found < part->count; i++)
		found += rule_same(&whole->rules[i], &part->rules[found]);
	return found == part->count;
}

static bool has_rule(const struct chain *chain, const struct rule *rule)
{
	for (size_t i = 0; chain && i < chain->count; i++)
		if (rule_same(&chain->rules[i], rule))
			return true;
	return false;
}

static void keeps_accepts(const struct ruleset *both, const struct ruleset *from)
{
	for (size_t i = 0; i < from->count; i++)
		for (size_t j = 0; j < from->chains[i]->count; j++) {
			const struct rule *rule = &from->chains[i]->rules[j];

			if (rule->target == TARGET_ACCEPT)
				expect(has_rule(ruleset_find(both, from->chains[i]->name), rule),
				       "an accept of %s is lost", from->chains[i]->name);
		}
}

/* Entered from the top, whatever is below is still reached. */
static bool has_accept(const struct chain *chain)
{
	for (size_t i = 0; chain && i < chain->count; i++)
		if (chain->rules[i].target == TARGET_ACCEPT)
			return true;
	return false;
}

/* Those that lead to what lets packets through. */
static void keeps_jumps_of_tops(const struct ruleset *both, const struct ruleset *have)
{
	for (size_t i = 0; i < have->count; i++)
		for (size_t j = 0; j < have->chains[i]->count; j++) {
			const struct chain *chain = have->chains[i];

			if (chain_is_top(chain->name) && chain->rules[j].target == TARGET_JUMP &&
			    !chain_is_top(chain->rules[j].to->name) &&
			    has_accept(ruleset_find(have, chain->rules[j].to->name)))
				expect(has_rule(ruleset_find(both, chain->name), &chain->rules[j]),
				       "a jump of %s is lost", chain->name);
		}
}

static void check_union(const struct ruleset *have, const struct ruleset *want)
{
	struct ruleset both = { 0 };
	int more = intermediate_make(&both, have, want);
	struct editor editor;

	expect(more >= 0, "out of memory");
	for (size_t i = 0; i < want->count; i++) {
		const struct chain *chain = ruleset_find(&both, want->chains[i]->name);

		expect(chain && contains_in_order(chain, want->chains[i]), "%s lacks what is wanted",
		       want->chains[i]->name);
	}
	keeps_accepts(&both, have);
	keeps_jumps_of_tops(&both, have);
	editor = edited(have, &both);
	table_is(&editor, &both);
	editor = edited(&both, want);
	table_is(&editor, want);
	expect(more || (!editor.added && !editor.removed && !editor.hooks_edited),
	       "there is more to do than it says");
	ruleset_free(&both);
}

START_TEST(halfway_everything_old_and_new_is_accepted)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct ruleset have = random_rules(12), want = random_rules(12);

		check_union(&have, &want);
		ruleset_free(&have);
		ruleset_free(&want);
	}
}
END_TEST

START_TEST(from_one_model_to_another_everything_old_and_new_is_accepted)
{
	for (int i = 0; i < MODELS; i++) {
		enum family family = random_chance(50) ? IPV4 : IPV6;
		struct notrack *old = notrack_new(), *new = notrack_new();
		struct lowered have, want;

		random_model(old, 4, 60);
		random_model(new, 4, 60);
		have = lower_model(old, family);
		want = lower_model(new, family);
		grafted_take_jumps(&have.rules[FILTER], "filter");	/* they are grafts there */
		grafted_take_jumps(&want.rules[FILTER], "filter");
		check_union(&have.rules[FILTER], &want.rules[FILTER]);
		lowered_free(&have);
		lowered_free(&want);
		notrack_free(old);
		notrack_free(new);
	}
}
END_TEST

START_TEST(a_service_more_needs_no_intermediate)
{
	struct notrack *nt = notrack_new();
	struct ruleset both = { 0 };
	struct lowered have, want;

	notrack_add_service(nt, &(struct notrack_service){ .size = sizeof(struct notrack_service),
							    .name = "dns" });
	have = lower_model(nt, IPV4);
	notrack_add_service(nt, &(struct notrack_service){ .size = sizeof(struct notrack_service),
							    .name = "ntp" });
	want = lower_model(nt, IPV4);
	ck_assert_int_eq(intermediate_make(&both, &have.rules[FILTER], &want.rules[FILTER]), 0);
	ruleset_free(&both);
	ck_assert_int_eq(intermediate_make(&both, &want.rules[FILTER], &have.rules[FILTER]), 1);
	ruleset_free(&both);
	lowered_free(&have);
	lowered_free(&want);
	notrack_free(nt);
}
END_TEST

static void tests(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, NULL, free_lines);
	tcase_add_test(tcase, edits_applied_one_by_one_make_what_is_wanted);
	tcase_add_test(tcase, nothing_to_change_is_no_edit);
	tcase_add_test(tcase, no_fewer_edits_would_do);
	tcase_add_test(tcase, a_change_of_one_rule_in_a_long_chain_is_two_edits);
	tcase_add_test(tcase, an_edit_that_fails_ends_there);
	tcase_add_test(tcase, a_jump_that_somebody_moved_stays_there);
	tcase_add_test(tcase, all_jumps_of_ours_go_from_the_last_to_the_first);
	tcase_add_test(tcase, a_chain_that_others_lead_to_stays_empty);
	tcase_add_test(tcase, jumps_of_many_chains_are_found_among_as_many);
	tcase_add_test(tcase, grafts_of_many_chains_are_found_among_as_many);
	tcase_add_test(tcase, halfway_everything_old_and_new_is_accepted);
	tcase_add_test(tcase, from_one_model_to_another_everything_old_and_new_is_accepted);
	tcase_add_test(tcase, a_service_more_needs_no_intermediate);
}

int main(void)
{
	return unit_main("diff", tests);
}
