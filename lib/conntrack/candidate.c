/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "conntrack/candidate.h"

#include <inttypes.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <string.h>

/* What is less than this share of a service's entries is by chance. */
#define CHANCE 0.01
/* Whom this host asks, fewer entries do not tell. */
#define REMOTES_TOLD_BY 8

/* --- counting --------------------------------------------------------- */

static bool is_brief(const struct tracked *entry)
{
	if (entry->protocol == IPPROTO_TCP)
		return entry->tcp_state != TCP_CONNTRACK_ESTABLISHED;
	return !(entry->status & IPS_ASSURED);
}

void flows_note_translated(struct flows *flows, const struct tracked *entry)
{
	const struct tracked_end *reply = &entry->reply;
	const uint8_t *to = entry->status & IPS_DST_NAT ? reply->source : reply->destination;
	unsigned int bits = family_bits(entry->family);

	if (to && !flows->translated) {
		flows->translated_to = (struct prefix){ .family = (uint8_t)entry->family,
							.length = (uint8_t)bits };
		memcpy(flows->translated_to.address, to, bits / 8);
	}
	flows->translated++;
}

static void note_helped(struct flows *flows, const struct tracked *entry)
{
	if (!flows->helped)
		strncpy(flows->helper, entry->helper, sizeof(flows->helper) - 1);
	flows->helped++;
}

static void note_remote(struct flows *flows, const struct prefix *remote)
{
	unsigned int i = 0;

	while (i < flows->remote_count && i < REMOTES_MAX &&
	       memcmp(&flows->remotes[i], remote, sizeof(*remote)))
		i++;
	if (i < flows->remote_count)
		return;
	if (i < REMOTES_MAX)
		flows->remotes[i] = *remote;
	flows->remote_count = i + 1;
}

void flows_note(struct flows *flows, const struct tracked *entry, const struct flow *flow,
		 bool covered)
{
	flows->count++;
	flows->inbound += flow->to_here;
	flows->outbound += flow->from_here && !flow->to_here;
	flows->forwarded += !flow->from_here && !flow->to_here;
	flows->brief += is_brief(entry);
	flows->covered += covered;
	if (flow->from_here && !flow->to_here)
		note_remote(flows, &flow->destination);
	if (entry->status & IPS_NAT_MASK)
		flows_note_translated(flows, entry);
	if (entry->helper)
		note_helped(flows, entry);
}

void flows_add(struct flows *sum, const struct flows *flows)
{
	if (flows->translated && !sum->translated)
		sum->translated_to = flows->translated_to;
	if (flows->helped && !sum->helped)
		strcpy(sum->helper, flows->helper);
	sum->count += flows->count;
	sum->inbound += flows->inbound;
	sum->outbound += flows->outbound;
	sum->forwarded += flows->forwarded;
	sum->brief += flows->brief;
	sum->translated += flows->translated;
	sum->helped += flows->helped;
	sum->covered += flows->covered;
	sum->halves += flows->halves;
	for (unsigned int i = 0; i < flows->remote_count && i < REMOTES_MAX; i++)
		note_remote(sum, &flows->remotes[i]);
	if (flows->remote_count > REMOTES_MAX)
		sum->remote_count = flows->remote_count;
}

/* --- judging ---------------------------------------------------------- */

void candidate_name(struct candidate *candidate)
{
	const struct flows *flows = &candidate->flows;
	double few = CHANCE * (double)flows->count;
	bool in = (double)flows->inbound >= few, out = (double)flows->outbound >= few;
	unsigned int roles = (in ? INBOUND : 0u) | (out ? OUTBOUND : 0u);
	struct notrack_service *words = &candidate->words;

	words->size = sizeof(*words);
	if (candidate->service) {
		words->name = candidate->service->name;
	} else {
		snprintf(candidate->name, sizeof(candidate->name), "%s-%u%s",
			 protocol_names[candidate->protocol], candidate->port,
			 candidate->name_taken ? "-b" : "");
		snprintf(candidate->ports, sizeof(candidate->ports), "%u", candidate->port);
		words->name = candidate->name;
		words->ports = candidate->ports;
		words->protocols = protocol_names[candidate->protocol];
	}
	if (!candidate->in_model && roles && roles != (candidate->service ? candidate->service->roles : INBOUND))
		words->roles = role_names[roles - 1];
}

