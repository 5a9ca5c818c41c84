/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Matches that ask conntrack. */
#include "legacy/extensions/match.h"

#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_connlabel.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_helper.h>
#include <linux/netfilter/xt_state.h>

/* Up to NEW, the bits are the same everywhere. */
#define TRACKED_STATES (CT_INVALID | CT_ESTABLISHED | CT_RELATED | CT_NEW)

static int add_states(const struct match_data *match, uint32_t states, bool inverted)
{
	struct step *step = view_add_states(match->view, states);

	if (!step)
		return -ENOMEM;
	view_invert(step, inverted);
	return 0;
}

/* @kept: what to ask where there is an entry; packets without one need not meet it. */
static int add_of_entry(const struct match_data *match, enum field field, uint32_t mask,
			uint32_t value, bool inverted, uint8_t kept)
{
	struct step *step = view_add_number(match->view, field, value, value);

	if (!step)
		return -ENOMEM;
	step->mask = mask;
	step->flags = kept;
	view_invert(step, inverted);
	return 0;
}

static int add_other(const struct match_data *match, const char *what, uint8_t kept)
{
	struct step *step = view_add_unknown(match->view, STEP_UNKNOWN, what);

	if (!step)
		return -ENOMEM;
	step->field = FIELD_CT_OTHER;
	step->flags = kept;
	return 0;
}

/* What the three revisions ask, in the same words. */
struct asked {
	unsigned int flags, inverted, states, status;
};

#define TRANSLATED (XT_CONNTRACK_STATE_SNAT | XT_CONNTRACK_STATE_DNAT)

/* As the status of the entry has it. */
static uint32_t status_of(unsigned int states)
{
	return (states & XT_CONNTRACK_STATE_SNAT ? IPS_SRC_NAT : 0u) |
	       (states & XT_CONNTRACK_STATE_DNAT ? IPS_DST_NAT : 0u);
}

/*
 * A state, or to be translated.  Packets of a service are not, as no service is untracked
 * that NAT translates (verify/translation.c): of several states, the others are what counts.
 */
static int add_states_or_translated(const struct match_data *match, const struct asked *asked,
				    uint32_t states)
{
	bool inverted = asked->inverted & XT_CONNTRACK_STATE;

	if (!states && asked->states & TRANSLATED)	/* --ctstate DNAT */
		return add_of_entry(match, FIELD_CT_STATUS, status_of(asked->states), 0, !inverted,
				    inverted ? STEP_WITHOUT_ENTRY : 0);
	return add_states(match, states, inverted);
}

/*
 * As conntrack_mt(): a packet without an entry is asked for its state alone; a
 * match that asks for no state never takes it.
 */
static int add_asked(const struct match_data *match, const struct asked *asked)
{
	const uint8_t kept = asked->flags & XT_CONNTRACK_STATE ? STEP_WITHOUT_ENTRY : 0;
	const unsigned int known = XT_CONNTRACK_STATE | XT_CONNTRACK_STATE_ALIAS |
				   XT_CONNTRACK_DIRECTION | XT_CONNTRACK_STATUS;
	uint32_t states = asked->states & TRACKED_STATES;
	int err = 0;

	if (asked->states & XT_CONNTRACK_STATE_UNTRACKED)
		states |= CT_UNTRACKED;
	if (kept)
		err = add_states_or_translated(match, asked, states);
	if (!err && asked->flags & XT_CONNTRACK_DIRECTION)
		err = add_of_entry(match, FIELD_CT_DIRECTION, UINT32_MAX, 0,
				   asked->inverted & XT_CONNTRACK_DIRECTION, kept);
	if (!err && asked->flags & XT_CONNTRACK_STATUS)	/* any of them: not none */
		err = add_of_entry(match, FIELD_CT_STATUS, asked->status, 0,
				   !(asked->inverted & XT_CONNTRACK_STATUS), kept);
	if (!err && (asked->flags & ~known || !(asked->flags & known)))
		err = add_other(match, "conntrack", kept);
	return err;
}

int match_conntrack1(const struct match_data *match)
{
	const struct xt_conntrack_mtinfo1 *info = match->data;

	return add_asked(match, &(struct asked){ info->match_flags, info->invert_flags,
						 info->state_mask, info->status_mask });
}

/* Revision 3 begins as 2 does. */
int match_conntrack2(const struct match_data *match)
{
	const struct xt_conntrack_mtinfo2 *info = match->data;

	return add_asked(match, &(struct asked){ info->match_flags, info->invert_flags,
						 info->state_mask, info->status_mask });
}

int match_state(const struct match_data *match)
{
	const struct xt_state_info *info = match->data;
	uint32_t states = info->statemask & TRACKED_STATES;

	if (info->statemask & XT_STATE_UNTRACKED)
		states |= CT_UNTRACKED;
	return add_states(match, states, false);
}

int match_connmark(const struct match_data *match)
{
	const struct xt_connmark_mtinfo1 *info = match->data;

	return add_of_entry(match, FIELD_CT_MARK, info->mask, info->mark, info->invert, 0);
}

/*
 * Only connections that a helper expected are met, which the flows of a service
 * are not: FIELD_CT_STATUS, by the bit of those.  Others count as not met.
 */
int match_helper(const struct match_data *match)
{
	const struct xt_helper_info *info = match->data;

	if (info->invert)
		return 0;
	return add_of_entry(match, FIELD_CT_STATUS, IPS_EXPECTED, IPS_EXPECTED, false, 0);
}

/* How much a connection has carried; a packet without one has no answer, inverted or not. */
int match_connbytes(const struct match_data *match)
{
	return view_add_number(match->view, FIELD_CT_OTHER, 0, 0) ? 0 : -ENOMEM;
}

/* Which node of a cluster a connection is for; likewise of no node, inverted or not. */
int match_cluster(const struct match_data *match)
{
	return view_add_number(match->view, FIELD_CT_OTHER, 0, 0) ? 0 : -ENOMEM;
}

/* A label of the connection, which a packet without one does not have. */
int match_connlabel(const struct match_data *match)
{
	const struct xt_connlabel_mtinfo *info = match->data;
	struct step *step = view_add_number(match->view, FIELD_CT_OTHER, 0, 0);

	if (!step)
		return -ENOMEM;
	if (info->options & XT_CONNLABEL_OP_INVERT)
		step->flags |= STEP_WITHOUT_ENTRY;
	return 0;
}
