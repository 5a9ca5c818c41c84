/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/half_open.h"

#include <string.h>

void half_open_note(struct half_open *half, const struct probe *probe, const struct walk *walk)
{
	const struct journey *today = walk->journeys[TODAY], *would = walk->journeys[WOULD];
	const struct ending *dropped = endings_first(would->endings[DROPPED], ANY_USUAL);

	if (probe->own_source && probe->own_destination)
		return;		/* this host alone, asking itself */
	if (!probe->reply) {
		half->opened |= would->through & ANY_USUAL && !(today->through & ANY_USUAL);
		return;
	}
	half->answered |= would->through & ANY_USUAL || walk->incomplete;
	half->some_answered |= would->through & ANY_PICKED;
	if (dropped)
		half->dropped = dropped->first;
}

/* Nobody is worse off by that, so that it is told, and no more. */
int half_open_tell(const struct half_open *half, enum family family, const struct flow_key *flow,
		   struct findings *findings)
{
	const char *way = flow->role == INBOUND ? "out" : "in";
	char place[PLACE_TEXT];

	if (!half->opened || half->answered || !half->dropped.chain)
		return 0;
	return findings_add(findings, "half-open", NOTRACK_WARNING,
			    "service %s (%s) is opened over %s, %s, but %s drops the answers%s: let "
			    "them %s there by the port that they come from, or leave this role, or that "
			    "protocol, out of the service",
			    flow->service->name, family_name(family), protocol_names[flow->protocol],
			    flow->role == INBOUND ? "so that whoever asks is heard" :
						    "so that this host may ask",
			    view_format_place(&half->dropped, place),
			    half->some_answered ? ", but for some" : "", way);
}
