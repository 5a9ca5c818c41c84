/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The flows of a model, and whether each is untracked and accepted. */
#include "verify/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"
#include "rules/selector.h"

/* What clients ask from, where nothing else is said (RFC 6056, section 3.2). */
static const struct port_range client_ports = { 1024, 65535 };

/* The packets of a service that has both roles, by who asks whom. */
static const struct {
	enum role role;
	bool request, input;
} flows[] = {
	{ INBOUND, true, true },
	{ INBOUND, false, false },
	{ OUTBOUND, true, false },
	{ OUTBOUND, false, true },
};
#define FLOWS (sizeof(flows) / sizeof(flows[0]))

/* --- one flow --------------------------------------------------------- */

static void judge(struct judgement *judgement)
{
	unsigned int states = judgement->journey.at_conntrack & ANY_USUAL;
	bool accepted = judgement->journey.through & ANY_USUAL;
	bool dropped = journey_states(&judgement->journey, DROPPED) & ANY_USUAL;

	judgement->untracked = !(states & ANY_UNTRACKED) ? NOTRACK_NO :
			       states & ANY_TRACKED ? NOTRACK_UNSURE : NOTRACK_YES;
	judgement->verdict = !dropped ? NOTRACK_ACCEPT :
			     accepted ? NOTRACK_ACCEPT_OR_DROP : NOTRACK_DROP;
}

/* The last word; where there are two opinions, the first that differs from it. */
static const struct place *decided_by(const struct journey *journey)
{
	const struct ending *accepted = endings_last(journey->endings[ACCEPTED], ANY_USUAL);
	const struct ending *dropped = endings_last(journey->endings[DROPPED], ANY_USUAL);

	if (!dropped)
		return accepted ? &accepted->last : NULL;
	if (!accepted || !(journey->through & ANY_USUAL))
		return &dropped->last;
	return &endings_first(journey->endings[accepted->last_time < dropped->last_time ?
					       ACCEPTED : DROPPED], ANY_USUAL)->first;
}

static int verdict_rank(enum notrack_verdict verdict)
{
	return verdict == NOTRACK_DROP ? 2 : verdict == NOTRACK_ACCEPT_OR_DROP;
}

static int answer_rank(enum notrack_answer answer)
{
	return answer == NOTRACK_NO ? 2 : answer == NOTRACK_UNSURE;
}

/* Where no chain of anybody is at a hook, nobody decides. */
static void say_by(struct flow_row *row, const struct place *place)
{
	if (place)
		view_format_place(place, row->by);
	else
		strcpy(row->by, "no rule");
}

/* Whether nobody could tell of the packets when they were tracked, either. */
static int was_unsure(const struct verification *all, const struct flow_row *row,
		      const struct probe *probe, bool *as_it_was)
{
	struct judgement tracked = { 0 };
	int err = verify_walk(all, row, probe, true, &tracked.journey);

	judge(&tracked);
	*as_it_was = tracked.verdict == NOTRACK_ACCEPT_OR_DROP;
	return err;
}

/* Of packets that fare worse than some would wish, whether they fare as they did. */
static int compare(const struct verification *all, const struct flow_row *row,
		   const struct probe *probe, struct judgement *judgement)
{
	if (judgement->verdict == NOTRACK_DROP)
		return verify_was_dropped(all, row, probe, &judgement->as_it_was);
	if (judgement->verdict == NOTRACK_ACCEPT_OR_DROP)
		return was_unsure(all, row, probe, &judgement->as_it_was);
	return 0;
}

/* The row says the worst of what its packets meet. */
static int ask(struct verification *all, struct flow_row *row, const struct probe *probe)
{
	struct judgement judgement = { 0 };
	int err = verify_walk(all, row, probe, false, &judgement.journey);

	if (err)
		return err;
	judge(&judgement);
	if (!row->is_unpicked)
		err = compare(all, row, probe, &judgement);
	if (err)
		return err;
	if (answer_rank(judgement.untracked) > answer_rank(row->untracked))
		row->untracked = judgement.untracked;
	if (!*row->by || verdict_rank(judgement.verdict) > verdict_rank(row->verdict)) {
		row->verdict = judgement.verdict;
		say_by(row, decided_by(&judgement.journey));
	}
	return row->is_unpicked ? 0 : verify_explain(all, row, &judgement);
}

