/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flows of whose packets our selectors pick none, as nobody could tell answers from questions: what
 * one end asks from is what it is asked at.
 */
#include "verify/verify.h"

static bool is_asked_at(const struct service *service, const struct flow_row *row)
{
	const struct port_range any = { 0, UINT16_MAX };
	const struct port_range *asks_from = row->protocol == TCP ? &any : &row->service->reply_ports;

	if (!(service->roles & INBOUND) || !(service->protocols & 1u << row->protocol))
		return false;
	for (size_t i = 0; i < service->port_count; i++)
		if (service->ports[i].first <= asks_from->last && service->ports[i].last >= asks_from->first)
			return true;
	return false;
}

/* The first of those whose ports are in the way; there is one. */
static const char *find_other(const struct verification *all, const struct flow_row *row)
{
	const struct family_model *model = &all->model->families[row->family];

	for (size_t i = 0; i < model->count; i++)
		if (is_asked_at(model->served[i].service, row))
			return model->served[i].service->name;
	return row->service->name;
}

/* Nobody is cut off by it: whoever adds a service is told, and it is not what it was added for. */
int verify_tell_unpicked(struct verification *all, const struct flow_row *row)
{
	const enum notrack_status severity = all->changes ? NOTRACK_WARNING : NOTRACK_FAILED;

	if (row->role == INBOUND)
		return findings_add(&all->findings, "tracked", severity,
				    "%s, %s %s inbound: tracked: what has a port of the service at both ends "
				    "stays so, as nobody could tell who asks whom, and it has all ports: "
				    "narrow them", row->service->name, family_name(row->family),
				    protocol_names[row->protocol]);
	return findings_add(&all->findings, "tracked", severity,
			    "%s, %s %s outbound: tracked: all answers would come to ports at which service "
			    "%s is asked, and look like questions to that one, so that this host's own "
			    "questions stay tracked, but for what is taken for answers of that service: "
			    "narrow its ports%s", row->service->name, family_name(row->family),
			    protocol_names[row->protocol], find_other(all, row),
			    row->protocol == TCP ? "" : ", or ask from other reply ports");
}
