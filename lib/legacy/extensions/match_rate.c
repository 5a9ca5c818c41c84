/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Matches whose answer depends on the packets before: rates, quotas, lists of sources. */
#include "legacy/extensions/match.h"

#include <errno.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_quota.h>
#include <linux/netfilter/xt_recent.h>
#include <string.h>

static struct step *add_memory(const struct match_data *match, enum step_kind kind, bool inverted)
{
	struct step *step = view_add_step(match->view, kind);

	if (!step)
		return NULL;
	step->flags = STEP_REMEMBERS;
	view_invert(step, inverted);
	return step;
}

/* Counted by the rule itself, while hashlimit counts by name, for all that have it. */
static int add_own_rate(const struct match_data *match, bool inverted)
{
	struct step *step = add_memory(match, STEP_WITHIN_RATE, inverted);

	if (!step)
		return -ENOMEM;
	step->flags |= STEP_RULES_OWN;
	return 0;
}

int match_limit(const struct match_data *match)
{
	return add_own_rate(match, false);
}

int match_hashlimit1(const struct match_data *match)
{
	const struct xt_hashlimit_mtinfo1 *info = match->data;

	return add_memory(match, STEP_WITHIN_RATE, info->cfg.mode & XT_HASHLIMIT_INVERT) ?
	       0 : -ENOMEM;
}

int match_hashlimit2(const struct match_data *match)
{
	const struct xt_hashlimit_mtinfo2 *info = match->data;

	return add_memory(match, STEP_WITHIN_RATE, info->cfg.mode & XT_HASHLIMIT_INVERT) ?
	       0 : -ENOMEM;
}

int match_hashlimit3(const struct match_data *match)
{
	const struct xt_hashlimit_mtinfo3 *info = match->data;

	return add_memory(match, STEP_WITHIN_RATE, info->cfg.mode & XT_HASHLIMIT_INVERT) ?
	       0 : -ENOMEM;
}

/* How many connections a source has: conntrack counts them. */
int match_connlimit(const struct match_data *match)
{
	const struct xt_connlimit_info *info = match->data;
	struct step *step = add_memory(match, STEP_WITHIN_RATE,
				       !(info->flags & XT_CONNLIMIT_INVERT));

	if (!step)
		return -ENOMEM;
	step->field = FIELD_CT_OTHER;
	return 0;
}

int match_quota(const struct match_data *match)
{
	const struct xt_quota_info *info = match->data;

	/* a copy would begin with nothing used up */
	return add_memory(match, STEP_WITHIN_RATE, info->flags & XT_QUOTA_INVERT) ? 0 : -ENOMEM;
}

/* Who is in one list need not be in another, nor in the same one so often. */
static uint32_t list_identity(const struct xt_recent_mtinfo *info)
{
	const uint32_t numbers[] = { info->seconds, info->hit_count, info->check_set, info->side };

	return view_hash(view_hash(1, numbers, sizeof(numbers)), info->name,
			  strnlen(info->name, sizeof(info->name)));
}

/* Both revisions begin the same. */
int match_recent(const struct match_data *match)
{
	const struct xt_recent_mtinfo *info = match->data;
	struct step *step;

	if (!(info->check_set & XT_RECENT_SET)) {
		step = add_memory(match, STEP_REMEMBERED, info->invert);
		if (!step)
			return -ENOMEM;
		step->index = list_identity(info);
		return 0;
	}
	/* it records, and is met by all; or, inverted, by none */
	step = view_add_step(match->view, STEP_COUNT);
	if (!step)
		return -ENOMEM;
	step->flags = STEP_REMEMBERS;
	/* a range without a number in it */
	return !info->invert || view_add_number(match->view, FIELD_PROTOCOL, 1, 0) ? 0 : -ENOMEM;
}
