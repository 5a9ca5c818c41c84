/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Services that name interfaces, on a host that has others: where packets of the other direction
 * take one of these, conntrack hears one half of what they say, as in halves.c.  Which way they
 * take, routes say, here and elsewhere, and nobody can know of those elsewhere.
 */
#include "verify/entrances.h"
#include "verify/verify.h"

#include <string.h>

/* One way of a flow, by an interface that the service does not name. */
struct other_way {
	struct verification *all;
	const struct flow_row *row;	/* of requests */
	struct flow_row way;		/* of requests, or of their answers */
	const char *interface;
	bool later;			/* packets than the first of a connection */
	struct place dropped;		/* whose rule is NULL for a policy; chain NULL: nowhere */
};

/* What a service has to tell of, once. */
struct other_ways {
	struct entrances entrances;
	const struct service *told;
};

/* Of which conntrack takes none for INVALID, and none for the first or a later one. */
static bool is_datagram(enum protocol protocol)
{
	return protocol == UDP || protocol == UDPLITE;
}

static void give_flags(const struct other_way *other, struct probe *probe, bool later)
{
	probe->tcp_flags = other->way.protocol != TCP ? 0 : later ? TCP_ACK :
			   probe->reply ? TCP_SYN | TCP_ACK : TCP_SYN;
	probe->chunk = later ? SCTP_DATA : probe->reply ? SCTP_INIT_ACK : SCTP_INIT;
	probe->tracked_states = later || probe->reply ? CT_ESTABLISHED : CT_NEW;
}

/* Nobody is cut off who is not let in to begin with. */
static int is_let_in(const struct other_way *other, const struct variant *variant, bool *is)
{
	struct probe request = verify_probe(other->all, other->row, variant);
	struct journey today = { 0 };
	int err;

	if (other->way.request)
		strcpy(other->way.input ? request.in : request.out, other->interface);
	give_flags(other, &request, false);
	err = verify_walk(other->all, other->row, &request, true, &today);
	*is = today.through;
	return err;
}

/*
 * What conntrack has seen nothing of yet is NEW to it, and may be INVALID where it is no beginning
 * of a connection: whether a rule drops that, and not what is ESTABLISHED.
 */
static int find_loss(struct other_way *other, const struct variant *variant)
{
	struct journey today = { 0 }, would = { 0 };
	struct walk walk = { .view = &other->all->view, .journeys = { [TODAY] = &today, [WOULD] = &would },
			     .would_be = is_datagram(other->way.protocol) ? CT_NEW :
				     CT_NEW | CT_INVALID };
	struct probe probe = verify_probe(other->all, &other->way, variant);
	int err;

	strcpy(other->way.input ? probe.in : probe.out, other->interface);
	give_flags(other, &probe, other->later);
	err = walk_all(&walk, &probe, other->way.input ? WAY_IN : WAY_OUT);
	for (size_t i = 0; i < walk.parted.count && !other->dropped.chain; i++) {
		const struct traveller *traveller = &walk.parted.list[i];

		if (traveller->usual && traveller->sides == 1u << TODAY &&
		    traveller->course[WOULD].tracking != UNTRACKED)
			other->dropped = traveller->dropped;
	}
	walk_free(&walk);
	return err;
}

static int tell(const struct other_way *other)
{
	const struct flow_row *row = other->row;
	char place[PLACE_TEXT];

	return findings_add(&other->all->findings, "other-way", NOTRACK_WARNING,
			    "service %s (%s) names interfaces, and %s that %s by another one, such as %s, stay "
			    "tracked: where those of the other direction take one that is named, conntrack "
			    "takes them for new or invalid, and %s drops them; name all interfaces that "
			    "its packets may take, or none", row->service->name, family_name(row->family),
			    other->way.request ? "requests" : "answers",
			    other->way.input ? "come in" : "go out", other->interface,
			    view_format_place(&other->dropped, place));
}

/* The first of a request is new, as ever; and so are the others that are datagrams. */
static int look_at_interface(struct verification *all, struct flow_row *row, bool request,
			     const char *interface, const struct variant *variant, bool *told)
{
	struct other_way other = { .all = all, .row = row, .way = *row, .interface = interface };
	bool let_in;
	int err = 0;

	other.way.request = request;
	other.way.input = request == row->input;
	for (int later = request; later < (is_datagram(row->protocol) ? 1 : 2) && !err; later++) {
		other.later = later;
		err = find_loss(&other, variant);
	}
	if (err || !other.dropped.chain)
		return err;
	err = is_let_in(&other, variant, &let_in);
	*told = !err && let_in;
	return *told ? tell(&other) : err;
}

static bool is_named(const struct service *service, const char *interface)
{
	for (size_t i = 0; i < service->interface_count; i++)
		if (verify_is_among(interface, service->interfaces[i]))
			return true;
	return false;
}

static bool is_up(const struct host *host, const char *interface)
{
	for (size_t i = 0; i < host->interface_count; i++)
		if (!strcmp(host->interfaces[i], interface))
			return true;
	return false;
}

/* Where there is none, packets of the family take no interface at all. */
static bool has_address(const struct host *host, enum family family)
{
	for (size_t i = 0; i < host->own_count; i++)
		if (host->own[i].family == family && !host_is_loopback(&host->own[i]) &&
		    !host_is_of_link(&host->own[i]))
			return true;
	return false;
}

static int look_at_row(struct verification *all, struct flow_row *row, struct other_ways *ways)
{
	const struct variant variant = { 0 };
	const struct entrances *entrances = &ways->entrances;
	bool told = false;
	int err = 0;

	for (size_t i = 0; i < entrances->count && !err && !told; i++) {
		const char *interface = entrances->list[i];

		if (is_named(row->service, interface) || !is_up(&all->host, interface))
			continue;
		err = look_at_interface(all, row, false, interface, &variant, &told);
		if (!err && !told)
			err = look_at_interface(all, row, true, interface, &variant, &told);
	}
	if (told)
		ways->told = row->service;
	return err;
}

int verify_other_ways(struct verification *all, enum family family)
{
	struct other_ways ways = { .told = NULL };
	bool found = false;
	int err = 0;

	if (!has_address(&all->host, family))
		return 0;
	for (size_t i = 0; i < all->row_count && !err; i++) {
		struct flow_row row = all->rows[i];

		if (row.family != family || !row.request || row.loopback || row.is_unpicked ||
		    !row.service->interface_count || row.service == ways.told)
			continue;
		if (!found)
			entrances_find(&ways.entrances, &all->view, &all->host);
		found = true;
		err = look_at_row(all, &row, &ways);
	}
	return err;
}