static int ask_variant(struct verification *all, struct flow_row *row,
		       const struct variant *variant)
{
	struct probe probe = verify_probe(all, row, variant);
	int err;

	/* the first of an exchange is NEW; of what follows, conntrack may think anything */
	probe.tracked_states = CT_NEW;
	if (!row->request)
		probe.tracked_states |= CT_ESTABLISHED | CT_INVALID;
	if (row->protocol == TCP)
		probe.tcp_flags = row->request ? TCP_SYN : TCP_SYN | TCP_ACK;
	if (row->protocol == SCTP)
		probe.chunk = row->request ? SCTP_INIT : SCTP_INIT_ACK;
	if (all->explain && !row->is_unpicked &&
	    !memcmp(variant, &(struct variant){ 0 }, sizeof(*variant))) {
		err = all->explain(all, row, &probe);
		if (err)
			return err;
	}
	err = ask(all, row, &probe);
	if (err || (row->protocol != TCP && row->protocol != SCTP))
		return err;
	probe.tcp_flags = row->protocol == TCP ? TCP_ACK : 0;
	probe.chunk = SCTP_DATA;
	probe.tracked_states |= CT_ESTABLISHED | CT_INVALID;
	return ask(all, row, &probe);
}

/* --- all flows -------------------------------------------------------- */

