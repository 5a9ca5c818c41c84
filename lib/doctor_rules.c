/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who else filters, and what packets that are not tracked miss of what others' rules do. */
#include "doctor.h"

#include <stdio.h>
#include <string.h>

#include "support/forwarding.h"

/* Rules of one kind: how many, and the first of them. */
struct finds {
	unsigned int count;
	struct place first;
};

/* Tables, as "ip filter, inet firewalld", as far as they fit. */
struct tables {
	unsigned int count;
	bool full;
	size_t used;
	char names[500];
};

struct survey {
	unsigned int foreign;		/* rules of others in the legacy tables */
	struct finds translations, marks, proxies, helpers;
	struct tables nft, locked;	/* of others */
};

/* --- rules ------------------------------------------------------------ */

static void note(struct finds *finds, const struct view_chain *chain, const struct view_rule *rule)
{
	if (!finds->count++)
		finds->first = (struct place){ chain, rule };
}

/* By a template of table raw, or, in nftables, by the name of a helper. */
static bool gives_helper(const struct step *step)
{
	return (step->kind == STEP_TEMPLATE || step->kind == STEP_COUNT) && step->flags & STEP_HELPER;
}

static void survey_step(struct survey *survey, const struct view_chain *chain,
			const struct view_rule *rule, const struct step *step)
{
	bool asks = step_is_condition(step);

	if (!asks && step->kind == STEP_TRANSLATE)
		note(&survey->translations, chain, rule);
	else if (!asks && (step->kind == STEP_RESTORE_MARK || step->kind == STEP_CT_MARK))
		note(&survey->marks, chain, rule);
	else if (asks && step->field == FIELD_CT_MARK)
		note(&survey->marks, chain, rule);
	else if (!asks && step->kind == STEP_SYNPROXY)
		note(&survey->proxies, chain, rule);
	else if (!asks && gives_helper(step))
		note(&survey->helpers, chain, rule);
}

/* A name that is cut short would be another one: three dots stand for those that do not fit. */
static void append(struct tables *tables, const struct view_table *table)
{
	static const char dots[] = ", ...";
	const size_t left = sizeof(tables->names) - tables->used - strlen(dots);
	char *end = tables->names + tables->used;
	int length;

	tables->count++;
	if (tables->full)
		return;
	length = snprintf(end, left, "%s%s %s", tables->used ? ", " : "", table->family_name, table->name);
	tables->full = length < 0 || (size_t)length >= left;
	if (tables->full)
		strcpy(end, tables->used ? dots : dots + strlen(", "));
	else
		tables->used += (size_t)length;
}

static void survey_table(struct survey *survey, const struct view_table *table)
{
	if (table->locked)
		append(&survey->locked, table);
	if (table->world == WORLD_NFT && !table->own)
		append(&survey->nft, table);
	for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
		for (const struct view_rule *rule = chain->rules; rule; rule = rule->next) {
			survey->foreign += table->world == WORLD_LEGACY && !(rule->flags & RULE_OURS);
			for (uint32_t i = 0; i < rule->count; i++)
				survey_step(survey, chain, rule, &rule->steps[i]);
		}
}

static void report_finds(struct doctor *doctor, const char *name, const struct finds *finds,
			 const char *none, const char *some)
{
	char place[PLACE_TEXT];

	if (!finds->count)
		doctor_report(doctor, name, NOTRACK_OK, 0, "%s", none);
	else
		doctor_report(doctor, name, NOTRACK_WARNING, 0, "%u rule%s, the first at %s: %s",
			      finds->count, finds->count == 1 ? "" : "s",
			      view_format_place(&finds->first, place), some);
}

static void report_tables(struct doctor *doctor, const struct tables *tables)
{
	static const char name[] = "nftables of others";

	if (!tables->count)
		doctor_report(doctor, name, NOTRACK_OK, 0, "no tables");
	else
		doctor_report(doctor, name, NOTRACK_WARNING, 0, "%u table%s (%s): what their rules drop stays "
			      "dropped, whatever we accept; see nft list ruleset", tables->count,
			      tables->count == 1 ? "" : "s", tables->names);
}

static void report_survey(struct doctor *doctor, const struct survey *survey)
{
	report_tables(doctor, &survey->nft);
	report_finds(doctor, "NAT", &survey->translations, "no rule translates addresses or ports",
		     "untracked packets are never translated; leave tracked what is reached, or asks, "
		     "by translation");
	report_finds(doctor, "marks", &survey->marks, "no rule asks for marks of connections",
		     "untracked packets have no connection, and no mark of one; where routes or "
		     "rules depend on it, they go another way");
	if (survey->proxies.count)
		report_finds(doctor, "SYNPROXY", &survey->proxies, "", "it works for tracked connections "
			     "only; leave tracked what it protects");
	if (survey->helpers.count)
		report_finds(doctor, "helpers", &survey->helpers, "", "conntrack helpers read tracked "
			     "packets only; leave tracked what they are for");
	if (survey->foreign)
		doctor_report(doctor, "legacy rules of others", NOTRACK_OK, 0, "%u rule%s: in force "
			      "beside those of nftables, a drop in either is a drop", survey->foreign,
			      survey->foreign == 1 ? "" : "s");
	if (survey->locked.count)
		doctor_report(doctor, "tables that may not be edited", NOTRACK_WARNING, 0, "%s: their "
			      "owner is a program, and what they drop can only be let in by it",
			      survey->locked.names);
	else
		doctor_report(doctor, "tables that may not be edited", NOTRACK_OK, 0, "none");
}

/* --- forwarding ------------------------------------------------------- */

/* Of the network namespace of the calling thread. */
static void check_forwarding(struct doctor *doctor)
{
	char names[FORWARDING_TEXT];

	doctor->failed |= forwarding_find(names, sizeof(names)) == -ENOMEM;
	if (!strcmp(names, FORWARDING_UNKNOWN))
		doctor_report(doctor, "forwarding", NOTRACK_WARNING, 0, "not known, as %s: rules are made "
			      "as for a host that forwards", names);
	else if (*names)
		doctor_report(doctor, "forwarding", NOTRACK_WARNING, 0, "on (%s): packets that are "
			      "forwarded for others pass the same PREROUTING; where it also translates "
			      "them, leave its own questions tracked", names);
	else
		doctor_report(doctor, "forwarding", NOTRACK_OK, 0, "off; where something turns it on "
			      "later, as container engines do, rules have to be made anew: by a watch, or "
			      "by another commit");
}

void doctor_check_rules(struct doctor *doctor, const struct view *view)
{
	struct survey survey = { 0 };

	for (const struct view_table *table = view->tables; table; table = table->next)
		survey_table(&survey, table);
	report_survey(doctor, &survey);
	check_forwarding(doctor);
}
