/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How packets would fare if they were tracked: what is dropped now may have been dropped before. */
#include "verify/verify.h"

#include "verify/admission.h"

/* How the packets that the row is about would fare if they were tracked. */
struct as_tracked {
	bool by_ports, by_address;	/* a rule that names these drops them */
	bool lets_usual;
	bool of_both;		/* families is the chain that drops them */
};

/* Whom a host lets in, of those who send the packets of a row. */
struct asking {
	const struct verification *all;
	const struct flow_row *row;
	const struct entrances *entrances;
	bool some, usual;
	bool alike;			/* some over the protocol of the row */
};

static bool lets_usual(const struct journey *journey)
{
	return journey->through & ANY_USUAL && !(journey_states(journey, DROPPED) & ANY_USUAL);
}

static int ask_entrance(const struct probe *probe, void *data)
{
	struct asking *asking = data;
	struct journey today = { 0 };
	int err = verify_walk(asking->all, asking->row, probe, true, &today);

	asking->some |= today.through != 0;
	asking->usual |= lets_usual(&today);
	return err;
}

/* By interfaces but lo: that this host may ask itself says nothing of others. */
static int ask_entrances(struct asking *asking, const struct probe *probe)
{
	int err = entrances_each(asking->entrances, probe, ask_entrance, asking);

	return err ? err : entrances_other(asking->entrances, probe, ask_entrance, asking);
}

static int ask_as_tracked(const struct verification *all, const struct flow_row *row,
			  const struct probe *probe, struct as_tracked *fare)
{
	struct journey today = { 0 };
	int err = verify_walk(all, row, probe, true, &today);
	const struct ending *dropped = endings_last(today.endings[DROPPED], ANY_USUAL);

	fare->by_ports = dropped && rule_names_ports(dropped->last.rule);
	fare->by_address = dropped && rule_bans(dropped->last.rule, probe);
	fare->of_both = dropped && dropped->last.chain->table->families == NOTRACK_ANY;
	fare->lets_usual = lets_usual(&today);
	return err;
}

static int ask_ports(struct asking *asking, struct probe probe)
{
	const struct flow_row *row = asking->row;
	const struct service *service = row->service;
	int err = 0;

	for (size_t i = 0; i < service->port_count && !err; i++) {
		*(row->request ? &probe.destination_port : &probe.source_port) = service->ports[i];
		err = ask_entrances(asking, &probe);
	}
	return err;
}

/*
 * @probe says what conntrack may think of packets.  Asked about is everybody, at all ports of the
 * service: who lets in by one of them, or some of those whom the service names, or only others,
 * has said whom.
 */
static int ask_protocols(struct asking *asking, struct flow_row row, const struct probe *probe)
{
	const enum protocol protocol = row.protocol;
	const struct service everybody = admission_of_everybody(row.service);
	struct asking of_row = *asking;
	struct probe asked;
	int err = 0;

	row.service = &everybody;
	of_row.row = &row;
	asked = verify_probe(asking->all, &row, &(struct variant){ 0 });
	asked.tracked_states = probe->tracked_states;
	asked.chunk = probe->chunk;
	asked.tcp_flags = row.request ? TCP_SYN : TCP_SYN | TCP_ACK;
	for (row.protocol = UDP; row.protocol < PROTOCOLS && !err; row.protocol++) {
		const bool before = of_row.some;

		if (!(everybody.protocols & 1u << row.protocol))
			continue;
		asked.protocol = protocol_numbers[row.protocol];
		of_row.some = false;
		err = ask_ports(&of_row, asked);
		of_row.alike |= of_row.some && row.protocol == protocol;
		of_row.some |= before;
	}
	asking->some = of_row.some;
	asking->usual = of_row.usual;
	asking->alike = of_row.alike;
	return err;
}

/*
 * Who lets some of the other family in has said that nobody of this one is, and in a chain of both
 * families, who lets everybody in as well.
 */
static int ask_other_family(struct asking *of_this, struct flow_row row, const struct probe *probe,
			    bool of_both)
{
	const struct verification *all = of_this->all;
	struct asking asking = { .all = all, .entrances = of_this->entrances };
	const struct served *served;
	int err;

	row.family = row.family == IPV4 ? IPV6 : IPV4;
	served = model_find(&all->model->families[row.family], row.service->name);
	if (!served)
		return 0;
	row.service = served->service;
	err = ask_protocols(&asking, row, probe);
	of_this->some = asking.some && (of_both || !asking.usual);
	return err;
}

/*
 * A host that lets only some ask, over one protocol or another, or of the other family, has said
 * whom: that others are dropped is as it was, where all is in place that its rules call for.  A
 * rule that forbids the service by name is another matter, unless it does to the rest of those who
 * ask over the same protocol; so is one for somebody whom the service names.
 */
int verify_was_dropped(const struct verification *all, const struct flow_row *row,
		       const struct probe *probe, bool *as_it_was)
{
	struct entrances entrances;
	struct asking asking = { .all = all, .entrances = &entrances };
	struct as_tracked fare = { 0 };
	int err;

	*as_it_was = false;
	if (all->drift)
		return 0;
	err = ask_as_tracked(all, row, probe, &fare);
	entrances_find(&entrances, &all->view, &all->host);
	if (!err)
		err = ask_protocols(&asking, *row, probe);
	if (!err && !asking.some)
		err = ask_other_family(&asking, *row, probe, fare.of_both);
	*as_it_was = asking.some && !fare.lets_usual && !fare.by_address &&
		     (!fare.by_ports || asking.alike);
	return err;
}