/* Nobody else's packets need to be let in as answers. */
static void name_remotes(struct candidate *candidate)
{
	const struct flows *flows = &candidate->flows;
	char text[PREFIX_TEXT], *to = candidate->remote;

	if (flows->outbound < REMOTES_TOLD_BY || flows->remote_count > REMOTES_MAX)
		return;
	for (unsigned int i = 0; i < flows->remote_count; i++)
		to += sprintf(to, "%s%s", i ? ", " : "", prefix_format(&flows->remotes[i], true, text));
	candidate->words.remote = candidate->remote;
}

static bool has_datagrams(const struct candidate *candidate)
{
	unsigned int protocols = candidate->service ? candidate->service->protocols :
				 1u << candidate->protocol;

	return protocols & (1u << UDP | 1u << UDPLITE);
}

/* Datagrams of a built-in service are short exchanges by nature. */
static bool is_short(const struct candidate *candidate)
{
	return (candidate->service && has_datagrams(candidate)) ||
	       2 * candidate->flows.brief >= candidate->flows.count;
}

static void judge_model(struct candidate *candidate, bool covered)
{
	const struct flows *flows = &candidate->flows;

	if (covered) {
		candidate->kind = NOTRACK_ALREADY;
		snprintf(candidate->text, sizeof(candidate->text), "untracked already: these entries "
			 "are from before; flush tracked entries to delete them");
	} else {
		candidate->kind = NOTRACK_LEAVE;
		snprintf(candidate->text, sizeof(candidate->text), "the service is there, but by its "
			 "roles, addresses, families or interfaces leaves out %" PRIu64 " of them",
			 flows->count - flows->covered);
	}
}

/* Why it has to stay tracked; NULL: it has not. */
static const char *judge_flows(struct candidate *candidate, const struct shares *shares)
{
	const struct flows *flows = &candidate->flows;
	char *text = candidate->text, address[PREFIX_TEXT];
	size_t size = sizeof(candidate->text);

	if (flows->translated)
		snprintf(text, size, "%" PRIu64 " of its entries are translated (NAT, as to %s), "
			 "which untracked packets never are", flows->translated,
			 prefix_format(&flows->translated_to, true, address));
	else if (flows->helped)
		snprintf(text, size, "%" PRIu64 " of its entries have the conntrack helper %s, which "
			 "sees tracked packets only", flows->helped, flows->helper);
	else if (shares->own < shares->threshold)
		snprintf(text, size, "%" PRIu64 " of its entries are of packets forwarded for others, "
			 "which are tracked in any case", flows->forwarded);
	else if (!is_short(candidate))
		snprintf(text, size, "%" PRIu64 " of its entries are of long exchanges, for which "
			 "tracking costs little", flows->count - flows->brief);
	else
		return NULL;
	return text;
}

static void tell_flows(struct candidate *candidate)
{
	const struct flows *flows = &candidate->flows;
	size_t size = sizeof(candidate->text);
	int used = snprintf(candidate->text, size, "%" PRIu64 " in, %" PRIu64 " out; %" PRIu64
			    " short or over", flows->inbound, flows->outbound, flows->brief);

	if (flows->halves)
		used += snprintf(candidate->text + used, size - (size_t)used, "; %" PRIu64 " begin with "
				 "an answer from the server's port: somebody's rules untrack the "
				 "requests, and not the answers", flows->halves);
	if (flows->forwarded)
		used += snprintf(candidate->text + used, size - (size_t)used, "; %" PRIu64 " are forwarded for "
				 "others, and stay tracked", flows->forwarded);
	if (candidate->words.remote)
		snprintf(candidate->text + used, size - (size_t)used, "; it asks no other servers than "
			 "those of remote");
}

void candidate_judge(struct candidate *candidate, const struct shares *shares)
{
	candidate->kind = NOTRACK_LEAVE;
	if (candidate->in_model) {
		judge_model(candidate, shares->uncovered < shares->threshold);
	} else if (!judge_flows(candidate, shares)) {
		candidate->kind = NOTRACK_UNTRACK;
		name_remotes(candidate);
		tell_flows(candidate);
	}
}
