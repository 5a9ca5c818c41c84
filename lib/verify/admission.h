/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom a base chain lets in, of those who send packets of one flow. */
#ifndef LIB_ADMISSION_H
#define LIB_ADMISSION_H

#include "verify/entrances.h"
#include "verify/picks.h"

enum admission {
	ADMITS_NOTHING_SENT,	/* there are no packets of that flow */
	ADMITS_SOME,		/* by rules that say whom */
	ADMITS_BY_RULE,		/* everybody, by a rule */
	ADMITS_AT_END,		/* everybody, as no rule is about them */
	ADMITS_NOBODY,		/* a policy, or a rule that drops all there is */
	FORBIDS_BY_NAME,	/* a rule that asks for its ports drops everybody */
	FORBIDS_ELSEWHERE,	/* everybody is dropped in a chain that others lead to */
};

struct admitted {
	enum admission admission;
	bool over_lo;		/* there are no other packets of that flow than those */
	bool others;		/* none of those whom the service names, but others */
	struct place place;	/* of what drops; rule NULL: the policy */
	/* of ADMITS_NOBODY: behind all rules that drop some, where none of them gets past */
	struct place end;
};

/* What @base does with packets of all picks, on each interface that is up but lo. */
int admission_of(const struct view *view, const struct view_chain *base, const struct picks *picks,
		 const struct entrances *entrances, struct admitted *admitted);

/* Whether a rule that drops the packets asks for an address that their service names. */
bool rule_bans(const struct view_rule *rule, const struct probe *probe);

/*
 * The same service, but for everybody, at any address and interface: whether a host lets some in
 * is no question of whom a service names.  Has what is of the other one; there is nothing to free.
 */
static inline struct service admission_of_everybody(const struct service *service)
{
	struct service everybody = *service;

	everybody.from_count = everybody.local_count = 0;
	everybody.remote_count = everybody.interface_count = 0;
	return everybody;
}

#endif