static int add_row(struct verification *all, const struct flow_row *row)
{
	struct flow_row *grown = realloc(all->rows, (all->row_count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	all->rows = grown;
	grown[all->row_count++] = *row;
	return 0;
}

int verify_each_variant(struct verification *all, struct flow_row *row,
			int (*visit)(struct verification *all, struct flow_row *row,
				     const struct variant *variant))
{
	const struct service *service = row->service;
	struct variant variant = { 0 };
	size_t locals = prefixes_count(service->local, service->local_count, row->family);
	size_t remotes = row->role == INBOUND ?
			 prefixes_count(service->from, row->loopback ? 0 : service->from_count,
					row->family) :
			 prefixes_count(service->remote, service->remote_count, row->family);
	size_t interfaces = row->loopback ? 1 : service->interface_count;
	int err = 0;

	for (; variant.ports < service->port_count && !err; variant.ports++)
		err = visit(all, row, &variant);
	variant = (struct variant){ .local = 1 };
	for (; variant.local < locals && !err; variant.local++)
		err = visit(all, row, &variant);
	variant = (struct variant){ .remote = 1 };
	for (; variant.remote < remotes && !err; variant.remote++)
		err = visit(all, row, &variant);
	variant = (struct variant){ .interface = 1 };
	for (; variant.interface < interfaces && !err; variant.interface++)
		err = visit(all, row, &variant);
	return err;
}

/*
 * Of those that the service's selectors pick, what clients ask from as a rule.  -ENOENT: none, or
 * port 0 alone, from which nobody asks.
 */
static int find_client_ports(const struct verification *all, struct flow_row *row)
{
	struct port_range *ports = &row->client_ports;
	const struct family_model *model = &all->model->families[row->family];
	/* those that are picked in any case: what shares chains with others is not known here */
	int err = select_client_ports(model, row->service, row->role, row->protocol, true, ports);

	if (err == -ENOENT && !all->host.forwards)
		err = select_client_ports(model, row->service, row->role, row->protocol, false, ports);
	if (!err && ports->last >= client_ports.first && ports->first < client_ports.first)
		ports->first = client_ports.first;
	return !err && !ports->last ? -ENOENT : err;
}

static int verify_flow(struct verification *all, struct flow_row row)
{
	int err = find_client_ports(all, &row);

	if (err)
		return err == -ENOENT ? 0 : err;
	row.untracked = NOTRACK_YES;
	err = verify_each_variant(all, &row, ask_variant);
	return err ? err : add_row(all, &row);
}

/* What is asked from all the same: it stays tracked, or, where there is none, is of another service. */
static int find_other_ports(const struct verification *all, struct flow_row *row)
{
	struct service anywhere = *row->service;
	int err = -ENOENT;

	anywhere.reply_ports = client_ports;
	if (row->role == OUTBOUND)
		err = select_client_ports(&all->model->families[row->family], &anywhere, row->role,
					  row->protocol, true, &row->client_ports);
	if (err == -ENOENT)
		row->client_ports = row->role == OUTBOUND && row->protocol != TCP ?
				    row->service->reply_ports : client_ports;
	return err == -ENOENT ? 0 : err;
}

/* One of whose packets no selector of ours picks any. */
static int verify_unpicked(struct verification *all, struct flow_row row)
{
	int err = find_client_ports(all, &row);

	if (err != -ENOENT)
		return err;
	err = row.request && !row.loopback ? verify_tell_unpicked(all, &row) : 0;
	if (err || all->changes)
		return err;
	row.is_unpicked = true;
	row.untracked = NOTRACK_YES;
	err = find_other_ports(all, &row);
	if (!err)
		err = verify_each_variant(all, &row, ask_variant);
	return err ? err : add_row(all, &row);
}

typedef int verify_row(struct verification *all, struct flow_row row);

/* The hook that a flow meets, and the other one, where the host asks itself. */
static int verify_hooks(struct verification *all, struct flow_row row, verify_row *visit)
{
	int err = visit(all, row);

	if (err || !select_has_loopback(row.service, row.role))
		return err;
	row.input = !row.input;
	row.loopback = true;
	return visit(all, row);
}

static int verify_service(struct verification *all, const struct service *service,
			  enum family family, verify_row *visit)
{
	int err = 0;

	for (enum protocol protocol = UDP; protocol < PROTOCOLS && !err; protocol++)
		for (size_t i = 0; i < FLOWS && !err; i++)
			if (service->protocols & 1u << protocol &&
			    service_has_flows(service, flows[i].role, family))
				err = verify_hooks(all, (struct flow_row){
					.service = service, .family = family,
					.protocol = protocol, .role = flows[i].role,
					.request = flows[i].request, .input = flows[i].input }, visit);
	return err;
}

static int verify_services(struct verification *all, enum family family, verify_row *visit)
{
	const struct family_model *model = &all->model->families[family];
	int err = 0;

	for (size_t i = 0; i < model->count && !err; i++)
		if (verify_wants(all, model->served[i].service))
			err = verify_service(all, model->served[i].service, family, visit);
	return err;
}

/* What nothing picks misses nothing of what tables do, and comes last. */
int verify_flows(struct verification *all, enum family family)
{
	int err = verify_services(all, family, verify_flow);

	if (!err)
		err = verify_tables(all, family);
	return err ? err : verify_services(all, family, verify_unpicked);
}

/* --- what untracked packets miss -------------------------------------- */

static int add_request(struct verification *all, const struct service *service,
		       enum family family, enum protocol protocol, enum role role)
{
	struct flow_row row = {
		.service = service, .family = family, .protocol = protocol, .role = role,
		.request = true, .input = role == INBOUND,
	};
	int err = find_client_ports(all, &row);

	return err == -ENOENT ? 0 : err ? err : add_row(all, &row);
}

static int add_requests(struct verification *all, const struct service *service,
			enum family family)
{
	static const enum role roles[] = { INBOUND, OUTBOUND };
	int err = 0;

	for (enum protocol protocol = UDP; protocol < PROTOCOLS; protocol++)
		for (size_t i = 0; i < 2 && !err; i++)
			if (service->protocols & 1u << protocol &&
			    service_has_flows(service, roles[i], family))
				err = add_request(all, service, family, protocol, roles[i]);
	return err;
}

static int look_at_requests(struct verification *all,
			    int (*look)(struct verification *all, enum family family))
{
	int err = 0;

	all->changes = true;
	for (enum family family = IPV4; family < FAMILIES && !err; family++) {
		const struct family_model *model = &all->model->families[family];

		for (size_t i = 0; i < model->count && !err; i++)
			err = add_requests(all, model->served[i].service, family);
		if (!err)
			err = look(all, family);
	}
	return err;
}

static int look_for_misses(struct verification *all, enum family family)
{
	int err = verify_services(all, family, verify_unpicked);

	return err ? err : verify_missed(all, family);
}

int verify_misses(struct verification *all)
{
	return look_at_requests(all, look_for_misses);
}

static int look_for_halves(struct verification *all, enum family family)
{
	int err = verify_halves(all, family);

	return err ? err : verify_other_ways(all, family);
}

int verify_torn(struct verification *all)
{
	return look_at_requests(all, look_for_halves);
}
