/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/opening_told.h"

#include <stdio.h>
#include <string.h>

/* What is found when the change is forced is told all the same. */
int opening_tell_forced(struct findings *findings, enum family family, const struct flow_key *flow,
			const struct place *place)
{
	char text[PLACE_TEXT];

	return findings_add(findings, "dropped", NOTRACK_FAILED,
			    "%s (%s) drops %s of service %s over %s: forced, the service is opened ahead "
			    "of that", view_format_place(place, text), family_name(family),
			    flow->request ? "requests" : "answers", flow->service->name,
			    protocol_names[flow->protocol]);
}

/* Whoever let everybody in over one protocol may not have meant the other. */
int opening_tell_opened(struct findings *findings, enum family family, const struct flow_key *flow,
			const struct place *place)
{
	char text[PLACE_TEXT];

	return findings_add(findings, "opened", NOTRACK_WARNING,
			    "service %s is opened over %s (%s) ahead of %s, which lets nobody in by it, as "
			    "rules let %s in over another protocol of the service: narrow its "
			    "protocols%s, where that is not meant", flow->service->name,
			    protocol_names[flow->protocol], family_name(family),
			    view_format_place(place, text),
			    flow->service->from_count ? "all whom it is for" : "everybody",
			    flow->service->from_count ? "" : ", or say who may ask");
}

/* ... or IPv4 may not have meant IPv6. */
int opening_tell_opened_family(struct findings *findings, enum family family,
			       const struct flow_key *flow, const struct place *place)
{
	const char *other = family_name(family == IPV4 ? IPV6 : IPV4);
	char text[PLACE_TEXT];

	return findings_add(findings, "opened", NOTRACK_WARNING,
			    "service %s is opened over %s ahead of %s, which lets nobody in by it, as rules let "
			    "%s in over %s: leave %s out of the families of the service%s, where that is not "
			    "meant", flow->service->name, family_name(family),
			    view_format_place(place, text),
			    flow->service->from_count ? "all whom it is for" : "everybody", other,
			    family_name(family), flow->service->from_count ? "" : ", or say who may ask");
}

static bool is_of_ufw(const struct view_table *table)
{
	for (const struct view_chain *chain = table->chains; chain; chain = chain->next)
		if (!strncmp(chain->name, "ufw-", 4) || !strncmp(chain->name, "ufw6-", 5))
			return true;
	return false;
}

int opening_refuse(struct findings *findings, enum family family, const struct flow_key *flow,
		   const struct place *place)
{
	const char *transport = protocol_names[flow->protocol];
	char text[PLACE_TEXT], ufw[sizeof(" (ufw allow 65535/udplite)")] = "";

	if (is_of_ufw(place->chain->table))
		snprintf(ufw, sizeof(ufw), " (ufw allow %u/%s)", flow->service->ports[0].first, transport);
	return findings_add(findings, "dropped", NOTRACK_FAILED,
			    "%s (%s) drops %s of service %s over %s, %s: packets that "
			    "are not tracked would be dropped there as well; open port %u there "
			    "first, with the program that wrote that rule%s, leave %s out of its "
			    "protocols, or force the change",
			    view_format_place(place, text), family_name(family),
			    flow->request ? "requests" : "answers", flow->service->name, transport,
			    flow->service->from_count && flow->request ?
			    "of all whom the service is for" : "whoever sends them",
			    flow->service->ports[0].first, ufw, transport);
}

int opening_tell_others(struct findings *findings, enum family family, const struct flow_key *flow,
			const struct place *place)
{
	char text[PLACE_TEXT];

	return findings_add(findings, "dropped", NOTRACK_WARNING,
			    "%s (%s) drops all requests of service %s over %s, as before: the host's rules let "
			    "in others than the service names, so that it is not opened; let these in by a "
			    "rule of the host, ahead of that", view_format_place(place, text),
			    family_name(family), flow->service->name, protocol_names[flow->protocol]);
}

int opening_tell_kept(struct findings *findings, enum family family, const struct flow_key *flow,
		      const struct place *place)
{
	char text[PLACE_TEXT];

	return findings_add(findings, "stays-open", NOTRACK_WARNING,
			    "service %s stays open over %s (%s), as it was, though rules ahead "
			    "of %s let some in by now: take it away and add it again, where these "
			    "shall say whom",
			    flow->service->name, protocol_names[flow->protocol], family_name(family),
			    view_format_place(place, text));
}

int opening_tell_closed(struct findings *findings, enum family family, const struct flow_key *flow,
			const struct place *place)
{
	char text[PLACE_TEXT];

	return findings_add(findings, "closed", NOTRACK_WARNING,
			    "%s of service %s over %s (%s) were let in ahead of all rules, as the first "
			    "edition of this library did it; from now on, the host's rules say whose, and "
			    "%s drops the others", flow->request ? "requests" : "answers",
			    flow->service->name, protocol_names[flow->protocol], family_name(family),
			    view_format_place(place, text));
}

/* Ahead of such a rule, the accepts of the flows would be as well. */
int opening_tell_errors(struct findings *findings, enum family family, const struct place *place)
{
	char text[PLACE_TEXT];

	return findings_add(findings, "dropped", NOTRACK_WARNING,
			    "%s (%s) drops ICMP errors about what is not tracked, as to conntrack they "
			    "are of no connection: leave classic mode, in which they have no twin, or "
			    "accept them by their type ahead of that rule",
			    view_format_place(place, text), family_name(family));
}
