/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "walker.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "legacy/view.h"
#include "nft/view.h"
#include "unit.h"
#include "verify/walk.h"

struct walker {
	struct view view;
};

struct walker *walker_read(void)
{
	struct walker *walker = calloc(1, sizeof(*walker));
	struct error error = { "out of memory" };
	const struct session session = { .families = NOTRACK_ANY, .error = &error };

	expect(walker && !legacy_view(&session, NULL, &walker->view) &&
	       !nft_view(&session, NULL, &walker->view) && !view_reach(&walker->view), "%s", error.text);
	return walker;
}

void walker_free(struct walker *walker)
{
	view_free(&walker->view);
	free(walker);
}

/*
 * Conntrack takes TCP up by a SYN, or in the middle by an ACK (nf_conntrack_tcp_loose).  Of the
 * segments that the tests send behind these, others have flags that no segment has.
 */
static enum ct_state state_of(const struct wire_packet *packet, enum walker_state state)
{
	const unsigned int flags = packet->tcp_flags & (TH_FIN | TH_SYN | TH_RST | TH_ACK);
	const bool begins = packet->protocol != IPPROTO_TCP || flags == TH_SYN || flags == TH_ACK;

	if (state == WALKER_NEW || (!begins && flags != (TH_SYN | TH_ACK)))
		return begins ? CT_NEW : CT_INVALID;
	return CT_ESTABLISHED;
}

static struct probe probe_of(const struct wire_packet *packet, enum walker_state state)
{
	enum family family = packet->domain == AF_INET6 ? IPV6 : IPV4;
	struct probe probe = {
		.source = { .length = (uint8_t)family_bits(family), .family = (uint8_t)family },
		.destination = { .length = (uint8_t)family_bits(family), .family = (uint8_t)family },
		.source_port = { packet->source_port, packet->source_port },
		.destination_port = { packet->destination_port, packet->destination_port },
		.family = (uint8_t)family, .protocol = packet->protocol,
		.tcp_flags = packet->tcp_flags,
		.tracked_states = state_of(packet, state),
		.own_source = packet->way != WIRE_IN, .own_destination = packet->way != WIRE_OUT,
		.reply = state == WALKER_ESTABLISHED, .plain = true,
	};

	memcpy(probe.source.address, &packet->source, sizeof(probe.source.address));
	memcpy(probe.destination.address, &packet->destination, sizeof(probe.source.address));
	strcpy(packet->way == WIRE_IN ? probe.in : probe.out, packet->interface);
	return probe;
}

static void put_place(char text[PLACE_TEXT], const struct ending *ending)
{
	text[0] = '\0';
	if (ending)
		view_format_place(&ending->last, text);
}

struct walker_says walker_ask(struct walker *walker, const struct wire_packet *packet,
			      enum walker_state state)
{
	static const enum whole_way ways[] = {
		[WIRE_IN] = WAY_IN, [WIRE_OUT] = WAY_OUT, [WIRE_LO] = WAY_LOOPBACK,
	};
	const struct probe probe = probe_of(packet, state);
	struct journey journey = { 0 };
	struct walk walk = { .view = &walker->view, .journeys[WOULD] = &journey };
	struct walker_says says;

	expect(!walk_all(&walk, &probe, ways[packet->way]), "out of memory");
	walk_free(&walk);
	put_place(says.accepted_by, endings_last(journey.endings[ACCEPTED], ANY_USUAL));
	put_place(says.dropped_by, endings_last(journey.endings[DROPPED], ANY_USUAL));
	says.through = journey.through;
	says.dropped = journey_states(&journey, DROPPED);
	says.translated = journey.usual.place.chain;
	says.tracked = journey.at_conntrack & ANY_TRACKED;
	says.zone = journey.at_conntrack & (USUAL(TEMPLATE) | PICKED(TEMPLATE));
	says.untracked = journey.at_conntrack & ANY_UNTRACKED;
	return says;
}
