/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verify/both_ends.h"

#include <stdio.h>
#include <string.h>

#include "verify/walk.h"

struct asking {
	const struct guard *guard;
	enum family family;
	bool through;			/* some get through today, */
	bool parted;			/* and would not, */
	struct place dropped;		/* but be dropped there */
};

static int walk_probe(const struct probe *probe, void *data)
{
	struct asking *asking = data;
	struct journey today = { 0 }, would = { 0 };
	struct walk walk = { .view = asking->guard->view,
			     .journeys = { [TODAY] = &today, [WOULD] = &would } };
	struct probe usual = *probe;
	int err;

	*(*probe->in ? &usual.usual_destination : &usual.usual_source) =
		asking->guard->host->address[asking->family];
	err = walk_all(&walk, &usual, *probe->in ? WAY_IN : WAY_OUT);
	asking->through |= today.through != 0;
	for (size_t i = 0; i < walk.parted.count && !asking->parted; i++) {
		const struct traveller *traveller = &walk.parted.list[i];

		asking->parted = traveller->usual && traveller->sides == 1u << TODAY;
		asking->dropped = traveller->dropped;
	}
	walk_free(&walk);
	return err;
}

/* The same packets, with the one port of the service at both ends, as what they are not taken for. */
static bool turn(struct probe *probe, const struct flow_key *flow)
{
	const struct port_range port = flow->request ? probe->destination_port : probe->source_port;
	const struct port_range *client = flow->request ? &probe->source_port : &probe->destination_port;

	if (port.first != port.last || port.first < client->first || port.first > client->last ||
	    !strcmp(probe->in, "lo") || !strcmp(probe->out, "lo"))
		return false;
	probe->source_port = probe->destination_port = port;
	probe->reply = flow->request;
	probe->tracked_states = probe->reply ? CT_ESTABLISHED : CT_NEW;
	return true;
}

static int ask(struct asking *asking, const struct flow_key *flow)
{
	const struct guard *guard = asking->guard;
	struct picks picks = { 0 };
	int err = picks_add_flow(&picks, &guard->model->families[asking->family], asking->family, flow,
				 flow->request ? CLASS_REQUEST : CLASS_ANSWER, guard->picks);

	for (size_t i = 0; i < picks.count && !err; i++)
		for (size_t j = 0; j < picks.list[i].count && !err; j++) {
			struct probe probe = picks.list[i].probes[j];

			if (turn(&probe, flow))
				err = entrances_each(guard->entrances, &probe, walk_probe, asking);
		}
	picks_free(&picks);
	return err;
}

static int tell(const struct asking *asking, const struct flow_key *flow, struct findings *findings)
{
	const unsigned int port = flow->service->ports[0].first;
	char place[PLACE_TEXT];

	return findings_add_compared(findings, flow->service->name, "both-ends", NOTRACK_WARNING,
			    "service %s: %s over %s from port %u to port %u would get no answers, as %s: "
			    "%s drops them; where there are any, give the service both roles, with which "
			    "such packets stay tracked", flow->service->name,
			    flow->role == INBOUND ? "questions that this host asks" :
						    "questions that clients ask this host",
			    protocol_names[flow->protocol], port, port, flow->role == INBOUND ?
			    "these are taken for questions to it" : "packets are taken for its own",
			    view_format_place(&asking->dropped, place));
}

/* Ports where messages come that nobody answers: syslog, SNMP traps, NetFlow, IPFIX, sFlow. */
static bool is_one_way(const struct service *service)
{
	static const uint16_t ports[] = { 162, 514, 2055, 4739, 6343 };
	size_t known = 0;

	for (size_t i = 0; i < service->port_count; i++)
		for (size_t j = 0; j < sizeof(ports) / sizeof(ports[0]); j++)
			known += service->ports[i].first == ports[j] && service->ports[i].last == ports[j];
	return known == service->port_count;
}

/* Here no answer is lost, but the message itself. */
static int tell_lost(const struct asking *asking, const struct flow_key *flow, struct findings *findings)
{
	const unsigned int port = flow->service->ports[0].first;
	char place[PLACE_TEXT];

	return findings_add_compared(findings, flow->service->name, "both-ends", NOTRACK_WARNING,
			    "service %s: messages that %s over %s from port %u to port %u would be lost, as "
			    "they are taken for answers: %s drops them; where there are any, give the service "
			    "both roles, with which such packets stay tracked", flow->service->name,
			    flow->role == INBOUND ? "this host sends" : "others send to this host",
			    protocol_names[flow->protocol], port, port,
			    view_format_place(&asking->dropped, place));
}

/* What begins the exchange that there may be, and its answer. */
static int walk_protocol(struct asking *asking, struct flow_key *flow, struct findings *findings)
{
	struct asking answer = *asking;
	int err;

	flow->direction = flow->role == INBOUND ? OUT : IN;
	flow->request = false;
	err = ask(asking, flow);
	if (err || !asking->through)
		return err;
	if (is_one_way(flow->service))
		return asking->parted ? tell_lost(asking, flow, findings) : 0;
	flow->direction = flow->role == INBOUND ? IN : OUT;
	flow->request = true;
	err = ask(&answer, flow);
	if (err || !answer.through || (!asking->parted && !answer.parted))
		return err;
	return tell(answer.parted ? &answer : asking, flow, findings);
}

/* Of TCP and SCTP, questions are told apart by what they say of themselves. */
int both_ends_walk(const struct guard *guard, enum family family, const struct service *service,
		   struct findings *findings)
{
	static const enum protocol protocols[] = { UDP, UDPLITE };
	int err = 0;

	if (service->classic || service->roles == (INBOUND | OUTBOUND))
		return 0;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]) && !err; i++) {
		struct asking asking = { .guard = guard, .family = family };
		struct flow_key flow = { .service = service, .role = (enum role)service->roles,
					 .protocol = protocols[i] };

		if (service->protocols & 1u << protocols[i])
			err = walk_protocol(&asking, &flow, findings);
	}
	return err;
}
